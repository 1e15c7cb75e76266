"""What is parked can be looked at, replayed in order while live events flow, or dropped with a reason."""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import structlog
from aiokafka import AIOKafkaProducer

from shared import clock
from shared.database import Tx
from shared.errors import NotFound, Refusal
from shared.events.base import CATALOGUE, Heard
from shared.identity import NIL
from shared.inbox import parked
from shared.inbox.batch import Applying
from shared.inbox.hearing import Hearing
from shared.inbox.parked import Decision
from tests.conftest import Parts, eventually, running
from tests.shared.conftest import AT, ORGANISATION, Register, numbers_heard, say

PARTITION = 0


@pytest.fixture(autouse=True)
def no_tracebacks() -> Iterator[None]:
    """Drawing the traceback of a poisonous event takes a second, and here are hundreds of them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
async def store(fresh_store: Any) -> Any:
    opened = await fresh_store()
    await Register.make(opened.dsn_admin)
    return opened


def decision(reason: str = "It came from a test machine.") -> Decision:
    return Decision("Ira Novak", reason, clock.now())


def applying(kind: Any, handler: Any = Register.on_parcel_sent, **more: Any) -> Applying:
    return Applying({kind: handler}, **more)


def hearing(store: Any, parts: Parts, kind: Any, *, keeps_heard: bool = False, **more: Any) -> Hearing:
    how = applying(kind, keeps_heard=keeps_heard)
    return Hearing(store.machinery, parts.kafka, f"g-{kind.topic}", how, **more)


Send = Callable[..., Any]


@pytest.fixture
async def send(parts: Parts, parcels: Any) -> AsyncIterator[Send]:
    """Sends a record of a parcel as a foreign producer would: any version, any number, any header."""
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
    await producer.start()

    async def one(parcel: Any, version: int, number: Any = None, *, value: Any = b"", **headers: bytes | None) -> None:
        body = b'{"parcel_id": "%s", "number": %s}' % (str(parcel).encode(), str(number or version).encode())
        given = {
            "ce_id": str(uuid4()).encode(),
            "ce_type": parcels.ce_type().encode(),
            "ce_time": b"2025-03-04T18:00:00Z",
            "ce_organisation": str(ORGANISATION).encode(),
            "ce_aggregateversion": str(version).encode(),
        } | headers
        await producer.send(
            parcels.topic,
            body if value == b"" else value,
            key=str(parcel).encode(),
            headers=list(given.items()),
            partition=PARTITION,
        )

    yield one
    await producer.stop()


async def waiting(store: Any, count: int) -> None:
    await eventually(lambda: store.machinery.pool.fetchval("select count(*) = $1 from machinery.parked", count))


@asynccontextmanager
async def parked_by(store: Any, parts: Parts, kind: Any, count: int, **more: Any) -> AsyncIterator[None]:
    """The service hears until so many records wait; what is done inside, it does not see."""
    async with running(hearing(store, parts, kind, **more).run()):
        await waiting(store, count)
    yield


async def keys(store: Any, mine: UUID | None = None) -> list[parked.ParkedKey]:
    async with store.machinery.transaction() as tx:
        return await parked.keys(tx, mine=mine)


async def records(store: Any, kind: Any, key: Any) -> list[parked.ParkedRecord]:
    async with store.machinery.transaction() as tx:
        return await parked.records(tx, kind.topic, str(key), limit=1000)


async def seen(store: Any, key: Any) -> int | None:
    version: int | None = await store.machinery.pool.fetchval(
        "select version from machinery.seen_versions where key = $1", str(key)
    )
    return version


async def audit(store: Any) -> list[Any]:
    rows: list[Any] = await store.machinery.pool.fetch("select * from machinery.operator_acts order by id")
    return rows


async def mend(store: Any) -> None:
    """The cause is gone: the register takes number 13 now."""
    connection = await asyncpg.connect(store.dsn_admin)
    await connection.execute("alter table register drop constraint register_number_check")
    await connection.close()


async def test_a_key_says_why_it_waits_since_when_and_how_many_are_behind(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    parcel = uuid4()
    for version in (1, 2, 3):
        await send(parcel, version, 13 if version == 1 else version)
    await send(uuid4(), 1, value=b"{broken")
    async with parked_by(store, parts, parcels, 4):
        refused, broken = sorted(await keys(store), key=lambda one: one.count, reverse=True)
        assert (refused.topic, refused.key, refused.count) == (parcels.topic, str(parcel), 3)
        assert (refused.reason, refused.field) == ("handler-failed", None)
        assert "CheckViolationError" in refused.message
        assert (clock.now() - refused.since).total_seconds() < 60
        assert (broken.reason, broken.field, broken.count) == ("bad-body", None, 1)


async def test_a_replay_after_the_cause_is_mended_keeps_the_order(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    parcel = uuid4()
    for version, number in ((1, 1), (2, 13), (3, 3), (4, 4)):
        await send(parcel, version, number)
    async with parked_by(store, parts, parcels, 3):
        still = await parked.replay(store.machinery, applying(parcels), parcels.topic, str(parcel))
        assert (still.handled, still.left) == (0, 3)
        assert still.blocked_by
        assert still.blocked_by.reason == "handler-failed"
        await mend(store)
        done = await parked.replay(store.machinery, applying(parcels), parcels.topic, str(parcel))
        assert done == parked.Replayed(handled=3, passed_over=0, left=0)
        assert await numbers_heard(store, parcel) == [1, 13, 3, 4]
        assert await keys(store) == []
        assert await seen(store, parcel) == 4
        with pytest.raises(NotFound):
            await parked.replay(store.machinery, applying(parcels), parcels.topic, str(parcel))


async def test_what_still_cannot_take_effect_stays_as_it_was_with_all_behind_it(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    parcel, value = uuid4(), b'{"parcel_id": "x", \x00 \xff'
    await send(parcel, 1)
    await send(parcel, 2, value=value, ce_null=None, ce_binary=b"\xff\x00")
    await send(parcel, 3)
    async with parked_by(store, parts, parcels, 2):
        before, [key] = await records(store, parcels, parcel), await keys(store)
        done = await parked.replay(store.machinery, applying(parcels), parcels.topic, str(parcel))
        assert (done.handled, done.left) == (0, 2)
        assert await records(store, parcels, parcel) == before
        assert before[0].value == value
        assert {("ce_null", None), ("ce_binary", b"\xff\x00")} <= set(before[0].headers)
        assert await keys(store) == [key]
        assert await numbers_heard(store, parcel) == [1]


async def test_an_event_that_was_unreadable_takes_effect_for_its_own_tenant(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    """The upgrade knows the type that the old program did not know."""
    parcel = uuid4()
    await send(parcel, 1)
    await send(parcel, 2)
    del CATALOGUE[parcels.ce_type()]
    try:
        async with parked_by(store, parts, parcels, 2):
            assert {one.organisation_id for one in await records(store, parcels, parcel)} == {NIL}
    finally:
        CATALOGUE[parcels.ce_type()] = parcels
    tenants = []

    async def look_around(tx: Tx, heard: Heard[Any]) -> None:
        tenants.append((await tx.fetchval("select current_setting('kith.organisations')"), heard.organisation_id))

    done = await parked.replay(store.machinery, applying(parcels, look_around), parcels.topic, str(parcel))
    assert done.handled == 2
    assert tenants == [(f"{{{ORGANISATION}}}", ORGANISATION)] * 2


async def test_a_version_that_came_late_goes_before_those_that_wait_for_it(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    parcel = uuid4()
    for version in (1, 4, 5, 3, 2, 6):
        await send(parcel, version)
    async with parked_by(store, parts, parcels, 5):
        [key] = await keys(store)
        assert (key.reason, key.field) == ("version-gap", "ce_aggregateversion")
        done = await parked.replay(store.machinery, applying(parcels), parcels.topic, str(parcel))
        assert done == parked.Replayed(handled=5, passed_over=0, left=0)
        assert await numbers_heard(store, parcel) == [1, 2, 3, 4, 5, 6]


async def test_a_gap_that_cannot_be_filled_is_accepted_by_a_person_with_a_reason(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    parcel = uuid4()
    for version in (1, 3, 4, 6):
        await send(parcel, version)
    async with parked_by(store, parts, parcels, 3):
        where = (store.machinery, applying(parcels), parcels.topic, str(parcel))
        assert (await parked.replay(*where)).handled == 0
        done = await parked.replay(*where, gap=decision("Version 2 was never sent."))
        assert (done.handled, done.left) == (2, 1)
        assert done.blocked_by
        assert done.blocked_by.message == "Version 5 is missing before 6."
        [line] = await audit(store)
        assert (line["act"], line["version"], line["reason"]) == ("gap-accepted", 3, "Version 2 was never sent.")
        assert (await parked.replay(*where, gap=decision())).left == 0
        assert await numbers_heard(store, parcel) == [1, 3, 4, 6]


async def test_only_a_gap_can_be_accepted(store: Any, parts: Parts, parcels: Any, send: Send) -> None:
    parcel, late = uuid4(), uuid4()
    await send(parcel, 1, value=b"{")
    for version in (1, 3, 2):
        await send(late, version)
    async with parked_by(store, parts, parcels, 3):
        for key in (parcel, late):
            with pytest.raises(Refusal, match="No version is missing"):
                await parked.replay(store.machinery, applying(parcels), parcels.topic, str(key), gap=decision())
        assert await audit(store) == []
        assert await seen(store, late) == 1


async def test_dropping_the_first_lets_the_others_go_on_without_a_gap(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    parcel = uuid4()
    await send(parcel, 1)
    await send(parcel, 2, value=b"{broken", ce_id=b"018f0000-0000-7000-8000-000000000009")
    await send(parcel, 3)
    async with parked_by(store, parts, parcels, 2):
        where = (store.machinery, parcels.topic, str(parcel))
        dropped = await parked.drop(*where, decision("A broken test."), only=(PARTITION, 1))
        assert dropped == parked.Dropped(dropped=1, left=1)
        [line] = await audit(store)
        assert (line["who"], line["reason"], line["act"]) == ("Ira Novak", "A broken test.", "dropped")
        assert line["event_id"] == UUID("018f0000-0000-7000-8000-000000000009")
        assert line["sha256"] == hashlib.sha256(b"{broken").hexdigest()
        assert (line["part"], line["version"], line["organisation_id"]) == (PARTITION, 2, NIL)
        [key] = await keys(store)
        assert key.is_free
        with pytest.raises(Refusal, match="not the first one any more"):
            await parked.drop(*where, decision("The same button twice."), only=(PARTITION, 1))
        await parked.replay(store.machinery, applying(parcels), parcels.topic, str(parcel))
    await send(parcel, 4)
    async with running(hearing(store, parts, parcels).run()):
        await eventually(lambda: is_heard(store, parcel, [1, 3, 4]))
    assert await keys(store) == []


async def is_heard(store: Any, parcel: UUID, numbers: list[int]) -> bool:
    return await numbers_heard(store, parcel) == numbers


async def test_dropping_all_of_a_key_lets_its_next_event_take_effect(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    parcel = uuid4()
    for version, number in ((1, 1), (2, 13), (3, 3), (4, 4)):
        await send(parcel, version, number)
    async with parked_by(store, parts, parcels, 3):
        done = await parked.drop(store.machinery, parcels.topic, str(parcel), decision(), only=None)
        assert done == parked.Dropped(dropped=3, left=0)
        assert [line["version"] for line in await audit(store)] == [2, 3, 4]
        assert await seen(store, parcel) == 4
    await send(parcel, 5)
    async with running(hearing(store, parts, parcels).run()):
        await eventually(lambda: is_heard(store, parcel, [1, 5]))


async def test_a_wrong_number_in_the_header_of_garbage_does_not_make_good_events_look_old(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    parcel = uuid4()
    await send(parcel, 1)
    await send(parcel, 999_999, value=b"{broken")
    await send(parcel, 2)
    async with parked_by(store, parts, parcels, 2):
        await parked.drop(store.machinery, parcels.topic, str(parcel), decision(), only=(PARTITION, 1))
        assert await seen(store, parcel) == 1
        await parked.replay(store.machinery, applying(parcels), parcels.topic, str(parcel))
        assert await numbers_heard(store, parcel) == [1, 2]


async def test_records_without_a_key_can_only_be_dropped(store: Any, parts: Parts, parcels: Any) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
    await producer.start()
    await producer.send_and_wait(parcels.topic, b"{}", partition=PARTITION)
    await producer.stop()
    async with parked_by(store, parts, parcels, 1):
        [key] = await keys(store)
        assert key.key == f"{parcels.topic}:{PARTITION}"
        [record] = await records(store, parcels, key.key)
        assert (record.raw_key, record.headers) == (None, ())
        done = await parked.replay(store.machinery, applying(parcels), key.topic, key.key)
        assert done.blocked_by
        assert done.blocked_by.reason == "missing-header"
        await parked.drop(store.machinery, key.topic, key.key, decision(), only=None)
        assert await keys(store) == []


async def test_what_takes_effect_late_is_kept_as_heard_and_told_to_the_views(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    parcel, told = uuid4(), []
    for version in (1, 2):
        await send(parcel, version, 13 if version == 1 else version)

    async def after_batch(tx: Tx, heard: Any) -> None:
        told.append([one.version for one in heard])

    async with parked_by(store, parts, parcels, 2, keeps_heard=True):
        await mend(store)
        how = applying(parcels, keeps_heard=True, after_batch=after_batch)
        await parked.replay(store.machinery, how, parcels.topic, str(parcel))
        rows = await store.machinery.pool.fetch("select * from machinery.heard order by position")
        assert [(row["key"], row["organisation_id"]) for row in rows] == [(str(parcel), ORGANISATION)] * 2
        assert told == [[1, 2]]


async def test_what_a_handler_says_in_a_replay_is_said(store: Any, parts: Parts, parcels: Any, send: Send) -> None:
    parcel, answer = uuid4(), uuid4()
    await send(parcel, 1, 13)

    async def answers(tx: Tx, heard: Heard[Any]) -> None:
        from shared.outbox import put

        put(tx, parcels(parcel_id=answer, number=1), organisation=heard.organisation_id, at=AT)

    async with parked_by(store, parts, parcels, 1):
        await parked.replay(store.machinery, applying(parcels, answers), parcels.topic, str(parcel))
        row = await store.machinery.pool.fetchrow("select * from machinery.event_log")
        assert (row["key"], row["organisation_id"]) == (str(answer), ORGANISATION)


async def test_more_than_one_transaction_holds_is_replayed_in_order(
    store: Any, parts: Parts, parcels: Any, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.inbox.parked.replaying.RECORDS_MAX", 7)
    monkeypatch.setattr("shared.inbox.parked.dropping.RECORDS_A_TURN", 7)
    parcel, other = uuid4(), uuid4()
    for version in range(1, 41):
        await send(parcel, version, 13 if version == 1 else version)
        await send(other, version, 13 if version in (1, 20) else version)
    async with parked_by(store, parts, parcels, 80):
        await mend(store)
        done = await parked.replay(store.machinery, applying(parcels), parcels.topic, str(parcel))
        assert done == parked.Replayed(handled=40, passed_over=0, left=0)
        assert await numbers_heard(store, parcel) == [13, *range(2, 41)]
        gone = await parked.drop(store.machinery, parcels.topic, str(other), decision(), only=None)
        assert gone == parked.Dropped(dropped=40, left=0)
        assert len(await audit(store)) == 40
        assert await seen(store, other) == 40


async def test_replays_that_race_live_events_break_no_order_and_lose_nothing(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    """Poison again and again among live events of a few keys, and two operators who replay all the while."""
    ids, versions, stop = [uuid4() for _ in range(4)], 100, asyncio.Event()
    operators = [operate(store, applying(parcels), stop) for _ in range(2)]
    async with running(hearing(store, parts, parcels, flood_share=1.0).run(), *operators):
        for version in range(1, versions + 1):
            for parcel in ids:
                await send(parcel, version, 13 if version % 10 == 3 else version)
        wanted = [number for number in range(1, versions + 1) if number % 10 != 3]
        for parcel in ids:
            await eventually(lambda parcel=parcel: is_heard(store, parcel, wanted))
        await eventually(lambda: nothing_waits(store))
        stop.set()
    assert len(await audit(store)) == len(ids) * versions // 10


async def operate(store: Any, how: Applying, stop: asyncio.Event) -> None:
    """Replays whatever waits, and drops what is in the way."""
    while not stop.is_set():
        for one in await keys(store):
            with contextlib.suppress(NotFound, Refusal):  # the other operator was faster
                done = await parked.replay(store.machinery, how, one.topic, one.key)
                if done.blocked_by and done.blocked_by.reason == "handler-failed":
                    head = done.blocked_by.first
                    await parked.drop(store.machinery, one.topic, one.key, decision(), only=head)
        await asyncio.sleep(0)


async def nothing_waits(store: Any) -> bool:
    return await keys(store) == []


async def test_operators_of_an_organisation_see_their_own_and_what_nobody_could_read(
    store: Any, parts: Parts, parcels: Any, send: Send
) -> None:
    other, own, nobodys, theirs, mixed = uuid4(), uuid4(), uuid4(), uuid4(), uuid4()
    theirs_header = {"ce_organisation": str(other).encode()}
    await send(own, 1, 13)
    await send(nobodys, 1, value=b"{")
    await send(theirs, 1, 13, **theirs_header)
    await send(mixed, 1, value=b"{")  # could not be read, but what follows tells whose it is
    await send(mixed, 2, **theirs_header)
    async with parked_by(store, parts, parcels, 5):
        assert {one.key for one in await keys(store)} == set(map(str, (own, nobodys, theirs, mixed)))
        assert {one.key for one in await keys(store, ORGANISATION)} == {str(own), str(nobodys)}
        assert {one.key for one in await keys(store, other)} == set(map(str, (nobodys, theirs, mixed)))
        for key in (theirs, mixed):
            with pytest.raises(NotFound):
                await parked.replay(store.machinery, applying(parcels), parcels.topic, str(key), mine=ORGANISATION)
            with pytest.raises(NotFound):
                await parked.drop(store.machinery, parcels.topic, str(key), decision(), only=None, mine=ORGANISATION)
        await parked.drop(store.machinery, parcels.topic, str(theirs), decision(), only=None, mine=other)
        async with store.machinery.transaction() as tx:
            assert await parked.decided(tx, mine=ORGANISATION, limit=10) == []
            [(said, about)] = await parked.decided(tx, mine=other, limit=10)
            assert (said.reason, about.key) == (decision().reason, str(theirs))


async def test_a_line_of_the_audit_can_be_neither_changed_nor_removed_by_the_service(store: Any) -> None:
    for sql in (
        "update machinery.operator_acts set reason = ''",
        "delete from machinery.operator_acts",
        "truncate machinery.operator_acts",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await store.machinery.pool.execute(sql)


async def test_an_event_said_while_its_key_waits_is_not_lost(store: Any, parts: Parts, parcels: Any) -> None:
    """The way of an ordinary service: outbox, relay, Kafka, and back."""
    from shared.outbox import Relay

    parcel = uuid4()
    await say(store, parcels, parcel, 13, 2)
    async with running(Relay(store.machinery, parts.kafka).run(), hearing(store, parts, parcels).run()):
        await waiting(store, 2)
        await mend(store)
        await say(store, parcels, parcel, 3)
        await waiting(store, 3)
        await parked.replay(store.machinery, applying(parcels), parcels.topic, str(parcel))
        await say(store, parcels, parcel, 4)
        await eventually(lambda: is_heard(store, parcel, [13, 2, 3, 4]))
