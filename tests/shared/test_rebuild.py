"""A view is made again from what was heard, while the live one goes on; readers never notice."""

import asyncio
from itertools import cycle, islice
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from shared.database import Tx
from shared.errors import NotFound, Refusal
from shared.events.base import Heard
from shared.inbox import parked
from shared.inbox.batch import Applying
from shared.inbox.hearing import Hearing
from shared.outbox import Relay
from shared.rebuild import Difference, Rebuild
from tests.conftest import Parts, eventually, running
from tests.shared.conftest import ORGANISATION, say, shelved

SHELF = """
    set role parcels_owner;
    create table shelf (organisation_id uuid not null, parcel_id uuid primary key, number int not null);
    select machinery.protect('shelf');
    create table elsewhere (organisation_id uuid not null, parcel_id uuid primary key);
    select machinery.protect('elsewhere');
"""


WAITS = """
    select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')
"""


async def on_parcel_sent(tx: Tx, heard: Heard[Any]) -> None:
    await tx.execute(
        """insert into shelf values ($1, $2, $3)
           on conflict (parcel_id) do update set number = shelf.number + excluded.number""",
        heard.organisation_id,
        heard.event.parcel_id,
        heard.event.number,
    )


@pytest.fixture
async def store(fresh_store: Any) -> Any:
    opened = await fresh_store()
    await as_administrator(opened, SHELF.replace(":doors", "parcels").replace(":machinery", "parcels_machinery"))
    return opened


async def as_administrator(store: Any, sql: str) -> None:
    connection = await asyncpg.connect(store.dsn_admin)
    await connection.execute(sql)
    await connection.close()


def rebuild(store: Any, kind: Any, handler: Any = on_parcel_sent) -> Rebuild:
    return Rebuild(store.machinery, Applying({kind: handler}, keeps_heard=True), "parcels", ("shelf",))


async def shelf(store: Any) -> dict[str, int]:
    return {str(parcel): number for parcel, number in (await shelved(store, ORGANISATION)).items()}


class Live:
    """Parcels that go on being sent and heard."""

    def __init__(self, store: Any, parts: Parts, kind: Any) -> None:
        self.store, self.kind = store, kind
        self.ids = [uuid4() for _ in range(30)]
        applying = Applying({kind: on_parcel_sent}, keeps_heard=True)
        self.hearing = Hearing(store.machinery, parts.kafka, f"g-{kind.topic}", applying)
        self.relay = Relay(store.machinery, parts.kafka)

    @classmethod
    async def after(cls, store: Any, parts: Parts, kind: Any, *, rounds: int) -> "Live":
        """So many rounds were sent and heard; now all is still."""
        live = cls(store, parts, kind)
        async with running(live.relay.run(), live.hearing.run()):
            await live.send(rounds)
            await live.heard(rounds * len(live.ids))
        return live

    async def send(self, rounds: int) -> None:
        for number in range(1, rounds + 1):
            for parcel in self.ids:
                await say(self.store, self.kind, parcel, number)

    async def heard(self, count: int) -> None:
        await eventually(lambda: self.store.machinery.pool.fetchval("select count(*) = $1 from machinery.heard", count))


async def test_a_view_made_again_under_traffic_equals_the_live_one_and_takes_its_place(
    store: Any, parts: Parts, parcels: Any
) -> None:
    live = Live(store, parts, parcels)
    is_over, readings = asyncio.Event(), []

    async def read_all_the_time() -> None:
        while not is_over.is_set():
            readings.append(sum((await shelf(store)).values()))

    async with running(live.relay.run(), live.hearing.run()):
        await live.send(5)
        await live.heard(150)
        one = rebuild(store, parcels)
        await one.begin()
        async with running(read_all_the_time()):
            sending = asyncio.create_task(live.send(10))
            assert [progress async for progress in one.steps()]
            assert await one.differences() == []
            await one.switch()
            await sending
            await live.heard(450)
            is_over.set()
    assert (await shelf(store)).keys() == {str(parcel) for parcel in live.ids}
    assert set((await shelf(store)).values()) == {15 + 55}
    assert readings == sorted(readings)


