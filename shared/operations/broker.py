"""What the broker tells operators: where the log begins and ends, how old what nobody applied is, what time it is.

Read by a consumer without a group, so that asking moves nothing.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

from shared import clock
from shared.kafka import client

CONNECT_SECONDS_MAX = 4.0
READ_SECONDS_MAX = 4.0
FETCH_BYTES = 64 * 1024  # one record of each partition is enough
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Log:
    """The log as far as a service hears it."""

    begins: Mapping[Place, int]
    ends: Mapping[Place, int]
    oldest: Mapping[Place, datetime]  # when the next event to be applied was sent
    damaged: Collection[Place]  # where the next one does not agree with its checksum any more
    ahead_seconds: float | None  # of its clock before ours; None if it does not tell


async def look(kafka: str, positions: Mapping[Place, int], more: Collection[str] = ()) -> Log | None:
    """The log at these positions, and of more topics how far it goes; None if the broker does not answer."""
    try:
        async with (
            asyncio.timeout(CONNECT_SECONDS_MAX + READ_SECONDS_MAX),
            reading(kafka, max_partition_fetch_bytes=FETCH_BYTES) as consumer,
        ):
            return await _look(consumer, positions, {*more, *(topic for topic, _ in positions)})
    except (KafkaError, OSError, TimeoutError):
        return None


@asynccontextmanager
async def reading(kafka: str, **more: Any) -> AsyncIterator[Any]:
    """A consumer that belongs to no group and commits nothing."""
    consumer = AIOKafkaConsumer(
        **client(kafka), group_id=None, enable_auto_commit=False, isolation_level="read_committed", **more
    )
    try:
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            await consumer.start()
        yield consumer
    finally:
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(2):
                await consumer.stop()


async def partitions(consumer: Any, topics: Collection[str]) -> list[TopicPartition]:
    """All partitions of those topics that exist."""
    client = consumer._client  # what the consumer itself offers knows only the topics that it subscribes to
    cluster = await client.fetch_all_metadata()  # and asking for a topic by its name could make it
    there = {topic: cluster.partitions_for_topic(topic) for topic in topics if topic in cluster.topics()}
    await client.set_topics(there)
    return [TopicPartition(topic, part) for topic in sorted(there) for part in sorted(there[topic] or ())]


async def _look(consumer: Any, positions: Mapping[Place, int], topics: Collection[str]) -> Log:
    there = await partitions(consumer, topics)
    begins = await consumer.beginning_offsets(there) if there else {}
    ends = await consumer.end_offsets(there) if there else {}
    behind = [tp for tp in there if begins[tp] <= positions.get(tuple(tp), ends[tp]) < ends[tp]]
    oldest, damaged = await _next(consumer, {tp: positions[tuple(tp)] for tp in behind})
    return Log(
        begins={(tp.topic, tp.partition): at for tp, at in begins.items()},
        ends={(tp.topic, tp.partition): at for tp, at in ends.items()},
        oldest=oldest,
        damaged=damaged,
        ahead_seconds=await _ahead_seconds(consumer),
    )


async def _next(consumer: Any, behind: Mapping[TopicPartition, int]) -> tuple[dict[Place, datetime], list[Place]]:
    """When the next record of each partition was sent, as far as it comes in time; and which of them are damaged."""
    found: dict[Place, datetime] = {}
    damaged: list[Place] = []
    if not behind:
        return found, damaged
    consumer.assign(list(behind))
    for tp, position in behind.items():
        consumer.seek(tp, position)
    left = deque(behind)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READ_SECONDS_MAX / 2):
            while left:
                tp = left.popleft()
                try:
                    records = (await consumer.getmany(tp, timeout_ms=200)).get(tp)
                except CorruptRecordException:
                    damaged.append((tp.topic, tp.partition))
                    continue
                except UnicodeDecodeError:  # the name of a header: its reader parks it
                    continue
                if records:
                    found[tp.topic, tp.partition] = datetime.fromtimestamp(records[0].timestamp / 1000, UTC)
                else:
                    left.append(tp)
    return found, damaged


async def _ahead_seconds(consumer: Any) -> float | None:
    """The broker's clock against ours, half the way there and back taken off."""
    client = consumer._client  # the quorum's state is the one answer of Kafka with the time in it
    try:
        asked = clock.now()
        answer = await client.send(client.get_random_node(), _Quorum())
        answered = clock.now()
        [voter] = [
            one
            for topic in answer.topics
            for partition in topic[1]
            for one in partition[5]
            if one[0] == partition[2]  # the leader says its own time; the others', when they were heard last
        ]
    except (KafkaError, NotImplementedError, ValueError):
        return None
    theirs = datetime.fromtimestamp(voter[3] / 1000, UTC)
    return (theirs - (asked + (answered - asked) / 2)).total_seconds()


_VOTER = (
    ("replica_id", Int32),
    ("log_end_offset", Int64),
    ("last_fetch_ms", Int64),
    ("last_caught_up_ms", Int64),
    ("tags", TaggedFields),
)


class _QuorumAnswer(Response):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY = 55
    API_VERSION = 1
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("voters", CompactArray(*_VOTER)),
                        ("observers", CompactArray(*_VOTER)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _QuorumQuestion(RequestStruct):  # type: ignore[misc]
    API_KEY = 55
    API_VERSION = 1
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _QuorumAnswer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(("partition", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Quorum(Request[_QuorumQuestion]):  # type: ignore[misc]
    API_KEY = 55

    def build(self, kind: type[_QuorumQuestion]) -> _QuorumQuestion:
        return kind([("__cluster_metadata", [(0, {})], {})], {})
