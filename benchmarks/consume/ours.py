"""Our inbox over the topic of the measurement, from the bare mechanism up to what is shipped.

Usage: python -m benchmarks.consume.ours WHAT DSN KAFKA COUNT GROUP    (WHAT: bare, ordered, heard, shipped)
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

import uvloop

from benchmarks.consume.workload import TOPIC, Scored, statements
from shared.database import Database, Tx
from shared.events import Heard
from shared.events.base import CATALOGUE, Event
from shared.inbox import Many
from shared.inbox.batch import Applying, Standing
from shared.inbox.decode import Incoming
from shared.inbox.hearing import Hearing


class BenchScored(Event, Scored):
    """The event of the measurement, in our catalogue."""


BenchScored.wire, BenchScored.topic, BenchScored.key_field = "bench-scored", TOPIC, "scored_id"
BenchScored.speaker = "bench"
CATALOGUE[BenchScored.ce_type()] = BenchScored


async def on_scored(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
    """The three views."""
    for sql, values in statements(one.event for one in heard):
        await tx.execute(sql, heard[0].organisation_id, *values)


class Bare:
    """Decode, fold, and the fence that the runner itself moves: no order, no parking, nothing kept."""

    async def __call__(self, tx: Tx, batch: Sequence[Incoming], *, carefully: bool) -> Standing:
        """Apply a batch."""
        await on_scored(tx, [one.heard for one in batch if one.heard])
        return Standing({}, set(), results=[(TOPIC, "handled")] * len(batch))


async def main(what: str, dsn: str, kafka: str, count: int, group: str) -> None:
    """Hear everything, and print how long that took."""
    database = await Database.open(dsn, size=4, name="bench")
    as_shipped = Applying({BenchScored: Many(on_scored)}, keeps_heard=what in ("heard", "shipped"))
    hearing = Hearing(database, kafka, group, as_shipped)
    applying: Any = Bare() if what == "bare" else as_shipped
    done, began, over = 0, 0.0, asyncio.Event()

    async def counting(tx: Tx, batch: Sequence[Incoming], *, carefully: bool) -> Standing:
        nonlocal done, began
        began = began or time.perf_counter()
        standing: Standing = await applying(tx, batch, carefully=carefully)
        done += len(batch)
        if done >= count:
            over.set()
        return standing

    hearing.apply = counting  # type: ignore[assignment]
    running = asyncio.create_task(hearing.run())
    await over.wait()
    while await database.pool.fetchval("select sum(next_offset) from machinery.offsets") < count:  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    print(time.perf_counter() - began, time.process_time(), "seconds", flush=True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]))
