"""Views made again from what was heard, beside the live ones, while these go on.

A view is a pure fold over what was heard. The rebuild folds it again with the same handlers into tables of its own, in
steps that each move its position: killed at any point it goes on where it was, and the live view has noticed nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord

from shared import clock
from shared.database import Database, Record, Tx, made_of, see_only
from shared.errors import NotFound, Refusal
from shared.inbox.batch import Applying
from shared.inbox.decode import Incoming, decode

STEP = 250
NOBODY_HEARS = "lock table machinery.offsets in exclusive mode"  # a batch begins by moving rows, a replay by locking
WAITS = "set local idle_in_transaction_session_timeout = '60s'"  # while another transaction of ours folds the rest
ORGANISATIONS = "select distinct organisation_id from machinery.heard"
PLACES = """
    select o.topic, o.part, ahead.many from machinery.offsets o
    left join machinery.rebuild_positions p on p.view = $1 and p.topic = o.topic and p.part = o.part
    cross join lateral (
        select count(*) as many from (
            select from machinery.heard h
            where h.topic = o.topic and h.part = o.part and h.place > coalesce(p.place, -1) limit $2
        ) one
    ) ahead where ahead.many > 0
"""  # a probe of the index for each partition: it is asked while live batches wait
COUNTS = """
    select count(*) as total, count(*) filter (where h.place <= p.place) as done from machinery.heard h
    left join machinery.rebuild_positions p
         on p.view = $1 and p.topic = h.topic and p.part = h.part
"""
NEXT = """
    select h.* from unnest($2::text[], $3::int[]) as u (topic, part)
    left join machinery.rebuild_positions p on p.view = $1 and p.topic = u.topic and p.part = u.part
    cross join lateral (
        select * from machinery.heard h
        where h.topic = u.topic and h.part = u.part and h.place > coalesce(p.place, -1) order by h.place limit $4
    ) h
    order by h.place
"""  # a partition's transactions follow one another, so what commits later there has a later place
MOVE = """
    insert into machinery.rebuild_positions select $1, * from unnest($2::text[], $3::int[], $4::bigint[])
    on conflict (view, topic, part) do update set place = excluded.place
"""
PLACES_OF = """
    select topic, part, count(*) as many from machinery.heard where organisation_id = $1 and place <= $2
    group by topic, part order by topic, part
"""
NEXT_OF = """
    select h.* from machinery.heard h
    where organisation_id = $1 and topic = $2 and part = $3 and place > $4 and place <= $5 order by place limit $6
"""
KEY = """
    select string_agg(quote_ident(a.attname), ', ' order by array_position(i.indkey::int[], a.attnum::int))
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indrelid = $1::regclass and i.indisprimary
"""
COMPARE = """
    select (select count(*) from public.{table}) as rows_live,
           (select count(*) from {beside}.{table}) as rows_beside, count(*) as keys
    from (select {key}, md5(t::text) as digest from public.{table} t) live
    full join (select {key}, md5(t::text) as digest from {beside}.{table} t) made using ({key})
    where live.digest is distinct from made.digest
"""
MIGRATED = """
    select relname as name from pg_class c join pg_namespace n on n.oid = relnamespace cross join lateral (
        select array(select row(attname, atttypid)::text from pg_attribute
                     where attrelid = c.oid and attnum > 0 and not attisdropped order by attnum)
            || array(select indisunique || substring(pg_get_indexdef(indexrelid) from ' USING .*') as said
                     from pg_index where indrelid = c.oid order by said)
            || array(select pg_get_constraintdef(oid) as said from pg_constraint
                     where conrelid = c.oid and contype <> 'f' order by said) as shape
    ) one where relkind = 'r' and relname = any ($1) and nspname in ('public', $2)
    group by relname having count(distinct shape) > 1
