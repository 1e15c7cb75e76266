"""What intake does when something falls due."""

from datetime import date
from uuid import UUID

from services.intake import store
from services.intake.domain.facilitators import lapse
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.errors import NotFound
from shared.timers import Timer


async def on_qualification_lapses(tx: Tx, timer: Timer) -> None:
    """The last valid day of a qualification is over."""
    try:
        facilitator = await store.get_facilitator(tx, UUID(timer.payload["facilitator_id"]))
    except NotFound:
        return
    lapsed = lapse(facilitator, timer.payload["code"], date.fromisoformat(timer.payload["valid_until"]))
    if lapsed:
        facilitator, event = lapsed
        await store.save_facilitator(tx, facilitator)
        outbox.put(tx, event, organisation=timer.organisation_id, at=now())


async def on_link_kept_long_enough(tx: Tx, timer: Timer) -> None:
    """A link that was kept for a repeated request is forgotten."""
    await store.forget_link(tx, timer.payload["key"])
