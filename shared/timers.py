"""Due dates that survive everything: a row in the store, set and cancelled in the transaction of the change.

No sleeping task holds a promise. A timer that fell due while nobody ran is late, not lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from shared import clock, metrics
from shared.database import OUTAGES, Database, Record, Tx, made_of

log = structlog.get_logger()
TIMERS_A_ROUND = 100
WAIT_SECONDS = 0.25
RETRY_SECONDS_MAX = 3600
GIVES_WAY = "set local lock_timeout = '500ms'"  # sooner than PostgreSQL looks for those who wait for each other


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
    await set_timers(tx, [timer])


async def set_timers(tx: Tx, timers: Iterable[Timer]) -> None:
    """The same of several, in this order."""
    await tx.executemany(
        "select machinery.set_timer($1, $2, $3, $4, $5)",
        [(one.kind, one.key, one.organisation_id, one.due_at, one.payload) for one in timers],
    )


async def cancel_timer(tx: Tx, kind: str, key: str) -> bool:
    """Cancel a timer; False if there was none (any more)."""
    cancelled: bool = await tx.fetchval("select machinery.cancel_timer($1, $2)", kind, key)
    return cancelled


async def cancel_timers(tx: Tx, kinds_and_keys: Iterable[tuple[str, str]]) -> None:
    """Cancel several timers, as far as they are there."""
    await tx.executemany("select machinery.cancel_timer($1, $2)", kinds_and_keys)


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
        """Run the timers that are due, the oldest first, each in a transaction of its own."""
        async with self.database.transaction() as tx:
            due = await tx.fetch(
                """select kind, key, organisation_id, attempts from machinery.timers
                   where coalesce(retry_at, due_at) <= $1 and kind = any($2)
                   order by coalesce(retry_at, due_at) limit $3""",
                clock.now(),
                list(self.handlers),
                TIMERS_A_ROUND,
            )
        ran = 0
        for row in due:
            try:
                ran += await self._one(row["kind"], row["key"], row["organisation_id"])
            except asyncpg.LockNotAvailableError:
                continue
            except OUTAGES:
                raise
            except Exception:
                log.exception("timer failed and will be tried again", kind=row["kind"], key=row["key"])
                await self._again(row)
        return ran

    async def _one(self, kind: str, key: str, organisation: UUID) -> bool:
        """Run a timer and remove it; False if another process does so now, or it was moved meanwhile.

        It holds its row first, and then locks what it is about; whoever changes that locks it first, and then moves
        the timer. So it is the timer that gives way, and comes again in a moment.
        """
        async with self.database.transaction(organisation) as tx:
            await tx.execute(GIVES_WAY)
            row = await tx.fetchrow(
                """delete from machinery.timers where (kind, key) in (
                       select kind, key from machinery.timers
                       where kind = $1 and key = $2 and coalesce(retry_at, due_at) <= $3 for update skip locked)
                   returning kind, key, organisation_id, due_at, payload, attempts""",
                kind,
                key,
                clock.now(),
            )
            if row:
                await self.handlers[kind](tx, made_of(Timer, row))  # may set itself anew
        return row is not None

    async def _again(self, row: Record) -> None:
        wait = timedelta(seconds=min(2 ** row["attempts"], RETRY_SECONDS_MAX))
        async with self.database.transaction() as tx:
            await tx.execute(
                """update machinery.timers set attempts = attempts + 1, retry_at = $3
                   where kind = $1 and key = $2 and attempts = $4""",
                row["kind"],
                row["key"],
                clock.now() + wait,
                row["attempts"],
            )


async def overdue_seconds(tx: Tx, now: datetime) -> float:
    """How late the latest timer is; 0 when none is."""
    due: datetime | None = await tx.fetchval("select min(due_at) from machinery.timers")
    return max(0.0, (now - due).total_seconds()) if due else 0.0
