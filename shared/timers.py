"""Due dates that survive everything: a row in the store, set and cancelled in the transaction of the change.

No sleeping task holds a promise. A timer that fell due while nobody ran is late, not lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from shared import clock, metrics
from shared.database import OUTAGES, Database, Tx

log = structlog.get_logger()
TIMERS_A_ROUND = 100
WAIT_SECONDS = 0.25
RETRY_SECONDS_MAX = 3600


@dataclass(frozen=True, slots=True)
class Timer:
    """A due date: what falls due (kind), for which thing (key), when, and what its handler needs to know."""

    kind: str
    key: str
    organisation_id: UUID
    due_at: datetime
    payload: dict[str, Any]
    attempts: int = 0


TimerHandlers = Mapping[str, Callable[[Tx, Timer], Awaitable[None]]]


async def set_timer(tx: Tx, timer: Timer) -> None:
    """Set a timer, or move it: there is one for each kind and key."""
    await tx.execute(
        "select machinery.set_timer($1, $2, $3, $4, $5)",
        timer.kind,
        timer.key,
        timer.organisation_id,
        timer.due_at,
        timer.payload,
    )


async def cancel_timer(tx: Tx, kind: str, key: str) -> bool:
    """Cancel a timer; False if there was none (any more)."""
    cancelled: bool = await tx.fetchval("select machinery.cancel_timer($1, $2)", kind, key)
    return cancelled


class Timers:
    """Runs what falls due until cancelled."""

    def __init__(self, database: Database, handlers: TimerHandlers) -> None:
        self.database, self.handlers = database, handlers

    async def run(self) -> None:
        """Look for due timers; several processes may do so at once."""
        while True:
            try:
                ran = await self._one_round()
            except OUTAGES as error:
                metrics.OUTAGES.labels("timers").inc()
                log.warning("timers wait", error=repr(error))
                ran = 0
                await asyncio.sleep(1)
            if not ran:
                await asyncio.sleep(WAIT_SECONDS)

    async def _one_round(self) -> int:
        """Take the timers that are due, the oldest first: each with its own savepoint and its own fate."""
        now = clock.now()
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                """select * from machinery.timers where coalesce(retry_at, due_at) <= $1 and kind = any($2)
                   order by coalesce(retry_at, due_at) limit $3 for update skip locked""",
                now,
                list(self.handlers),
                TIMERS_A_ROUND,
            )
            for row in rows:
                columns = ("kind", "key", "organisation_id", "due_at", "payload", "attempts")
                await self._one(tx, Timer(**{name: row[name] for name in columns}), now)
            await _see_only(tx, *tx.organisations)  # what all of them said is written together
        return len(rows)

    async def _one(self, tx: Tx, timer: Timer, now: datetime) -> None:
        await _see_only(tx, timer.organisation_id)
        tx.organisations += (timer.organisation_id,)
        try:
            async with tx.savepoint():
                await tx.execute("delete from machinery.timers where kind = $1 and key = $2", timer.kind, timer.key)
                await self.handlers[timer.kind](tx, timer)  # may set itself anew
        except OUTAGES:
            raise
        except Exception:
            log.exception("timer failed and will be tried again", kind=timer.kind, key=timer.key)
            wait = min(2**timer.attempts, RETRY_SECONDS_MAX)
            await tx.execute(
                "update machinery.timers set attempts = attempts + 1, retry_at = $3 where kind = $1 and key = $2",
                timer.kind,
                timer.key,
                now + timedelta(seconds=wait),
            )


async def _see_only(tx: Tx, *organisations: UUID) -> None:
    tenants = "{" + ",".join(map(str, organisations)) + "}"
    await tx.execute("select set_config('kith.organisations', $1, true)", tenants)


async def overdue_seconds(tx: Tx, now: datetime) -> float:
    """How late the latest timer is; 0 when none is."""
    due: datetime | None = await tx.fetchval("select min(due_at) from machinery.timers")
    return max(0.0, (now - due).total_seconds()) if due else 0.0
