"""Saying and hearing over the real broker: nothing lost, nothing twice, in order, bad ones parked."""

import asyncio
import itertools
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidTimestampError
from structlog.testing import LogCapture

from shared import metrics
from shared.clock import now
from shared.database import Tx
from shared.events import PARTITIONS, Heard
from shared.inbox import parked
from shared.inbox import store as inbox
from shared.inbox.batch import Applying
from shared.inbox.flood import Flood
from shared.inbox.hearing import Hearing
from shared.inbox.positions import Lost, Positions
from shared.operations import standstill
from shared.operations.health import examine
from shared.outbox import Relay, put
from tests.conftest import Parts, admin_client, ends_of, eventually, max_bytes, running
from tests.shared.conftest import AT, ORGANISATION, Register, numbers_heard, say

HAS = "select exists (select from register where number = $1)"
HEADERS = '{"ce_type": "late"}'


def hearing(store: Any, parts: Parts, kind: Any, **more: Any) -> Hearing:
    return Hearing(store.machinery, parts.kafka, f"g-{kind.topic}", Applying({kind: Register.on_parcel_sent}), **more)


@pytest.fixture
async def store(fresh_store: Any) -> Any:
    opened = await fresh_store()
    await Register.make(opened.dsn_admin)
    return opened


@pytest.fixture
def capture() -> Iterator[LogCapture]:
    """What is logged."""
    before, found = structlog.get_config(), LogCapture()
    structlog.configure(processors=[found])
    yield found
    structlog.configure(**before)


async def test_what_is_said_is_heard_once_and_in_order(store: Any, parts: Parts, parcels: Any) -> None:
    ids = [uuid4() for _ in range(20)]
    relay = Relay(store.machinery, parts.kafka)
    async with running(relay.run(), hearing(store, parts, parcels).run()):
        for number in range(1, 11):
            for parcel in ids:
                await say(store, parcels, parcel, number)

        async def all_there() -> bool:
            return await store.machinery.pool.fetchval("select count(*) from register") == 200

        await eventually(all_there)
    for parcel in ids:
        assert await numbers_heard(store, parcel) == list(range(1, 11))
    assert await store.machinery.pool.fetchval("select count(*) from machinery.outbox") == 0
    assert await store.machinery.pool.fetchval("select count(*) from machinery.event_log") == 200


async def versions(parts: Parts, topic: str, count: int, key: UUID) -> list[int]:
    """The versions of one key, as they stand in the topic."""
    found = [one for one in await records(parts, topic, count) if one.key == str(key).encode()]
    return [int(dict(one.headers)["ce_aggregateversion"]) for one in found]


async def test_what_another_relay_left_in_its_lane_is_not_overtaken(store: Any, parts: Parts, parcels: Any) -> None:
    held, pool = uuid4(), store.machinery.pool
    await say(store, parcels, held, 1)
    lane = await pool.fetchval("select lane from machinery.outbox")
    frozen = await asyncpg.connect(store.dsn_admin)
    await frozen.execute("begin")
    await frozen.execute("select from machinery.outbox_lanes where lane = $1 for update", lane)
    async with running(Relay(store.machinery, parts.kafka).run()):
        for _ in range(50):
            await say(store, parcels, uuid4(), *range(1, 31))
        await eventually(lambda: pool.fetchval("select count(*) = 0 from machinery.outbox where lane <> $1", lane))
        await say(store, parcels, held, 2)
        await frozen.close()
        await eventually(lambda: pool.fetchval("select count(*) = 0 from machinery.outbox"))
    assert await versions(parts, parcels.topic, 1502, held) == [1, 2]


async def test_an_event_that_is_committed_late_is_not_overtaken(store: Any, parts: Parts, parcels: Any) -> None:
    late, pool = uuid4(), store.machinery.pool
    async with running(Relay(store.machinery, parts.kafka).run()):
        slow = await asyncpg.connect(store.dsn)
        await slow.execute(f"begin; set local kith.organisations = '{{{ORGANISATION}}}'")
        await slow.execute(
            "select machinery.say($1, $2, $3, $4, $5, $6)",
            *([parcels.topic], [str(late)], [ORGANISATION], [HEADERS], [b"{}"], AT),
        )
        for _ in range(50):
            await say(store, parcels, uuid4(), *range(1, 31))
        await eventually(lambda: pool.fetchval("select count(*) = 0 from machinery.outbox"))
        await slow.execute("commit")
        await slow.close()
        await say(store, parcels, late, 2)
        await eventually(lambda: pool.fetchval("select count(*) = 0 from machinery.outbox"))
    assert await versions(parts, parcels.topic, 1502, late) == [1, 2]


