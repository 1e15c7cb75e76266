"""Rows of the sessions' file: what each changes in the calendar, if anything."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from services.scheduling.domain.calendar import is_off, new_session, said
from services.scheduling.domain.kinds import at_local
from services.scheduling.domain.leading import Facilitator, must_lead
from services.scheduling.domain.rows import SessionRow
from services.scheduling.domain.shapes import Group, Session
from shared.events import Event
from shared.fields import invalid

Outcome = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Brought:
    """A session as a row tells of it, what became of it, and what is to be said."""

    session: Session
    outcome: Outcome
    events: tuple[Event, ...] = ()


def bring_in(
    row: SessionRow,
    group: Group,
    zone: ZoneInfo,
    known: Session | None,
    facilitator: Facilitator | None,
    now: datetime,
) -> Brought:
    """Put a session into the calendar as it was, or will be. What is recorded already is never undone by a file."""
    told = _told(row, group, zone, known, facilitator)
    if known is None and facilitator is None and told.starts_at > now:
        told = replace(told, facilitator_id=group.facilitator_id)
    if told.starts_at > now:
        if row.status == "held":
            raise invalid("status", "session-not-started", "This day is still to come: it cannot have been held.")
        if facilitator:
            must_lead(facilitator, group.site_id, row.date)
    if known and known.state == "held":
        _refuse_if(row.status == "cancelled", "status", "session-already-held", "It is recorded as held.")
        differs = replace(told, state="held", reason=None) != known
        _refuse_if(differs, "date", "session-already-held", "It was held otherwise than this row says.")
        return Brought(known, "unchanged")
    is_cancelled = known is not None and known.state == "cancelled" and not known.was_moved
    if is_cancelled and row.status != "cancelled":
        raise invalid("status", "session-cancelled", "This session is recorded as cancelled.")
    if told == known:
        return Brought(told, "unchanged")
    is_new_and_off = known is None and told.state == "cancelled"
    events = (said(replace(told, state="scheduled", reason=None)),) if is_new_and_off else ()
    return Brought(told, "changed" if known else "created", (*events, said(told)))


def _told(
    row: SessionRow, group: Group, zone: ZoneInfo, known: Session | None, facilitator: Facilitator | None
) -> Session:
    """The session as the row tells of it. What the row leaves empty stays, or is as the group usually does it."""
    usual = at_local(row.date, group.starts_at_local, zone)
    session = known or replace(new_session(group, row.date, usual, group.minutes), facilitator_id=None)
    if session.was_moved:
        session = replace(session, starts_at=usual, minutes=group.minutes)
    if known is None or known.was_moved or row.starts_at or row.minutes:
        starts_at = at_local(row.date, row.starts_at, zone) if row.starts_at else session.starts_at
        minutes = row.minutes or session.minutes
        is_other = (starts_at, minutes) != (session.starts_at, session.minutes) or is_off(group, row.date)
        session = replace(session, starts_at=starts_at, minutes=minutes, has_own_time=session.has_own_time or is_other)
    if facilitator and facilitator.facilitator_id != session.facilitator_id:
        session = replace(session, facilitator_id=facilitator.facilitator_id, has_own_facilitator=True)
    if row.status == "cancelled":
        reason = row.reason or (session.reason if not session.was_moved else None) or "other"
        return replace(session, state="cancelled", reason=reason, was_moved=False)
    return replace(session, state="scheduled", reason=None, was_moved=False)


def _refuse_if(wrong: bool, column: str, code: str, message: str) -> None:
    if wrong:
        raise invalid(column, code, message)
