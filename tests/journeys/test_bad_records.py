"""Bad records on a topic: each is parked whole with its reason, and the next good one of its partition takes effect."""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import MessageSizeTooLargeError

from deploy.postgres.provision import dsn_of
from shared.events import PARTITIONS
from shared.events.intake import PARTICIPANTS
from shared.identity import new_id
from tests.conftest import admin_client, ends_of, eventually
from tests.journeys.bad_house import CANARY, logs_with, rows
from tests.journeys.bad_records import CASES, HOUSE, STRANGE, Case, Record, good
from tests.journeys.conftest import Kith

HEARERS = ("scheduling", "feedback", "analytics")
GOOD_AFTER_EACH = 2  # with fewer, the share of bad ones would stop the services, and rightly


@dataclass(frozen=True)
class Sent:
    """What stands on the topic, and the good ones behind each on the same partition."""

    kith: Kith
    bad: dict[str, Record]
    strange: dict[str, Record]
    good: list[UUID]

    async def ask(self, service: str, sql: str, *args: Any) -> Any:
        """Look into the store of a service, as its administrator."""
        store = await asyncpg.connect(dsn_of(self.kith.system.urls["postgres"], service))
        try:
            return await store.fetch(sql, *args)
        finally:
            await store.close()

    async def enrolled(self, service: str, people: Sequence[UUID]) -> int:
        """How many of them a service knows as enrolled."""
        [row] = await self.ask(service, "select count(*) from enrolments where participant_id = any($1)", people)
        return int(row["count"])


