"""The tables of the inbox: positions, versions seen, what is parked, what was heard."""

import binascii
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka import TopicPartition
from pydantic_core import to_json

from shared.database import Tx
from shared.inbox.decode import Incoming, Record, Unreadable


async def partitions_known(tx: Tx, topics: Sequence[str]) -> dict[str, int]:
    """How many partitions each topic had when this service first heard of it."""
    rows = await tx.fetch("select topic, partitions from machinery.topics_heard where topic = any($1)", topics)
    return {row["topic"]: row["partitions"] for row in rows}


async def begin_topic(tx: Tx, topic: str, begins: Mapping[int, int], now: datetime) -> None:
    """Meet a topic for the first time: remember its partitions, each to be read from its beginning."""
    tag = await tx.execute(
        "insert into machinery.topics_heard values ($1, $2) on conflict do nothing", topic, len(begins)
    )
    if tag == "INSERT 0 1":
        await tx.executemany(
            "insert into machinery.offsets values ($1, $2, $3, null, $4)",
            [(topic, part, begin, now) for part, begin in begins.items()],
        )


async def offsets(tx: Tx, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, str | None]]:
    """Where to go on in each partition, and the fingerprint of the record before that place."""
    rows = await tx.fetch(
        """select topic, part, next_offset, last_print from machinery.offsets
           join unnest($1::text[], $2::int[]) as u (topic, part) using (topic, part)""",
        [tp.topic for tp in partitions],
        [tp.partition for tp in partitions],
    )
    return {TopicPartition(row["topic"], row["part"]): (row["next_offset"], row["last_print"]) for row in rows}


async def keep_flood(tx: Tx, why: str) -> None:
    """Too much was bad: whoever starts here from now on finds out, and so does a person."""
    await tx.execute("update machinery.topics_heard set flood = $1", why)


async def flood(tx: Tx) -> str | None:
    """Why reading was stopped, if nobody has done anything about it."""
    why: str | None = await tx.fetchval("select flood from machinery.topics_heard where flood is not null limit 1")
    return why


async def forget_flood(tx: Tx) -> None:
    """Reading may go on."""
    await tx.execute("update machinery.topics_heard set flood = null where flood is not null")


async def take_slot(tx: Tx, slot: str, process: UUID, now: datetime) -> None:
    """From now on this process goes by this name, and no other one."""
    await tx.execute(
        """insert into machinery.slots values ($1, $2, $3)
           on conflict (slot) do update set process = excluded.process, taken_at = excluded.taken_at""",
        slot,
        process,
        now,
    )


async def holds_slot(tx: Tx, slot: str, process: UUID) -> bool:
    """Whether this process still goes by this name."""
    held: bool = await tx.fetchval(
        "select exists (select from machinery.slots where slot = $1 and process = $2)", slot, process
    )
    return held


async def move(tx: Tx, moves: Mapping[TopicPartition, tuple[int, int, str]], now: datetime) -> bool:
    """Move each partition from the offset we hold to the next one; False if another process has moved one."""
    moves = dict(sorted(moves.items()))  # locked in the same order by a process that still holds to them, too
    moved = await tx.fetchval(
        """with wanted as (
               select * from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[])
                   as u (topic, part, here, next, print)
           ), moved as (
               update machinery.offsets o set next_offset = w.next, last_print = w.print, moved_at = $6
               from wanted w where o.topic = w.topic and o.part = w.part and o.next_offset = w.here
               returning 1
           )
           select count(*) from moved""",
        [tp.topic for tp in moves],
        [tp.partition for tp in moves],
        [here for here, _, _ in moves.values()],
        [there for _, there, _ in moves.values()],
        [last for _, _, last in moves.values()],
        now,
    )
    return bool(moved == len(moves))


