"""Real servers for a measurement, started and stopped with it."""

import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from deploy.local.child import Child, until
from deploy.local.kafka import Kafka
from deploy.local.parts import START_SECONDS_MAX
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.postgres.provision import dsn_of, login_roles, migrate

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
                assert await until(part.ready, START_SECONDS_MAX), child.last_lines()

            async def restart() -> None:
                await children[0].stop()
                children[0] = Child(postgres.name, postgres.prepare(), data / "postgresql.log")
                assert await until(postgres.ready, START_SECONDS_MAX)

            yield Servers(postgres.dsn, broker.address, restart)
        finally:
            for child in reversed(children):
                await child.stop()


async def fresh_database(servers: Servers, service: str) -> Bench:
    """A migrated store with its roles, as it is shipped."""
    roles = login_roles(service)
    await migrate(servers.admin_dsn, dict.fromkeys(roles, PASSWORD), [service])
    host = urlsplit(servers.admin_dsn).netloc.rpartition("@")[2]
    doors, machinery = (f"postgresql://{role}:{PASSWORD}@{host}/{service}" for role in roles)
    return Bench(doors, machinery, dsn_of(servers.admin_dsn, service), free_port(), free_port())


async def fetch(dsn: str, sql: str, *values: object) -> list[asyncpg.Record]:
    """As the administrator, who sees all rows."""
    connection = await asyncpg.connect(dsn)
    rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
    await connection.close()
    return rows


async def run_sql(dsn: str, sql: str) -> None:
    """As the administrator."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql)
    await connection.close()


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, with the least and the most."""
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f} .. {max(values):,.{digits}f}]"


def percentile(values: Sequence[float], share: float) -> float:
    """Such as p99 for 0.99."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
