"""Generated records as the services hear them, and each row that a door has changed: without a broker."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from aiokafka import ConsumerRecord, TopicPartition

from shared import clock
from shared.events.intake import PARTICIPANTS
from shared.inbox.hearing import Hearing
from shared.inbox.store import begin_topic
from shared.service import Service
from tests.journeys.bad_records import Record

PLACE = TopicPartition(PARTICIPANTS, 0)
PARKED = "select raw_key, raw_value from machinery.parked where topic = $1 and part = $2 and position >= $3"
_CHANGES = """
    create schema changes;
    create unlogged table changes.made (what text);
    create function changes.write_down() returns trigger language plpgsql security definer as $$
    begin
        insert into changes.made values (tg_table_name);
        return null;
    end $$;
    do $$ declare one regclass;
    begin
        for one in select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in ('public', 'machinery') and c.relkind in ('r', 'p') and not c.relispartition
        loop
            execute format('create trigger changes after insert or update or delete on %s
                            for each row execute function changes.write_down()', one);
        end loop;
    end $$
"""


@dataclass(eq=False)
class Ear:
    """One service that hears of participants, and its store."""

    name: str
    hearing: Hearing
    admin: "asyncpg.Connection[Any]"
    begin: int = 0
    effective: int = 0

    async def hear(self, records: Sequence[Record]) -> None:
        """All in one batch, as from one partition: each is parked whole or has its effect, and the position moves."""
        places = range(self.begin, self.begin + len(records))
        await self.hearing._hear([consumed(one, place) for one, place in zip(records, places, strict=True)])
        assert self.hearing.before
        assert await self.hearing.before
        self.begin = places.stop
        assert self.hearing.positions.expected[PLACE] == self.begin
        assert await self.admin.fetchval("select next_offset from machinery.offsets") == self.begin
        parked = await self.admin.fetch(PARKED, *PLACE, places.start)
        whole = {(one.key, one.value) for one in records}
        assert all((row["raw_key"], row["raw_value"]) in whole for row in parked)
        self.effective += len(records) - len(parked)


@asynccontextmanager
async def ear(service: Service, store: Any) -> AsyncIterator[Ear]:
    """Whom nothing makes stop, since nearly everything here is bad."""
    hearing = Hearing(
        store.machinery,
        "127.0.0.1:1",
        service.name,
        service.applying,
        flood_run=10**9,
        flood_share=1.0,
    )
    async with store.machinery.transaction() as tx:
        await begin_topic(tx, PARTICIPANTS, {0: 0}, clock.now())
    hearing.positions.expected[PLACE] = 0
    admin = await asyncpg.connect(store.dsn_admin)
    try:
        yield Ear(service.name, hearing, admin)
    finally:
        await admin.close()


def consumed(record: Record, place: int = 0) -> "ConsumerRecord[Any, Any]":
    """As it comes from the broker."""
    return ConsumerRecord(PARTICIPANTS, 0, place, 0, 0, record.key, record.value, None, 0, 0, record.headers)


@asynccontextmanager
async def watching(store: Any) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """From now on each row that is made, changed or deleted is written down."""
    admin = await asyncpg.connect(store.dsn_admin)
    try:
        await admin.execute(_CHANGES)
        yield admin
    finally:
        await admin.close()


async def changed(admin: "asyncpg.Connection[Any]") -> set[str]:
    """The tables in which something was changed since this was asked last."""
    gone = await admin.fetch("delete from changes.made returning what")
    return {row["what"] for row in gone}
