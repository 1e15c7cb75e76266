"""Erasing a person from what the machinery of a store keeps: said, heard, parked, timed, answered.

What was about them alone goes; what names others too is re-keyed, so that counts stay. All that is left is a hash
of each id, by which an event that comes late is known and has no effect.
"""

import json
import re
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Record, Tx
from shared.identity import digest_of, new_id, stranger_id
from shared.timers import Timer, set_timer

TIMER = "erase"
LOCK = 1701  # of those who hear and those who erase: any number that nobody else locks
LOGS = ("machinery.event_log", "machinery.heard")  # JSON that was read before it was kept
RAW = (("machinery.parked", "raw_value"), ("machinery.outbox_parked", "value"))  # bytes of any kind
KEYED = ("parked", "parked_keys", "outbox_parked", "seen_versions", "aggregate_versions", "timers")
PAGES_A_LOOK = 16_384  # of 8 KiB: a second or two for a statement, however long the log
IN_A_LOOK = "ctid >= $2 and ctid < $3"
# One look at each row, however many the ids: the strings of its JSON are looked up among them.
NAMED_IN_JSON = """
    select every.* from (select {columns}, unnest(string_to_array({json}, '"')) as said from {table}) as every
    join unnest($1::text[]) as one (id) on said = id"""
IN_ADDRESSES = """'/:?&=#', repeat('"', 6)"""  # ids stand in these, too: each part as a string of its own
NAMED_IN_BYTES = """
    select ctid, {column} as value from {table} where exists (
        select from unnest($1::text[]) as one (id) where position(convert_to(one.id, 'UTF8') in {column}) > 0)"""
ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def alone(tx: Tx) -> None:
    """Whoever erases does this first: what is being heard just now comes before, what is heard later finds it done.

    What is heard later waits behind it: so it gives up (`lock_timeout` of the role) before those would.
    """
    await tx.execute("select pg_advisory_xact_lock($1, 0)", LOCK)


async def together(tx: Tx) -> None:
    """Whoever hears does this first: nobody is erased meanwhile."""
    await tx.execute("select pg_advisory_xact_lock_shared($1, 0)", LOCK)


async def remember(tx: Tx, ids: Collection[UUID], at: datetime) -> None:
    """From now on no event about these has an effect."""
    digests = [(digest_of(one), at) for one in sorted(ids)]
    await tx.executemany("insert into machinery.erased values ($1, $2) on conflict do nothing", digests)


async def erase(tx: Tx, organisation: UUID, ids: Collection[UUID], at: datetime) -> None:
    """From now on no event about these has an effect; what was kept about them goes in a moment.

    `ids` are those of the person and of everything that was theirs alone. The service erases its own tables itself.
    """
    await remember(tx, ids, at)
    told = {"ids": sorted(map(str, ids))}
    await set_timer(tx, Timer(TIMER, str(new_id()), organisation, at, told))


async def on_erase(tx: Tx, timer: Timer) -> None:
    """When the event of the erasure itself is kept too: remove everything about these ids, or re-key it.

    Whoever else of the organisation waits for it is taken along, as it takes a look at all that is kept. One at a time:
    of two who re-key the same row, each would bring back whom the other one took away.
    """
    await tx.execute("select pg_advisory_xact_lock($1, 1)", LOCK)
    ids = set(timer.payload["ids"]) | await _waiting_too(tx, timer)
    naming = await _naming_in_logs(tx, ids)
    gone = sorted(ids)
    for table in KEYED:
        await tx.execute(f"delete from machinery.{table} where key = any($1::text[])", gone)
    for table in LOGS:  # no index of theirs begins with the key
        for look in await _looks(tx, table):
            await tx.execute(f"delete from {table} where key = any($1::text[]) and {IN_A_LOOK}", gone, *look)
    for table, key, told in (
        ("machinery.timers", "kind, key", "payload::text"),
        ("idempotency_keys", "key", """concat_ws('"', key, body)"""),  # whoever asked chose the key
    ):
        json_text = f"translate({told}, {IN_ADDRESSES})"
        named = NAMED_IN_JSON.format(columns=key, json=json_text, table=table)
        await tx.execute(f"delete from {table} where ({key}) in (select {key} from ({named}) as named)", gone)
    await tx.execute("select machinery.forget_in_acts($1)", gone)
    for table, column in RAW:
        rows = await tx.fetch(NAMED_IN_BYTES.format(table=table, column=column), gone)
        naming.append((table, column, {row["ctid"]: row["value"] for row in rows}))
    for table, column, values in naming:
        await tx.executemany(
            f"update {table} set {column} = $2 where ctid = $1",
            [(place, rekeyed(value, ids)) for place, value in values.items()],
        )


async def _waiting_too(tx: Tx, timer: Timer) -> set[str]:
    rows = await tx.fetch(
        """delete from machinery.timers where (kind, key) in (
               select kind, key from machinery.timers where kind = $1 and organisation_id = $2 for update skip locked)
           returning payload""",
        timer.kind,
        timer.organisation_id,
    )
    return {one for row in rows for one in row["payload"]["ids"]}


async def _naming_in_logs(tx: Tx, ids: set[str]) -> list[tuple[str, str, dict[Any, bytes]]]:
    """What names one of these, by table and place.

    `ids` grows by the keys of what else told of one of them alone, such as a milestone that was taken back.
    """
    found: dict[str, dict[Any, bytes]] = {table: {} for table in LOGS}
    fresh = set(ids)
    while fresh:
        theirs = set[str]()
        for table in LOGS:
            for row in await _naming(tx, table, fresh):
                found[table][row["ctid"]] = row["value"]
                if json.loads(row["value"]).get("participant_id") in ids:
                    theirs.add(row["key"])
        fresh = theirs - ids
        ids |= fresh
    return [(table, "value", values) for table, values in found.items()]


async def _naming(tx: Tx, table: str, ids: set[str]) -> list[Record]:
    named = NAMED_IN_JSON.format(
        columns="ctid, key, value", json="encode(value, 'escape')", table=f"{table} where {IN_A_LOOK}"
    )
    return [row for look in await _looks(tx, table) for row in await tx.fetch(named, list(ids), *look)]


async def _looks(tx: Tx, table: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where each look at this table begins and ends: no statement is long, however long the log."""
    pages = await tx.fetchval(f"select pg_relation_size('{table}') / current_setting('block_size')::int")
    return [((at, 0), (at + PAGES_A_LOOK, 0)) for at in range(0, pages, PAGES_A_LOOK)]


async def erased(tx: Tx, ids: Collection[UUID]) -> set[UUID]:
    """Which of these are erased."""
    by_digest = {digest_of(one): one for one in ids}
    rows = await tx.fetch("select digest from machinery.erased where digest = any($1::bytea[])", list(by_digest))
    return {by_digest[row["digest"]] for row in rows}


def rekeyed(value: bytes, ids: Collection[str]) -> bytes:
    """The same JSON with somebody nobody knows in the place of each of these ids."""
    strangers = defaultdict[str, bytes](lambda: str(stranger_id()).encode())
    return ID.sub(lambda found: strangers[one] if (one := found[0].decode()) in ids else found[0], value)
