"""Memory of one consumer as shipped while it reads batches of 5,000, events coming faster than it can take them.

Run: uv run python -m benchmarks.memory [EVENTS] [RECORDS_MAX] [SECONDS_MAX]
"""

import asyncio
import sys
import time
from pathlib import Path
from uuid import uuid4

import uvloop
from aiokafka import AIOKafkaProducer

from benchmarks.consume.measure import fill, fresh_tables
from benchmarks.consume.readers import Reader, ending, until_shared
from benchmarks.consume.workload import PARTITIONS, TOPIC, records
from benchmarks.parts import fetch, fresh_database, parts

POSITION = "select coalesce(sum(next_offset), 0) as n from machinery.offsets"
AHEAD = 50_000


async def main(count: int, records_max: int, seconds_max: int) -> None:
    """Measure and print: the peak, and whether it grows."""
    async with parts() as servers:
        await fill(servers.kafka, list(records(AHEAD)))
        bench = await fresh_database(servers, "analytics")
        await fresh_tables(bench, is_protected=True)
        group = f"memory-{uuid4().hex[:8]}"
        reader = await Reader.start("reader", servers, bench, group, records_max=records_max)
        feeding = asyncio.create_task(feed(servers.kafka, count - AHEAD))
        async with ending([reader]):
            await until_shared([reader], PARTITIONS)
            reader.go()
            end, done, seen = time.perf_counter() + seconds_max, 0, [pss(reader.process.pid)]
            while done < count and time.perf_counter() < end:
                await asyncio.sleep(1)
                seen.append(pss(reader.process.pid))
                done = int((await fetch(bench.dsn_admin, POSITION))[0]["n"])
        feeding.cancel()
    report([one for one in seen if one], done, records_max)


async def feed(kafka: str, count: int) -> None:
    """More of the same."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=20)
    await producer.start()
    for key, value, headers in records(count, seed=2):
        await producer.send(TOPIC, value, key=key, headers=headers)
    await producer.stop()


def pss(pid: int) -> float:
    """MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def report(seen: list[float], done: int, records_max: int) -> None:
    """Flat is: the last quarter is no higher than the second one."""
    quarter = len(seen) // 4
    early, late = max(seen[quarter : 2 * quarter]), max(seen[-quarter:])
    print(f"{done:,} events, batches of {records_max:,}: PSS at most {max(seen):.0f} MB, goal 160;", end=" ")
    print(f"second quarter at most {early:.1f}, last {late:.1f} MB ({late / early - 1:+.1%})")


if __name__ == "__main__":
    told = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(told + [2_000_000, 5_000, 300][len(told) :])))
