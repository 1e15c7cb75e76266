"""Sessions: who leads one, what it is made of, holding it, correcting its attendance, cancelling it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from services.scheduling.domain.calendar import restored, said
from services.scheduling.domain.groups import LeadGroup, NotHeardOf
from services.scheduling.domain.leading import Facilitator, must_lead
from services.scheduling.domain.library import Library, check_plan
from services.scheduling.domain.shapes import Group, Plan, Session
from shared.errors import NotFound, Refusal
from shared.events import Event
from shared.events.base import Code
from shared.events.scheduling import Attendance, AttendanceCorrected, Attended, SessionCancelled, SessionHeld
from shared.fields import Command, Text, invalid
from shared.identity import is_stranger

CAME = ("present", "late")
STATUSES: tuple[Attendance, ...] = get_args(Attendance)
Reason = Literal["facilitator-away", "too-few-people", "room-closed", "holiday", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)
PEOPLE_MAX = 200  # of whom the attendance of one session speaks


class Attends(Command):
    """How one participant attended."""

    participant_id: UUID
    status: Attendance


class RecordAttendance(Command):
    """The whole attendance of a session: everybody on its roster, and guests of the site."""

    attendance: Annotated[list[Attends], Field(max_length=PEOPLE_MAX)]


class CancelSession(Command):
    """Why a session does not take place, or did not."""

    reason: Reason


class PlanSession(Command):
    """What a session is made of: codes of the library, and a note for whoever leads it."""

    icebreaker: Code
    activities: Annotated[list[Code], Field(min_length=1, max_length=8)]
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class Attending:
    """How a participant attended, and the how-manieth session it was for them; that number stays.

    `recorded_at` is when they were first said to have come, or else to have stayed away.
    """

    status: Attendance | None  # None: they were taken out by a correction
    nth: int | None
    is_history: bool
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Circle:
    """The people around a session: who is expected, who is known at its site, and how often each has come so far."""

    expected: frozenset[UUID]
    known: frozenset[UUID]
    came: Mapping[UUID, int]


@dataclass(frozen=True, slots=True)
class Held:
    """A session with its attendance from now on, and what is to be said of it."""

    session: Session
    attendance: Mapping[UUID, Attending]
    event: SessionHeld | AttendanceCorrected


def hold(session: Session, command: RecordAttendance, circle: Circle, now: datetime, *, imported: bool = False) -> Held:
    """Record that the group met, and who came. It may be recorded late."""
    must_be_recordable(session, now)
    if session.state == "held":
        raise Refusal("session-already-held", "The attendance of this session is recorded: correct it instead.")
    statuses = _statuses(command.attendance, circle, is_whole=not imported)
    attendance = _attending(session, statuses, {}, circle, now, imported)
    held = replace(session, state="held", held_at=now)
    event = SessionHeld(
        session_id=session.session_id,
        group_id=session.group_id,
        program_id=session.program_id,
        site_id=session.site_id,
        starts_at=session.starts_at,
        minutes=session.minutes,
        facilitator_id=session.facilitator_id,
        attendance=_attended(attendance),
    )
    return Held(held, attendance, event)


def correct(
    session: Session,
    command: RecordAttendance,
    before: Mapping[UUID, Attending],
    circle: Circle,
    now: datetime,
    *,
    imported: bool = False,
) -> Held:
    """Say again who came. The whole new attendance; imported rows are added to what is known.

    Those who were erased since are nobody who could be named, and stay counted as they were.
    """
    if session.state != "held":
        raise Refusal("session-not-held", "Nothing is recorded for this session yet: record its attendance.")
    statuses = _statuses(command.attendance, circle, is_whole=not imported)
    known = {who: one.status for who, one in before.items() if one.status}
    statuses = {who: status for who, status in known.items() if imported or is_stranger(who)} | statuses
    if statuses == known:
        raise Refusal("nothing-to-correct", "This is what is recorded already.")
    attendance = _attending(session, statuses, before, circle, now, imported)
    event = AttendanceCorrected(
        session_id=session.session_id, group_id=session.group_id, attendance=_attended(attendance)
    )
    return Held(session, attendance, event)


def cancel(session: Session, reason: Reason) -> tuple[Session, SessionCancelled]:
    """The session does not take place, or did not."""
    if session.state == "held":
        raise Refusal("session-already-held", "This session was held, so it cannot be cancelled.")
    if session.state == "cancelled" and not session.was_moved:
        raise Refusal("session-cancelled", "This session is cancelled already.")
    cancelled = replace(session, state="cancelled", reason=reason, was_moved=False)
    event = SessionCancelled(session_id=session.session_id, group_id=session.group_id, reason=reason)
    return cancelled, event


def restore(session: Session, group: Group, zone: ZoneInfo, now: datetime) -> tuple[Session, Event]:
    """A session that was cancelled takes place after all, or did."""
    if session.state != "cancelled":
        raise Refusal("session-not-cancelled", "This session is not cancelled.")
    after_all = restored(group, zone, session, now)
    return after_all, said(after_all)


def plan(session: Session, command: PlanSession, library: Library) -> Session:
    """Give a session a plan of its own. A held one may still get the plan that it had."""
    if session.state == "cancelled":
        raise _is_cancelled()
    own = Plan(command.icebreaker, tuple(command.activities), command.note or None)
    check_plan(library, own)
    return replace(session, plan=own)


def lead(session: Session, command: LeadGroup, facilitator: Facilitator | None) -> tuple[Session, Event | None]:
    """Choose who leads this session alone."""
    if session.state == "cancelled":
        raise _is_cancelled()
    if session.state == "held":
        raise Refusal("session-already-held", "This session was held: who led it stays as it was said.")
    if command.facilitator_id is not None:
        if facilitator is None:
            raise NotHeardOf("facilitator", str(command.facilitator_id))
        must_lead(facilitator, session.site_id, session.local_date)
    led = replace(session, facilitator_id=command.facilitator_id, has_own_facilitator=True)
    return led, said(led) if led.facilitator_id != session.facilitator_id else None


def must_be_recordable(session: Session, now: datetime) -> None:
    """Attendance is recorded from the start on, of what took place."""
    if session.state == "cancelled":
        raise _is_cancelled()
    if now < session.starts_at:
        raise Refusal("session-not-started", "This session has not begun yet.", starts_at=session.starts_at.isoformat())


def _is_cancelled() -> Refusal:
    return Refusal("session-cancelled", "This session is cancelled.")


def _statuses(given: Iterable[Attends], circle: Circle, *, is_whole: bool) -> dict[UUID, Attendance]:
    statuses: dict[UUID, Attendance] = {}
    for place, one in enumerate(given):
        if one.participant_id in statuses:
            raise invalid(f"attendance.{place}", "repeated", "Name each participant only once.")
        statuses[one.participant_id] = one.status
    if not statuses.keys() <= circle.known:
        raise NotFound("participant")
    missing = len(circle.expected - statuses.keys())
    if is_whole and missing:
        people = "person" if missing == 1 else "people"
        raise invalid("attendance", "attendance-incomplete", f"Say it for everybody: {missing} {people} missing.")
    return statuses


def _attending(
    session: Session,
    statuses: Mapping[UUID, Attendance],
    before: Mapping[UUID, Attending],
    circle: Circle,
    now: datetime,
    imported: bool,
) -> dict[UUID, Attending]:
    """A number is given when somebody is first said to have come, and stays with the session.

    Also when they are taken out of it: the number has named what they were asked, and names nothing else any more.
    What a file tells is history, however recent: nobody is sent a message by an import. It is none any more once
    somebody says by hand that they came after all.
    """
    attendance = {who: replace(one, status=None) for who, one in before.items()}
    for who, status in statuses.items():
        earlier = before.get(who) or Attending(status, None, imported, now)
        if status != earlier.status and (imported or (status in CAME and earlier.status not in CAME)):
            earlier = replace(earlier, is_history=imported)
        if earlier.nth is None and status in CAME:
            earlier = replace(earlier, nth=circle.came.get(who, 0) + 1, recorded_at=now)
        attendance[who] = replace(earlier, status=status)
    return attendance


def _attended(attendance: Mapping[UUID, Attending]) -> list[Attended]:
    return [
        Attended(participant_id=who, status=status) for who in sorted(attendance) if (status := attendance[who].status)
    ]
