"""The facts of analytics made again while it goes on hearing, against the rate at which it hears itself.

Freshness is from the moment a check-in is handed to Kafka to the commit of its scores, before the rebuild and during
it; a reader asks for the scores all the while. Run: uv run python -m benchmarks.rebuild [EVENTS] [ROUNDS]
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any
from uuid import uuid4

import asyncpg
import uvloop
from aiokafka import AIOKafkaProducer

from benchmarks.freshness import LATENCIES, ORGANISATION, check_in, start_analytics
from benchmarks.parts import Bench, fetch, fresh_database, parts, percentile, run_sql, spread
from deploy.kafka.topics import ensure_topics
from services.analytics.app import create
from shared.database import Database
from shared.events import TOPICS
from shared.events.feedback import CheckInSubmitted
from shared.rebuild import Rebuild

EVENTS_PER_SECOND, BEFORE_SECONDS = 200, 10
HEARD = "select count(*) as n from machinery.heard"
MEASURES = ("rebuild against the consumer, goal at least 0.70", "live p99 during against before, goal at most 2.00")


@dataclass
class Reading:
    """What somebody who looks at the view meets with."""

    asked: int = 0
    failed: int = 0
    waits: list[float] = field(default_factory=list)

    async def run(self, database: Database) -> None:
        """Ask, two hundred times a second."""
        while True:
            began = time.perf_counter()
            try:
                async with database.transaction(ORGANISATION) as tx:
                    await tx.fetchval("select count(*) from (select from scores limit 10) as few")
            except asyncpg.PostgresError as error:
                self.failed += 1
                print(f"  a read failed: {error}", flush=True)
            self.asked += 1
            self.waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.005)


async def main(count: int, rounds: int) -> None:
    """Measure and print."""
    async with parts() as servers:
        await run_sql(servers.admin_dsn, "alter system set track_commit_timestamp = on")
        await servers.restart_postgres()
        await ensure_topics(servers.kafka, TOPICS)
        bench = await fresh_database(servers, "analytics")
        producer = AIOKafkaProducer(bootstrap_servers=servers.kafka, linger_ms=5)
        await producer.start()
        await say(producer, count)
        doors, machinery = [await Database.open(dsn, size=3, name="bench") for dsn in (bench.dsn, bench.dsn_machinery)]
        service = await start_analytics(servers, bench)
        try:
            heard = await rate_of_hearing(bench, count)
            reading = Reading()
            async with beside(stream(producer), reading.run(doors)):
                found = [await one_round(bench, machinery, heard, reading) for _ in range(rounds)]
            for name, values in zip(MEASURES, zip(*found, strict=True), strict=True):
                print(f"{name}: {spread(values)}")
            print(f"{reading.failed} of {reading.asked:,} reads failed, goal 0")
        finally:
            service.terminate()
            await service.wait()
            for one in (doors, machinery):
                await one.close()
            await producer.stop()


@asynccontextmanager
async def beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on meanwhile."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def rate_of_hearing(bench: Bench, count: int) -> float:
    """Events a second, from the first tenth to the last event."""
    while (begun := (await fetch(bench.dsn_admin, HEARD))[0]["n"]) < count / 10:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    began = time.perf_counter()
    while (await fetch(bench.dsn_admin, HEARD))[0]["n"] < count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return float((count - begun) / (time.perf_counter() - began))


async def one_round(bench: Bench, machinery: Database, heard: float, reading: Reading) -> tuple[float, float]:
    """Freshness before, a rebuild, a switch, and the old view dropped."""
    rebuild = rebuild_of_facts(machinery)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as another:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(another, os.getpid)
        before_at = datetime.now(UTC)
        await asyncio.sleep(BEFORE_SECONDS)
        await rebuild.begin()
        began, began_at = time.perf_counter(), datetime.now(UTC)
        done = await loop.run_in_executor(another, folded, bench.dsn_machinery)
    rate = done / (time.perf_counter() - began)
    rows = await fetch(bench.dsn_admin, LATENCIES, before_at)
    during_rows = await fetch(bench.dsn_admin, LATENCIES, began_at)
    during = [float(row["ms"]) for row in during_rows]
    before = [float(row["ms"]) for row in rows if row["answered_at"] < began_at]
    reading.waits.clear()
    switching = time.perf_counter()
    await rebuild.switch()
    switching = time.perf_counter() - switching
    await asyncio.sleep(0.5)
    longest = max(reading.waits)
    await rebuild.drop()
    slow = percentile(during, 0.99), percentile(before, 0.99)
    print(
        f"  heard at {heard:,.0f}, rebuilt at {rate:,.0f} events/s; p99 {slow[1]:.0f} ms before, {slow[0]:.0f} during"
    )
    print(f"  switched in {switching * 1000:.0f} ms, longest read {longest * 1000:.0f} ms, goal 100", flush=True)
    return rate / heard, slow[0] / slow[1]


def rebuild_of_facts(database: Database) -> Rebuild:
    """As the service would."""
    service = create()
    return Rebuild(database, service.applying, "facts", service.views["facts"])


def folded(dsn: str) -> int:
    """All that was heard, in a process of its own as `kith rebuild` is; gives how many events."""

    async def fold() -> int:
        database, done = await Database.open(dsn, size=3, name="rebuild"), 0
        async for progress in rebuild_of_facts(database).steps():
            done = progress.done
        await database.close()
        return done

    return uvloop.run(fold())


async def stream(producer: AIOKafkaProducer) -> None:
    """A steady stream."""
    began = time.perf_counter()
    number = 0
    while True:
        await send(producer, check_in(datetime.now(UTC)))
        number += 1
        await asyncio.sleep(began + number / EVENTS_PER_SECOND - time.perf_counter())


async def say(producer: AIOKafkaProducer, count: int) -> None:
    """As many at once."""
    for _ in range(count):
        await send(producer, check_in(datetime.now(UTC)))
    await producer.flush()


async def send(producer: AIOKafkaProducer, event: CheckInSubmitted) -> None:
    """As the relay would."""
    headers = {
        "ce_id": str(uuid4()),
        "ce_type": event.ce_type(),
        "ce_time": event.answered_at.isoformat(),
        "ce_organisation": str(ORGANISATION),
        "ce_aggregateversion": "1",
    }
    sent = [(name, text.encode()) for name, text in headers.items()]
    await producer.send(event.topic, event.model_dump_json().encode(), key=str(event.key).encode(), headers=sent)


if __name__ == "__main__":
    told = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(told + [100_000, 5][len(told) :])))
