"""Fresh stores: copies of a migrated one, which take most of a small test, and those that a test has left, emptied."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from shared.database import Database, migrate

PASSWORD = "only-for-tests"
_ALONE = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()"""
BYTES_MAX = 4_000_000  # deleted rows stay in the way of whoever reads a table
_OWN = """
    select c.oid::regclass::text as name, pg_relation_size(c.oid) as bytes from pg_class c
    where c.relkind = 'r' and c.relnamespace not in (
        'pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace
    )"""
_SHAPE = """
    with mine as (
        select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
    ), rows as (
        select 'class' as kind, oid, xmin from pg_class where relnamespace in (select oid from mine)
        union all select 'attribute', attrelid, a.xmin from pg_attribute a join pg_class c on c.oid = attrelid
                  where relnamespace in (select oid from mine)
        union all select 'proc', oid, xmin from pg_proc where pronamespace in (select oid from mine)
        union all select 'type', oid, xmin from pg_type where typnamespace in (select oid from mine)
        union all select 'constraint', oid, xmin from pg_constraint where connamespace in (select oid from mine)
        union all select 'policy', oid, xmin from pg_policy
        union all select 'trigger', oid, xmin from pg_trigger
        union all select 'namespace', oid, xmin from pg_namespace
        union all select 'database', oid, xmin from pg_database where datname = current_database()
        union all select 'setting', setdatabase, xmin from pg_db_role_setting
    )
    select md5(string_agg(concat_ws(' ', kind, oid, xmin), ',' order by kind, oid, xmin::text)) from rows"""
"""What a test may change beside rows: tables, functions, grants, settings. Each has a new xmin once it is changed."""


@dataclass(frozen=True)
class Store:
    """A fresh store with the machinery of every service, and its two roles."""

    dsn: str
    dsn_machinery: str
    dsn_admin: str
    doors: Database
    machinery: Database


@dataclass
class Stores:
    """The stores of this run, by service: the one that is copied, and those that may be used again."""

    admin_dsn: str
    templates: dict[str, str] = field(default_factory=dict)
    seeded: dict[str, list[str]] = field(default_factory=dict)  # what migrations have put rows into
    spare: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # names, each with how it was made

    async def open(self, service: str) -> tuple[Store, str]:
        """A store with nothing in it, and how it is made."""
        if service not in self.templates:
            self.templates[service] = await self._template(service)
        spare = self.spare.setdefault(service, [])
        name, made = spare.pop() if spare else await self._copy(service)
        dsn, dsn_machinery = self._at(name, service), self._at(name, f"{service}_machinery")
        doors = await Database.open(dsn, size=4, name="test doors")
        machinery = await Database.open(dsn_machinery, size=4, name="test machinery")
        return Store(dsn, dsn_machinery, self._at(name), doors, machinery), made

    async def take_back(self, service: str, store: Store, made: str) -> None:
        """Empty it, if all that has changed are rows."""
        await store.doors.close()
        await store.machinery.close()
        admin = await asyncpg.connect(store.dsn_admin)
        try:
            if await self._made(admin, service) == made and await self._empty(admin, service):
                self.spare[service].append((store.dsn_admin.rpartition("/")[2], made))
        finally:
            await admin.close()

    async def _template(self, service: str) -> str:
        name = f"template_{service}_{uuid4().hex[:8]}"
        admin = await asyncpg.connect(self.admin_dsn)
        for role, kind in ((f"{service}_owner", "nologin"), (service, "login"), (f"{service}_machinery", "login")):
            if not await admin.fetchval("select true from pg_roles where rolname = $1", role):
                await admin.execute(f"create role {role} {kind} password '{PASSWORD}'")
        await admin.execute(f"create database {name} owner {service}_owner")
        await admin.close()
        await migrate(self._at(name), service, f"{service}_owner")
        admin = await asyncpg.connect(self._at(name))
        tables = [row["name"] for row in await admin.fetch(_OWN)]
        self.seeded[service] = [one for one in tables if await admin.fetchval(f"select exists (select from {one})")]
        await admin.close()
        return name

    async def _copy(self, service: str) -> tuple[str, str]:
        name = f"store_{uuid4().hex[:12]}"
        admin = await asyncpg.connect(self.admin_dsn)
        template = self.templates[service]
        await admin.execute(f"create database {name} template {template} owner {service}_owner strategy file_copy")
        await admin.execute(f"grant all on database {name} to {service}, {service}_machinery")
        await admin.close()
        admin = await asyncpg.connect(self._at(name))
        made = await self._made(admin, service)
        await admin.close()
        return name, made

    async def _made(self, admin: asyncpg.Connection, service: str) -> str:
        """How a store is made: its shape, and what migrations have written."""
        rows = [
            await admin.fetchval(f"select string_agg(t::text, '|' order by t::text) from {one} t")
            for one in self.seeded[service]
        ]
        return f"{await admin.fetchval(_SHAPE)} {rows}"

    async def _empty(self, admin: asyncpg.Connection, service: str) -> bool:
        """Whether it is as if new: nobody is in it any more, and it has no rows."""
        if not await admin.fetchval("select rolsuper from pg_roles where rolname = current_user"):
            return False
        await admin.execute(_ALONE)
        tables = [(row["name"], row["bytes"]) for row in await admin.fetch(_OWN) if row["bytes"]]
        if sum(size for _, size in tables) > BYTES_MAX:
            return False
        filled = [name for name, _ in tables if name not in self.seeded[service]]
        emptying = "".join(f"delete from {name};" for name in filled)
        await admin.execute(f"set session_replication_role = replica; {emptying}")
        await admin.execute("select setval(seqrelid::regclass, seqstart, false) from pg_sequence")
        return True

    def _at(self, database: str, role: str | None = None) -> str:
        head, _, _ = self.admin_dsn.rpartition("/")
        if role:
            scheme, _, rest = head.partition("://")
            head = f"{scheme}://{role}:{PASSWORD}@{rest.rpartition('@')[2]}"
        return f"{head}/{database}"


@pytest.fixture(scope="session")
async def stores(admin_dsn: str) -> Stores:
    """All of this run."""
    return Stores(admin_dsn)


@pytest.fixture
async def fresh_store(stores: Stores) -> AsyncIterator[Any]:
    """A function that opens a fresh store of a service; `parcels` has nothing but the machinery."""
    opened: list[tuple[str, Store, str]] = []

    async def fresh(service: str = "parcels") -> Store:
        store, made = await stores.open(service)
        opened.append((service, store, made))
        return store

    yield fresh
    for one in opened:
        await stores.take_back(*one)
