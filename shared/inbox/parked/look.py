"""Reading what is parked. An operator of one organisation sees its keys, and those that nobody could read.

A key that has a record of another organisation is that organisation's: its unreadable records are too.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aiokafka import ConsumerRecord

from shared.database import Record as Row
from shared.database import Tx, made_of
from shared.errors import NotFound
from shared.identity import NIL
from shared.inbox.batch import BEHIND
from shared.inbox.decode import Record

KEYS = """
    select k.topic, k.key, k.since, n.count, f.reason, f.field, f.message, f.part, f.position
    from machinery.parked_keys k
    cross join lateral (
        select count(*) as count, coalesce(array_agg(distinct p.organisation_id), '{}') as organisations
        from machinery.parked p where p.topic = k.topic and p.key = k.key
    ) n
    left join lateral (
        select * from machinery.parked p where p.topic = k.topic and p.key = k.key
        order by p.reason = $1, p.part, p.position limit 1
    ) f on true
    where ($2::uuid is null or n.organisations <@ array[$2, $3::uuid])
"""


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """An aggregate whose events wait: why the first one could not take effect, and how many there are."""

    topic: str
    key: str
    since: datetime
    count: int
    reason: str
    field: str | None
    message: str
    first: tuple[int, int] | None  # partition and offset of that record

    @property
    def is_free(self) -> bool:
        """Whether what had stood in the way is gone, and the rest only waits to be replayed."""
        return self.reason == BEHIND.reason


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """A record as it came from Kafka, byte for byte, and why it waits."""

    topic: str
    key: str  # as tables and people spell it
    part: int
    position: int
    raw_key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None
    organisation_id: UUID
    reason: str
    field: str | None
    message: str
    parked_at: datetime

    @property
    def place(self) -> tuple[int, int]:
        """Where it is in its topic."""
        return self.part, self.position

    @property
    def version(self) -> int | None:
        """The version of the aggregate that its header names, whether or not the rest can be read."""
        text = self._header("ce_aggregateversion")
        return int(text) if re.fullmatch(rb"[0-9]{1,18}", text) else None

    @property
    def event_id(self) -> UUID | None:
        """The event's id, as far as its header is one."""
        text = self._header("ce_id")
        return (
            UUID(text.decode()) if re.fullmatch(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) else None
        )

    def _header(self, wanted: str) -> bytes:
        return dict(self.headers).get(wanted) or b""

    def as_record(self) -> Record:
        """What the consumer was given. Its time in Kafka was not kept, and is not needed."""
        return ConsumerRecord(
            topic=self.topic,
            partition=self.part,
            offset=self.position,
            timestamp=int(self.parked_at.timestamp() * 1000),
            timestamp_type=0,
            key=self.raw_key,
            value=self.value,
            checksum=None,
            serialized_key_size=len(self.raw_key or b""),
            serialized_value_size=len(self.value or b""),
            headers=self.headers,
        )


async def keys(tx: Tx, *, mine: UUID | None) -> list[ParkedKey]:
    """What is parked, the oldest first: of all organisations, or what the operators of one may see."""
    return [_key(row) for row in await tx.fetch(f"{KEYS} order by k.since, k.topic, k.key", BEHIND.reason, mine, NIL)]


async def one(tx: Tx, topic: str, key: str, *, mine: UUID | None) -> ParkedKey:
    """One key; NotFound if nothing of it is parked, or not for these eyes."""
    row = await tx.fetchrow(f"{KEYS} and k.topic = $4 and k.key = $5", BEHIND.reason, mine, NIL, topic, key)
    if row is None:
        raise NotFound("parked-key")
    return _key(row)


async def records(tx: Tx, topic: str, key: str, *, limit: int, after: tuple[int, int] = (-1, -1)) -> list[ParkedRecord]:
    """The records of a key in the order in which they came."""
    rows = await tx.fetch(
        """select * from machinery.parked where topic = $1 and key = $2 and (part, position) > ($3, $4)
           order by part, position limit $5""",
        topic,
        key,
        *after,
        limit,
    )
    return [_record(row) for row in rows]


async def first(tx: Tx, topic: str, key: str) -> list[ParkedRecord]:
    """The record that stands in the way, or that would be next."""
    rows = await tx.fetch(
        """select * from machinery.parked where topic = $1 and key = $2
           order by reason = $3, part, position limit 1""",
        topic,
        key,
        BEHIND.reason,
    )
    return [_record(row) for row in rows]


async def of_version(tx: Tx, topic: str, key: str, version: int) -> ParkedRecord | None:
    """The parked record whose header says that it is this version of the aggregate."""
    header = ["ce_aggregateversion", base64.b64encode(str(version).encode()).decode()]
    row = await tx.fetchrow(
        """select * from machinery.parked where topic = $1 and key = $2 and raw_headers @> $3::jsonb
           order by part, position limit 1""",
        topic,
        key,
        [header],
    )
    return _record(row) if row else None


async def lock(tx: Tx, topic: str, key: str) -> None:
    """Wait for the batch that is under way in the key's partition, and let none begin before `tx` ends.

    A batch moves its positions first and asks afterwards, in a fresh snapshot, which keys are parked. So it sees
    all that was done here, or nothing of it.
    """
    await tx.fetch(
        """select from machinery.offsets where topic = $1
               and part in (select part from machinery.parked where topic = $1 and key = $2)
           order by part for update""",
        topic,
        key,
    )


async def remove(tx: Tx, topic: str, key: str, places: Sequence[tuple[int, int]]) -> None:
    """Take these records out."""
    await tx.execute(
        """delete from machinery.parked p using unnest($3::int[], $4::bigint[]) as u (part, position)
           where p.topic = $1 and p.key = $2 and p.part = u.part and p.position = u.position""",
        topic,
        key,
        [part for part, _ in places],
        [position for _, position in places],
    )


async def count(tx: Tx, topic: str, key: str) -> int:
    """How many records of a key wait."""
    found: int = await tx.fetchval("select count(*) from machinery.parked where topic = $1 and key = $2", topic, key)
    return found


async def seen(tx: Tx, topic: str, key: str) -> int | None:
    """The newest version of the aggregate that took effect."""
    version: int | None = await tx.fetchval(
        "select version from machinery.seen_versions where topic = $1 and key = $2", topic, key
    )
    return version


def _key(row: Row) -> ParkedKey:
    return ParkedKey(
        topic=row["topic"],
        key=row["key"],
        since=row["since"],
        count=row["count"],
        reason=row["reason"] or BEHIND.reason,
        field=row["field"],
        message=row["message"] or "Nothing waits here any more: replay it to let the key go on.",
        first=None if row["position"] is None else (row["part"], row["position"]),
    )


def _record(row: Row) -> ParkedRecord:
    headers = tuple(
        (
            name if isinstance(name, str) else base64.b64decode(name["base64"]).decode(),
            None if text is None else base64.b64decode(text),
        )
        for name, text in row["raw_headers"]
    )
    return made_of(ParkedRecord, row, headers=headers, value=row["raw_value"])
