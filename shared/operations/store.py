"""What the machinery of a store tells its operators, and the events that the broker refused."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared import clock
from shared.database import Record, Tx, made_of
from shared.errors import NotFound
from shared.identity import NIL
from shared.inbox.store import flood
from shared.timers import HELD_UP_BY, HELD_UP_SINCE, REFUSAL

REFUSED_MIN = 3  # one mailbox may be full: that is no matter of operations
REFUSED_BY_THE_BROKER = "refused-by-the-broker"
MINE = "($1::uuid is null or (headers::jsonb ->> 'ce_organisation')::uuid in ($1, $2))"


@dataclass(frozen=True, slots=True)
class Stored:
    """The facts that the store knows, as of its own clock."""

    positions: Mapping[tuple[str, int], int]  # next offset by topic and partition
    moved_at: Mapping[str, datetime]
    outbox: Record
    parked: Record
    flood: str | None  # why the reader has stopped
    timers: Record
    letters: Record
    migrations: Mapping[str, str] | None  # name to sha256; None if we may not read them


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that the broker did not take, as it was put."""

    topic: str
    key: str
    version: int
    headers: dict[str, str]
    value: bytes
    put_at: datetime
    reason: str
    refused_at: datetime

    @property
    def organisation_id(self) -> UUID:
        """Whose event it is."""
        return UUID(self.headers["ce_organisation"])


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """A key of which the broker did not take events: how many, and the first of them."""

    topic: str
    key: str
    since: datetime
    count: int
    version: int
    reason: str


async def facts(tx: Tx, now: datetime) -> Stored:
    """All of them, in one snapshot."""
    rows = await tx.fetch("select topic, part, next_offset, moved_at from machinery.offsets")
    moved_at: dict[str, datetime] = {}
    for row in rows:
        moved_at[row["topic"]] = max(row["moved_at"], moved_at.get(row["topic"], row["moved_at"]))
    return Stored(
        positions={(row["topic"], row["part"]): row["next_offset"] for row in rows},
        moved_at=moved_at,
        outbox=await _row(
            tx,
            """select count(*) as rows, min(put_at) as oldest,
                      (select topic from machinery.outbox order by put_at limit 1) as topic,
                      (select count(*) from machinery.outbox_parked) as refused from machinery.outbox""",
        ),
        parked=await _row(
            tx,
            """select count(*) as keys, min(since) as since,
                      (select count(*) from machinery.parked) as events from machinery.parked_keys""",
        ),
        flood=await flood(tx),
        timers=await _row(
            tx,
            """select count(*) filter (where due_at < $1) as overdue, min(due_at) as first_due,
                      coalesce(max(attempts), 0) as attempts from machinery.timers""",
            now,
        ),
        letters=await _row(
            tx,
            """select count(*) as held_up, min((payload ->> $1)::timestamptz) as since
               from machinery.timers where payload ? $1 and (payload ->> $2 is distinct from $3 or $4 <= (
                   select count(*) from machinery.timers where payload ->> $2 = $3))""",
            HELD_UP_SINCE,
            HELD_UP_BY,
            REFUSAL,
            REFUSED_MIN,
        ),
        migrations=await _migrations(tx),
    )


async def clock_ahead(tx: Tx) -> float:
    """By how many seconds PostgreSQL's clock is ahead of ours."""
    asked = clock.now()
    stored: datetime = await tx.fetchval("select clock_timestamp()")
    return (stored - (asked + (clock.now() - asked) / 2)).total_seconds()


async def _row(tx: Tx, sql: str, *args: Any) -> Record:
    row = await tx.fetchrow(sql, *args)
    assert row
    return row


async def _migrations(tx: Tx) -> dict[str, str] | None:
    try:
        async with tx.savepoint():
            return {row["version"]: row["sha256"] for row in await tx.fetch("select * from schema_migrations")}
    except asyncpg.InsufficientPrivilegeError:  # the migration that lets us read them is not applied
        return None


async def refused_keys(tx: Tx, *, mine: UUID | None) -> list[RefusedKey]:
    """The keys of what the broker refused, the oldest first: of all organisations, or of one."""
    rows = await tx.fetch(
        f"""select topic, key, min(parked_at) as since, count(*) as count, min(version) as version,
                   (array_agg(reason order by version))[1] as reason
            from machinery.outbox_parked where {MINE} group by topic, key order by since, min(id)""",
        mine,
        NIL,
    )
    return [made_of(RefusedKey, row) for row in rows]


async def refused_of(tx: Tx, topic: str, key: str, *, mine: UUID | None) -> list[RefusedEvent]:
    """Those of one key, by version, locked; NotFound if there is none for these eyes."""
    rows = await tx.fetch(
        f"""select * from machinery.outbox_parked where {MINE} and topic = $3 and key = $4
            order by version for update""",
        mine,
        NIL,
        topic,
        key,
    )
    if not rows:
        raise NotFound("parked-key")
    return [_refused(row) for row in rows]


async def put_back(tx: Tx, topic: str, key: str) -> int:
    """Say the events of a key that the broker refused once more; how many they are."""
    count: int = await tx.fetchval("select machinery.put_back($1, $2)", topic, key)
    return count


async def forget_refused(tx: Tx, topic: str, key: str, version: int) -> None:
    """Never say this one."""
    await tx.execute(
        "delete from machinery.outbox_parked where topic = $1 and key = $2 and version = $3", topic, key, version
    )


@dataclass(frozen=True, slots=True)
class SaidEvent:
    """An event as its speaker keeps it."""

    topic: str
    key: str
    version: int
    headers: dict[str, str]
    value: bytes


async def said(tx: Tx, event_id: UUID) -> SaidEvent | None:
    """An event that this service has said. Nobody else looks by the id, so there is no index: all are read."""
    row = await tx.fetchrow(
        "select * from machinery.event_log where position($1 in headers) > 0 limit 1", f'"ce_id": "{event_id}"'
    )
    if row is None:
        return None
    return SaidEvent(row["topic"], row["key"], row["version"], json.loads(row["headers"]), row["value"])


async def parked_as(tx: Tx, event_id: UUID) -> str | None:
    """Why this service has parked the event, if it has."""
    header = ["ce_id", base64.b64encode(str(event_id).encode()).decode()]
    reason: str | None = await tx.fetchval(
        "select reason from machinery.parked where raw_headers @> $1::jsonb limit 1", [header]
    )
    return reason


def _refused(row: Record) -> RefusedEvent:
    return RefusedEvent(
        topic=row["topic"],
        key=row["key"],
        version=row["version"],
        headers=json.loads(row["headers"]),
        value=row["value"],
        put_at=row["put_at"],
        reason=row["reason"],
        refused_at=row["parked_at"],
    )
