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
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.local.child import Child, until
from deploy.local.kafka import Kafka
from deploy.local.parts import START_SECONDS_MAX
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from shared.database import Database, migrate
from shared.events import PARTITIONS
from shared.service import end

# Every day by the same chance: what a commit breaks is its own. `make attack` and `make faults-all` look for more.
settings.register_profile("the same every day", derandomize=True, database=None)
settings.load_profile("the same every day")
DYING, BY_CHANCE = "journeys in which parts die", "journeys by chance"
JOURNEYS_APART = {
    "test_away": DYING,
    "test_command": DYING,
    "test_concerns": DYING,
    "test_operations": DYING,
    "test_two_of_each": DYING,
    "test_generated": BY_CHANCE,
}
LONGEST = ("journeys", DYING, "feedback", "shared", "intake", "local", BY_CHANCE, "attack", "web", "analytics")


def _unit(nodeid: str) -> str:
    """What one worker runs as a whole: a folder, as its files share what they have started; journeys in three parts."""
    folder, _, file = nodeid.removeprefix("tests/").partition("/")
    return JOURNEYS_APART.get(file.partition(".")[0], folder) if folder == "journeys" else folder


class _Units(LoadScopeScheduling):
    """Each unit with one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return _unit(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Workers side by side."""
    return _Units(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that all workers end at about the same time."""
    units = [*LONGEST, *sorted({_unit(item.nodeid) for item in items} - set(LONGEST))]
    items.sort(key=lambda item: units.index(_unit(item.nodeid)))


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
async def admin_dsn(data_folder: Path) -> AsyncIterator[str]:
    """PostgreSQL of the environment, or our own."""
    if named := os.environ.get("KITH_POSTGRES"):
        yield named
        return
    postgres = Postgres(data_folder, free_port())
    launch = postgres.prepare()
    # Each test has a fresh store, and none outlives this run: waiting for the disk would be most of the time.
    launch = replace(launch, command=[*launch.command, "-c", "fsync=off", "-c", "full_page_writes=off"])
    async with _started(postgres, Child(postgres.name, launch, data_folder / "logs" / "postgresql.log")):
        yield postgres.dsn


@pytest.fixture(scope="session")
async def parts(data_folder: Path, admin_dsn: str) -> AsyncIterator[Parts]:
    """Kafka too."""
    if named := os.environ.get("KITH_KAFKA"):
        yield Parts(admin_dsn, named)
        return
    kafka = Kafka(data_folder, free_port(), free_port())
    async with _started(kafka, Child(kafka.name, kafka.prepare(), data_folder / "logs" / "kafka.log")):
        yield Parts(admin_dsn, kafka.address)


@contextlib.asynccontextmanager
async def _started(part: Postgres | Kafka, child: Child) -> AsyncIterator[None]:
    try:
        assert await until(part.ready, START_SECONDS_MAX), child.last_lines()
        yield
    finally:
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
async def store_template(admin_dsn: str) -> Callable[[str], Awaitable[str]]:
    """Makes, once for each service, a migrated database that fresh stores are copied from."""
    made: dict[str, str] = {}

    async def template(service: str) -> str:
        if service not in made:
            made[service] = await _make_template(admin_dsn, service)
        return made[service]

    return template


async def _make_template(admin_dsn: str, service: str) -> str:
    name = f"template_{service}_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(admin_dsn)
    for role, kind in ((f"{service}_owner", "nologin"), (service, "login"), (f"{service}_machinery", "login")):
        if not await admin.fetchval("select true from pg_roles where rolname = $1", role):
            await admin.execute(f"create role {role} {kind} password '{PASSWORD}'")
    await admin.execute(f"create database {name} owner {service}_owner")
    await admin.close()
    await migrate(_at(admin_dsn, name), service, f"{service}_owner")
    return name


def _at(dsn: str, database: str, role: str | None = None) -> str:
    head, _, _ = dsn.rpartition("/")
    if role:
        scheme, _, rest = head.partition("://")
        head = f"{scheme}://{role}:{PASSWORD}@{rest.rpartition('@')[2]}"
    return f"{head}/{database}"


@pytest.fixture
async def fresh_store(admin_dsn: str, store_template: Callable[[str], Awaitable[str]]) -> AsyncIterator[Any]:
    """A function that opens a fresh store of a service; `parcels` has nothing but the machinery."""
    opened: list[Store] = []

    async def fresh(service: str = "parcels") -> Store:
        name = f"store_{uuid4().hex[:12]}"
        template = await store_template(service)
        admin = await asyncpg.connect(admin_dsn)
        await admin.execute(f"create database {name} template {template} owner {service}_owner strategy file_copy")
        await admin.execute(f"grant all on database {name} to {service}, {service}_machinery")
        await admin.close()
        dsn = _at(admin_dsn, name, service)
        dsn_machinery = _at(admin_dsn, name, f"{service}_machinery")
        store = Store(
            dsn,
            dsn_machinery,
            _at(admin_dsn, name),
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


async def ends_of(kafka: str, topic: str) -> dict[TopicPartition, int]:
    """Where each partition of a topic ends just now."""
    places = [TopicPartition(topic, part) for part in range(PARTITIONS)]
    reader = AIOKafkaConsumer(bootstrap_servers=kafka)
    await reader.start()
    try:
        ends: dict[TopicPartition, int] = await reader.end_offsets(places)
    finally:
        await reader.stop()
    return ends


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


async def eventually(condition: Callable[[], Awaitable[Any]], limit_seconds: float = 180) -> Any:
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


async def max_bytes(parts: Parts, topic: str, count: int) -> None:
    """The broker takes so much from now on: it goes by it a moment after it has said so."""
    async with admin_client(parts.kafka) as admin:

        async def goes_by_it() -> bool:
            [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
            [(*_, entries)] = answer.resources
            return ("max.message.bytes", str(count)) in {tuple(one[:2]) for one in entries}

        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": str(count)})])
        await eventually(goes_by_it)
