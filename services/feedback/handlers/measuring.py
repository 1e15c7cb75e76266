"""Numbers for Prometheus that only the store of feedback knows."""

from services.feedback import store
from shared import clock, metrics
from shared.database import Tx


async def measure(tx: Tx) -> None:
    """How many concerns wait for longer than they may, in all organisations."""
    metrics.CONCERNS_OVERDUE.set(await store.count_overdue(tx, clock.now()))