"""  # but for names, and for foreign keys: no copy has those
COPIES = "select case state when 'building' then 'beside_' else 'before_' end || view as name from machinery.rebuilds"
AfterSwitch = Callable[[Tx], Awaitable[None]]
"""What a service does in the transaction of a switch: what it keeps of a view elsewhere is to be made anew."""
Views = Mapping[str, tuple[str, ...]]
"""The views of a service that can be rebuilt: the tables of each. Its handlers write to no others."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the events that were heard have been folded."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A table that is not the same live and beside: rows each, and how many keys are in one only or differ."""

    table: str
    rows_live: int
    rows_beside: int
    keys: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A rebuild of one view of one service."""

    database: Database
    apply: Applying
    view: str
    tables: tuple[str, ...]
    after_switch: AfterSwitch | None = None

    async def begin(self) -> None:
        """Make the tables beside the live ones, or go on with those of an earlier start."""
        async with self.database.transaction() as tx:
            await tx.execute("lock table machinery.rebuilds in exclusive mode")
            state = await tx.fetchval("select state from machinery.rebuilds where view = $1", self.view)
            if state == "switched":
                raise Refusal("old-view-kept", f"The {self.view} before the last rebuild are kept: drop them first.")
            if state is None:
                await tx.execute("select machinery.begin_rebuild($1, $2, $3)", self.view, [*self.tables], clock.now())
            await self._must_fit(tx)

    async def steps(self) -> AsyncIterator[Progress]:
        """Fold until nearly all that was heard is in; an interrupted rebuild goes on where it was.

        What comes meanwhile is spread over all partitions: their last events are folded together, in one transaction,
        or there would never be few.
        """
        async with self.database.transaction() as tx:
            counts = await tx.fetchrow(COUNTS, self.view)
        assert counts
        done, total = counts["done"], counts["total"]
        while True:
            async with self.database.transaction() as tx:
                places = await tx.fetch(PLACES, self.view, STEP)
            ahead = sum(place["many"] for place in places)
            total = max(total, done + ahead)
            yield Progress(done, total)
            if ahead < STEP:
                return
            for together in _together(places):
                folded = STEP
                while folded >= STEP:
                    async with self.database.transaction() as tx:
                        folded = await self._fold(tx, together)
                    done += folded
                    yield Progress(done, max(done, total))

    async def differences(self) -> list[Difference]:
        """Compare both at one and the same event, without holding anybody up meanwhile."""
        async with self.database.transaction() as reading:
            await reading.execute("set transaction isolation level repeatable read")
            await reading.execute(WAITS)
            async with self._nobody_hears():
                async with self.database.transaction() as tx:
                    await self._fold_rest(tx)
                await self._no_migration(reading)
                every = {row["organisation_id"] for row in await reading.fetch(ORGANISATIONS)}  # takes the snapshot
            await self._must_fit(reading)
            await see_only(reading, every)
            found = [await self._compare(reading, table) for table in self.tables]
        return [one for one in found if one.keys]

    async def switch(self) -> None:
        """Put the new view in the place of the old one. Readers wait for it, none fails."""
        async with self.database.transaction() as tx:
            await tx.execute(NOBODY_HEARS)
            await self._alone(tx)
            await self._fold_rest(tx)
            await self._must_fit(tx)
            await tx.execute("select machinery.switch_rebuild($1)", self.view)
            if self.after_switch:
                await see_only(tx, {row["organisation_id"] for row in await tx.fetch(ORGANISATIONS)})
                await self.after_switch(tx)

    async def drop(self) -> None:
        """Drop what is kept: a view that was not switched to, or the one before the last switch."""
        async with self.database.transaction() as tx:
            if not await tx.fetchval("select true from machinery.rebuilds where view = $1", self.view):
                raise NotFound("rebuild")
            await tx.execute("select machinery.drop_rebuild($1)", self.view)

    async def _alone(self, tx: Tx) -> None:
        """Whoever makes the same view waits, and looks how far it is only then: nothing is folded twice."""
        mine = "select from machinery.rebuilds where view = $1 and state = 'building' for update"
        if not await tx.fetch(mine, self.view):
            raise Refusal("rebuild-gone", f"Somebody else has put the new {self.view} in place, or has dropped it.")

    async def _no_migration(self, tx: Tx) -> None:
        """Nobody changes the live tables or makes an index while `tx` lasts. This takes no snapshot."""
        await tx.execute(f"lock table {', '.join(f'public.{table}' for table in self.tables)} in row exclusive mode")

    async def _must_fit(self, tx: Tx) -> None:
        """Refuse tables that were made before a migration changed the live ones."""
        await self._no_migration(tx)
        if changed := await tx.fetch(MIGRATED, list(self.tables), f"beside_{self.view}"):
            since = f"than when this rebuild began ({', '.join(row['name'] for row in changed)})"
            sentence = f"The live tables have other columns or constraints or indexes {since}: drop it, and begin anew."
            raise Refusal("view-migrated", sentence)

    async def _fold_rest(self, tx: Tx) -> None:
        places = await tx.fetch(PLACES, self.view, STEP)
        while places and await self._fold(tx, places) >= STEP:
            pass

    async def _fold(self, tx: Tx, places: Sequence[Record]) -> int:
        """Fold the next events of these partitions into the tables beside; gives how many there were."""
        await self._alone(tx)
        await tx.execute("lock table machinery.rebuild_positions in row exclusive mode")  # before reading: see erasures
        named = [place["topic"] for place in places], [place["part"] for place in places]
        rows = await tx.fetch(NEXT, self.view, *named, STEP)
        if not rows:
            return 0
        batch = [_as_it_was_heard(row) for row in rows]
        await see_only(tx, {one.organisation_id for one in batch})
        await _look_at(tx, f"beside_{self.view}")  # a table outside the view is an error
        await self.apply.again(tx, batch)
        await _look_at(tx, "public")
        moved = {(row["topic"], row["part"]): row["place"] for row in rows}  # of each the last one
        await tx.execute(MOVE, self.view, *([*column] for column in zip(*moved, strict=True)), [*moved.values()])
        return len(rows)

    @asynccontextmanager
    async def _nobody_hears(self) -> AsyncIterator[None]:
        """Keep live batches and replays waiting, for a moment."""
        async with self.database.transaction() as tx:
            await tx.execute(WAITS)
            await tx.execute(NOBODY_HEARS)
            yield

    async def _compare(self, tx: Tx, table: str) -> Difference:
        key = await tx.fetchval(KEY, f"public.{table}")
        row = await tx.fetchrow(COMPARE.format(table=table, beside=f"beside_{self.view}", key=key))
        assert row
        return made_of(Difference, row, table=table)


