"""Our consumer as it is shipped, over the topic of the measurement, until it is ended.

Usage: python -m benchmarks.consume.reader NAME DSN KAFKA GROUP RECORDS_MAX SLOT    (SLOT may be -)

It prints the partitions that it holds whenever they change, and applies nothing before it is told so by a line.
"""

import asyncio
import json
import signal
import sys
from typing import Any

import uvloop

from benchmarks.consume.ours import BenchScored, on_scored
from shared.database import Database
from shared.inbox import Many, hearing
from shared.inbox.batch import Applying
from shared.inbox.hearing import Hearing


async def main(name: str, dsn: str, kafka: str, group: str, records_max: str, slot: str) -> None:
    """Hear until SIGTERM."""
    hearing.RECORDS_MAX = int(records_max)
    database = await Database.open(dsn, size=4, name=name)
    ours = Hearing(
        database,
        kafka,
        group,
        Applying({BenchScored: Many(on_scored)}, keeps_heard=True),
        slot=None if slot == "-" else slot,
    )
    wait_for_the_word(ours)
    running = asyncio.create_task(ours.run())
    telling = asyncio.create_task(tell(ours))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    await asyncio.gather(running, return_exceptions=True)
    telling.cancel()


def wait_for_the_word(ours: Hearing) -> None:
    """Nothing is held while it waits: partitions may come and go."""
    told, apply = asyncio.Event(), ours._hear
    asyncio.get_running_loop().add_reader(sys.stdin, told.set)

    async def waiting(records: Any) -> None:
        await told.wait()
        await apply(records)

    ours._hear = waiting  # type: ignore[method-assign]


async def tell(ours: Hearing) -> None:
    """Which partitions are ours."""
    before = None
    while True:
        now = sorted(tp.partition for tp in ours.positions.expected)
        if now != before:
            print(json.dumps(now), flush=True)
            before = now
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:7]))