@asynccontextmanager
async def speaking(kith: Kith, **more: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A speaker that may say anything."""
    producer = AIOKafkaProducer(bootstrap_servers=kith.system.urls["kafka"], max_request_size=8_000_000, **more)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def say(producer: AIOKafkaProducer, record: Record, partition: int) -> None:
    await producer.send_and_wait(
        PARTICIPANTS, record.value, key=record.key, headers=list(record.headers), partition=partition
    )


async def say_good(producer: AIOKafkaProducer, partition: int) -> UUID:
    participant = new_id()
    await say(producer, good(participant), partition)
    return participant


@pytest.fixture(scope="module")
async def sent(kith: Kith) -> AsyncIterator[Sent]:
    """All cases, one after the other, each with good ones behind it; afterwards nothing of them is left."""
    bad = {case.name: case.change(good(new_id())) for case in CASES}
    strange = {name: change(good(new_id())) for name, change in STRANGE.items()}
    after: list[UUID] = []
    async with speaking(kith) as producer:
        for number, record in enumerate([*bad.values(), *strange.values()]):
            await say(producer, record, number % PARTITIONS)
            after += [await say_good(producer, number % PARTITIONS) for _ in range(GOOD_AFTER_EACH)]
    made = Sent(kith, bad, strange, after)
    for service in HEARERS:
        await eventually(lambda service=service: is_heard(made, service))  # type: ignore[misc]
    yield made
    for service in HEARERS:
        await made.ask(service, "delete from machinery.parked where topic = $1", PARTICIPANTS)
        await made.ask(service, "delete from machinery.parked_keys where topic = $1", PARTICIPANTS)
    await forget(made)


async def is_heard(sent: Sent, service: str) -> bool:
    return await sent.enrolled(service, sent.good) == len(sent.good)


async def forget(sent: Sent) -> None:
    """The topic begins where it ends: whoever reads it from the beginning later finds what a speaker would say."""
    ends: dict[TopicPartition, int] = await eventually(lambda: end_that_all_reached(sent))
    async with admin_client(sent.kith.system.urls["kafka"]) as admin:
        await admin.delete_records({tp: RecordsToDelete(before_offset=end) for tp, end in ends.items()})


async def end_that_all_reached(sent: Sent) -> dict[TopicPartition, int] | None:
    """Where the topic ends, once all services stand there: what begins behind a position has lost events for it."""
    ends = await ends_of(sent.kith.system.urls["kafka"], PARTICIPANTS)
    for service in HEARERS:
        rows = await sent.ask(service, "select part, next_offset from machinery.offsets where topic = $1", PARTICIPANTS)
        if {row["part"]: row["next_offset"] for row in rows} != {tp.partition: end for tp, end in ends.items()}:
            return None
    return ends


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
async def test_a_bad_record_is_parked_whole_with_its_reason(sent: Sent, case: Case) -> None:
    record = sent.bad[case.name]
    parked = (
        "select * from machinery.parked where raw_key is not distinct from $1 and raw_value is not distinct from $2"
    )
    for service in HEARERS:
        [row] = await sent.ask(service, parked, record.key, record.value)
        assert (row["reason"], row["field"]) == (case.reason, case.field)
        headers = [(name, text if text is None else base64.b64decode(text)) for name, text in decoded(row)]
        assert headers == list(record.headers)
        assert CANARY not in row["message"]


def decoded(row: Any) -> list[Any]:
    headers: list[Any] = json.loads(row["raw_headers"])
    return headers


@pytest.mark.parametrize("name", STRANGE)
async def test_a_strange_record_takes_effect(sent: Sent, name: str) -> None:
    participant = UUID((sent.strange[name].key or b"").decode())
    for service in HEARERS:
        assert await sent.enrolled(service, [participant]) == 1


async def test_nothing_is_half_written_and_no_log_tells_what_was_sent(sent: Sent) -> None:
    """What a good record leaves behind, so many times, and nothing more."""
    before = await rows(sent.kith, [HOUSE])
    async with speaking(sent.kith) as producer:
        after = [await say_good(producer, number % PARTITIONS) for number in range(24)]
    for service in HEARERS:
        await eventually(lambda service=service: all_enrolled(sent, service, after))  # type: ignore[misc]
    more = {name: count - before[name] for name, count in (await rows(sent.kith, [HOUSE])).items()}
    said = len(sent.good) + len(sent.strange)
    assert {name: before[name] * 24 for name in more if more[name]} == {
        name: count * said for name, count in more.items() if count
    }
    clocks = "analytics machinery.timers"  # two for each organisation, whatever is said
    assert [name for name, count in before.items() if count > 1 and not more[name] and name != clocks] == []
    assert logs_with(sent.kith, CANARY) == []


async def all_enrolled(sent: Sent, service: str, people: Sequence[UUID]) -> bool:
    return await sent.enrolled(service, people) == len(people)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_another_codec_is_read(sent: Sent, codec: str) -> None:
    async with speaking(sent.kith, compression_type=codec) as producer:
        participant = await say_good(producer, 3)
    for service in HEARERS:
        await eventually(lambda service=service: all_enrolled(sent, service, [participant]))  # type: ignore[misc]


async def test_what_a_speaker_takes_back_has_no_effect(sent: Sent) -> None:
    """Markers of transactions stand behind the records; the partition goes on after them."""
    async with speaking(sent.kith, transactional_id="a-speaker") as producer:
        await producer.begin_transaction()
        aborted = await say_good(producer, 5)
        await producer.abort_transaction()
        async with producer.transaction():
            kept = await say_good(producer, 5)
    for service in HEARERS:
        await eventually(lambda service=service: all_enrolled(sent, service, [kept]))  # type: ignore[misc]
        assert await sent.enrolled(service, [aborted]) == 0


async def test_a_record_over_1_mb_is_refused_by_the_broker(sent: Sent) -> None:
    async with speaking(sent.kith) as producer:
        with pytest.raises(MessageSizeTooLargeError):
            await say(producer, Record(b"k", b"x" * 1_200_000, ()), 7)


async def test_what_has_no_time_of_its_own_is_heard(sent: Sent) -> None:
    """Kafka's own timestamp is nobody's truth: a record of 1970 takes effect as any other."""
    one = new_id()
    record = good(one)
    async with speaking(sent.kith) as producer:
        await producer.send_and_wait(
            PARTICIPANTS, record.value, key=record.key, headers=list(record.headers), partition=9, timestamp_ms=0
        )
    for service in HEARERS:
        await eventually(lambda service=service: all_enrolled(sent, service, [one]))  # type: ignore[misc]