async def standing(tx: Tx, keys: Iterable[tuple[str, str]]) -> tuple[dict[tuple[str, str], int], set[tuple[str, str]]]:
    """Of these aggregates: the versions seen, and which of them are parked.

    Each is looked up by itself: a plan from when the tables were small would read all of them for every batch.
    """
    wanted = sorted(set(keys))
    rows = await tx.fetch(
        """select topic, key, s.version, p.since is not null as is_parked
           from unnest($1::text[], $2::text[]) as u (topic, key)
           left join lateral (
               select version from machinery.seen_versions v where v.topic = u.topic and v.key = u.key limit 1
           ) s on true
           left join lateral (
               select since from machinery.parked_keys k where k.topic = u.topic and k.key = u.key limit 1
           ) p on true""",
        [topic for topic, _ in wanted],
        [key for _, key in wanted],
    )
    seen = {(row["topic"], row["key"]): row["version"] for row in rows if row["version"] is not None}
    return seen, {(row["topic"], row["key"]) for row in rows if row["is_parked"]}


async def save_versions(tx: Tx, versions: Mapping[tuple[str, str], int]) -> None:
    """Remember the newest version of each aggregate that took effect."""
    await tx.execute(
        """insert into machinery.seen_versions as s (topic, key, version)
           select * from unnest($1::text[], $2::text[], $3::bigint[])
           on conflict (topic, key) do update set version = excluded.version""",
        [topic for topic, _ in versions],
        [key for _, key in versions],
        list(versions.values()),
    )


async def keep_heard(tx: Tx, incoming: Sequence[Incoming], now: datetime) -> None:
    """Keep what was heard as it was heard: views can be rebuilt from it without Kafka."""
    await tx.execute(
        """insert into machinery.heard (topic, part, position, organisation_id, key, headers, value, heard_at)
           select topic, part, position, organisation_id, key, headers::jsonb, value, $8::timestamptz from unnest(
               $1::text[], $2::int[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::bytea[])
               as u (topic, part, position, organisation_id, key, headers, value)""",
        [one.record.topic for one in incoming],
        [one.record.partition for one in incoming],
        [one.record.offset for one in incoming],
        [one.organisation_id for one in incoming],
        [one.key for one in incoming],
        [to_json(dict(one.record.headers)).decode() for one in incoming],  # a quarter of what json takes
        [one.record.value for one in incoming],
        now,
    )


async def park(tx: Tx, bad: Sequence[tuple[Incoming, Unreadable]], now: datetime) -> None:
    """Keep records whole, with the reason, and hold their keys: later events of a key wait behind it."""
    keys = sorted({one.aggregate for one, _ in bad})
    await tx.execute(
        """with held as (
               insert into machinery.parked_keys
               select *, $12::timestamptz from unnest($13::text[], $14::text[]) on conflict do nothing
           )
           insert into machinery.parked
           select topic, part, position, key, raw_key, raw_headers::jsonb, raw_value, organisation_id, reason, field,
                  message, $12
           from unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::bytea[], $6::text[], $7::bytea[],
                       $8::uuid[], $9::text[], $10::text[], $11::text[])
               as u (topic, part, position, key, raw_key, raw_headers, raw_value, organisation_id, reason, field,
                     message)""",
        [one.record.topic for one, _ in bad],
        [one.record.partition for one, _ in bad],
        [one.record.offset for one, _ in bad],
        [one.key for one, _ in bad],
        [one.record.key for one, _ in bad],
        [to_json(_raw_headers(one.record)).decode() for one, _ in bad],
        [one.record.value for one, _ in bad],
        [one.organisation_id for one, _ in bad],
        [why.reason for _, why in bad],
        [why.field for _, why in bad],
        [why.message for _, why in bad],
        now,
        [topic for topic, _ in keys],
        [key for _, key in keys],
    )


def _raw_headers(record: Record) -> list[list[Any]]:
    """Headers, byte for byte, as JSON in PostgreSQL can hold them: a name with a NUL is put down as its bytes."""
    return [
        [{"base64": _base64(name.encode())} if "\x00" in name else name, None if value is None else _base64(value)]
        for name, value in record.headers
    ]


def _base64(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode()


async def count_parked(tx: Tx) -> int:
    """How many events wait for a person."""
    count: int = await tx.fetchval("select count(*) from machinery.parked")
    return count
