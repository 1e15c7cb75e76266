"""Dropping what will never take effect: with a reason, a line for each event, and no gap for those that follow."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from shared.database import Database, Tx
from shared.errors import Refusal
from shared.inbox import store
from shared.inbox.decode import decode
from shared.inbox.parked import acts, look

RECORDS_A_TURN = 500


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many are gone, and how many still wait to be replayed."""

    dropped: int
    left: int


async def drop(
    database: Database,
    topic: str,
    key: str,
    decision: acts.Decision,
    *,
    only: tuple[int, int] | None,
    mine: UUID | None = None,
) -> Dropped:
    """Give up all that waits of the key, or only the record at this place (partition, offset).

    The place must still be the first one: the next one is a good event, and two who press the same button at
    once must not drop it.
    """
    async with database.transaction() as tx:
        await look.lock(tx, topic, key)
        await look.one(tx, topic, key, mine=mine)
        await store.forget_flood(tx)  # a person has looked
        seen = before = await look.seen(tx, topic, key)
        dropped = 0
        async for records in _turns(tx, topic, key, only):
            for record in records:
                seen = _seen_after(record, seen)
            await acts.keep(tx, decision, [acts.about("dropped", record) for record in records])
            await look.remove(tx, topic, key, [record.place for record in records])
            dropped += len(records)
        if seen is not None and seen != before:
            await store.save_versions(tx, {(topic, key): seen})
        left = await look.count(tx, topic, key)
        if not left:
            await tx.execute("delete from machinery.parked_keys where topic = $1 and key = $2", topic, key)
    return Dropped(dropped, left)


async def _turns(tx: Tx, topic: str, key: str, only: tuple[int, int] | None) -> AsyncIterator[list[look.ParkedRecord]]:
    if only:
        records = await look.first(tx, topic, key)
        if [record.place for record in records] != [only]:
            raise Refusal("not-the-first", "That event is not the first one any more: look again at what waits.")
        yield records
        return
    while records := await look.records(tx, topic, key, limit=RECORDS_A_TURN):
        yield records


def _seen_after(record: look.ParkedRecord, seen: int | None) -> int | None:
    """The version that the next event of the key follows on, so that what was dropped is not taken for a gap.

    A record that cannot be read is believed only when it is the very next one: a wrong number in its header
    must not make good events look like old ones.
    """
    incoming = decode(record.as_record())
    if incoming.heard:
        return max(seen or 0, incoming.heard.version)
    if seen is not None and record.version == seen + 1:
        return record.version
    return seen