async def test_a_damaged_view_is_found_and_mended_and_the_old_one_kept_until_dropped(
    store: Any, parts: Parts, parcels: Any
) -> None:
    live = await Live.after(store, parts, parcels, rounds=2)
    whole = await shelf(store)
    await as_administrator(store, f"delete from shelf where parcel_id = '{live.ids[0]}'")
    await as_administrator(store, f"update shelf set number = 99 where parcel_id = '{live.ids[1]}'")
    one = rebuild(store, parcels)
    await one.begin()
    assert [progress.total async for progress in one.steps()][-1] == 60
    assert await one.differences() == [Difference("shelf", 29, 30, 2)]
    assert await shelf(store) != whole
    await one.switch()
    assert await shelf(store) == whole
    with pytest.raises(Refusal, match="drop them first"):
        await one.begin()
    await one.drop()
    with pytest.raises(NotFound):
        await one.drop()
    await one.begin()
    assert await one.differences() == []


async def test_an_interrupted_one_goes_on_where_it_was(
    store: Any, parts: Parts, parcels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.rebuild.STEP", 7)
    await Live.after(store, parts, parcels, rounds=3)
    one = rebuild(store, parcels)
    await one.begin()
    async for progress in one.steps():
        if progress.done > 40:
            break
    again = rebuild(store, parcels)
    await again.begin()
    assert (await anext(again.steps())).done > 40
    assert await again.differences() == []


async def test_two_who_make_the_same_view_at_once_fold_every_event_once(
    store: Any, parts: Parts, parcels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.rebuild.STEP", 7)
    await Live.after(store, parts, parcels, rounds=3)

    async def slowly(tx: Tx, heard: Heard[Any]) -> None:
        await asyncio.sleep(0.005)  # so that both are in the midst of a step
        await on_parcel_sent(tx, heard)

    async def make(one: Rebuild) -> None:
        await one.begin()
        async for _ in one.steps():
            pass

    both = [rebuild(store, parcels, slowly) for _ in range(2)]
    await asyncio.gather(*map(make, both))
    assert await both[0].differences() == []


async def test_whoever_comes_too_late_puts_nothing_in_place(store: Any, parts: Parts, parcels: Any) -> None:
    await Live.after(store, parts, parcels, rounds=1)
    first, second = rebuild(store, parcels), rebuild(store, parcels)
    for one in (first, second):
        await one.begin()
    await first.switch()
    for work in (second.switch, second.differences):
        with pytest.raises(Refusal) as refused:
            await work()
        assert refused.value.code in ("rebuild-gone", "view-migrated")
    assert len(await shelf(store)) == 30


async def test_it_catches_up_with_traffic_on_all_partitions(
    store: Any, parts: Parts, parcels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.rebuild.STEP", 60)
    live = await Live.after(store, parts, parcels, rounds=3)
    one, coming, sent = rebuild(store, parcels), cycle(live.ids), 90
    await one.begin()
    async with running(live.relay.run(), live.hearing.run()):
        async for progress in one.steps():
            assert progress.done < 10 * 60, "it never comes to an end"
            for parcel in islice(coming, 15):
                await say(store, parcels, parcel, 1)
            sent += 15
            await live.heard(sent)
    assert await one.differences() == []


async def test_it_takes_its_place_with_what_is_being_replayed_just_then(store: Any, parts: Parts, parcels: Any) -> None:
    live, parcel, replayed, may_commit = Live(store, parts, parcels), uuid4(), asyncio.Event(), asyncio.Event()

    async def fails(_: Tx, heard: Heard[Any]) -> None:
        raise ValueError(heard.event.number)

    async def slowly(tx: Tx, heard: Heard[Any]) -> None:
        await on_parcel_sent(tx, heard)
        replayed.set()
        await may_commit.wait()

    failing = Hearing(store.machinery, parts.kafka, "g-fails", Applying({parcels: fails}, keeps_heard=True))
    await say(store, parcels, parcel, 7)
    async with running(live.relay.run(), failing.run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 1 from machinery.parked"))
    one = rebuild(store, parcels)
    await one.begin()
    applying = Applying({parcels: slowly}, keeps_heard=True)
    replaying = asyncio.create_task(parked.replay(store.machinery, applying, parcels.topic, str(parcel)))
    await replayed.wait()
    switching = asyncio.create_task(one.switch())

    await eventually(lambda: store.machinery.pool.fetchval(WAITS))
    may_commit.set()
    await asyncio.gather(replaying, switching)
    assert await shelf(store) == {str(parcel): 7}


async def test_a_handler_that_writes_outside_its_view_is_stopped(store: Any, parts: Parts, parcels: Any) -> None:
    await Live.after(store, parts, parcels, rounds=1)

    async def writes_elsewhere(tx: Tx, heard: Heard[Any]) -> None:
        await tx.execute("insert into elsewhere values ($1, $2)", heard.organisation_id, heard.event.parcel_id)

    one = rebuild(store, parcels, writes_elsewhere)
    await one.begin()
    with pytest.raises(asyncpg.UndefinedTableError):
        await one.differences()
    assert await store.machinery.pool.fetchval("select count(*) from machinery.rebuild_positions") == 0


async def test_one_that_a_migration_has_overtaken_is_never_put_in_place(store: Any, parts: Parts, parcels: Any) -> None:
    await Live.after(store, parts, parcels, rounds=1)
    one = rebuild(store, parcels)
    await one.begin()
    assert await one.differences() == []
    await as_administrator(store, "alter table shelf add column colour text")
    for work in (one.begin, one.differences, one.switch):
        with pytest.raises(Refusal, match=r"other columns .*shelf.*: drop it") as refused:
            await work()
        assert refused.value.code == "view-migrated"
    await one.drop()
    await one.begin()
    assert await one.differences() == []
    await one.switch()
    assert len(await shelf(store)) == 30


async def named(store: Any) -> Any:
    """The indexes and constraints of the live shelf by their names."""
    return await store.machinery.pool.fetch(
        """select indexname as name, indexdef as said from pg_indexes
           where schemaname = 'public' and tablename = 'shelf'
           union all select conname, pg_get_constraintdef(oid) from pg_constraint
           where conrelid = 'public.shelf'::regclass order by 1, 2"""
    )


async def test_what_is_put_in_place_has_the_names_of_what_was_there(store: Any, parts: Parts, parcels: Any) -> None:
    await as_administrator(
        store,
        """alter table shelf rename constraint shelf_pkey to shelf_by_parcel;
           alter table shelf add constraint one_number unique (organisation_id, number, parcel_id),
               add constraint some_number check (number > 0);
           create index shelf_number_idx on shelf (number, parcel_id);
           create index twice_1 on shelf (number);
           create index twice_2 on shelf (number);
           create index shelf_number_parcel_id_idx on shelf (organisation_id) where number > 3""",
    )
    before = await named(store)
    await Live.after(store, parts, parcels, rounds=1)
    one = rebuild(store, parcels)
    for _ in range(2):
        await one.begin()
        await one.switch()
        assert await named(store) == before
        await one.drop()
    assert await named(store) == before


@pytest.mark.parametrize(
    "migration",
    [
        "create index shelf_by_number on shelf (number)",
        "drop index by_organisation",
        "drop index by_organisation; create unique index by_organisation on shelf (organisation_id, parcel_id)",
        "alter table shelf add constraint some_number check (number > 0)",
        "alter table shelf alter column number drop not null",
    ],
)
async def test_one_that_lacks_an_index_or_a_rule_of_the_live_view_is_never_put_in_place(
    store: Any, parts: Parts, parcels: Any, migration: str
) -> None:
    await as_administrator(store, "create index by_organisation on shelf (organisation_id, parcel_id)")
    await Live.after(store, parts, parcels, rounds=1)
    one = rebuild(store, parcels)
    await one.begin()
    await as_administrator(store, migration)
    with pytest.raises(Refusal, match=r"constraints or indexes .*shelf.*: drop it") as refused:
        await one.switch()
    assert refused.value.code == "view-migrated"
    await one.drop()
    await one.begin()
    await one.switch()
    assert len(await shelf(store)) == 30


async def test_one_waits_for_the_migration_that_overtakes_it_just_then(store: Any, parts: Parts, parcels: Any) -> None:
    await Live.after(store, parts, parcels, rounds=1)
    one, admin = rebuild(store, parcels), await asyncpg.connect(store.dsn_admin)
    await one.begin()
    async with admin.transaction():
        await admin.execute("create index shelf_by_number on shelf (number)")
        switching = asyncio.create_task(one.switch())
        await eventually(lambda: store.machinery.pool.fetchval(WAITS))
    await admin.close()
    with pytest.raises(Refusal) as refused:
        await switching
    assert refused.value.code == "view-migrated"
    assert "shelf_by_number" in [row["name"] for row in await named(store)]
