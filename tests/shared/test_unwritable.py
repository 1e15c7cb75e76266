"""A broker that hangs, loses a disk or forgets who speaks: what can be written is, and nothing is out of order."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.errors import OutOfOrderSequenceNumber

from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from shared.events import PARTITIONS
from shared.outbox import Relay
from shared.outbox.resting import Rests
from shared.outbox.sending import EVERY, PARTITIONER
from tests.conftest import Parts, admin_client, ends_of, eventually, max_bytes, running
from tests.faults.proxy import Proxy, Weather
from tests.faults.servers import add_doors
from tests.local.conftest import running as started
from tests.shared.conftest import say

LEFT = "select count(*) from machinery.outbox"


class Frail(Kafka):
    """A broker with two disks and a short memory, and a second door that is behind a proxy."""

    def __init__(self, data: Path) -> None:
        super().__init__(data, free_port(), free_port())
        self.second_disk, self.door, self.connections = data / "second disk", free_port(), 0
        self.proxy = Proxy(free_port(), self.door, self._watch)

    def _write_configuration(self) -> Path:
        path = super()._write_configuration()
        disks = re.sub(r"(?m)^log\.dirs=.*$", rf"\g<0>,{self.second_disk}", path.read_text())
        more = (
            "log.flush.offset.checkpoint.interval.ms=500",  # so soon does it notice that a disk is gone
            "producer.id.expiration.ms=1000",
            "producer.id.expiration.check.interval.ms=100",
        )
        path.write_text(disks + "\n".join(more) + "\n")
        add_doors(path, {"relay": (self.door, self.proxy.port)})
        return path

    def _watch(self) -> Any:
        self.connections += 1
        return Blind()


class Blind:
    """Tells no moments."""

    def up(self, data: bytes) -> Iterator[str]:
        return iter(())

    down = up


@pytest.fixture(scope="module")
async def frail(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Frail]:
    data = tmp_path_factory.mktemp("frail")
    kafka = Frail(data)
    await kafka.proxy.start()
    async with started(kafka, data):
        yield kafka
    await kafka.proxy.stop()


@pytest.fixture
async def store(fresh_store: Any) -> Any:
    return await fresh_store()


@pytest.fixture
async def parcels_there(frail: Frail, parcels: Any) -> Any:
    """The event, on a topic of this broker."""
    async with admin_client(frail.address) as admin:
        await admin.create_topics([NewTopic(parcels.topic, PARTITIONS, 1)])
    return parcels


def relay_at(frail: Frail, store: Any) -> Relay:
    return Relay(store.machinery, f"127.0.0.1:{frail.proxy.port}")


async def versions(frail: Frail, topic: str, key: UUID) -> list[int]:
    """Those of one key, as they stand in the topic."""
    ends = await ends_of(frail.address, topic)
    reader = AIOKafkaConsumer(topic, bootstrap_servers=frail.address, auto_offset_reset="earliest")
    await reader.start()
    try:
        found = [await reader.getone() for _ in range(sum(ends.values()))]
    finally:
        await reader.stop()
    return [int(dict(one.headers)["ce_aggregateversion"]) for one in found if one.key == str(key).encode()]


def as_they_came_first(versions: list[int]) -> list[int]:
    """What a reader goes by that drops a version at or below the last one."""
    taken = [0]
    for version in versions:
        if version > taken[-1]:
            taken.append(version)
    return taken[1:]


async def test_nothing_is_sent_behind_what_the_client_gave_up(
    frail: Frail, store: Any, parcels_there: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.outbox.sending.REQUEST_MS", 1000)  # it gives up within a round
    parcel = uuid4()
    async with running(relay_at(frail, store).run()):
        await say(store, parcels_there, parcel, 1)
        await eventually(lambda: store.machinery.pool.fetchval(f"select ({LEFT}) = 0"))
        frail.proxy.set(Weather(stalled=frozenset({"up"})))
        before = frail.connections
        await say(store, parcels_there, parcel, *range(2, 400))  # more than the client takes before the first is away

        async def has_tried_again_and_again() -> bool:
            return frail.connections > before + 2

        await eventually(has_tried_again_and_again)
        frail.proxy.set(Weather())
        await eventually(lambda: store.machinery.pool.fetchval(f"select ({LEFT}) = 0"))
    assert as_they_came_first(await versions(frail, parcels_there.topic, parcel)) == list(range(1, 400))


async def test_a_producer_that_hangs_leaves_nothing_behind(frail: Frail, store: Any, parcels_there: Any) -> None:
    def tasks_of_kafka() -> set[Any]:
        codes = {task: getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks()}
        return {task for task, code in codes.items() if code and "aiokafka" in code.co_filename}

    before, relay = tasks_of_kafka(), relay_at(frail, store)

    async def is_sending() -> bool:
        return bool(relay.producer and relay.producer._sender._in_flight)

    async with running(relay.run()):
        await say(store, parcels_there, uuid4(), 1)
        await eventually(lambda: store.machinery.pool.fetchval(f"select ({LEFT}) = 0"))
        frail.proxy.set(Weather(stalled=frozenset({"up"})))
        await say(store, parcels_there, uuid4(), 1)
        await eventually(is_sending)
    frail.proxy.set(Weather())
    assert tasks_of_kafka() - before == set()
    async with running(relay_at(frail, store).run()):
        await eventually(lambda: store.machinery.pool.fetchval(f"select ({LEFT}) = 0"))


async def test_nothing_is_taken_behind_what_a_broker_refuses_that_has_forgotten_who_speaks(
    frail: Frail, store: Any, parcels_there: Any, admin_dsn: str, moved_clock: Any
) -> None:
    parcel, topic = uuid4(), parcels_there.topic
    await max_bytes(Parts(admin_dsn, frail.address), topic, 17_000)
    async with running(relay_at(frail, store).run()):
        await say(store, parcels_there, parcel, 1)
        await eventually(lambda: store.machinery.pool.fetchval(f"select ({LEFT}) = 0"))
        await forgotten(frail, topic)
        moved_clock(2 * 3600)
        async with store.machinery.transaction() as tx:
            await tx.execute("lock table machinery.outbox_lanes in exclusive mode")  # so that all leave in one round
            await say(store, parcels_there, parcel, *range(2, 100))
            await tx.execute("update machinery.outbox set value = repeat('x', 20000)::bytea where version = 2")
        await eventually(lambda: store.machinery.pool.fetchval(f"select ({LEFT}) = 0"))
    assert await store.machinery.pool.fetchval("select array_agg(version) from machinery.outbox_parked") == [2]
    assert await versions(frail, topic, parcel) == [1, *range(3, 100)]


async def forgotten(frail: Frail, topic: str) -> None:
    """Wait until the broker takes any sequence number of whoever was known to it up to now."""
    async with AIOKafkaProducer(bootstrap_servers=frail.address, enable_idempotence=True) as probe:
        await probe.send_and_wait(topic, b"{}", key=b"probe", partition=0)

        async def takes_any() -> bool:
            for place in probe._txn_manager._sequence_numbers:
                probe._txn_manager._sequence_numbers[place] += 100
            try:
                await probe.send_and_wait(topic, b"{}", key=b"probe", partition=0)
            except OutOfOrderSequenceNumber:
                return False
            return True

        await eventually(takes_any)


async def test_what_a_lost_disk_held_holds_up_nothing_else(frail: Frail, store: Any, parcels_there: Any) -> None:
    """Partitions that stay without a leader: what is sent there hangs."""
    topic, ids = parcels_there.topic, [uuid4() for _ in range(48)]

    # The broker makes the folder of a partition twice, and the disk with it: one that takes something is made for good.
    async with AIOKafkaProducer(bootstrap_servers=frail.address) as producer:
        for partition in range(PARTITIONS):
            await producer.send_and_wait(topic, b"made", partition=partition)
    gone = {int(folder.name.rpartition("-")[2]) for folder in frail.second_disk.glob(f"{topic}-*")}

    async def are_lost() -> bool:
        async with admin_client(frail.address) as admin:
            [told] = await admin.describe_topics([topic])
        return {one["partition"] for one in told["partitions"] if one["leader"] < 0} == gone

    frail.second_disk.rename(frail.second_disk.with_name("pulled out"))
    await eventually(are_lost)
    for number in range(10):
        for parcel in ids:
            await say(store, parcels_there, parcel, number)
    held = {str(one) for one in ids if PARTITIONER(str(one).encode(), EVERY, EVERY) in gone}
    assert 0 < len(held) < len(ids)
    async with running(relay_at(frail, store).run()):
        others = "select count(*) = 0 from machinery.outbox where key <> all($1)"
        await eventually(lambda: store.machinery.pool.fetchval(others, list(held)))
    assert await store.machinery.pool.fetchval(LEFT) == 10 * len(held)


def test_a_topic_is_left_alone_longer_and_longer_while_others_are_taken() -> None:
    rests, now, seconds = Rests(), 0.0, []
    for _ in range(7):
        rests.note({"well"}, {"sick"}, now)
        began = now
        while "sick" in rests.topics(now):
            now += 0.5
        seconds.append(now - began)
        rests.note({"well"}, set(), now)
    assert seconds == [1, 2, 4, 8, 16, 20, 20]


def test_while_nothing_is_taken_all_are_tried_again_soon_and_at_once_when_one_is_well() -> None:
    rests = Rests()
    for now in range(0, 100, 10):
        rests.note(set(), {"one", "other"}, now)
        assert {*rests.topics(now + 0.9)} == {"one", "other"}
        assert rests.topics(now + 1) == []
    rests.note({"one"}, set(), 90.5)
    assert rests.topics(90.5) == []


def test_a_topic_rests_whole_as_long_as_some_place_of_it_takes_nothing() -> None:
    rests = Rests()
    rests.note({"half"}, {"half"}, 0)
    rests.note({"half"}, {"half"}, 1)
    assert rests.topics(2.9) == ["half"]
    rests.note({"half"}, set(), 3)
    assert rests.topics(3) == []
