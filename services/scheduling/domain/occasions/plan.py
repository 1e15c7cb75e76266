"""Which occasions an enrolment should have, when each is due, and why one may perhaps not be asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.domain.kinds import at_local
from services.scheduling.domain.occasions.cadence import HOUR, Moment, moments
from services.scheduling.domain.occasions.conditions import is_asked
from services.scheduling.domain.occasions.shapes import Basis, Enrolment, Entry, Occasion, occasion_id_of

LAST_MINUTE = "23:59"  # of the last day, and on that day by any clock that tells it as a day
Blocked = Literal["withdrawn", "consent-withdrawn", "completed", "attendance-corrected", "resumed"]
AT_END = ("end", "follow-up")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be asked, when, and why perhaps not."""

    occasion: Occasion
    blocked: Blocked | None
    is_after_end: bool  # when the enrolment was over it was not due yet, or not closed yet
    is_asked: bool = True  # the conditions of its entry hold


def plan(basis: Basis, now: datetime) -> Iterator[Wanted]:
    """Every occasion of an enrolment, as far as its dates are known.

    An entry that a battery has no more, or has otherwise, still says what was due before that; so the same facts
    lead to the same occasions, whichever is heard first.
    """
    if basis.zone is None:
        return
    planned: set[UUID] = set()
    for entry in sorted(basis.entries, key=_oldest_first):
        for moment in moments(basis.enrolment, basis.sessions, basis.zone, entry, now):
            occasion = _occasion(basis.enrolment, basis.zone, entry, moment)
            if _is_too_late(basis.enrolment, entry, moment, occasion) or occasion.occasion_id in planned:
                continue
            planned.add(occasion.occasion_id)
            yield _judged(basis, basis.zone, entry, moment, occasion)
    for occasion in _of_ends_taken_back(basis, basis.zone, now):
        if occasion.occasion_id not in planned:
            planned.add(occasion.occasion_id)
            yield Wanted(occasion, "completed" if basis.enrolment.completed_on else "resumed", is_after_end=True)


def _of_ends_taken_back(basis: Basis, zone: ZoneInfo, now: datetime) -> Iterator[Occasion]:
    """What completions that were taken back had brought: it is not asked any more, until there is another one."""
    for end in basis.enrolment.taken_back:
        was = basis.enrolment.as_ended(end)
        for entry in (one for one in sorted(basis.entries, key=_oldest_first) if one.kind in AT_END):
            for moment in moments(was, basis.sessions, zone, entry, now):
                occasion = _occasion(was, zone, entry, moment)
                if not _is_too_late(was, entry, moment, occasion):
                    yield occasion


def _oldest_first(entry: Entry) -> tuple[bool, datetime]:
    return entry.until is None, entry.until or entry.since


def _is_too_late(enrolment: Enrolment, entry: Entry, moment: Moment, occasion: Occasion) -> bool:
    """Its time had passed before anybody could have asked, or the entry was another one by then.

    A guest of another program may have come long before they were enrolled in this one.
    """
    if entry.until and max(moment.due_at, moment.told_at) >= entry.until:
        return True
    assert occasion.closes_at
    return occasion.closes_at <= max(moment.told_at, entry.since, enrolment.known_at) and not moment.is_history


def _occasion(enrolment: Enrolment, zone: ZoneInfo, entry: Entry, moment: Moment) -> Occasion:
    opens_at, closes_at = _window(entry, moment.due_at, zone)
    return Occasion(
        occasion_id=occasion_id_of(enrolment.enrolment_id, moment.code, moment.ordinal),
        organisation_id=enrolment.organisation_id,
        participant_id=enrolment.participant_id,
        enrolment_id=enrolment.enrolment_id,
        program_id=enrolment.program_id,
        site_id=enrolment.site_id,
        kind=entry.kind,
        code=moment.code,
        ordinal=moment.ordinal,
        instruments=entry.instruments,
        due_at=moment.due_at,
        opens_at=opens_at,
        closes_at=closes_at,
        is_history=moment.is_history,
        state="planned",
        session_id=moment.session_id,
        reminders=entry.reminders,
    )


def _window(entry: Entry, due_at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when until when it can be answered, in days of the site: the clocks may change meanwhile.

    People are told the last day, so it is open on all of it; what is asked about a session, for so many hours.
    """
    window = timedelta(days=entry.window_days)
    if entry.kind == "session":
        return due_at, due_at + window
    due_on = due_at.astimezone(zone).date()
    opens_at = at_local(due_on - window, HOUR, zone) if entry.kind == "follow-up" else due_at
    return opens_at, at_local(due_on + window, LAST_MINUTE, zone)


def _judged(basis: Basis, zone: ZoneInfo, entry: Entry, moment: Moment, occasion: Occasion) -> Wanted:
    """Whether it may be asked: an enrolment that is not over, consent, and the conditions of the entry."""
    if moment.is_missed:
        return Wanted(occasion, "attendance-corrected", is_after_end=True)
    if is_over := over(basis.enrolment, zone, occasion) or _was_over(basis.enrolment, zone, occasion):
        return is_over
    enrolment = basis.enrolment
    agreed, since = enrolment.taking_part, enrolment.taking_part_since
    if occasion.kind == "follow-up":  # who does not take part any more may still agree to be asked afterwards
        agreed, since = enrolment.contact_after, enrolment.contact_after_since
    if not _agreed(agreed, since, moment.due_at):
        return Wanted(occasion, "consent-withdrawn", is_after_end=False)
    asked = is_asked(entry, enrolment.attributes, basis.scores, moment.due_at)
    return Wanted(occasion, None, is_after_end=False, is_asked=asked)


def over(enrolment: Enrolment, zone: ZoneInfo, occasion: Occasion) -> Wanted | None:
    """Whether the end of the enrolment stands against it. What had closed before anybody left stays as it was."""
    assert occasion.due_at
    assert occasion.closes_at
    due_on = occasion.due_at.astimezone(zone).date()
    left, completed = enrolment.withdrawn_on, enrolment.completed_on
    if left and due_on > left:
        return Wanted(occasion, "withdrawn", is_after_end=True)
    if completed and occasion.kind == "monthly" and due_on > completed:
        return Wanted(occasion, "completed", is_after_end=True)
    known_at = enrolment.withdrawal_known_at
    had_closed = known_at is not None and occasion.closes_at <= known_at
    if left and not occasion.is_history and not had_closed:
        return Wanted(occasion, "withdrawn", is_after_end=known_at is not None)
    return None


def _was_over(enrolment: Enrolment, zone: ZoneInfo, occasion: Occasion) -> Wanted | None:
    """Whether an end was known of while it was open, and was taken back only when it had closed."""
    for end in enrolment.taken_back:
        assert occasion.closes_at
        was_known = (end.known_at is None or end.known_at < occasion.closes_at) and occasion.closes_at <= end.until
        if was_known and (was_over := over(enrolment.as_ended(end), zone, occasion)):
            return was_over
    return None


def _agreed(agrees: bool, since: datetime | None, due_at: datetime) -> bool:
    """Consent that is given again counts for what falls due from then on."""
    return agrees and (since is None or since <= due_at)
