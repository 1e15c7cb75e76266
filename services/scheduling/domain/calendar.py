"""The calendar: the sessions of a group for the coming weeks, at the same time on the wall all year."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.scheduling.domain.kinds import at_local, session_id_of
from services.scheduling.domain.shapes import Group, Session
from shared.events import Event
from shared.events.scheduling import SessionCancelled, SessionScheduled

AHEAD = timedelta(weeks=8)
RENEWED_AFTER = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """Sessions that are new or different, and what is to be said of them."""

    sessions: tuple[Session, ...]
    events: tuple[Event, ...]


def dates(group: Group, zone: ZoneInfo, now: datetime) -> list[date]:
    """The days of the coming eight weeks on which the group meets, beginning with its first one if that is later."""
    begin = max(group.first_on, now.astimezone(zone).date())
    first = begin + timedelta(days=(group.weekday - begin.isoweekday()) % 7)
    if at_local(first, group.starts_at_local, zone) <= now:
        first += timedelta(weeks=1)
    return [first + timedelta(weeks=week) for week in range(((begin + AHEAD - first).days - 1) // 7 + 1)]


def replan(group: Group, zone: ZoneInfo, known: dict[date, Session], now: datetime) -> Planned:
    """The coming sessions as the group wants them. `known`: its sessions from today on, by their day.

    A session of the same day is brought up to date. One that nobody has touched moves when the group meets on
    another weekday; one that somebody has touched stays where it is, and so does one that a person cancelled.
    """
    wanted = dates(group, zone, now)
    changed = [one for day in wanted if (one := _on(group, zone, day, known.get(day), now))]
    done = {one.local_date for one in changed}
    for day, session in known.items():
        is_to_come = session.state == "scheduled" and session.starts_at > now
        if is_to_come and not session.is_touched and is_off(group, day):
            changed.append(replace(session, state="cancelled", reason="other", was_moved=True))
        elif is_to_come and day not in done and day not in wanted and (led := _led(session, group)) != session:
            changed.append(led)
    return Planned(tuple(changed), tuple(map(said, changed)))


def _on(group: Group, zone: ZoneInfo, day: date, known: Session | None, now: datetime) -> Session | None:
    """The session of this day, if it is new or different; one that has begun is neither."""
    starts_at = at_local(day, group.starts_at_local, zone)
    if known is None:
        return new_session(group, day, starts_at, group.minutes)
    if known.state == "scheduled" and known.starts_at <= now:
        return None
    if known.state != "scheduled" and not known.was_moved:
        return None
    session = _as_usual(group, zone, known)
    return session if session != known else None


def _as_usual(group: Group, zone: ZoneInfo, session: Session) -> Session:
    """A session that takes place as its group does, but for what was decided for it alone."""
    session = replace(_led(session, group), state="scheduled", reason=None, was_moved=False)
    if session.has_own_time:
        return session
    starts_at = at_local(session.local_date, group.starts_at_local, zone)
    return replace(session, starts_at=starts_at, minutes=group.minutes)


def restored(group: Group, zone: ZoneInfo, session: Session, now: datetime) -> Session:
    """A session that takes place after all: as its group meets by now, on its day. What had begun stays as it was."""
    if session.starts_at <= now:
        return replace(session, state="scheduled", reason=None, was_moved=False)
    has_own_time = session.has_own_time or is_off(group, session.local_date)
    return _as_usual(group, zone, replace(session, has_own_time=has_own_time))


def rezoned(known: dict[date, Session], before: ZoneInfo, zone: ZoneInfo, now: datetime) -> Planned:
    """The coming sessions with a time of their own, when their site is in another time zone: the wall says the same."""
    own = [one for one in known.values() if one.has_own_time and one.state != "held" and one.starts_at > now]
    moved = [(one, replace(one, starts_at=_on_the_wall(one, before, zone))) for one in own]
    changed = tuple(after for one, after in moved if after != one)
    return Planned(changed, tuple(said(one) for one in changed if one.state == "scheduled"))


def _on_the_wall(session: Session, before: ZoneInfo, zone: ZoneInfo) -> datetime:
    return at_local(session.local_date, f"{session.starts_at.astimezone(before):%H:%M}", zone)


def _led(session: Session, group: Group) -> Session:
    return session if session.has_own_facilitator else replace(session, facilitator_id=group.facilitator_id)


def is_off(group: Group, day: date) -> bool:
    """Whether the group does not usually meet on this day."""
    return day.isoweekday() != group.weekday or day < group.first_on


def new_session(group: Group, day: date, starts_at: datetime, minutes: int) -> Session:
    """A session that is new in the calendar."""
    return Session(
        session_id=session_id_of(group.group_id, day),
        organisation_id=group.organisation_id,
        group_id=group.group_id,
        program_id=group.program_id,
        site_id=group.site_id,
        local_date=day,
        starts_at=starts_at,
        minutes=minutes,
        facilitator_id=group.facilitator_id,
    )


def said(session: Session) -> Event:
    """How the calendar tells of a session that is planned, or not any more."""
    if session.state == "cancelled":
        return SessionCancelled.model_validate(
            {"session_id": session.session_id, "group_id": session.group_id, "reason": session.reason}
        )
    return SessionScheduled(
        session_id=session.session_id,
        group_id=session.group_id,
        program_id=session.program_id,
        site_id=session.site_id,
        starts_at=session.starts_at,
        minutes=session.minutes,
        facilitator_id=session.facilitator_id,
    )
