"""Due dates that survive everything: a row in the store, set and cancelled in the transaction of the change.

No sleeping task holds a promise. A timer that fell due while nobody ran is late, not lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
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
HELD_UP_SINCE, HELD_UP_BY = "held_up_since", "held_up_by"  # in a payload: since the first try that failed, and by what
ABSENCE, REFUSAL = "absence", "refusal"
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


@dataclass(frozen=True, slots=True)
class Together:
    """A handler of several timers of one kind and organisation, in one transaction: for what falls due in crowds.

    It locks what they are about in one order. If it fails, each of them is tried by itself.
    """

    ring: Callable[[Tx, Sequence[Timer]], Awaitable[None]]


TimerHandlers = Mapping[str, Callable[[Tx, Timer], Awaitable[None]] | Together]
"""Which kind of timer is handled by which function."""


async def set_timer(tx: Tx, timer: Timer) -> None:
    """Set a timer, or move it: there is one for each kind and key."""
    await set_timers(tx, [timer])


async def set_timers(tx: Tx, timers: Iterable[Timer]) -> None:
    """The same of several, in this order."""
    await tx.executemany(
        "select machinery.set_timer($1, $2, $3, $4, $5)",
        [(one.kind, one.key, one.organisation_id, one.due_at, one.payload) for one in timers],
    )


async def said_by(tx: Tx, kind: str, key: str) -> dict[str, Any]:
    """What a timer says that is set; nothing if it is not."""
    payload: dict[str, Any] | None = await tx.fetchval(
        "select payload from machinery.timers where kind = $1 and key = $2", kind, key
    )
    return payload or {}


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
        """Run the timers that are due, the oldest first."""
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
        for rows in self._together(due):
            ran += await self._ring(rows)
        return ran

    def _together(self, due: Sequence[Record]) -> Iterable[list[Record]]:
        """Those that ring in one transaction, in the order of the oldest of each."""
        groups: dict[tuple[str, UUID, str], list[Record]] = {}
        for row in due:
            alone = "" if isinstance(self.handlers[row["kind"]], Together) else row["key"]
            groups.setdefault((row["kind"], row["organisation_id"], alone), []).append(row)
        return groups.values()

    async def _ring(self, rows: Sequence[Record]) -> int:
        """Run timers; gives how many ran. What cannot be done for all of them is done one by one."""
        try:
            return await self._run(rows)
        except asyncpg.LockNotAvailableError:
            pass
        except OUTAGES:
            raise
        except Exception:
            log.exception(
                "timer failed and will be tried again", kind=rows[0]["kind"], keys=[row["key"] for row in rows]
            )
            if not rows[1:]:
                await self._again(rows[0])
        return sum([await self._ring([row]) for row in rows]) if rows[1:] else 0

    async def _run(self, rows: Sequence[Record]) -> int:
        """Run timers and remove them, but those that another process runs just now, or that were moved meanwhile.

        Their rows are held first, and then what they are about is locked; whoever changes that locks it first, and then
        moves the timer. So it is the timer that gives way, and comes again in a moment.
        """
        kind, organisation = rows[0]["kind"], rows[0]["organisation_id"]
        async with self.database.transaction(organisation) as tx:
            await tx.execute(GIVES_WAY)
            taken = await tx.fetch(
                """delete from machinery.timers where (kind, key) in (
                       select kind, key from machinery.timers
                       where kind = $1 and key = any($2) and coalesce(retry_at, due_at) <= $3
                       order by key for update skip locked)
                   returning kind, key, organisation_id, due_at, payload, attempts""",
                kind,
                [row["key"] for row in rows],
                clock.now(),
            )
            timers, handler = [made_of(Timer, row) for row in taken], self.handlers[kind]
            if isinstance(handler, Together):
                await handler.ring(tx, timers)
            else:
                for timer in timers:  # there is one
                    await handler(tx, timer)  # may set itself anew
        return len(taken)

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
