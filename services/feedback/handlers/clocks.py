"""What happens when a clock of feedback rings."""

from datetime import timedelta
from uuid import UUID

from services.feedback import acts, store
from services.feedback.domain.rota import gaps
from shared import clock
from shared.database import Tx
from shared.timers import Timer, TimerHandlers, set_timer

A_DAY = timedelta(days=1)


async def on_concern_waits(tx: Tx, timer: Timer) -> None:
    """The time of a step has passed: the next level answers. A door that was quicker has moved the clock."""
    concern = await store.find_concern(tx, UUID(timer.payload["concern_id"]))
    if concern is None or concern.due_at is None:
        return
    if concern.due_at <= clock.now():
        await acts.escalate(tx, concern)
    else:
        await store.save_concern(tx, concern)


async def on_rota_looked_at(tx: Tx, timer: Timer) -> None:
    """Once a day: a gap that has come within sight is told to everybody on the rota."""
    now = clock.now()
    site = await store.get_rota(tx, UUID(timer.payload["site_id"]), None)
    await set_timer(tx, Timer(timer.kind, timer.key, timer.organisation_id, now + A_DAY, timer.payload))
    found = gaps(site.place.rota, now, site.place.zone)
    for one in site.place.rota.responders if found and site.place.rota else ():
        at = (timer.organisation_id, site.site_id)
        await store.add_alert(tx, at, None, (one.email, one.name), found[0].begins_at, now)


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