def _together(places: Sequence[Record]) -> Iterator[list[Record]]:
    """Partitions in groups that have about a step of events ahead."""
    group: list[Record] = []
    for place in places:
        group.append(place)
        if sum(one["many"] for one in group) >= STEP:
            yield group
            group = []
    if group:
        yield group


async def fold_aside(
    tx: Tx, organisation: UUID, apply: Applying, tables: Collection[str], until: int
) -> AsyncIterator[Progress]:
    """Make copies of these tables as they were when the log had been heard until a place.

    The copies hide the live tables from this transaction alone, and are gone with it: nothing that is live changes.
    """
    for table in tables:
        await tx.execute(f"create temp table {table} (like public.{table} including all) on commit drop")
    await _look_at(tx, "pg_temp, public")
    rows = await tx.fetch(PLACES_OF, organisation, until)
    done, total = 0, sum(row["many"] for row in rows)
    for row in rows:
        place = -1
        while folded := await tx.fetch(NEXT_OF, organisation, row["topic"], row["part"], place, until, STEP):
            await apply.again(tx, [_as_it_was_heard(one) for one in folded])
            place, done = folded[-1]["place"], done + len(folded)
            yield Progress(done, total)


async def in_every_copy(tx: Tx, act: Callable[[], Awaitable[None]]) -> None:
    """Do something to the live view, and to each copy that is being made or is kept."""
    await tx.execute("lock table machinery.rebuild_positions in share row exclusive mode")  # no step is under way
    here = await tx.fetchval("select current_setting('search_path')")
    copies = [row["name"] for row in await tx.fetch(COPIES)]
    for schema in dict.fromkeys((*copies, "public", here)):
        await _look_at(tx, schema)
        await act()
    await _look_at(tx, here)


async def _look_at(tx: Tx, schema: str) -> None:
    await tx.execute("select set_config('search_path', $1, true)", schema)


def _as_it_was_heard(row: Record) -> Incoming:
    headers = tuple((name, text.encode()) for name, text in row["headers"].items())
    place = (row["topic"], row["part"], row["position"])
    record: Any = ConsumerRecord(*place, 0, 0, row["key"].encode(), row["value"], None, 0, 0, headers)
    one = decode(record)
    if one.heard is None:
        raise Refusal("heard-unreadable", f"{place[0]}/{place[1]} at {place[2]} was heard and cannot be read any more.")
    return one
