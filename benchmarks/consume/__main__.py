"""Each consumer in turn, forwards and backwards, each in a fresh process over fresh tables.

Run: uv run python -m benchmarks.consume [ROUNDS]
"""

import asyncio
import statistics
import sys
from collections import defaultdict
from uuid import uuid4

import asyncpg
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.consume.workload import PARTITIONS, TABLES, TOPIC, records
from benchmarks.parts import Bench, Servers, fresh_database, parts

COUNT = 200_000
Way = tuple[str, str, str, int]
WAYS: tuple[Way, ...] = (
    ("FastStream, one upsert a message, default acknowledgement", "faststream_ways", "upsert", 6_000),
    ("FastStream, dedupe row + 3 upserts, acknowledged after", "faststream_ways", "dedupe", 3_000),
    ("FastStream, batches of 1,000, folded, at least once", "faststream_ways", "batch", COUNT),
    ("ours, bare: fold and fence", "ours", "bare", COUNT),
    ("ours, + order and parking", "ours", "ordered", COUNT),
    ("ours, + heard is kept", "ours", "heard", COUNT),
    ("ours, as shipped (+ row level security)", "ours", "shipped", COUNT),
)


async def main(rounds: int) -> None:
    """Measure and print."""
    seen: dict[str, list[tuple[float, float]]] = defaultdict(list)
    async with parts() as servers:
        await fill(servers.kafka)
        bench = await fresh_database(servers, "analytics")
        for number in range(rounds):
            for way in WAYS if number % 2 == 0 else WAYS[::-1]:
                rate, cpu = await measure(servers, bench, way)
                seen[way[0]].append((rate, cpu))
                print(f"  {way[0]:<60}{rate:>9,.0f} events/s {cpu:>7.1f} us of CPU an event", flush=True)
    report(seen)


async def fill(kafka: str) -> None:
    """The topic, full."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=20)
    await producer.start()
    for key, value, headers in records(COUNT):
        await producer.send(TOPIC, value, key=key, headers=headers)
    await producer.stop()


async def measure(servers: Servers, bench: Bench, way: Way) -> tuple[float, float]:
    """Events a second and microseconds of the consumer's CPU an event."""
    _, module, what, count = way
    await fresh_tables(servers, bench, is_protected=what == "shipped")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"benchmarks.consume.{module}", what, bench.dsn_machinery, servers.kafka, str(count)),
        *(f"{what}-{uuid4().hex[:8]}",),  # a group that remembers no position
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout
    taken, cpu = map(float, (await asyncio.wait_for(process.stdout.readline(), 300)).split())
    process.kill()
    await process.wait()
    return count / taken, cpu / count * 1e6


async def fresh_tables(servers: Servers, bench: Bench, *, is_protected: bool) -> None:
    """Nothing heard, nothing seen."""
    tables = ("people", "programs", "days", "seen")
    admin = await asyncpg.connect(bench.dsn_admin)
    await admin.execute(f"drop table if exists {', '.join(f'bench.{one}' for one in tables)}")
    await admin.execute(
        "create schema if not exists bench; set search_path = bench; "
        + TABLES
        + "create table seen (id uuid primary key); set search_path = public"
    )
    for one in tables[:3] if is_protected else ():
        await admin.execute(
            f"alter table bench.{one} enable row level security; alter table bench.{one} force row level security;"
            f"create policy tenants on bench.{one} using "
            "(organisation_id = any (current_setting('kith.organisations')::uuid[]))"
        )
    await admin.execute("grant all on schema bench to public; grant all on all tables in schema bench to public")
    await admin.execute("alter role analytics_machinery set search_path = bench, public")
    await admin.execute(
        "truncate machinery.heard, machinery.seen_versions, machinery.offsets, machinery.topics_heard; checkpoint"
    )
    await admin.close()


def report(seen: dict[str, list[tuple[float, float]]]) -> None:
    """Medians with their range, and the ratios that were asked for."""
    rates = {name: statistics.median(rate for rate, _ in found) for name, found in seen.items()}
    naive, safe, batch, bare, *_, shipped = rates.values()
    print("\n| consumer | events/s, median [range] | CPU us/event |\n| --- | ---: | ---: |")
    for name, found in seen.items():
        every = sorted(rate for rate, _ in found)
        cpu = statistics.median(cpu for _, cpu in found)
        print(f"| {name} | {rates[name]:,.0f} [{every[0]:,.0f} .. {every[-1]:,.0f}] | {cpu:.0f} |")
    for name, own in (("bare", bare), ("as shipped", shipped)):
        print(f"{name}: {own / naive:.0f} x naive, {own / safe:.0f} x safe, {own / batch:.2f} x FastStream's batches")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
