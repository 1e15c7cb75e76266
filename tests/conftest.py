"""What tests stand on: a real PostgreSQL and a real Kafka, started once, with a fresh store for each test."""

import asyncio
import contextlib
import gc
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

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
from shared.events import PARTITIONS
from shared.service import end
from tests.stores import fresh_store, stores  # noqa: F401  (fixtures)

# Every day by the same chance: what a commit breaks is its own. `make attack` and `make faults-all` look for more.
settings.register_profile("the same every day", derandomize=True, database=None)
settings.load_profile("the same every day")
gc.set_threshold(50_000)  # as a service has it: looking for garbage was a seventh of these tests
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
    gc.freeze()


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
