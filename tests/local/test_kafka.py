"""The broker is real: events survive a crash, topics keep their shape."""

import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy import Trouble
from deploy.kafka.topics import ensure_topics
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from tests.local.conftest import running


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
        assert await ensure_topics(first.address, ["kith.test"]) == ["kith.test"]
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
        assert await ensure_topics(kafka.address, ["kith.a", "kith.b"]) == ["kith.a", "kith.b"]
        assert await ensure_topics(kafka.address, ["kith.a", "kith.b", "kith.c"]) == ["kith.c"]
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
        await admin.start()
        await admin.create_topics([NewTopic("kith.odd", 3, 1)])
        await admin.close()
        with pytest.raises(Trouble, match=r"kith\.odd has 3"):
            await ensure_topics(kafka.address, ["kith.new", "kith.odd"])
        with pytest.raises(Trouble, match=r"kith\.odd has 3"):
            await ensure_topics(kafka.address, ["kith.odd"])


async def test_a_broker_that_is_away_is_named() -> None:
    with pytest.raises(Trouble, match="Kafka does not answer at"):
        await ensure_topics(f"127.0.0.1:{free_port()}", ["kith.a"])
