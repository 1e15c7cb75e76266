"""Whoever is erased leaves no id in the store; others are still counted, and late events have no effect."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from shared import clock
from shared.database import Database, Tx
from shared.erasing import TIMER, erase, on_erase
from shared.events.base import CATALOGUE, Event, Heard, Part, event
from shared.idempotency import Key, earlier, keep
from shared.identity import new_id
from shared.inbox import parked
from shared.inbox.batch import Applying
from shared.inbox.hearing import Hearing
from shared.outbox import Relay, put
from shared.rebuild import Rebuild
from shared.timers import Timer, Timers, set_timer
from tests.conftest import Parts, eventually, running
from tests.shared.conftest import AT, ORGANISATION


class Aboard(Part):
    participant_id: UUID
    seat: int


@pytest.fixture
async def voyages(fresh_topic: Callable[..., Any]) -> Any:
    """Two events on a topic of their own: one tells of one person, the other names several."""
    topic, end = await fresh_topic(), uuid4().hex[:8]

    @event(f"ticket-sold-{end}", topic=topic, key="ticket_id")
    class TicketSold(Event):
        """A ticket was sold."""

        ticket_id: UUID
        participant_id: UUID

    @event(f"ship-sailed-{end}", topic=topic, key="ship_id")
    class ShipSailed(Event):
        """A ship sailed."""

        ship_id: UUID
        attendance: list[Aboard]

    @event(f"guest-erased-{end}", topic=topic, key="participant_id")
    class GuestErased(Event):
        """A guest was erased."""

        erases = True
        participant_id: UUID

    yield TicketSold, ShipSailed, GuestErased
    for kind in (TicketSold, ShipSailed, GuestErased):
        del CATALOGUE[kind.ce_type()]


class Harbour:
    """A store that sells, and hears of it itself."""

    def __init__(self, store: Any, parts: Parts, voyages: Any) -> None:
        self.store, self.voyages, self.sailed = store, voyages, list[Any]()
        sold, sailed, erased = voyages
        handlers = {sold: self.on_sold, sailed: self.on_sailed, erased: self.on_erased}
        applying = Applying(handlers, keeps_heard=True)
        self.hearing = Hearing(store.machinery, parts.kafka, f"g-{sold.topic}", applying)
        self.rebuild = Rebuild(store.machinery, applying, "voyages", ("idempotency_keys",))  # any table
        self.relay = Relay(store.machinery, parts.kafka)
        self.timers = Timers(store.machinery, {TIMER: on_erase})
        self.sold: list[UUID] = []
        self.refuses = False

    async def on_sold(self, tx: Tx, heard: Heard[Any]) -> None:
        if self.refuses:
            raise ValueError("sold out")
        self.sold.append(heard.event.ticket_id)

    async def on_sailed(self, tx: Tx, heard: Heard[Any]) -> None:
        self.sailed.append({one.participant_id: one.seat for one in heard.event.attendance})

    async def on_erased(self, tx: Tx, heard: Heard[Any]) -> None:
        await erase(tx, heard.organisation_id, {heard.event.participant_id}, clock.now())

    async def say(self, *events: Event) -> None:
        async with self.store.doors.transaction(ORGANISATION) as tx:
            for one in events:
                put(tx, one, organisation=ORGANISATION, at=AT)

    def ticket(self, person: UUID, ticket: UUID | None = None) -> Any:
        return self.voyages[0](ticket_id=ticket or uuid4(), participant_id=person)

    def voyage(self, *people: UUID) -> Any:
        aboard = [Aboard(participant_id=one, seat=seat) for seat, one in enumerate(people)]
        return self.voyages[1](ship_id=uuid4(), attendance=aboard)

    async def heard(self, count: int) -> None:
        total = "select coalesce(sum(next_offset), 0) = $1 from machinery.offsets"
        await eventually(lambda: self.store.machinery.pool.fetchval(total, count))

    async def traces(self, *ids: UUID) -> list[str]:
        """Tables of the store in which one of these ids can be read."""
        admin = await asyncpg.connect(self.store.dsn_admin)
        tables = await admin.fetch(
            """select format('%I.%I', schemaname, tablename) as name from pg_tables
               where schemaname not in ('pg_catalog', 'information_schema')"""
        )
        found = []
        for table in tables:
            rows = await admin.fetch(f"select t::text as text from {table['name']} t")
            seen = "\n".join(row["text"] for row in rows)
            hexed = [str(one).encode().hex() for one in ids]
            if any(one in seen for one in [*map(str, ids), *hexed]):
                found.append(table["name"])
        await admin.close()
        return found


@pytest.fixture
async def harbour(fresh_store: Any, parts: Parts, voyages: Any) -> Harbour:
    return Harbour(await fresh_store(), parts, voyages)


async def test_nothing_is_left_of_one_and_others_are_still_counted(harbour: Harbour) -> None:
    gone, other, tickets = uuid4(), uuid4(), [uuid4(), uuid4()]
    async with running(harbour.relay.run(), harbour.hearing.run(), harbour.timers.run()):
        await harbour.say(*(harbour.ticket(gone, one) for one in tickets), harbour.ticket(other))
        await harbour.say(harbour.voyage(gone, other))
        async with harbour.store.doors.transaction(ORGANISATION) as tx:
            told = {"who": f"/guests/{gone}?seat=1"}
            await set_timer(tx, Timer("remind", str(new_id()), ORGANISATION, clock.now(), told))
        await harbour.heard(4)
        assert "machinery.event_log" in await harbour.traces(gone)
        async with harbour.store.doors.transaction(ORGANISATION) as tx:
            await erase(tx, ORGANISATION, {gone, *tickets}, clock.now())

        async def nothing_is_left() -> bool:
            return await harbour.traces(gone, *tickets) == []

        await eventually(nothing_is_left)
    for table in ("event_log", "heard"):
        values = await harbour.store.machinery.pool.fetch(f"select value from machinery.{table}")
        assert len(values) == 2, table
        assert all(str(other).encode() in row["value"] for row in values)
        assert sum(row["value"].count(b'"seat"') for row in values) == 2


async def test_what_told_of_them_alone_goes_with_its_key_also_where_the_service_has_forgotten_it(
    harbour: Harbour,
) -> None:
    gone, ticket = uuid4(), uuid4()
    async with running(harbour.relay.run(), harbour.hearing.run(), harbour.timers.run()):
        await harbour.say(harbour.ticket(gone, ticket))
        await harbour.heard(1)
        async with harbour.store.doors.transaction(ORGANISATION) as tx:
            await erase(tx, ORGANISATION, {gone}, clock.now())

        async def nothing_is_left() -> bool:
            return await harbour.traces(gone, ticket) == []

        await eventually(nothing_is_left)


async def test_many_who_are_erased_at_once_are_all_gone_from_what_names_them_together(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.erasing.PAGES_A_LOOK", 2)
    gone, other = [uuid4() for _ in range(12)], uuid4()
    another = [Timers(harbour.store.machinery, {TIMER: on_erase}) for _ in range(3)]
    async with running(harbour.relay.run(), harbour.hearing.run()):
        await harbour.say(*(harbour.ticket(one) for one in gone), *(harbour.voyage(*gone, other) for _ in range(40)))
        await harbour.heard(52)

    async def nothing_is_left() -> bool:
        return await harbour.traces(*gone) == []

    async with running(*(timers.run() for timers in another)):
        for one in gone:
            async with harbour.store.doors.transaction(ORGANISATION) as tx:
                await erase(tx, ORGANISATION, {one}, clock.now())
        await eventually(nothing_is_left)
    for table in ("event_log", "heard"):
        values = await harbour.store.machinery.pool.fetch(f"select value from machinery.{table}")
        assert len(values) == 40, table
        aboard = [[one["participant_id"] for one in json.loads(row["value"])["attendance"]] for row in values]
        assert all(len(set(ids)) == 13 and ids[-1] == str(other) for ids in aboard)


async def test_an_erasure_comes_to_its_end_in_a_log_that_no_statement_gets_through(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.erasing.PAGES_A_LOOK", 2)
    gone = uuid4()
    admin = await asyncpg.connect(harbour.store.dsn_admin)
    await admin.execute(
        """create function slowly() returns trigger language plpgsql as
               $$ begin perform pg_sleep(0.01); return old; end $$;
           create trigger slowly before delete on machinery.heard for each row execute function slowly();
           create trigger slowly before delete on machinery.event_log for each row execute function slowly()"""
    )
    await admin.close()
    async with running(harbour.relay.run(), harbour.hearing.run()):
        await harbour.say(*(harbour.ticket(gone) for _ in range(200)))
        await harbour.heard(200)
    slow = await Database.open(harbour.store.dsn_machinery, size=2, name="slow", seconds_max=1)  # for two seconds' work

    async def nothing_is_left() -> bool:
        return await harbour.traces(gone) == []

    async with running(Timers(slow, {TIMER: on_erase}).run()):
        async with harbour.store.doors.transaction(ORGANISATION) as tx:
            await erase(tx, ORGANISATION, {gone}, clock.now())
        await eventually(nothing_is_left)
    await slow.close()


async def test_an_answer_that_is_kept_under_their_id_goes_whatever_was_answered(harbour: Harbour) -> None:
    gone, other = uuid4(), uuid4()
    keys = [Key(ORGANISATION, value, "a fingerprint") for value in (str(gone), f"/guests/{gone}", str(other))]
    async with harbour.store.doors.transaction(ORGANISATION) as tx:
        for key in keys:
            assert await earlier(tx, key) is None
        await keep(tx, keys[0], 200, {"digest": "of somebody"})  # and the second one has no answer yet
        await keep(tx, keys[2], 200, {"digest": "of somebody else"})
        await erase(tx, ORGANISATION, {gone}, clock.now())

    async def nothing_is_left() -> bool:
        return await harbour.traces(gone) == []

    async with running(harbour.timers.run()):
        await eventually(nothing_is_left)
    async with harbour.store.doors.transaction(ORGANISATION) as tx:
        assert [row["key"] for row in await tx.fetch("select key from idempotency_keys")] == [str(other)]


async def test_an_event_that_comes_late_has_no_effect_and_leaves_no_trace(harbour: Harbour) -> None:
    gone, other = uuid4(), uuid4()
    async with running(harbour.relay.run(), harbour.timers.run()):
        await harbour.say(harbour.ticket(gone), harbour.ticket(other), harbour.voyage(gone, other))
        async with harbour.store.doors.transaction(ORGANISATION) as tx:
            await erase(tx, ORGANISATION, {gone}, clock.now())
        async with running(harbour.hearing.run()):
            await harbour.heard(3)

            async def nothing_is_left() -> bool:
                return await harbour.traces(gone) == []

            await eventually(nothing_is_left)
    assert len(harbour.sold) == 1
    [aboard] = harbour.sailed
    assert aboard[other] == 1
    assert sorted(aboard.values()) == [0, 1]
    assert gone not in aboard


async def test_what_comes_after_an_erasure_in_the_same_batch_has_no_effect(harbour: Harbour, parts: Parts) -> None:
    gone = uuid4()
    async with running(harbour.relay.run(), harbour.timers.run()):
        for _ in range(20):
            await harbour.say(harbour.ticket(gone))
        await harbour.say(harbour.voyages[2](participant_id=gone))
        for _ in range(20):
            await harbour.say(harbour.ticket(gone))
        await eventually(lambda: harbour.store.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
        async with running(harbour.hearing.run()):
            await harbour.heard(41)

            async def nothing_is_left() -> bool:
                return await harbour.traces(gone) == []

            await eventually(nothing_is_left)


async def test_what_is_made_again_is_without_them_before_the_log_has_forgotten_them(harbour: Harbour) -> None:
    gone, other = uuid4(), uuid4()
    tickets = harbour.ticket(gone), harbour.ticket(other)
    async with running(harbour.relay.run(), harbour.hearing.run()):  # and no timers: the log still tells of everybody
        await harbour.say(*tickets, harbour.voyage(gone, other))
        await harbour.heard(3)
        await harbour.say(harbour.voyages[2](participant_id=gone))
        await harbour.heard(4)
    assert "machinery.heard" in await harbour.traces(gone)
    harbour.sold.clear()
    harbour.sailed.clear()
    await harbour.rebuild.begin()
    assert [one.done async for one in harbour.rebuild.steps()] == [0]
    await harbour.rebuild.switch()
    assert harbour.sold == [tickets[1].ticket_id]
    [aboard] = harbour.sailed
    assert aboard[other] == 1
    assert sorted(aboard.values()) == [0, 1]
    assert gone not in aboard


async def elsewhere_said(parts: Parts, topic: str, key: UUID, value: bytes, **headers: str) -> None:
    """What this store does not know of."""
    async with AIOKafkaProducer(bootstrap_servers=parts.kafka) as producer:
        given = [(name, text.encode()) for name, text in headers.items()]
        await producer.send_and_wait(topic, value, key=str(key).encode(), headers=given)


async def test_what_was_parked_about_somebody_has_no_effect_once_they_are_erased(
    harbour: Harbour, parts: Parts
) -> None:
    gone, harbour.refuses = uuid4(), True
    ticket = harbour.ticket(gone)
    about = {
        "ce_id": str(uuid4()),
        "ce_type": ticket.ce_type(),
        "ce_time": AT.isoformat(),
        "ce_organisation": str(ORGANISATION),
        "ce_aggregateversion": "1",
    }
    await elsewhere_said(parts, ticket.topic, ticket.ticket_id, ticket.model_dump_json().encode(), **about)
    async with running(harbour.hearing.run(), harbour.timers.run()):
        await harbour.heard(1)
        async with harbour.store.doors.transaction(ORGANISATION) as tx:
            await erase(tx, ORGANISATION, {gone}, clock.now())

        async def nothing_is_left() -> bool:
            return await harbour.traces(gone) == []

        await eventually(nothing_is_left)
    harbour.refuses = False
    topic, applying = harbour.voyages[0].topic, harbour.hearing.apply
    done = await parked.replay(harbour.store.machinery, applying, topic, str(ticket.ticket_id))
    assert (done.handled, done.passed_over, done.left) == (0, 1, 0)
    assert harbour.sold == []


async def test_an_erasure_waits_behind_no_parked_event(harbour: Harbour, parts: Parts) -> None:
    gone = uuid4()
    await elsewhere_said(parts, harbour.voyages[0].topic, gone, b"no event")
    async with running(harbour.relay.run(), harbour.hearing.run(), harbour.timers.run()):
        await harbour.heard(1)
        assert "machinery.parked" in await harbour.traces(gone)
        await harbour.say(harbour.voyages[2](participant_id=gone))

        async def nothing_is_left() -> bool:
            return await harbour.traces(gone) == []

        await eventually(nothing_is_left)