async def test_sent_rows_that_an_old_snapshot_holds_do_not_pile_up(
    store: Any, parts: Parts, parcels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.outbox.relay.TURN_ROWS", 100)
    pool = store.machinery.pool
    reader = await asyncpg.connect(store.dsn_admin)
    async with reader.transaction(isolation="repeatable_read", readonly=True):
        await reader.fetchval("select count(*) from pg_class")  # takes the snapshot, and no lock on the outbox
        async with running(Relay(store.machinery, parts.kafka).run()):
            for _ in range(40):
                await say(store, parcels, uuid4(), *range(1, 26))
                await eventually(lambda: pool.fetchval("select count(*) = 0 from machinery.outbox"))
        pages = "select sum(pg_relation_size(c) / 8192) from unnest($1::regclass[]) c"
        assert await pool.fetchval(pages, ["machinery.outbox_0", "machinery.outbox_1"]) < 60  # else about 160
    await reader.close()
    assert len(await records(parts, parcels.topic, 1000)) == 1000


async def test_what_rolls_back_is_never_said(store: Any, parcels: Any) -> None:
    async def fails() -> None:
        async with store.doors.transaction(ORGANISATION) as tx:
            put(tx, parcels(parcel_id=uuid4(), number=1), organisation=ORGANISATION, at=AT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert await store.machinery.pool.fetchval("select count(*) from machinery.outbox") == 0


async def test_nothing_can_be_said_for_an_organisation_outside_the_transaction(store: Any, parcels: Any) -> None:
    with pytest.raises(Exception, match="outside this transaction"):
        async with store.doors.transaction(ORGANISATION) as tx:
            put(tx, parcels(parcel_id=uuid4(), number=1), organisation=uuid4(), at=AT)


async def test_the_doors_can_neither_read_nor_change_the_machinery(store: Any) -> None:
    for sql in (
        "select * from machinery.outbox",
        "delete from machinery.offsets",
        "update machinery.timers set due_at = due_at",
        "select * from machinery.event_log",
    ):
        with pytest.raises(Exception, match="permission denied"):
            async with store.doors.transaction(ORGANISATION) as tx:
                await tx.fetch(sql)


async def test_an_event_is_a_cloud_event_in_binary_mode(store: Any, parts: Parts, parcels: Any) -> None:
    parcel = uuid4()
    await say(store, parcels, parcel, 1, 2)
    async with running(Relay(store.machinery, parts.kafka).run()):
        first, second = await records(parts, parcels.topic, 2)
    assert first.key == str(parcel).encode()
    assert first.value == f'{{"parcel_id":"{parcel}","number":1}}'.encode()
    headers = {name: value.decode() for name, value in first.headers}
    assert UUID(headers.pop("ce_id")).version == 7
    assert headers == {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_source": "/kith/conftest",
        "ce_type": parcels.ce_type(),
        "ce_subject": str(parcel),
        "ce_time": "2025-03-04T18:00:00Z",
        "ce_organisation": str(ORGANISATION),
        "ce_aggregateversion": "1",
    }
    assert dict(second.headers)["ce_aggregateversion"] == b"2"


async def records(parts: Parts, topic: str, count: int) -> list[Any]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=parts.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()


GOOD = {
    "ce_id": str(uuid4()).encode(),
    "ce_time": b"2025-03-04T18:00:00Z",
    "ce_organisation": str(ORGANISATION).encode(),
    "ce_aggregateversion": b"1",
}


@pytest.mark.parametrize(
    ("headers", "value", "reason", "field"),
    [
        ({"ce_type": None}, b"{}", "null-header", "ce_type"),
        ({"ce_type": b"\xff\xfe"}, b"{}", "bad-header", "ce_type"),
        ({"ce_type": b"org.kith.never-heard-of.v1"}, b"{}", "unknown-type", "ce_type"),
        ({"ce_type": b"TYPE.v2"}, b"{}", "future-version", "ce_type"),
        ({"ce_type": b"TYPE.v1", "ce_aggregateversion": b"x"}, b"BODY", "bad-header", "ce_aggregateversion"),
        ({"ce_type": b"TYPE.v1", "ce_organisation": b"x"}, b"BODY", "bad-header", "ce_organisation"),
        ({"ce_type": b"TYPE.v1", "ce_time": b"2025-03-04T18:00:00"}, b"BODY", "bad-header", "ce_time"),
        ({"ce_type": b"TYPE.v1"}, b"{broken", "bad-body", None),
        ({"ce_type": b"TYPE.v1"}, b'{"parcel_id": "KEY"}', "bad-body", "number"),
        ({"ce_type": b"TYPE.v1"}, None, "no-body", None),
        (
            {"ce_type": b"TYPE.v1"},
            b'{"parcel_id": "6b0f4b0c-0c1e-4c52-9e0e-3f3c0a7a1d11", "number": 1}',
            "wrong-key",
            "parcel_id",
        ),
        ({"ce_type": b"TYPE.v1"}, b'{"parcel_id": "KEY", "number": 13}', "handler-failed", None),
        ({"ce_type": b"TYPE.v1"}, b'{"parcel_id": "KEY", "number": 99999999999}', "handler-failed", None),
    ],
)
async def test_a_bad_event_is_parked_whole_and_holds_nobody_else(
    store: Any, parts: Parts, parcels: Any, headers: dict[str, Any], value: bytes | None, reason: str, field: Any
) -> None:
    bad, good = uuid4(), uuid4()
    type_name = parcels.ce_type().removesuffix(".v1").encode()
    value = value and value.replace(b"BODY", b'{"parcel_id": "KEY", "number": 1}').replace(b"KEY", str(bad).encode())
    sent = {**GOOD, **headers}
    sent = {name: text and text.replace(b"TYPE", type_name) for name, text in sent.items()}
    fine = {**GOOD, "ce_type": parcels.ce_type().encode(), "ce_aggregateversion": b"2"}
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
    await producer.start()
    for key, body, heads in (
        (bad, value, sent),
        (bad, b'{"parcel_id": "%s", "number": 2}' % str(bad).encode(), fine),
        (good, b'{"parcel_id": "%s", "number": 3}' % str(good).encode(), fine),
    ):
        await producer.send_and_wait(
            parcels.topic, body, key=str(key).encode(), headers=list(heads.items()), partition=0
        )
    await producer.stop()
    async with running(hearing(store, parts, parcels).run()):
        await eventually(lambda: numbers_heard(store, good))

    assert await numbers_heard(store, bad) == []
    rows = await store.machinery.pool.fetch("select * from machinery.parked order by position")
    assert [row["reason"] for row in rows] == [reason, "behind-a-parked-event"]
    assert rows[0]["field"] == field
    assert rows[0]["raw_value"] == value
    assert rows[0]["raw_key"] == str(bad).encode()
    assert len(rows[0]["raw_headers"]) == len(sent)


async def test_an_event_that_was_heard_before_is_ignored_and_a_gap_parks(
    store: Any, parts: Parts, parcels: Any
) -> None:
    parcel = uuid4()
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
    await producer.start()
    for version in (1, 2, 1, 2, 3, 5, 6):
        headers = {
            **GOOD,
            "ce_type": parcels.ce_type().encode(),
            "ce_aggregateversion": str(version).encode(),
        }
        body = b'{"parcel_id": "%s", "number": %d, "added_later": true}' % (str(parcel).encode(), version)
        await producer.send_and_wait(parcels.topic, body, key=str(parcel).encode(), headers=list(headers.items()))
    await producer.stop()
    async with running(hearing(store, parts, parcels).run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 2 from machinery.parked"))
    assert await numbers_heard(store, parcel) == [1, 2, 3]
    rows = await store.machinery.pool.fetch("select reason from machinery.parked order by position")
    assert [row["reason"] for row in rows] == ["version-gap", "behind-a-parked-event"]


async def test_a_topic_with_another_number_of_partitions_stops_the_service_loudly(
    store: Any, parts: Parts, parcels: Any, fresh_topic: Any
) -> None:
    parcels.topic = await fresh_topic(partitions=3)
    with pytest.raises(Lost, match="has 3 partitions, not 12"):
        await hearing(store, parts, parcels).run()


async def test_nothing_is_said_on_a_topic_with_another_number_of_partitions(
    store: Any, parts: Parts, parcels: Any, fresh_topic: Any
) -> None:
    topic, parcel = parcels.topic, uuid4()
    relay = Relay(store.machinery, parts.kafka)
    await say(store, parcels, parcel, 1)
    async with running(relay.run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
    parcels.topic = await fresh_topic(partitions=3)
    await say(store, parcels, parcel, 1)
    with pytest.raises(Lost, match="has 3 partitions, not 12"):
        await relay.run()
    assert await store.machinery.pool.fetchval("select count(*) from machinery.outbox") == 1
    await store.machinery.pool.execute("delete from machinery.outbox")
    async with admin_client(parts.kafka) as admin:
        await admin.create_partitions({topic: NewPartitions(13)})
    parcels.topic = topic
    await say(store, parcels, parcel, 2)
    with pytest.raises(Lost, match="has 13 partitions, not 12"):
        await relay.run()


async def test_a_topic_that_was_made_again_stops_the_service_loudly(store: Any, parts: Parts, parcels: Any) -> None:
    parcel = uuid4()
    relay = Relay(store.machinery, parts.kafka)
    await say(store, parcels, parcel, 1, 2, 3)
    async with running(relay.run(), hearing(store, parts, parcels).run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 3 from register"))
    async with admin_client(parts.kafka) as admin:
        await admin.delete_topics([parcels.topic])

        async def made_again() -> bool:
            answer = await admin.create_topics([NewTopic(parcels.topic, 12, 1)])
            return answer.topic_errors[0][1] == 0

        await eventually(made_again)
    await say(store, parcels, parcel, 4, 5, 6, 7)
    async with running(Relay(store.machinery, parts.kafka).run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
    with pytest.raises(Lost, match="another event than the one applied"):
        await hearing(store, parts, parcels).run()
    assert await numbers_heard(store, parcel) == [1, 2, 3]


async def test_a_position_that_is_gone_stops_the_service_loudly(store: Any, parts: Parts, parcels: Any) -> None:
    await say(store, parcels, uuid4(), 1)
    relay = Relay(store.machinery, parts.kafka)
    async with running(relay.run(), hearing(store, parts, parcels).run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 1 from register"))
    await store.machinery.pool.execute("delete from machinery.offsets")
    with pytest.raises(Lost, match="gone from the table"):
        await hearing(store, parts, parcels).run()


async def test_whatever_keeps_positions_from_being_loaded_is_tried_again(
    store: Any, parts: Parts, parcels: Any, capture: Any
) -> None:
    parcel, administrator = uuid4(), await asyncpg.connect(store.dsn_admin)

    async def is_told() -> bool:
        return any("permission denied" in one.get("error", "") and one.get("places") for one in capture.entries)

    await say(store, parcels, parcel, 1)
    await administrator.execute("revoke select on machinery.offsets from parcels_machinery")
    async with running(Relay(store.machinery, parts.kafka).run(), hearing(store, parts, parcels).run()):
        await eventually(is_told)
        await administrator.execute("grant select on machinery.offsets to parcels_machinery")
        await eventually(lambda: numbers_heard(store, parcel))
    await administrator.close()


async def test_partitions_that_are_handed_out_before_their_topic_is_heard_of_are_waited_for(
    store: Any, parts: Parts
) -> None:
    """As happens to one of two readers when a topic is made late: the other one knew of it, and shared it out."""
    topic, lost = f"test.{uuid4().hex[:12]}", list[Exception]()
    places, positions = [TopicPartition(topic, part) for part in range(PARTITIONS)], None
    consumer = AIOKafkaConsumer(bootstrap_servers=parts.kafka, metadata_max_age_ms=500)
    await consumer.start()
    try:
        consumer.assign(places)
        positions = Positions(store.machinery, [topic], None, lost.append)
        positions.subscriber = SimpleNamespace(consumer=consumer)
        await positions.on_partitions_assigned(places)
        async with admin_client(parts.kafka) as admin:
            await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])

        async def are_held_or_lost() -> bool:
            return len(positions.expected) == PARTITIONS or bool(lost)

        await eventually(are_held_or_lost)
    finally:
        if positions:
            await positions.close()
        await consumer.stop()
    assert lost == []


async def test_another_process_that_goes_on_while_positions_are_loaded_loses_nobody(
    store: Any, parts: Parts, parcels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = [uuid4() for _ in range(3)]
    loaded = inbox.offsets

    async def others_go_on(tx: Tx, partitions: Any) -> Any:
        monkeypatch.setattr(inbox, "offsets", loaded)
        await say(store, parcels, second, 1)
        other = Hearing(store.machinery, parts.kafka, "g-another", Applying({parcels: Register.on_parcel_sent}))
        async with running(other.run()):
            await eventually(lambda: numbers_heard(store, second))
        return await loaded(tx, partitions)

    async with running(Relay(store.machinery, parts.kafka).run()):
        async with running(hearing(store, parts, parcels).run()):
            await say(store, parcels, first, 1)
            await eventually(lambda: numbers_heard(store, first))
        monkeypatch.setattr(inbox, "offsets", others_go_on)
        async with running(hearing(store, parts, parcels).run()):
            await eventually(lambda: numbers_heard(store, second))
            await say(store, parcels, third, 1)
            await eventually(lambda: numbers_heard(store, third))


async def test_how_far_behind_is_said_of_held_partitions_alone(
    store: Any, parts: Parts, parcels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.inbox.positions.GUARD_SECONDS", 0.1)

    async def told() -> bool:
        samples = [one for family in metrics.LAG.collect() for one in family.samples]
        return parcels.topic in {one.labels["topic"] for one in samples}

    async with running(hearing(store, parts, parcels).run()):
        await eventually(told)
    assert not await told()


async def test_what_was_read_behind_a_batch_that_failed_waits_for_it(store: Any, parts: Parts, parcels: Any) -> None:
    parcel, pool, reader = uuid4(), store.machinery.pool, hearing(store, parts, parcels)
    rival = await asyncpg.connect(store.dsn_admin)
    blocked = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

    async def has_read(count: int) -> bool:
        consumer = reader.positions.subscriber.consumer
        return sum([await consumer.position(tp) for tp in reader.positions.expected]) == count

    async with running(Relay(store.machinery, parts.kafka).run(), reader.run()):
        await say(store, parcels, parcel, 1)
        await eventually(lambda: pool.fetchval("select count(*) = 1 from register"))
        async with rival.transaction():
            await rival.execute("select from machinery.offsets for update")
            await say(store, parcels, parcel, 2)
            await eventually(lambda: rival.fetchval(blocked))
            await say(store, parcels, parcel, 3)
            await eventually(lambda: has_read(3))
            await rival.execute("select pg_terminate_backend($1)", await rival.fetchval(blocked))
        await eventually(lambda: pool.fetchval("select count(*) >= 3 from register"))
    await rival.close()
    assert await numbers_heard(store, parcel) == [1, 2, 3]
    assert await pool.fetchval("select count(*) from machinery.parked") == 0


async def test_a_batch_that_was_cancelled_from_within_is_read_again(store: Any, parts: Parts, parcels: Any) -> None:
    parcel, times = uuid4(), itertools.count()

    async def on_parcel_sent(tx: Tx, heard: Heard[Any]) -> None:
        if next(times) == 0:  # as a library does that waits for a future which somebody cancels
            gone = asyncio.get_running_loop().create_future()
            gone.cancel()
            await gone
        await Register.on_parcel_sent(tx, heard)

    relay = Relay(store.machinery, parts.kafka)
    reader = Hearing(store.machinery, parts.kafka, f"g-{parcels.topic}", Applying({parcels: on_parcel_sent}))
    async with running(relay.run(), reader.run()):
        for number in (1, 2):
            await say(store, parcels, parcel, number)
            await eventually(lambda number=number: store.machinery.pool.fetchval(HAS, number))
    assert await numbers_heard(store, parcel) == [1, 2]


async def test_two_readers_of_one_group_apply_each_event_once(store: Any, parts: Parts, parcels: Any) -> None:
    relay = Relay(store.machinery, parts.kafka)
    ids = [uuid4() for _ in range(60)]
    async with running(
        relay.run(),
        hearing(store, parts, parcels, slot="a").run(),
        hearing(store, parts, parcels, slot="b").run(),
    ):
        for number in (1, 2, 3):
            for parcel in ids:
                await say(store, parcels, parcel, number)
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) >= 180 from register"))
    for parcel in ids:
        assert await numbers_heard(store, parcel) == [1, 2, 3]


async def test_a_reader_that_stops_leaves_its_partitions_to_the_others_at_once(
    store: Any, parts: Parts, parcels: Any
) -> None:
    leaving, staying = hearing(store, parts, parcels, slot="a"), hearing(store, parts, parcels, slot="b")

    async def members() -> int:
        async with admin_client(parts.kafka) as admin:
            [found] = await admin.describe_consumer_groups([f"g-{parcels.topic}"])
        return len(found.groups[0][5])

    async def they_share() -> bool:
        return bool(leaving.positions.expected) and bool(staying.positions.expected)

    async with running(staying.run()):
        async with running(leaving.run()):
            await eventually(they_share)
            assert await members() == 2
        assert await members() == 1


async def test_of_two_readers_with_one_name_the_later_one_goes_on(store: Any, parts: Parts, parcels: Any) -> None:
    earlier, later = hearing(store, parts, parcels, slot="a"), hearing(store, parts, parcels, slot="a")

    async def holds_all(one: Hearing) -> bool:
        return len(one.positions.expected) == PARTITIONS

    running_before = asyncio.create_task(earlier.run())
    await eventually(lambda: holds_all(earlier))
    async with running(Relay(store.machinery, parts.kafka).run(), later.run()):
        with pytest.raises(Lost, match="another process is called a, too"):
            await running_before
        parcel = uuid4()
        await say(store, parcels, parcel, 1, 2)
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 2 from register"))
        await eventually(lambda: holds_all(later))


async def test_an_event_that_the_broker_refuses_is_parked_and_holds_nobody_else(
    store: Any, parts: Parts, parcels: Any
) -> None:
    await max_bytes(parts, parcels.topic, 17_000)
    refused, fine = uuid4(), [uuid4() for _ in range(5)]
    relay = Relay(store.machinery, parts.kafka)
    async with running(relay.run()):
        async with store.doors.transaction(ORGANISATION) as tx:
            event_id = put(tx, parcels(parcel_id=refused, number=1), organisation=ORGANISATION, at=AT)
            tx.said[0] = replace(tx.said[0], value=b"x" * 20_000)
        for parcel in fine:
            await say(store, parcels, parcel, 1, 2)
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
    rows = await store.machinery.pool.fetch("select * from machinery.outbox_parked")
    assert [(row["key"], str(event_id) in row["headers"]) for row in rows] == [(str(refused), True)]
    arrived = {one.key.decode() for one in await records(parts, parcels.topic, 10)}
    assert arrived == {str(parcel) for parcel in fine}


async def test_a_topic_that_is_not_there_holds_up_no_other_one_and_is_said_when_it_comes(
    store: Any, parts: Parts, parcels: Any, fresh_topic: Any
) -> None:
    there, missing, lost = parcels.topic, f"test.{uuid4().hex[:12]}", uuid4()
    left = "select count(*) from machinery.outbox where topic = $1"
    parcels.topic = missing
    await say(store, parcels, lost, *range(1, 601))
    parcels.topic = there
    async with running(Relay(store.machinery, parts.kafka).run()):
        for number in range(3):
            await say(store, parcels, uuid4(), number)
            await eventually(lambda: store.machinery.pool.fetchval(f"select ({left}) = 0", there), 15)
        assert await store.machinery.pool.fetchval(left, missing) == 600
        async with admin_client(parts.kafka) as admin:
            await admin.create_topics([NewTopic(missing, PARTITIONS, 1)])
        await eventually(lambda: store.machinery.pool.fetchval(f"select ({left}) = 0", missing))
    assert await versions(parts, missing, 600, lost) == list(range(1, 601))


async def takes_nothing_older(parts: Parts, topic: str, milliseconds: int) -> None:
    asked = {"message.timestamp.before.max.ms": str(milliseconds)}
    async with admin_client(parts.kafka) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, asked)])


async def refuses_what_is_old(parts: Parts, topic: str) -> bool:
    """Whether the broker has heard of it by now."""
    async with AIOKafkaProducer(bootstrap_servers=parts.kafka) as producer:
        try:
            await producer.send_and_wait(
                topic, b"{}", key=b"probe", timestamp_ms=int(now().timestamp() * 1000) - 60_000
            )
        except InvalidTimestampError:
            return True
    return False


async def test_a_topic_that_refuses_everything_holds_up_no_other_one_and_keeps_its_order(
    store: Any, parts: Parts, parcels: Any, fresh_topic: Any
) -> None:
    """As one does that has fewer replicas in sync than it needs. One broker alone refuses what is too old."""
    there, held, parcel = parcels.topic, await fresh_topic(), uuid4()
    left = "select count(*) from machinery.outbox where topic = $1"
    await takes_nothing_older(parts, held, 0)
    accepted = 0
    while not await refuses_what_is_old(parts, held):
        accepted += 1
    parcels.topic = held
    await say(store, parcels, parcel, *range(1, 601))
    parcels.topic = there
    await say(store, parcels, uuid4(), 1)
    async with running(Relay(store.machinery, parts.kafka).run()):
        await eventually(lambda: store.machinery.pool.fetchval(f"select ({left}) = 0", there), 30)
        assert await store.machinery.pool.fetchval(left, held) > 0  # what is sent within the same millisecond is taken
        await takes_nothing_older(parts, held, 10**9)
        await eventually(lambda: store.machinery.pool.fetchval(f"select ({left}) = 0", held))
    found = await versions(parts, held, 600 + accepted, parcel)
    assert sorted(set(found)) == found == list(range(1, 601))


async def test_no_key_and_no_header_is_too_strange_to_be_parked(store: Any, parts: Parts, parcels: Any) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
    await producer.start()
    strange = [(b"k" * 12_000, []), (b"\xff\x00", []), (b"name", [("na\x00me", b"\x00\xff")]), (b"null", [("x", None)])]
    for key, headers in strange:
        await producer.send(parcels.topic, b"{", key=key, headers=headers, partition=0)
    await producer.stop()
    async with running(hearing(store, parts, parcels).run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 4 from machinery.parked"))
    rows = await store.machinery.pool.fetch("select * from machinery.parked order by position")
    assert [row["raw_key"] for row in rows] == [key for key, _ in strange]
    assert len(rows[0]["key"]) < 100
    async with store.machinery.transaction() as tx:
        [named] = await parked.records(tx, parcels.topic, "name", limit=10)
    assert list(named.headers) == strange[2][1]


async def send_to_one_partition(parts: Parts, topic: str, records: list[tuple[bytes, Any]]) -> None:
    """Values with their headers, each under a key of its own."""
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
    await producer.start()
    for value, headers in records:
        await producer.send(topic, value, key=str(uuid4()).encode(), headers=headers, partition=0)
    await producer.stop()


async def test_a_flood_of_bad_events_stops_the_reader(store: Any, parts: Parts, parcels: Any) -> None:
    await send_to_one_partition(parts, parcels.topic, [(b"{", [])] * 40)
    reading = asyncio.create_task(hearing(store, parts, parcels, flood_run=60).run())
    await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 40 from machinery.parked"))
    await send_to_one_partition(parts, parcels.topic, [(b"{", [])] * 40)  # the run goes on in a later batch
    with pytest.raises(Flood, match="60 bad events in a row"):
        await reading
    parked_by_then = await store.machinery.pool.fetch("select topic, key from machinery.parked")
    assert len(parked_by_then) < 60
    for _ in range(2):
        with pytest.raises(Flood, match=r"60 bad events in a row .*; it goes on when somebody"):
            await hearing(store, parts, parcels, flood_run=60).run()
    health = await examine("parcels", store.machinery, parts.kafka, ())
    assert [one.code for one in health.findings if one.code != "schema-behind"] == ["flood", "parked"]
    assert await store.machinery.pool.fetchval("select count(*) from machinery.parked") == len(parked_by_then)

    await parked.replay(store.machinery, Applying({}), *parked_by_then[0])
    async with running(hearing(store, parts, parcels, flood_run=60).run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 80 from machinery.parked"))


async def test_a_flood_of_which_nothing_is_parked_does_not_stand_for_what_is_parked_later(
    store: Any, parts: Parts, parcels: Any
) -> None:
    async def told() -> list[str]:
        return [
            one.todo
            for one in (await examine("parcels", store.machinery, parts.kafka, ())).findings
            if one.code == "flood"
        ]

    await send_to_one_partition(parts, parcels.topic, [(b"{", [])] * 40)
    for _ in range(2):  # it is tried again, and a person finds out however often that is
        with pytest.raises(Flood, match="30 bad events in a row"):
            await hearing(store, parts, parcels, flood_run=30).run()
        [todo] = await told()
        assert "raise KITH_FLOOD_RUN" in todo
    for _ in range(2):
        async with running(hearing(store, parts, parcels).run()):
            await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 40 from machinery.parked"))
            await asyncio.sleep(1)
    assert await told() == []


async def test_too_large_a_share_of_bad_events_stops_the_reader(store: Any, parts: Parts, parcels: Any) -> None:
    relay = Relay(store.machinery, parts.kafka)
    async with running(relay.run()):
        for _ in range(150):
            await say(store, parcels, uuid4(), 1)
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
    await send_to_one_partition(parts, parcels.topic, [(b"{", [])] * 70)
    with pytest.raises(Flood, match="of the last"):
        await hearing(store, parts, parcels, flood_share=0.3).run()


async def test_a_header_name_that_is_no_text_is_parked_and_holds_nobody_else(
    store: Any, parts: Parts, parcels: Any
) -> None:
    before, beside, bad, after = ids = [uuid4() for _ in range(4)]
    relay = Relay(store.machinery, parts.kafka)
    async with running(relay.run()):
        for parcel in [before, *(uuid4() for _ in range(200))]:
            await say(store, parcels, parcel, 1)
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
        for part in range(PARTITIONS):
            told = ("-t", parcels.topic, "-p", str(part), "-k", str(bad), b"-H", b"\xff\xfe=1")
            kcat = await asyncio.create_subprocess_exec("kcat", "-P", "-b", parts.kafka, *told, stdin=PIPE)
            await kcat.communicate(b"{}")
            assert kcat.returncode == 0
        await say(store, parcels, beside, 1)
        await say(store, parcels, after, 1, 2)
        async with running(hearing(store, parts, parcels).run()):
            await eventually(lambda: store.machinery.pool.fetchval("select count(*) >= 204 from register"))
            await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 12 from machinery.parked"))
            await say(store, parcels, after, 3)
            await eventually(lambda: store.machinery.pool.fetchval("select count(*) >= 205 from register"))
    assert [await numbers_heard(store, one) for one in ids] == [[1], [1], [], [1, 2, 3]]
    rows = await store.machinery.pool.fetch("select reason, field, message from machinery.parked")
    assert {(row["reason"], row["field"]) for row in rows} == {("bad-header", None)}
    assert "not UTF-8" in rows[0]["message"]


async def test_what_is_damaged_on_the_brokers_disk_holds_nobody_else(
    store: Any, parts: Parts, parcels: Any, data_folder: Path
) -> None:
    relay = Relay(store.machinery, parts.kafka)
    async with running(relay.run()):
        for _ in range(200):
            await say(store, parcels, uuid4(), 1, 2)
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
    [segment] = data_folder.glob(f"**/{parcels.topic}-0/*0.log")
    held = len([one for one in await records(parts, parcels.topic, 400) if one.partition == 0])
    async with running(hearing(store, parts, parcels).run()):
        with damaged(segment):
            await eventually(lambda: store.machinery.pool.fetchval("select count(*) >= $1 from register", 400 - held))
            health = await examine("parcels", store.machinery, parts.kafka, ())
            assert [(one.code, one.what.partition(":")[0]) for one in health.findings] == [
                ("log-damaged", f"{parcels.topic}/0")
            ]
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) >= 400 from register"))
    rows = await store.machinery.pool.fetch("select array_agg(number order by place) from register group by parcel_id")
    assert [row[0] for row in rows] == [[1, 2]] * 200


async def test_a_position_passes_what_holds_no_event(store: Any, parts: Parts, parcels: Any) -> None:
    """What a speaker takes back, and the marker at the end of a transaction: the log may begin behind them one day."""
    kept, taken_back, later = ids = [uuid4() for _ in range(3)]
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka, transactional_id=parcels.topic)
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(**by_hand(parcels, kept), partition=0)
    await producer.begin_transaction()
    await producer.send_and_wait(**by_hand(parcels, taken_back), partition=1)
    await producer.abort_transaction()
    await producer.stop()
    async with running(hearing(store, parts, parcels).run()):
        ends = await eventually(lambda: end_that_is_reached(store, parts, parcels.topic, {0: 2, 1: 2}))
    async with admin_client(parts.kafka) as admin:
        await admin.delete_records({place: RecordsToDelete(before_offset=end) for place, end in ends.items()})
    await say(store, parcels, later, 1)
    async with running(Relay(store.machinery, parts.kafka).run(), hearing(store, parts, parcels).run()):
        await eventually(lambda: numbers_heard(store, later))
    assert [await numbers_heard(store, one) for one in ids] == [[1], [], [1]]


def by_hand(parcels: Any, parcel: UUID) -> dict[str, Any]:
    """The first event of a parcel, without a relay."""
    headers = {**GOOD, "ce_type": parcels.ce_type().encode(), "ce_aggregateversion": b"1"}
    body = b'{"parcel_id": "%s", "number": 1}' % str(parcel).encode()
    return {"topic": parcels.topic, "value": body, "key": str(parcel).encode(), "headers": list(headers.items())}


async def end_that_is_reached(
    store: Any, parts: Parts, topic: str, least: dict[int, int]
) -> dict[TopicPartition, int] | None:
    """Where the log ends, if that is so far and all positions stand there."""
    ends = await ends_of(parts.kafka, topic)
    rows = await store.machinery.pool.fetch("select part, next_offset from machinery.offsets where topic = $1", topic)
    is_reached = {row["part"]: row["next_offset"] for row in rows} == {tp.partition: end for tp, end in ends.items()}
    return ends if is_reached and all(ends[TopicPartition(topic, part)] >= end for part, end in least.items()) else None


async def test_a_reader_that_stands_still_is_replaced(store: Any, parts: Parts, parcels: Any) -> None:
    readers: list[Hearing] = []
    parcel = uuid4()

    def another() -> Hearing:
        readers.append(hearing(store, parts, parcels))
        return readers[-1]

    relay = Relay(store.machinery, parts.kafka)
    await say(store, parcels, parcel, 1)
    async with running(relay.run(), standstill.hear(another, look_seconds=0.5, still_seconds=5)):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 1 from register"))
        consumer = readers[-1].positions.subscriber.consumer
        consumer.pause(*consumer.assignment())  # it goes on as a member of its group, and reads nothing
        await say(store, parcels, parcel, 2)
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 2 from register"))
    assert await numbers_heard(store, parcel) == [1, 2]
    assert len(readers) > 1


@contextmanager
def damaged(segment: Path) -> Iterator[None]:
    """Its first batch does not agree with its own checksum any more, for a while."""
    with segment.open("r+b") as file:
        file.seek(100)
        good = file.read(1)
        try:
            file.seek(100)
            file.write(bytes([good[0] ^ 1]))
            file.flush()
            yield
        finally:
            file.seek(100)
            file.write(good)
