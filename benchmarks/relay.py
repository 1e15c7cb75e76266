"""How fast the outbox empties, against how fast a service fills it, with 200,000 dead rows under a pinned snapshot.

The database side hands the rows to nobody; end to end sends them to Kafka with acks=all and waits for every answer.
Run: uv run python -m benchmarks.relay [DEAD_ROWS] [ROUNDS]
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
import uvloop

from benchmarks.freshness import ORGANISATION, check_in
from benchmarks.parts import Bench, Servers, fetch, fresh_database, parts, spread
from deploy.kafka.topics import ensure_topics
from shared import clock
from shared.database import Database
from shared.events import PARTITIONS, TOPICS
from shared.outbox import Relay, put

WRITERS, SECONDS = 8, 3
GOALS = {"database side": 5, "end to end": 3}


class Nobody:
    """Takes everything at once."""

    async def send(self, *_: Any, **__: Any) -> "asyncio.Future[object]":
        """Confirmed."""
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        answer.set_result(None)
        return answer

    async def partitions_for(self, _: str) -> Sequence[int]:
        """As many as every topic has."""
        return range(PARTITIONS)

    async def stop(self) -> None:
        """Nothing to stop."""


class ToNobody(Relay):
    """The relay without Kafka."""

    async def _producer(self) -> Any:
        return Nobody()


async def main(dead_rows: int, rounds: int) -> None:
    """Measure and print."""
    async with parts() as servers:
        await ensure_topics(servers.kafka, TOPICS)
        bench = await fresh_database(servers, "feedback")
        doors = await Database.open(bench.dsn, size=WRITERS, name="bench writer")
        machinery = await Database.open(bench.dsn_machinery, size=3, name="bench relay")
        pinning = await asyncpg.connect(bench.dsn_admin)
        async with pinning.transaction(isolation="repeatable_read", readonly=True):
            await pinning.fetchval("select count(*) from pg_class")
            await leave_dead_rows(doors, machinery, dead_rows)
            await measure(servers, bench, doors, machinery, rounds)
        for one in (pinning, doors, machinery):
            await one.close()


async def leave_dead_rows(doors: Database, machinery: Database, count: int) -> None:
    """Say so many and send them: what is left of them no vacuum may take away."""
    relay = ToNobody(machinery, "")
    for _ in range(count // 10_000):
        for _ in range(20):
            async with doors.transaction(ORGANISATION) as tx:
                for _ in range(500):
                    put(tx, check_in(clock.now()), organisation=ORGANISATION, at=clock.now())
        await drain(relay)


async def measure(servers: Servers, bench: Bench, doors: Database, machinery: Database, rounds: int) -> None:
    """In turns: the service alone, then the relay alone with what was said."""
    relays = {"database side": ToNobody(machinery, ""), "end to end": Relay(machinery, servers.kafka)}
    ratios: dict[str, list[float]] = {name: [] for name in relays}
    for _ in range(rounds):
        for name, relay in relays.items():
            written = await write(doors)
            [row] = await fetch(bench.dsn_admin, "select count(*) as n from machinery.outbox")
            sent = row["n"] / await drain(relay)
            ratios[name].append(sent / written)
            print(f"  {name}: said {written:,.0f} a second, sent {sent:,.0f} rows a second", flush=True)
    await relays["end to end"]._drop_producer()
    for name, found in ratios.items():
        print(f"relay against writers, {name}: {spread(found)}, goal at least {GOALS[name]}")


async def write(doors: Database) -> float:
    """Events a second that the service can say, one a transaction."""
    end = time.perf_counter() + SECONDS

    async def writer() -> int:
        count = 0
        while time.perf_counter() < end:
            async with doors.transaction(ORGANISATION) as tx:
                put(tx, check_in(clock.now()), organisation=ORGANISATION, at=clock.now())
            count += 1
        return count

    return sum(await asyncio.gather(*(writer() for _ in range(WRITERS)))) / SECONDS


async def drain(relay: Relay) -> float:
    """Seconds until nothing is left."""
    await relay._producer()  # connecting is no part of it
    began = time.perf_counter()
    while await relay._one_round():
        pass
    return time.perf_counter() - began


if __name__ == "__main__":
    told = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(told + [200_000, 5][len(told) :])))
