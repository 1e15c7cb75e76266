"""One topic, and one consumer after the other over it."""

import asyncio
import contextlib
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.consume.ways import COUNT, Way
from benchmarks.consume.workload import PARTITIONS, TABLES, TOPIC, Record, records
from benchmarks.parts import Bench, Servers, fresh_database, parts

Found = dict[Way, list[tuple[float, float]]]
SECONDS_MAX = 300


@asynccontextmanager
async def filled(count: int = COUNT) -> AsyncIterator[tuple[Servers, Bench]]:
    """Servers with the topic, full, and a store."""
    async with parts() as servers:
        await fill(servers.kafka, list(records(count)))
        yield servers, await fresh_database(servers, "analytics")


async def fill(kafka: str, every: Sequence[Record], topic: str = TOPIC) -> None:
    """A topic with these records."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=20)
    await producer.start()
    for key, value, headers in every:
        await producer.send(topic, value, key=key, headers=headers)
    await producer.stop()


async def measured(servers: Servers, bench: Bench, ways: Sequence[Way], rounds: int) -> Found:
    """Every way in every round, every other round backwards: what slowly changes hits all alike."""
    found: Found = defaultdict(list)
    for number in range(rounds):
        for way in ways if number % 2 == 0 else ways[::-1]:
            rate, cpu = await measure(servers, bench, way)
            found[way].append((rate, cpu))
            print(f"  {way.name}, {way.settings}: {rate:,.0f} events/s, {cpu:.1f} us of CPU an event", flush=True)
    return {way: found[way] for way in ways}


async def measure(servers: Servers, bench: Bench, way: Way) -> tuple[float, float]:
    """Events a second and microseconds of the consumer's CPU an event."""
    await fresh_tables(bench, is_protected=way.is_protected)
    process = await asyncio.create_subprocess_exec(
        *(*way.command, bench.dsn_machinery, servers.kafka, str(way.count)),
        f"bench-{uuid4().hex[:8]}",  # a group that remembers no position
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout
    try:
        line = await asyncio.wait_for(process.stdout.readuntil(b"seconds\n"), SECONDS_MAX)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # uv, and what it runs
        await process.wait()
    taken, cpu = map(float, line.split()[-3:-1])
    return way.count / taken, cpu / way.count * 1e6


async def fresh_tables(bench: Bench, *, is_protected: bool) -> None:
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
        "truncate machinery.heard, machinery.seen_versions, machinery.offsets, machinery.topics_heard, "
        "machinery.parked, machinery.parked_keys; checkpoint"
    )
    await admin.close()
