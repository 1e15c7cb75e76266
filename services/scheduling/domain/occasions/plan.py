"""Which occasions an enrolment should have, when each is due, and why one may perhaps not be asked."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from services.scheduling.domain.kinds import at_local
from services.scheduling.domain.occasions.shapes import Basis, Enrolment, Entry, Occasion, occasion_id_of
from services.scheduling.domain.sessions import CAME

HOUR = "10:00"  # at the site: when people can be reached without being woken
Blocked = Literal["withdrawn", "consent-withdrawn", "completed", "attendance-corrected"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be asked, when, and why perhaps not."""

    occasion: Occasion
    blocked: Blocked | None
    is_after_end: bool  # it would have fallen due when the enrolment was over


def plan(basis: Basis) -> Iterator[Wanted]:
    """Every occasion of an enrolment, as far as its dates are known."""
    if basis.zone is None:
        return
    for entry in basis.entries:
        if entry.kind == "session":
            yield from _after_sessions(basis, basis.zone, entry)
        elif one := _by_date(basis, basis.zone, entry):
            yield one


def _by_date(basis: Basis, zone: ZoneInfo, entry: Entry) -> Wanted | None:
    """The occasion some calendar months after enrolment or completion."""
    enrolment, at_end = basis.enrolment, entry.kind in ("end", "follow-up")
    anchor = enrolment.completed_on if at_end else enrolment.enrolled_on
    if anchor is None:
        return None
    due_on = anchor + relativedelta(months=entry.months_after)
    due_at, window = at_local(due_on, HOUR, zone), timedelta(days=entry.window_days)
    is_begun = due_on <= enrolment.known_at.astimezone(zone).date()
    if entry.kind == "baseline" and is_begun and not enrolment.is_imported:
        due_at = enrolment.known_at  # people are asked when they come, not at the next ten o'clock
    told, imported = _known_at(enrolment, entry, at_end=at_end)
    is_history = imported is not None and due_at < imported
    if due_at + window <= told and not is_history:
        return None  # its time had passed before anybody could have asked
    opens_at = due_at - window if entry.kind == "follow-up" else due_at
    occasion = _occasion(basis, entry, entry.occasion, entry.ordinal, due_at, opens_at, is_history)
    return _judged(basis.enrolment, occasion, zone)


def _known_at(enrolment: Enrolment, entry: Entry, *, at_end: bool) -> tuple[datetime, datetime | None]:
    """When all that a date follows from was known; and when, of what was imported: what was due before is history."""
    told, imported = [enrolment.known_at, entry.since], []
    if enrolment.is_imported:
        imported += [enrolment.known_at, entry.since]
    if at_end and enrolment.completion_known_at:
        told.append(enrolment.completion_known_at)
        if enrolment.completion_is_imported:
            imported += [enrolment.completion_known_at, entry.since]
    return max(told), max(imported, default=None)


def _after_sessions(basis: Basis, zone: ZoneInfo, entry: Entry) -> Iterator[Wanted]:
    """One occasion for each session that the participant came to, due when it ends."""
    for came in basis.sessions:
        window = timedelta(days=entry.window_days)
        if came.ends_at + window <= max(came.recorded_at, entry.since) and not came.is_history:
            continue
        code = f"{entry.occasion}-{came.nth}"
        occasion = _occasion(basis, entry, code, came.nth, came.ends_at, came.ends_at, came.is_history)
        one = _judged(basis.enrolment, replace(occasion, session_id=came.session_id), zone)
        yield one if came.status in CAME else replace(one, blocked="attendance-corrected", is_after_end=True)


def _occasion(
    basis: Basis, entry: Entry, code: str, ordinal: int, due_at: datetime, opens_at: datetime, is_history: bool
) -> Occasion:
    enrolment = basis.enrolment
    return Occasion(
        occasion_id=occasion_id_of(enrolment.enrolment_id, code, ordinal),
        organisation_id=enrolment.organisation_id,
        participant_id=enrolment.participant_id,
        enrolment_id=enrolment.enrolment_id,
        program_id=enrolment.program_id,
        site_id=enrolment.site_id,
        kind=entry.kind,
        code=code,
        ordinal=ordinal,
        instruments=entry.instruments,
        due_at=due_at,
        opens_at=opens_at,
        closes_at=due_at + timedelta(days=entry.window_days),
        is_history=is_history,
        state="planned",
    )


def _judged(enrolment: Enrolment, occasion: Occasion, zone: ZoneInfo) -> Wanted:
    """Whether it may be asked: consent, and an enrolment that is not over."""
    assert occasion.due_at
    due_on = occasion.due_at.astimezone(zone).date()
    left, completed = enrolment.withdrawn_on, enrolment.completed_on
    if left and due_on > left:
        return Wanted(occasion, "withdrawn", True)
    if completed and occasion.kind == "monthly" and due_on > completed:
        return Wanted(occasion, "completed", True)
    if left and not occasion.is_history:
        return Wanted(occasion, "withdrawn", False)
    agreed = _agreed(enrolment.taking_part, enrolment.taking_part_since, occasion.due_at)
    if occasion.kind == "follow-up":
        agreed &= _agreed(enrolment.contact_after, enrolment.contact_after_since, occasion.due_at)
    return Wanted(occasion, None if agreed else "consent-withdrawn", False)


def _agreed(agrees: bool, since: datetime | None, due_at: datetime) -> bool:
    """Consent that is given again counts for what falls due from then on."""
    return agrees and (since is None or since <= due_at)
