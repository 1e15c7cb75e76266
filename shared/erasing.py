"""Erasing a person from what the machinery of a store keeps: said, heard, parked, timed, answered.

What was about them alone goes; what names others too is re-keyed, so that counts stay. All that is left is a hash
of each id, by which an event that comes late is known and has no effect.
"""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from shared.database import Tx
from shared.identity import digest_of, new_id, stranger_id
from shared.timers import Timer, set_timer

TIMER = "erase"
LOCK = 1701  # of those who hear and those who erase: any number that nobody else locks
NAMES = """exists (
    select from unnest($1::text[]) as one (id) where position(convert_to(one.id, 'UTF8') in {column}) > 0)"""
TIMED, ANSWERED = "convert_to(payload::text, 'UTF8')", "convert_to(body::text, 'UTF8')"
LOGS = (
    ("machinery.event_log", "value"),
    ("machinery.heard", "value"),
    ("machinery.parked", "raw_value"),
    ("machinery.outbox_parked", "value"),
)
KEYED = (
    "event_log",
    "heard",
    "parked",
    "parked_keys",
    "outbox_parked",
    "seen_versions",
    "aggregate_versions",
    "timers",
)


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
    """When the event of the erasure itself is kept too: remove everything about these ids, or re-key it."""
    ids = await _with_what_was_theirs(tx, timer.payload["ids"])
    for table in KEYED:
        await tx.execute(f"delete from machinery.{table} where key = any($1::text[])", ids)
    await tx.execute(f"delete from machinery.timers where {NAMES.format(column=TIMED)}", ids)
    await tx.execute(f"delete from idempotency_keys where {NAMES.format(column=ANSWERED)}", ids)
    await tx.execute("select machinery.forget_in_acts($1)", ids)
    for table, column in LOGS:
        rows = await tx.fetch(f"select ctid, {column} as value from {table} where {NAMES.format(column=column)}", ids)
        await tx.executemany(
            f"update {table} set {column} = $2 where ctid = $1",
            [(row["ctid"], rekeyed(row["value"], ids)) for row in rows],
        )


async def _with_what_was_theirs(tx: Tx, ids: Collection[str]) -> list[str]:
    """These ids, and the keys of what else told of one of them alone, such as a milestone that was taken back."""
    keys = set(ids)
    for table in ("machinery.event_log", "machinery.heard"):
        rows = await tx.fetch(f"select key, value from {table} where {NAMES.format(column='value')}", ids)
        keys |= {row["key"] for row in rows if json.loads(row["value"]).get("participant_id") in ids}
    return sorted(keys)


async def erased(tx: Tx, ids: Collection[UUID]) -> set[UUID]:
    """Which of these are erased."""
    by_digest = {digest_of(one): one for one in ids}
    rows = await tx.fetch("select digest from machinery.erased where digest = any($1::bytea[])", list(by_digest))
    return {by_digest[row["digest"]] for row in rows}


def rekeyed(value: bytes, ids: Iterable[str]) -> bytes:
    """The same JSON with somebody nobody knows in the place of each of these ids."""
    for one in ids:
        value = value.replace(one.encode(), str(stranger_id()).encode())
    return value
