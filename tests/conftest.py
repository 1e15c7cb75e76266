"""What tests stand on: a real PostgreSQL and a real Kafka, started once, with a fresh store for each test."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.local.child import Child, until
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from shared.database import Database, migrate
from shared.events import PARTITIONS
from shared.service import end


class _Folders(LoadScopeScheduling):
    """Each folder of tests as a whole with one worker: its files share what the folder has started."""

    def _split_scope(self, nodeid: str) -> str:
        return "/".join(nodeid.split("/")[:2])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Two workers side by side."""
    return _Folders(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders that take longest come first, so that both workers end at about the same time."""
    longest = ("journeys", "feedback", "web", "intake", "analytics")
    folders = [*longest, *sorted({item.path.parent.name for item in items} - set(longest))]
    items.sort(key=lambda item: folders.index(item.path.parent.name))


@dataclass(frozen=True)
class Parts:
    """The two servers that everything stands on."""

    admin_dsn: str
    kafka: str


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the servers' data; PostgreSQL's plain account may pass through."""
    folder = tmp_path_factory.mktemp("kith")
    everybodys = Path(tempfile.gettempdir())
    for parent in [folder, *folder.parents]:
        if parent != everybodys and parent.is_relative_to(everybodys):
            parent.chmod(0o711)
    return folder


@pytest.fixture(scope="session")
async def parts(data_folder: Path) -> AsyncIterator[Parts]:
    """PostgreSQL and Kafka of the environment, or our own."""
    if os.environ.get("KITH_POSTGRES") and os.environ.get("KITH_KAFKA"):
        yield Parts(os.environ["KITH_POSTGRES"], os.environ["KITH_KAFKA"])
        return
    postgres = Postgres(data_folder, free_port())
    kafka = Kafka(data_folder, free_port(), free_port())
    store, broker = postgres.prepare(), kafka.prepare()
    # Each test has a fresh store, and none outlives this run: waiting for the disk would be most of the time.
    store = replace(store, command=[*store.command, "-c", "fsync=off", "-c", "full_page_writes=off"])
    children = [
        Child(part.name, launch, data_folder / "logs" / f"{part.name}.log")
        for part, launch in ((postgres, store), (kafka, broker))
    ]
    try:
        for part, child in zip((postgres, kafka), children, strict=True):
            assert await until(part.ready, part.wait_seconds), child.last_lines()
        yield Parts(postgres.dsn, kafka.address)
    finally:
        for child in reversed(children):
            await child.stop()


@dataclass(frozen=True)
class Store:
    """A fresh store with the machinery of every service, and its two roles."""

    dsn: str
    dsn_machinery: str
    dsn_admin: str
    doors: Database
    machinery: Database


PASSWORD = "only-for-tests"


@pytest.fixture(scope="session")
async def store_template(parts: Parts) -> Callable[[str], Awaitable[str]]:
    """Makes, once for each service, a migrated database that fresh stores are copied from."""
    made: dict[str, str] = {}

    async def template(service: str) -> str:
        if service not in made:
            made[service] = await _make_template(parts, service)
        return made[service]

    return template


async def _make_template(parts: Parts, service: str) -> str:
    name = f"template_{service}_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(parts.admin_dsn)
    for role, kind in ((f"{service}_owner", "nologin"), (service, "login"), (f"{service}_machinery", "login")):
        if not await admin.fetchval("select true from pg_roles where rolname = $1", role):
            await admin.execute(f"create role {role} {kind} password '{PASSWORD}'")
    await admin.execute(f"create database {name} owner {service}_owner")
    await admin.close()
    await migrate(_at(parts.admin_dsn, name), service, f"{service}_owner")
    return name


def _at(dsn: str, database: str, role: str | None = None) -> str:
    head, _, _ = dsn.rpartition("/")
    if role:
        scheme, _, rest = head.partition("://")
        head = f"{scheme}://{role}:{PASSWORD}@{rest.rpartition('@')[2]}"
    return f"{head}/{database}"


@pytest.fixture
async def fresh_store(parts: Parts, store_template: Callable[[str], Awaitable[str]]) -> AsyncIterator[Any]:
    """A function that opens a fresh store of a service; `parcels` has nothing but the machinery."""
    opened: list[Store] = []

    async def fresh(service: str = "parcels") -> Store:
        name = f"store_{uuid4().hex[:12]}"
        template = await store_template(service)
        admin = await asyncpg.connect(parts.admin_dsn)
        await admin.execute(f"create database {name} template {template} owner {service}_owner strategy file_copy")
        await admin.execute(f"grant all on database {name} to {service}, {service}_machinery")
        await admin.close()
        dsn = _at(parts.admin_dsn, name, service)
        dsn_machinery = _at(parts.admin_dsn, name, f"{service}_machinery")
        store = Store(
            dsn,
            dsn_machinery,
            _at(parts.admin_dsn, name),
            await Database.open(dsn, size=4, name="test doors"),
            await Database.open(dsn_machinery, size=4, name="test machinery"),
        )
        opened.append(store)
        return store

    yield fresh
    for store in opened:
        await store.doors.close()
        await store.machinery.close()


@pytest.fixture
async def fresh_topic(parts: Parts) -> Callable[..., Awaitable[str]]:
    """A function that makes a topic of its own."""

    async def fresh(partitions: int = PARTITIONS) -> str:
        name = f"test.{uuid4().hex[:12]}"
        async with admin_client(parts.kafka) as admin:
            await admin.create_topics([NewTopic(name, partitions, 1)])
        return name

    return fresh


@contextlib.asynccontextmanager
async def admin_client(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An administrator of the broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def running(*work: Any) -> AsyncIterator[None]:
    """Run these coroutines meanwhile; one that fails fails the test."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        await end(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)


async def eventually(condition: Callable[[], Awaitable[Any]], limit_seconds: float = 60) -> Any:
    """Wait until the condition gives something true, and give that."""
    found: list[Any] = []

    async def holds() -> bool:
        found[:] = [await condition()]
        return bool(found[0])

    assert await until(holds, limit_seconds), f"still {found[0]!r} after {limit_seconds} s"
    return found[0]


@pytest.fixture
def moved_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock of this process by so many seconds."""
    path = tmp_path / "clock"
    path.write_text("0")
    monkeypatch.setenv("KITH_CLOCK_FILE", str(path))

    def move(seconds: float) -> None:
        path.write_text(str(seconds))
        os.utime(path, ns=(0, int(seconds * 1000) + 1))

    return move
