"""The broker is real: events survive a crash, topics keep their shape."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy import Trouble
from deploy.kafka.topics import ensure_topics
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from shared.events import PARTITIONS
from tests.conftest import admin_client, eventually
from tests.local.conftest import running, temporary_folder

DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture(scope="module")
async def broker() -> AsyncIterator[Kafka]:
    """One for all tests that leave it as it is."""
    with temporary_folder() as data:
        kafka = Kafka(data, free_port(), free_port())
        async with running(kafka, data):
            yield kafka


async def is_known(admin: AIOKafkaAdminClient, name: str) -> bool:
    return name in await admin.list_topics()


async def settings_of(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    [(*_, entries)] = answer.resources
    return {setting: value for setting, value, *_ in entries}


async def _say(address: str, text: bytes) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=address, enable_idempotence=True, compression_type="zstd"
    ) as producer:
        await producer.send_and_wait("kith.test", text, key=b"k")


async def _heard(address: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(
        "kith.test", bootstrap_servers=address, auto_offset_reset="earliest", group_id="g"
    ) as consumer:
        return [(await consumer.getone()).value for _ in range(count)]


async def test_what_was_said_is_there_after_a_kill_and_a_move_to_other_ports(data: Path) -> None:
    first = Kafka(data, free_port(), free_port())
    async with running(first, data) as child:
        assert await ensure_topics(first.address, ["kith.test"]) == {"kith.test": "created"}
        await _say(first.address, b"one")
        child.kill()
    second = Kafka(data, free_port(), free_port())
    began = time.monotonic()
    async with running(second, data):
        assert time.monotonic() - began < 30, "the old session must not be waited for"
        await _say(second.address, b"two")
        assert await _heard(second.address, 2) == [b"one", b"two"]


async def test_topics_keep_their_shape(data: Path) -> None:
    kafka = Kafka(data, free_port(), free_port())
    async with running(kafka, data):
        names = ["kith.a", "kith.b", "kith.c"]
        assert await ensure_topics(kafka.address, names[:2]) == dict.fromkeys(names[:2], "created")
        became = await ensure_topics(kafka.address, names)
        assert list(became.values()) == ["verified", "verified", "created"]
        async with admin_client(kafka.address) as admin:
            await admin.create_topics([NewTopic("kith.odd", 3, 1)])
        with pytest.raises(Trouble, match=r"kith\.odd has 3"):
            await ensure_topics(kafka.address, ["kith.new", "kith.odd"])
        with pytest.raises(Trouble, match=r"kith\.odd has 3"):
            await ensure_topics(kafka.address, ["kith.odd"])


async def test_topics_forget_their_events_after_90_days_at_the_latest(data: Path) -> None:
    """A segment goes as a whole, a retention after its youngest event: its oldest must not be much older."""
    kafka = Kafka(data, free_port(), free_port())
    async with running(kafka, data), admin_client(kafka.address) as admin:
        await ensure_topics(kafka.address, ["kith.new"])
        earlier = {"retention.ms": str(90 * DAY_MS), "min.insync.replicas": "1", "max.message.bytes": "2000000"}
        await admin.create_topics([NewTopic("kith.earlier", PARTITIONS, 1, topic_configs=earlier)])
        await eventually(lambda: is_known(admin, "kith.earlier"))
        assert (await ensure_topics(kafka.address, ["kith.new", "kith.earlier"])) == {
            "kith.new": "verified",
            "kith.earlier": "changed: events are kept for 89 days from now on",
        }

        async def is_verified() -> bool:  # the broker goes by it a moment after it has said so
            return await ensure_topics(kafka.address, ["kith.earlier"]) == {"kith.earlier": "verified"}

        await eventually(is_verified)
        for name in ("kith.new", "kith.earlier"):
            own = await settings_of(admin, name)
            assert int(own["retention.ms"]) + int(own["segment.ms"]) <= 90 * DAY_MS
        assert (own["max.message.bytes"], own["cleanup.policy"]) == ("2000000", "delete")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("retention.ms", "-1"), ("retention.ms", str(7 * 86_400_000)), ("cleanup.policy", "compact,delete")],
)
async def test_a_topic_that_keeps_events_otherwise_is_refused(broker: Kafka, setting: str, value: str) -> None:
    async with admin_client(broker.address) as admin:
        name = f"kith.{uuid4().hex}"
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs={setting: value})])
        await eventually(lambda: is_known(admin, name))
        with pytest.raises(Trouble, match=f"{name} has {setting}={value}: set .*retention.ms={89 * DAY_MS}"):
            await ensure_topics(broker.address, [name, "kith.not-made-then"])
        assert not await is_known(admin, "kith.not-made-then")


async def test_a_broker_that_is_away_is_named() -> None:
    with pytest.raises(Trouble, match="Kafka does not answer at"):
        await ensure_topics(f"127.0.0.1:{free_port()}", ["kith.a"])
