"""What the log has and its speaker's store does not know, as that was restored from an older backup: found, and taken.

Versions are counted in the store. One that has gone back counts numbers again that hearers have seen: whatever it said
under these they would drop in silence, as a repeat.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import Record, Tx, made_of
from shared.erasing import erased
from shared.events import Heard
from shared.inbox.decode import Incoming
from shared.inbox.parked.acts import Act, Decision, keep

TAKEN, PASSED_OVER = "adopted", "passed-over"
_GIVEN = (
    "unnest($1::text[], $2::text[], $3::bigint[], $4::uuid[]) with ordinality as u (topic, key, version, id, place)"
)
_NOT_AT_ITS_VERSION = f"""
    select u.place from {_GIVEN}
    left join lateral (
        select headers from machinery.event_log e
        where e.topic = u.topic and e.key = u.key and e.version = u.version limit 1
    ) e on true
    left join lateral (
        select version from machinery.aggregate_versions v where v.topic = u.topic and v.key = u.key limit 1
    ) v on true
    where case when e.headers is null then u.version > coalesce(v.version, 0)
               else position('"ce_id": "' || u.id || '"' in e.headers) = 0 end
    order by u.place"""
_NOWHERE = f"""
    select u.place from {_GIVEN}
    where not exists (
        select from machinery.event_log e
        where e.topic = u.topic and e.key = u.key and position('"ce_id": "' || u.id || '"' in e.headers) > 0
    ) and not exists (
        select from machinery.operator_acts a where a.event_id = u.id and a.act in ('{TAKEN}', '{PASSED_OVER}')
    )
    order by u.place"""
_HOLD = """
    insert into machinery.aggregate_versions as v (topic, key, version)
    select topic, key, 0 from unnest($1::text[], $2::text[]) as u (topic, key) order by topic, key
    on conflict (topic, key) do update set version = v.version"""  # nothing is said of these meanwhile
_LET_GO = """
    delete from machinery.aggregate_versions v using unnest($1::text[], $2::text[]) as u (topic, key)
    where v.topic = u.topic and v.key = u.key and v.version = 0"""  # of whoever was erased just now
_MOVED = "unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) with ordinality as u (topic, key, old, new, place)"
Place = tuple[str, str, int]
"""A topic, a key and a version."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of events that the store did not know."""

    taken: list[Incoming]  # they are in its event log now
    passed_over: list[Incoming]  # another event had their version before them: nobody has heard them
    moved: int  # own events that are said behind those, under a later version


@dataclass(frozen=True, slots=True)
class Decided:
    """What an earlier run has decided about an event; nothing is told of whoever was erased since."""

    act: str
    topic: str
    key: str
    version: int
    event_id: UUID
    organisation_id: UUID
    headers: str | None  # of one that was taken


async def earlier(tx: Tx) -> list[Decided]:
    """All that was taken or passed over by now, in the order of the decisions."""
    rows = await tx.fetch(
        """select a.act, a.topic, a.key, a.version, a.event_id, a.organisation_id, e.headers
           from machinery.operator_acts a
           left join machinery.event_log e
               on a.act = $1 and e.topic = a.topic and e.key = a.key and e.version = a.version
           where a.act in ($1, $2) and a.event_id is not null order by a.id""",
        TAKEN,
        PASSED_OVER,
    )
    return [made_of(Decided, row) for row in rows]


async def unsaid(tx: Tx, own: Sequence[Incoming]) -> list[Incoming]:
    """Those of these events of its own that the store does not know. Whom it has erased it need not know."""
    suspects = own
    for sql in (_NOT_AT_ITS_VERSION, _NOWHERE):  # the second looks at all of an aggregate, so it is asked of few
        if suspects:
            suspects = [suspects[row["place"] - 1] for row in await tx.fetch(sql, *_given(suspects))]
    gone = await erased(tx, {id_ for one in suspects for id_ in heard(one).event.about})
    return [one for one in suspects if not gone.intersection(heard(one).event.about)]


async def adopt(tx: Tx, said: Sequence[Incoming], decision: Decision) -> Adopted:
    """Take what the store does not know of these aggregates: `said` is all that the log has of them, in its order.

    What the store has said meanwhile under a version that was another event's was dropped or would be: it goes behind.
    """
    await tx.execute("select from machinery.outbox_lanes order by lane for update")  # nothing leaves meanwhile
    aggregates = _columns(sorted({one.aggregate for one in said}), 2)
    await tx.execute(_HOLD, *aggregates)
    fresh, first = await unsaid(tx, said), dict[Place, Incoming]()
    for one in said:
        first.setdefault(_place(one), one)
    taken = [one for one in fresh if first[_place(one)] is one]
    others = {heard(one).id: one for one in fresh} | {heard(one).id: one for one in taken}  # some are there twice
    passed_over = [one for one in others.values() if first[_place(one)] is not one]
    moves, again = await _moves(tx, taken, first)
    await tx.execute(_LET_GO, *aggregates)
    await _move(tx, moves, again)
    await _take(tx, taken, decision)
    lines = [_act(TAKEN, one) for one in taken] + [_act(PASSED_OVER, one) for one in passed_over]
    await keep(tx, decision, lines)
    return Adopted(taken, passed_over, len(moves))


def heard(one: Incoming) -> Heard[Any]:
    """The event of a record that could be read."""
    assert one.heard
    return one.heard


