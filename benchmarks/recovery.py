"""How long a partition stands still when its consumer dies, is stopped, or freezes inside its transaction.

Two consumers as shipped, a steady stream over all partitions. A pause is the longest time between two moves of a
partition's stored position. Run: uv run python -m benchmarks.recovery [TIMES]
"""

import asyncio
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import uuid4

import asyncpg
import uvloop
from aiokafka import AIOKafkaProducer

from benchmarks.consume.measure import fill, fresh_tables
from benchmarks.consume.readers import Reader, ending, until_shared
from benchmarks.consume.workload import PARTITIONS, TOPIC, records
from benchmarks.parts import Bench, Servers, fresh_database, parts, percentile

EVENTS_PER_SECOND, SETTLE_SECONDS = 600, 3
MOVES = "select part, next_offset from machinery.offsets"
INSIDE = "select count(*) from pg_stat_activity where application_name = $1 and state = 'idle in transaction'"


@dataclass
class Watch:
    """When each partition moved."""

    moves: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def run(self, dsn: str) -> None:
        """Look a hundred times a second."""
        connection, seen = await asyncpg.connect(dsn), dict[int, int]()
        while True:
            for part, position in await connection.fetch(MOVES):
                if seen.get(part) != position:
                    seen[part] = position
                    self.moves[part].append(time.perf_counter())
            await asyncio.sleep(0.01)

    def pause(self, part: int, since: float) -> float:
        """The longest one from the last move before `since` on."""
        found = self.moves[part]
        first = max([number for number, at in enumerate(found) if at <= since], default=0)
        recent = [*found[first:], time.perf_counter()]
        return max(later - earlier for earlier, later in pairwise(recent))


@dataclass
class Scene:
    """Two readers of one group."""

    servers: Servers
    bench: Bench
    group: str
    readers: list[Reader] = field(default_factory=list)

    async def add(self, slot: str) -> Reader:
        """One that goes at once."""
        reader = await Reader.start(f"reader {slot}", self.servers, self.bench, self.group, slot=slot)
        reader.go()
        self.readers.append(reader)
        return reader


async def killed_and_restarted(scene: Scene, victim: Reader) -> None:
    """As a supervisor does."""
    await victim.ended()
    scene.readers.remove(victim)
    await scene.add(victim.name.split()[1])


async def killed(scene: Scene, victim: Reader) -> None:
    """And nobody restarts it."""
    await victim.ended()
    scene.readers.remove(victim)


async def stopped(scene: Scene, victim: Reader) -> None:
    """Cleanly."""
    victim.process.terminate()
    await victim.process.wait()
    scene.readers.remove(victim)


async def frozen(scene: Scene, victim: Reader) -> None:
    """Inside a transaction, and it stays so."""
    connection = await asyncpg.connect(scene.bench.dsn_admin)
    while True:
        victim.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.05)  # what it had sent has been answered
        if await connection.fetchval(INSIDE, victim.name):
            break
        victim.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.013)
    await connection.close()
    scene.readers.remove(victim)


@dataclass(frozen=True)
class Kind:
    """What happens, how long to look, and what was asked for: of the lost partitions, and of the others."""

    name: str
    strike: Callable[[Scene, Reader], Awaitable[None]]
    seconds: float
    goal: str


KINDS = (
    Kind("SIGKILL, restarted", killed_and_restarted, 6, "lost p95 2 s, others 1 s"),
    Kind("SIGKILL, not restarted", killed, 11, "lost 7 s"),
    Kind("clean stop", stopped, 6, "lost 1 s"),
    Kind("frozen inside its transaction", frozen, 16, "anybody 10 s"),
)


async def main(times: int) -> None:
    """Measure and print."""
    async with parts() as servers:
        await fill(servers.kafka, [])
        bench = await fresh_database(servers, "analytics")
        await fresh_tables(bench, is_protected=True)
        watch = Watch()
        beside = [asyncio.create_task(one) for one in (stream(servers.kafka), watch.run(bench.dsn_admin))]
        for kind in KINDS:
            lost, others = [], []
            for _ in range(times):
                mine, theirs = await strike(servers, bench, watch, kind)
                lost += mine
                others += theirs
            for name, found in (("lost", lost), ("others", others)):
                shown = f"p50 {percentile(found, 0.5):.2f}, p95 {percentile(found, 0.95):.2f}, max {max(found):.2f} s"
                print(f"{kind.name}, {name} partitions ({len(found)}): {shown}; goal {kind.goal}", flush=True)
        for one in beside:
            one.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def stream(kafka: str) -> None:
    """The same number of events every tenth of a second."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    began = time.perf_counter()
    try:
        for number, (key, value, headers) in enumerate(records(10_000_000)):
            await producer.send(TOPIC, value, key=key, headers=headers)
            await asyncio.sleep(began + number / EVENTS_PER_SECOND - time.perf_counter())
    finally:
        await producer.stop()


async def strike(servers: Servers, bench: Bench, watch: Watch, kind: Kind) -> tuple[list[float], list[float]]:
    """Pauses of the partitions that one of two readers held, and of the others."""
    scene = Scene(servers, bench, f"recovery-{uuid4().hex[:8]}")
    every = [await scene.add(slot) for slot in ("a", "b")]
    async with ending(every), ending(scene.readers):
        await until_shared(every, PARTITIONS)
        await asyncio.sleep(SETTLE_SECONDS)
        victim, held, began = every[0], set(every[0].held), time.perf_counter()
        await kind.strike(scene, victim)
        await asyncio.sleep(began + kind.seconds - time.perf_counter())
        pauses = {part: watch.pause(part, began) for part in range(PARTITIONS)}
    return [pauses[part] for part in held], [pauses[part] for part in pauses if part not in held]


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
