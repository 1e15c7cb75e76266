"""Two consumer processes on one group against one, as shipped, over the same topic; and how many deadlocks there were.

Run: uv run python -m benchmarks.twins [EVENTS] [ROUNDS]    (2 million events by two processes: 400,000 and 5)
"""

import asyncio
import sys
import time
from uuid import uuid4

import uvloop

from benchmarks.consume.measure import filled, fresh_tables
from benchmarks.consume.readers import Reader, ending, until_shared
from benchmarks.consume.workload import PARTITIONS
from benchmarks.parts import Bench, Servers, fetch, spread

POSITION = "select coalesce(sum(next_offset), 0) as n from machinery.offsets"
DEADLOCKS = "select deadlocks from pg_stat_database where datname = 'analytics'"


async def main(count: int, rounds: int) -> None:
    """Measure and print."""
    ratios = []
    async with filled(count) as (servers, bench):
        for number in range(rounds):
            order = (1, 2) if number % 2 == 0 else (2, 1)
            rates = {n: await rate(servers, bench, n, count) for n in order}
            ratios.append(rates[2] / rates[1])
            print(f"  one {rates[1]:,.0f}, two {rates[2]:,.0f} events/s", flush=True)
        [row] = await fetch(bench.dsn_admin, DEADLOCKS)
    print(f"two against one: {spread(ratios)}, goal at least 0.95; {row['deadlocks']} deadlocks", end=" ")
    print(f"in {count * rounds:,} events by two processes")


async def rate(servers: Servers, bench: Bench, processes: int, count: int) -> float:
    """Events a second, once all are assigned and told to go."""
    await fresh_tables(bench, is_protected=True)
    group = f"twins-{uuid4().hex[:8]}"
    readers = [await Reader.start(f"reader {n}", servers, bench, group) for n in range(processes)]
    async with ending(readers):
        await until_shared(readers, PARTITIONS)
        began = time.perf_counter()
        for one in readers:
            one.go()
        while (await fetch(bench.dsn_admin, POSITION))[0]["n"] < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return count / (time.perf_counter() - began)


if __name__ == "__main__":
    told = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(told + [400_000, 5][len(told) :])))
