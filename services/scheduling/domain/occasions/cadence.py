"""The moments at which an entry of a battery asks: whole calendar months and days on the wall of the site."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from services.scheduling.domain.kinds import at_local
from services.scheduling.domain.occasions.shapes import MONTHS_MAX, Came, Enrolment, Entry
from services.scheduling.domain.sessions import CAME

HOUR = "10:00"  # at the site: when people can be reached without being woken


@dataclass(frozen=True, slots=True)
class Moment:
    """When an entry asks once: under which code, due when, and when everything that this follows from was known."""

    code: str
    ordinal: int
    due_at: datetime
    told_at: datetime
    is_history: bool
    is_missed: bool = False  # they did not come to that session after all
    session_id: UUID | None = None


def moments(
    enrolment: Enrolment, sessions: Sequence[Came], zone: ZoneInfo, entry: Entry, now: datetime
) -> Iterator[Moment]:
    """Every moment at which an entry asks, as far as the facts tell; of what repeats for ever up to the next one."""
    if entry.kind == "session":
        yield from (
            _after(entry, came, f"{entry.occasion}-{came.nth}", came.nth)
            for came in sessions
            if came.nth % entry.every == 0
        )
    elif entry.after_sessions:
        yield from _half_way(entry, sessions)
    elif entry.repeats_months:
        yield from _repeating(enrolment, zone, entry, now)
    else:
        months = entry.months_after
        if one := _by_date(enrolment, zone, entry, months, (entry.occasion, entry.ordinal)):
            yield one


def _repeating(enrolment: Enrolment, zone: ZoneInfo, entry: Entry, now: datetime) -> Iterator[Moment]:
    """Once after so many months, and again as often as was said, or until the end; the next one is planned ahead.

    Each is counted from the enrolment: months that are added one by one would creep away from the 31st.
    """
    end = enrolment.completed_on or enrolment.withdrawn_on
    months, number = entry.months_after or entry.repeats_months, 1
    while months <= MONTHS_MAX and (not entry.times or number <= entry.times):
        one = _by_date(enrolment, zone, entry, months, (f"{entry.occasion}-{number}", number))
        if one:
            yield one
            if one.due_at > now or (end and one.due_at.astimezone(zone).date() > end):
                return
        months, number = months + entry.repeats_months, number + 1


def _by_date(enrolment: Enrolment, zone: ZoneInfo, entry: Entry, months: int, named: tuple[str, int]) -> Moment | None:
    """The moment some calendar months and days after enrolment or completion."""
    at_end = entry.kind in ("end", "follow-up")
    anchor: date | None = enrolment.completed_on if at_end else enrolment.enrolled_on
    if anchor is None:
        return None
    due_on = anchor + relativedelta(months=months) + timedelta(days=entry.days_after)
    due_at = at_local(due_on, HOUR, zone)
    is_begun = due_on <= enrolment.known_at.astimezone(zone).date()
    if entry.kind == "baseline" and is_begun and not enrolment.is_imported:
        due_at = enrolment.known_at  # people are asked when they come, not at the next ten o'clock
    told, imported = _known_at(enrolment, entry, at_end=at_end)
    return Moment(*named, due_at, told, is_history=imported is not None and due_at < imported)


def _known_at(enrolment: Enrolment, entry: Entry, *, at_end: bool) -> tuple[datetime, datetime | None]:
    """When all that a date follows from was known; and when, of what was imported: what was due before is history."""
    told, imported = [enrolment.known_at], []
    if enrolment.is_imported:
        imported += [enrolment.known_at, entry.since]
    if at_end and enrolment.completion_known_at:
        told.append(enrolment.completion_known_at)
        if enrolment.completion_is_imported:
            imported += [enrolment.completion_known_at, entry.since]
    return max(told), max(imported, default=None)


def _half_way(entry: Entry, sessions: Sequence[Came]) -> Iterator[Moment]:
    """When they had come to so many sessions. If a correction takes one away it is not asked (any more)."""
    in_order = sorted(sessions, key=lambda one: (one.ends_at, one.nth))
    came = [one for one in in_order if one.status in CAME]
    wanted = entry.after_sessions
    if len(came) >= wanted:
        yield _after(entry, came[wanted - 1], entry.occasion, entry.ordinal)
    elif len(in_order) >= wanted:
        missed = _after(entry, in_order[wanted - 1], entry.occasion, entry.ordinal)
        yield Moment(missed.code, missed.ordinal, missed.due_at, missed.told_at, missed.is_history, is_missed=True)


def _after(entry: Entry, came: Came, code: str, ordinal: int) -> Moment:
    """The end of a session that they came to."""
    is_missed = came.status not in CAME
    session_id = came.session_id if entry.kind == "session" else None
    return Moment(code, ordinal, came.ends_at, came.recorded_at, came.is_history, is_missed, session_id)
