"""What happens when a clock of scheduling rings."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from services.scheduling import store
from services.scheduling.domain.calendar import RENEWED_AFTER
from services.scheduling.handlers.settling import notice_absences, replan, settle
from shared import clock
from shared.database import Tx
from shared.inbox import locks
from shared.timers import Timer, TimerHandlers, Together, set_timer


async def on_occasions(tx: Tx, timers: Sequence[Timer]) -> None:
    """Occasions fall due, or close: which of the two follows from the time. At ten o'clock there are many."""
    await locks.alone_with(tx, await store.people_of(tx, [UUID(one.key) for one in timers]))
    await settle(tx, sorted({UUID(one.payload["enrolment_id"]) for one in timers}), clock.now())


async def on_plan_sessions(tx: Tx, timer: Timer) -> None:
    """A week has gone by: the calendar of a group reaches eight weeks ahead again."""
    now = clock.now()
    if await replan(tx, UUID(timer.key), now):
        again = Timer(timer.kind, timer.key, timer.organisation_id, now + RENEWED_AFTER, timer.payload)
        await set_timer(tx, again)


async def on_attendance_recorded(tx: Tx, timers: Sequence[Timer]) -> None:
    """Attendance was recorded or corrected: whoever came is asked how it was.

    This runs at once, but not in the transaction of the door: whoever locks many enrolments could run into the
    consumer, which locks them in the order of the events. A clock rings for one person; one set by an earlier
    version rings for several.
    """
    people = defaultdict[UUID, set[UUID]](set)
    for one in timers:
        people[UUID(one.payload["program_id"])] |= set(map(UUID, one.payload["participants"]))
    await locks.alone_with(tx, set[UUID]().union(*people.values()))
    for program_id in sorted(people):
        enrolments = await store.enrolments_of(tx, sorted(people[program_id]), program_id)
        await settle(tx, enrolments, clock.now())
        await notice_absences(tx, enrolments, clock.now())


TIMERS: TimerHandlers = {
    "occasion-due": Together(on_occasions),
    "occasion-closes": Together(on_occasions),
    "plan-sessions": on_plan_sessions,
    "attendance-recorded": Together(on_attendance_recorded),
}
"""What each kind of clock does."""
