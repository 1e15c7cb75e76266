"""PostgreSQL: pools, transactions that know their tenants, and migrations."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

import asyncpg
from asyncpg import Record

from shared import clock

__all__ = ["OUTAGES", "Database", "Record", "Tx", "made_of", "migrate", "see_only"]

SHARED_MIGRATIONS = Path(__file__).parent / "migrations"
SERVICES = Path(__file__).parent.parent / "services"
OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server's last word has come, and the end of its connection not yet
    asyncpg.InvalidCachedStatementError,  # a table has changed under us: the next try asks anew
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidTransactionStateError,
)
"""Errors that say the world is away or busy: what failed is right to be tried again as it is."""


T = TypeVar("T")


def made_of(kind: type[T], row: Record, **more: Any) -> T:
    """A value whose fields are columns of the row, but for `more`. Columns of a newer version are none of ours."""
    fields: dict[str, Any] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: row[name] for name in fields if name not in more}, **more)


@dataclass(slots=True)
class Tx:
    """One open transaction: its connection, its tenants, and what it will say when it commits."""

    connection: Any  # an asyncpg connection out of a pool; the pool's proxy type is not public
    organisations: tuple[UUID, ...]
    said: list[Any] = field(default_factory=list)
    causation: UUID | None = None

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        """All rows."""
        rows: list[Record] = await self.connection.fetch(sql, *args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        """The first row, or None."""
        row: Record | None = await self.connection.fetchrow(sql, *args)
        return row

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        return await self.connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Run a statement; the answer is PostgreSQL's command tag, such as `UPDATE 1`."""
        tag: str = await self.connection.execute(sql, *args)
        return tag

    async def executemany(self, sql: str, rows: Iterable[Any]) -> None:
        """Run a statement for each row."""
        await self.connection.executemany(sql, rows)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what happens inside, what was said included, when it raises."""
        said, organisations = len(self.said), self.organisations
        await self.connection.execute("savepoint inner_one")
        try:
            yield
        except BaseException:
            del self.said[said:]
            self.organisations = organisations
            await self.connection.execute("rollback to savepoint inner_one; release savepoint inner_one")
            raise
        await self.connection.execute("release savepoint inner_one")

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[None]:
        """Undo what happens inside in any case: locks that were needed to read are given back."""
        organisations = self.organisations
        await self.connection.execute("savepoint inner_one")
        yield
        self.organisations = organisations
        await self.connection.execute("rollback to savepoint inner_one; release savepoint inner_one")


class Database:
    """A pool of connections of one role."""

    def __init__(self, pool: "asyncpg.Pool[Record]") -> None:
        self.pool = pool
        self.on_said: Callable[[], None] = lambda: None  # called after a commit that said something

    @classmethod
    async def open(cls, dsn: str, *, size: int, name: str, seconds_max: int = 30) -> Self:
        """Connect. `name` is what PostgreSQL's own tools show; a statement may take `seconds_max`."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            command_timeout=seconds_max,
            max_inactive_connection_lifetime=60,
            server_settings={"application_name": name, "timezone": "UTC"},
            init=_read_json_as_values,
            reset=_nothing_to_reset,
        )
        return cls(pool)

    async def close(self) -> None:
        """Close all connections."""
        await self.pool.close()

    @asynccontextmanager
    async def transaction(self, *organisations: UUID) -> AsyncIterator[Tx]:
        """One transaction for these organisations. What it says is written just before it commits."""
        async with self.pool.acquire() as connection:
            await connection.execute(f"begin; set local kith.organisations = '{_list(organisations)}'")
            tx = Tx(connection, tuple(sorted(organisations)))
            try:
                yield tx
                if tx.said:
                    await _say(tx)
            except BaseException:
                await _roll_back(connection)
                raise
            await connection.execute("commit")
            if tx.said:
                self.on_said()


async def _nothing_to_reset(_: Any) -> None:
    """Whatever a transaction sets is its own, and asyncpg by itself ends one that was left open: a round trip less."""


async def _roll_back(connection: Any) -> None:
    """What went wrong first is what is told: a connection that cannot even roll back is thrown away."""
    try:
        if not connection.is_closed():
            await connection.execute("rollback")
    except OUTAGES:
        with suppress(*OUTAGES):  # it was given back already
            connection.terminate()


async def see_only(tx: Tx, organisations: Iterable[UUID]) -> None:
    """From here on the transaction is for these organisations; nothing is asked of the store if it is so already."""
    wanted = tuple(sorted(organisations))
    if wanted != tx.organisations:
        await tx.execute("select set_config('kith.organisations', $1, true)", _list(wanted))
        tx.organisations = wanted


def _list(organisations: Iterable[UUID]) -> str:
    return "{" + ",".join(str(UUID(str(one))) for one in organisations) + "}"


async def _read_json_as_values(connection: Any) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _say(tx: Tx) -> None:
    """Hand everything that was put to the outbox and the event log, in one statement.

    Aggregates are locked in one order by everybody, so that two who say much never wait for each other.
    """
    said = sorted(tx.said, key=lambda one: (one.topic, one.key))
    await tx.execute(
        "select machinery.say($1, $2, $3, $4, $5, $6)",
        [one.topic for one in said],
        [one.key for one in said],
        [one.organisation_id for one in said],
        [one.headers for one in said],
        [one.value for one in said],
        clock.now(),
    )


async def migrate(dsn: str, service: str, owner: str) -> list[str]:
    """Bring the store of a service up to date, as its owner; gives the names of the files that were applied.

    The files are plain SQL in dbmate's format, forward only. A file that changed after it was applied is refused.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f'set role "{owner}"')
        await connection.execute("select pg_advisory_lock(7205759403792)")
        await connection.execute(
            "create table if not exists schema_migrations (version text primary key, sha256 text not null)"
        )
        known: dict[str, str] = {
            row["version"]: row["sha256"] for row in await connection.fetch("select * from schema_migrations")
        }
        applied = []
        for path in _migrations(service):
            sql = path.read_text()
            digest = hashlib.sha256(sql.encode()).hexdigest()
            if known.get(path.name, digest) != digest:
                raise RuntimeError(f"{path} was applied before and has changed since: add a new file instead")
            if path.name not in known:
                await _apply(connection, service, path.name, sql, digest)
                applied.append(path.name)
        return applied
    finally:
        await connection.close()


def _migrations(service: str) -> list[Path]:
    """The machinery's files, then the service's own."""
    own = sorted((SERVICES / service / "migrations").glob("*.sql"))
    return [*sorted(SHARED_MIGRATIONS.glob("*.sql")), *own]


async def _apply(connection: Any, service: str, name: str, sql: str, digest: str) -> None:
    """One file in one transaction. `:doors` and `:machinery` stand for the roles of the service."""
    up = sql.partition("-- migrate:down")[0]
    text = up.replace(":doors", f'"{service}"').replace(":machinery", f'"{service}_machinery"')
    async with connection.transaction():
        await connection.execute(text)
        await connection.execute("insert into schema_migrations values ($1, $2)", name, digest)
