"""Real servers for a measurement, started and stopped with it."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local.child import Child, until
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from shared.database import migrate

PASSWORD = "only-for-benchmarks"


@dataclass(frozen=True)
class Servers:
    """Where they are."""

    admin_dsn: str
    kafka: str
    restart_postgres: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Bench:
    """A fresh store, and a port for whatever serves it."""

    dsn: str
    dsn_machinery: str
    dsn_admin: str
    port: int
    other_port: int


@asynccontextmanager
async def parts(*, kafka: bool = True) -> AsyncIterator[Servers]:
    """PostgreSQL, and Kafka if it is wanted."""
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as name:
        data = Path(name)
        data.chmod(0o711)
        postgres, broker = Postgres(data, free_port()), Kafka(data, free_port(), free_port())
        wanted: list[Postgres | Kafka] = [postgres, broker] if kafka else [postgres]
        children = [Child(one.name, one.prepare(), data / f"{one.name}.log") for one in wanted]
        try:
            for part, child in zip(wanted, children, strict=True):
                assert await until(part.ready, part.wait_seconds), child.last_lines()

            async def restart() -> None:
                await children[0].stop()
                children[0] = Child(postgres.name, postgres.prepare(), data / "postgresql.log")
                assert await until(postgres.ready, postgres.wait_seconds)

            yield Servers(postgres.dsn, broker.address, restart)
        finally:
            for child in reversed(children):
                await child.stop()


async def fresh_database(servers: Servers, service: str) -> Bench:
    """A migrated store with its two roles."""
    admin = await asyncpg.connect(servers.admin_dsn)
    await admin.execute(f"create role {service}_owner nologin")
    for role in (service, f"{service}_machinery"):
        await admin.execute(f"create role {role} login password '{PASSWORD}'")
    await admin.execute(f"create database {service} owner {service}_owner")
    await admin.close()
    head = servers.admin_dsn.rpartition("/")[0]
    address = head.rpartition("@")[2]
    await migrate(f"{head}/{service}", service, f"{service}_owner")
    dsns = [f"postgresql://{role}:{PASSWORD}@{address}/{service}" for role in (service, f"{service}_machinery")]
    return Bench(*dsns, f"{head}/{service}", free_port(), free_port())
