"""What happens when a clock of feedback rings."""

from uuid import UUID

from services.feedback import acts, store
from shared import clock
from shared.database import Tx
from shared.timers import Timer, TimerHandlers, set_timer


async def on_concern_waits(tx: Tx, timer: Timer) -> None:
    """The time of a step has passed: the next level answers. A door that was quicker has moved the clock."""
    concern = await store.find_concern(tx, UUID(timer.payload["concern_id"]), waits=False)
    if concern is None or concern.due_at is None:
        return
    if concern.due_at <= clock.now():
        await acts.escalate(tx, concern)
    else:
        await store.save_concern(tx, concern)


async def on_rota_looked_at(tx: Tx, timer: Timer) -> None:
    """Once a day, and when it has changed: a gap that has come within sight is told to everybody on the rota."""
    again_at = await acts.tell_of_gap(tx, timer.organisation_id, UUID(timer.payload["site_id"]), clock.now())
    await set_timer(tx, Timer(timer.kind, timer.key, timer.organisation_id, again_at, timer.payload))


async def on_check_in_closes(tx: Tx, timer: Timer) -> None:
    """The time for an answer is over."""
    await acts.expire_check_in(tx, UUID(timer.key), clock.now())


TIMERS: TimerHandlers = {
    store.CLOCK_TIMER: on_concern_waits,
    store.ROTA_TIMER: on_rota_looked_at,
}
"""What each kind of clock does."""
APART: TimerHandlers = {store.EXPIRES_TIMER: on_check_in_closes}
"""Thousands may close at the same moment, and nobody who is to be called waits for them."""
