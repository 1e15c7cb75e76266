"""What happens when a clock of scheduling rings."""

from uuid import UUID

from services.scheduling import store
from services.scheduling.domain.calendar import RENEWED_AFTER
from services.scheduling.handlers.settling import notice_absences, replan, settle
from shared import clock
from shared.database import Tx
from shared.timers import Timer, TimerHandlers, set_timer


async def on_occasion(tx: Tx, timer: Timer) -> None:
    """An occasion falls due, or closes: which of the two follows from the time."""
    await settle(tx, [UUID(timer.payload["enrolment_id"])], clock.now())


async def on_plan_sessions(tx: Tx, timer: Timer) -> None:
    """A week has gone by: the calendar of a group reaches eight weeks ahead again."""
    now = clock.now()
    if await replan(tx, UUID(timer.key), now):
        again = Timer(timer.kind, timer.key, timer.organisation_id, now + RENEWED_AFTER, timer.payload)
        await set_timer(tx, again)


async def on_attendance_recorded(tx: Tx, timer: Timer) -> None:
    """Attendance was recorded or corrected: whoever came is asked how it was.

    This runs at once, but not in the transaction of the door: whoever locks many enrolments could run into the
    consumer, which locks them in the order of the events.
    """
    people = [UUID(one) for one in timer.payload["participants"]]  # of a clock that was set before: several
    enrolments = await store.enrolments_of(tx, people, UUID(timer.payload["program_id"]))
    await settle(tx, enrolments, clock.now())
    await notice_absences(tx, enrolments, clock.now())


TIMERS: TimerHandlers = {
    "occasion-due": on_occasion,
    "occasion-closes": on_occasion,
    "plan-sessions": on_plan_sessions,
    "attendance-recorded": on_attendance_recorded,
}
"""What each kind of clock does."""
