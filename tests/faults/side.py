"""Side by side: three policies of FastStream and ours, through the same crashes. `python -m tests.faults.side`.

Each reader keeps one table of what it has applied how often. Six SIGKILLs, two SIGSTOPs longer than the session
timeout while a second reader takes over; transient failures of one message in a hundred, or of one batch in five.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
import uvloop
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from rich.console import Console

from deploy.local.child import Child, Launch, until
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.postgres.provision import dsn_of
from shared.database import migrate
from tests.faults.installation import ROOT
from tests.faults.servers import Servers

POLICIES = ("ACK_FIRST", "ACK", "NACK_ON_ERROR", "ours")
OWNER, READER, PASSWORD = "parcels_owner", "parcels_machinery", "only-for-tests"
KILLS, FREEZES, FREEZE_SECONDS = 6, 2, 9.0
QUIET_SECONDS = 12.0
HEAD = "| policy | lost | applied more than once | extra applications |\n| --- | ---: | ---: | ---: |"
console = Console(soft_wrap=True, highlight=False)


@dataclass
class Trial:
    """One reader on its way through the crashes."""

    policy: str
    servers: Servers
    dsn: str
    admin_dsn: str
    topic: str
    logs: Path
    children: list[Child] = field(default_factory=list)

    def start(self) -> Child:
        """One more process."""
        command = (sys.executable, "-m", "tests.faults.side_reader", self.policy, self.dsn, self.servers.kafka.address)
        launch = Launch(command, dict(os.environ) | {"SIDE_TOPIC": self.topic}, folder=ROOT)
        child = Child(self.policy, launch, self.logs / f"{self.policy}-{len(self.children)}.log")
        self.children.append(child)
        return child

    async def applied(self) -> int:
        """How many have been applied at least once."""
        connection = await asyncpg.connect(self.admin_dsn)
        count: int = await connection.fetchval("select count(*) from applied")
        await connection.close()
        return count

    async def until(self, count: int, limit_seconds: float) -> None:
        """Wait for so many, but not for ever."""

        async def there() -> bool:
            return await self.applied() >= count

        await until(there, limit_seconds)


async def crash(trial: Trial, events: int, seed: str) -> tuple[int, int, int]:
    """Gives how many were lost, how many were applied more than once, and how often in all."""
    chance = random.Random(seed)
    await asyncio.to_thread(produce, trial.servers.kafka.address, trial.topic, events)
    reader = trial.start()
    step = events // (KILLS + FREEZES + 1)
    for number in range(1, KILLS + FREEZES + 1):
        await trial.until(number * step + chance.randrange(step // 4), 20)
        if number % 4:
            reader.kill()
            reader = trial.start()
            continue
        os.kill(reader.pid, signal.SIGSTOP)
        second = trial.start()
        await asyncio.sleep(FREEZE_SECONDS)
        os.kill(reader.pid, signal.SIGCONT)
        await asyncio.sleep(1.5)
        reader.kill()
        reader = second
    await trial.until(events, 60)
    await asyncio.sleep(QUIET_SECONDS if await trial.applied() < events else 2)  # doubles may still come
    for child in trial.children:
        child.kill()
    return await count(trial, events)


async def count(trial: Trial, events: int) -> tuple[int, int, int]:
    """What the table holds."""
    connection = await asyncpg.connect(trial.admin_dsn)
    row = await connection.fetchrow(
        "select count(*) as n, count(*) filter (where times > 1) as doubled, coalesce(sum(times - 1), 0) as extra"
        " from applied"
    )
    await connection.close()
    assert row
    return events - row["n"], row["doubled"], row["extra"]


def produce(kafka: str, topic: str, events: int) -> None:
    """Numbered events, each of a key of its own."""
    admin = AdminClient({"bootstrap.servers": kafka})  # as a temporary it would end before it answers
    admin.create_topics([NewTopic(topic, 12, 1)])[topic].result(20)
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True})
    for _ in range(events):
        key = str(uuid4())
        headers = {
            "ce_id": str(uuid4()), "ce_type": "org.kith.side-by-side.v1", "ce_time": "2025-03-04T18:00:00Z",
            "ce_organisation": str(uuid4()), "ce_aggregateversion": "1", "content-type": "application/json",
        }  # fmt: skip
        body = json.dumps({"parcel_id": key}).encode()
        producer.produce(topic, body, key.encode(), headers=list(headers.items()))
        producer.poll(0)
    assert producer.flush(60) == 0


async def prepare(servers: Servers, policy: str) -> Trial:
    """A store of its own for each: the machinery, and one table."""
    name = f"side_{policy.lower()}"
    admin = await asyncpg.connect(servers.postgres.dsn)
    for role, kind in ((OWNER, "nologin"), ("parcels", "login"), (READER, "login")):
        if not await admin.fetchval("select true from pg_roles where rolname = $1", role):
            await admin.execute(f"create role {role} {kind} password '{PASSWORD}'")
    await admin.execute(f"alter role {READER} set idle_in_transaction_session_timeout = '5s'")
    await admin.execute(f"create database {name} owner {OWNER}")
    await admin.close()
    admin_dsn = dsn_of(servers.postgres.dsn, name)
    await migrate(admin_dsn, "parcels", OWNER)
    connection = await asyncpg.connect(admin_dsn)
    await connection.execute(f"create table applied (id uuid primary key, times int); grant all on applied to {READER}")
    await connection.close()
    address = servers.postgres.dsn.rpartition("@")[2].partition("/")[0]
    dsn = f"postgresql://{READER}:{PASSWORD}@{address}/{name}"
    return Trial(policy, servers, dsn, admin_dsn, f"side.{policy.lower()}", servers.data / "logs")


async def run(events: int, seed: str, policies: Sequence[str]) -> list[tuple[str, int, int, int]]:
    """All of them, one after the other."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="kith-side-") as name:
        data = Path(name)
        data.chmod(0o711)
        servers = Servers(data, Postgres(data, free_port()), Kafka(data, free_port(), free_port()), {})
        try:
            await servers.start()
            console.print(f"seed {seed}, {events:,} events, {KILLS} SIGKILLs, {FREEZES} SIGSTOPs of {FREEZE_SECONDS} s")
            console.print(
                "| policy | lost | applied more than once | extra applications |\n| --- | ---: | ---: | ---: |"
            )
            for policy in policies:
                rows.append((policy, *await crash(await prepare(servers, policy), events, seed)))
                console.print("| {} | {:,} | {:,} | {:,} |".format(*rows[-1]))
        finally:
            await servers.stop()
    return rows


def main() -> None:
    """Leave with 1 unless ours has lost none and doubled none."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.side", description=__doc__)
    parser.add_argument("--events", type=int, default=12_000)
    parser.add_argument("--policies", default=",".join(POLICIES))
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    asked = parser.parse_args()
    rows = uvloop.run(run(asked.events, asked.seed, asked.policies.split(",")))
    sys.exit(0 if rows[-1][1:] == (0, 0, 0) else 1)


if __name__ == "__main__":
    main()