def _place(one: Incoming) -> Place:
    return *one.aggregate, heard(one).version


def _given(some: Sequence[Incoming]) -> list[list[Any]]:
    return _columns([(*_place(one), heard(one).id) for one in some], 4)


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    return [[row[at] for row in rows] for at in range(count)]


async def _moves(
    tx: Tx, taken: Sequence[Incoming], first: Mapping[Place, Incoming]
) -> tuple[dict[Place, int], set[Place]]:
    """The new versions of what goes behind: what waits after the first that is taken, and what had the same versions.

    So does all that was said after any of these, or hearers would end with an older state: what they have taken by now
    they hear twice, and the store keeps it at both places, as the log does. The counters then stand at the last.
    """
    least, top = dict[tuple[str, str], int](), defaultdict[tuple[str, str], int](int)
    for one in taken:
        least[one.aggregate] = min(heard(one).version, least.get(one.aggregate, heard(one).version))
    for topic, key, version in first:
        top[topic, key] = max(version, top[topic, key])
    going, again, behind = list[Place](), set[Place](), set[tuple[str, str]]()
    for row in await _own(tx, least):
        topic, key, version = place = (row["topic"], row["key"], row["version"])
        other = first.get(place)
        is_there = other is not None and json.loads(row["headers"]).get("ce_id") == str(heard(other).id)
        if (topic, key) in behind or (not is_there and (other or row["is_waiting"])):
            behind.add((topic, key))
            going.append(place)
            again.update([place] if is_there else [])
        else:
            top[topic, key] = max(version, top[topic, key])
    moves = dict[Place, int]()
    for topic, key, version in going:
        top[topic, key] += 1
        moves[topic, key, version] = top[topic, key]
    await tx.executemany(
        "update machinery.aggregate_versions set version = $3 where topic = $1 and key = $2",
        [(*aggregate, top[aggregate]) for aggregate in least],
    )
    return moves, again


async def _own(tx: Tx, least: Mapping[tuple[str, str], int]) -> list[Record]:
    """What the store itself has said of these aggregates from such a version on, in order."""
    return await tx.fetch(
        """with waiting as (select topic, key, version from machinery.outbox where key = any($2::text[]))
           select e.topic, e.key, e.version, e.headers, w.version is not null as is_waiting
           from unnest($1::text[], $2::text[], $3::bigint[]) as u (topic, key, version)
           join machinery.event_log e on e.topic = u.topic and e.key = u.key and e.version >= u.version
           left join waiting w on w.topic = e.topic and w.key = e.key and w.version = e.version
           order by e.topic, e.key, e.version""",
        *_columns([(*aggregate, version) for aggregate, version in least.items()], 3),
    )


async def _move(tx: Tx, moves: Mapping[Place, int], again: Collection[Place]) -> None:
    """Give these their new versions. What had left goes out again; what was taken `again`, under its old one, stays."""
    given = _columns([(*place, version) for place, version in moves.items()], 4)
    rows = await tx.fetch(
        f"""select e.*, u.new, u.place from machinery.event_log e
            join {_MOVED} on e.topic = u.topic and e.key = u.key and e.version = u.old""",
        *given,
    )
    await tx.execute(
        """delete from machinery.event_log e using unnest($1::text[], $2::text[], $3::bigint[]) as u (topic, key, old)
           where e.topic = u.topic and e.key = u.key and e.version = u.old""",
        *_columns([place for place in moves if place not in again], 3),
    )
    await tx.execute(
        f"""delete from machinery.outbox o using {_MOVED}
            where o.topic = u.topic and o.key = u.key and o.version = u.old""",
        *given,
    )
    refused = await tx.fetch(
        f"""update machinery.outbox_parked p set version = u.new from {_MOVED}
            where p.topic = u.topic and p.key = u.key and p.version = u.old returning u.place""",
        *given,
    )
    kept = {row["place"] for row in refused}
    for row in sorted(rows, key=lambda one: one["place"]):
        said = (row["topic"], row["key"], row["new"], row["headers"], row["value"], row["put_at"])
        await tx.execute(
            "insert into machinery.event_log values ($1, $2, $3, $7, $4, $5, $6)", *said, row["organisation_id"]
        )
        if row["place"] not in kept:
            await tx.execute(
                """insert into machinery.outbox (lane, topic, key, version, headers, value, put_at)
                   values (hashtext($2) & 15, $1, $2, $3, $4, $5, $6)""",
                *said,
            )


async def _take(tx: Tx, taken: Sequence[Incoming], decision: Decision) -> None:
    await tx.executemany(
        "insert into machinery.event_log values ($1, $2, $3, $4, $5, $6, $7)",
        [(*_place(one), one.organisation_id, _headers(one), one.record.value, decision.at) for one in taken],
    )


def _headers(one: Incoming) -> str:
    """As they were put."""
    return json.dumps({name: value.decode() for name, value in one.record.headers if name != "ce_aggregateversion"})


def _act(act: str, one: Incoming) -> Act:
    return Act(
        act=act,
        topic=one.record.topic,
        key=one.key,
        part=one.record.partition,
        position=one.record.offset,
        version=heard(one).version,
        event_id=heard(one).id,
        organisation_id=one.organisation_id,
        sha256=hashlib.sha256(one.record.value).hexdigest(),
    )
