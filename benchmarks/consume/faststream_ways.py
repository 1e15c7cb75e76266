"""What FastStream's own pages lead to: a handler for each message, and one for each batch.

Usage: python -m benchmarks.consume.faststream_ways WHAT DSN KAFKA COUNT GROUP
WHAT: upsert, dedupe, or the settings of the batches, such as batch=1000 or batch=1000,gc=50000.
"""

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import asyncpg
import uvloop
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from benchmarks.consume.workload import ORGANISATION, TOPIC, Scored, statements

ONE = """
    insert into people as v values ($1, $2, 1, $3, $4, $5)
    on conflict (person_id) do update set n = v.n + 1, total = v.total + excluded.total,
        squares = v.squares + excluded.squares, last_score = excluded.last_score
"""


class Clock:
    """From the first message to the last."""

    def __init__(self, count: int) -> None:
        self.count, self.done, self.began, self.over = count, 0, 0.0, asyncio.Event()

    def tick(self, n: int) -> None:
        """So many more are done."""
        self.done += n
        if self.done >= self.count:
            self.over.set()

    def begin(self) -> None:
        """The first message is here."""
        self.began = self.began or time.perf_counter()


def upsert(broker: KafkaBroker, pool: Any, clock: Clock, group: str) -> None:
    """One statement a message, acknowledged before it is handled: the default."""

    @broker.subscriber(TOPIC, group_id=group, auto_offset_reset="earliest")
    async def handle(event: Scored) -> None:
        clock.begin()
        await pool.execute(ONE, ORGANISATION, event.person_id, event.score, event.score**2, event.score)
        clock.tick(1)


def dedupe(broker: KafkaBroker, pool: Any, clock: Clock, group: str) -> None:
    """A row for each message seen and the three views in a transaction, acknowledged after it."""

    @broker.subscriber(TOPIC, group_id=group, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR)
    async def handle(event: Scored, message: KafkaMessage) -> None:
        clock.begin()
        async with pool.acquire() as connection, connection.transaction():
            new = await connection.execute("insert into seen values ($1) on conflict do nothing", event.scored_id)
            if new == "INSERT 0 1":
                for sql, values in statements([event]):
                    await connection.execute(sql, ORGANISATION, *values)
        clock.tick(1)


def batch(broker: KafkaBroker, pool: Any, clock: Clock, group: str, settings: dict[str, int]) -> None:
    """Many at a time, folded, acknowledged after the transaction: at least once."""
    gc.set_threshold(settings.get("gc", gc.get_threshold()[0]))

    @broker.subscriber(
        TOPIC,
        group_id=group,
        batch=True,
        max_records=settings["batch"],
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def handle(events: list[Scored]) -> None:
        clock.begin()
        async with pool.acquire() as connection, connection.transaction():
            for sql, values in statements(events):
                await connection.execute(sql, ORGANISATION, *values)
        clock.tick(len(events))


WAYS: dict[str, Callable[[KafkaBroker, Any, Clock, str], None]] = {"upsert": upsert, "dedupe": dedupe}


async def main(what: str, dsn: str, kafka: str, count: int, group: str) -> None:
    """Read so many, and print how long that took."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4)
    broker, clock = KafkaBroker(kafka, logger=logging.getLogger("quiet")), Clock(count)
    if what in WAYS:
        WAYS[what](broker, pool, clock, group)
    else:
        settings = {name: int(value) for name, value in (one.split("=") for one in what.split(","))}
        batch(broker, pool, clock, group, settings)
    await broker.start()
    await clock.over.wait()
    print(time.perf_counter() - clock.began, time.process_time(), "seconds", flush=True)
    await asyncio.wait_for(broker.stop(), 10)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]))
