"""Everything that waits for a person, heard or said, and the acts that end the waiting: one list, one set of words."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.database import Database, Tx
from shared.errors import NotFound, Refusal
from shared.inbox import parked
from shared.inbox.batch import Applying
from shared.inbox.parked import Act, Decision
from shared.operations import store
from shared.operations.store import REFUSED_BY_THE_BROKER, RefusedEvent, RefusedKey


@dataclass(frozen=True, slots=True)
class Waiting:
    """A key whose events wait: heard ones that cannot take effect, or said ones that the broker refused."""

    side: Literal["heard", "said"]
    topic: str
    key: str
    since: datetime
    count: int
    reason: str
    field: str | None
    message: str
    first: str | None  # names the event that stands in the way

    @property
    def behind(self) -> int:
        """How many wait behind the first."""
        return max(0, self.count - 1)

    @property
    def is_free(self) -> bool:
        """Whether nothing stands in the way any more."""
        return self.reason == "behind-a-parked-event"


@dataclass(frozen=True, slots=True)
class Shown:
    """One event that waits, byte for byte."""

    name: str  # where it is: partition and offset, or the version that was to be said
    reason: str
    field: str | None
    message: str
    version: int | None
    event_id: str | None
    organisation_id: UUID
    since: datetime
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None

    @property
    def text(self) -> str | None:
        """The body, if it is text."""
        return as_text(self.value)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of the events of a key."""

    handled: int = 0
    passed_over: int = 0
    said_again: int = 0
    dropped: int = 0
    left: int = 0
    blocked_by: Waiting | None = None


def as_text(value: bytes | None) -> str | None:
    """Bytes as text, if that shows them exactly."""
    try:
        text = (value or b"").decode()
    except UnicodeDecodeError:
        return None
    return text if value is not None and all(char.isprintable() or char in "\n\t" for char in text) else None


async def everything(tx: Tx, *, mine: UUID | None) -> list[Waiting]:
    """All that waits: of every organisation, or what the operators of one may see. Heard first, the oldest first."""
    heard = [_heard(one) for one in await parked.keys(tx, mine=mine)]
    return heard + [_said(one) for one in await store.refused_keys(tx, mine=mine)]


async def one(tx: Tx, topic: str, key: str, *, mine: UUID | None, limit: int) -> tuple[Waiting, list[Shown]]:
    """A key and the first of its events; NotFound if nothing of it waits, or not for these eyes."""
    try:
        found = _heard(await parked.one(tx, topic, key, mine=mine))
        return found, [_record(record) for record in await parked.records(tx, topic, key, limit=limit)]
    except NotFound:
        events = await store.refused_of(tx, topic, key, mine=mine)
        since = min(event.refused_at for event in events)
        found = _said(RefusedKey(topic, key, since, len(events), events[0].version, events[0].reason))
        return found, [_event(event) for event in events[:limit]]


async def replay(
    database: Database,
    applying: Applying,
    topic: str,
    key: str,
    *,
    gap: Decision | None = None,
    mine: UUID | None = None,
) -> Done:
    """Let what was heard take effect, or say again what the broker refused."""
    try:
        done = await parked.replay(database, applying, topic, key, gap=gap, mine=mine)
    except NotFound:
        return await _say_again(database, topic, key, gap, mine)
    blocked_by = _heard(done.blocked_by) if done.blocked_by else None
    return Done(handled=done.handled, passed_over=done.passed_over, left=done.left, blocked_by=blocked_by)


async def drop(
    database: Database, topic: str, key: str, decision: Decision, *, only: str | None, mine: UUID | None = None
) -> Done:
    """Give up all that waits of a key, or only the event of this name, which must be the first one."""
    try:
        place = _place(only) if only is not None else None
        gone = await parked.drop(database, topic, key, decision, only=place, mine=mine)
    except NotFound:
        return await _never_say(database, topic, key, decision, only, mine)
    return Done(dropped=gone.dropped, left=gone.left)


async def _say_again(database: Database, topic: str, key: str, gap: Decision | None, mine: UUID | None) -> Done:
    async with database.transaction() as tx:
        await store.refused_of(tx, topic, key, mine=mine)
        if gap:
            raise Refusal("no-gap", "The broker refused these events: no version is missing. Replay them as they are.")
        return Done(said_again=await store.put_back(tx, topic, key))


async def _never_say(
    database: Database, topic: str, key: str, decision: Decision, only: str | None, mine: UUID | None
) -> Done:
    async with database.transaction() as tx:
        events = await store.refused_of(tx, topic, key, mine=mine)
        gone = events[:1] if only is not None else events
        if only is not None and _name(gone[0].version) != only:
            raise Refusal("not-the-first", "That event is not the first one any more: look again at what waits.")
        for event in gone:
            await store.forget_refused(tx, topic, key, event.version)
        await parked.keep(tx, decision, [_act(event) for event in gone])
    return Done(dropped=len(gone), left=len(events) - len(gone))


def _place(name: str) -> tuple[int, int]:
    part, _, position = name.partition("/")
    if not (part.isdecimal() and position.isdecimal() and len(name) < 30):
        return -1, -1  # no event is there: refused as not the first one
    return int(part), int(position)


def _heard(found: parked.ParkedKey) -> Waiting:
    first = "/".join(map(str, found.first)) if found.first else None
    about: dict[str, Any] = {
        name: getattr(found, name) for name in ("topic", "key", "since", "count", "reason", "field", "message")
    }
    return Waiting(side="heard", first=first, **about)


def _said(found: RefusedKey) -> Waiting:
    return Waiting(
        side="said",
        topic=found.topic,
        key=found.key,
        since=found.since,
        count=found.count,
        reason=REFUSED_BY_THE_BROKER,
        field=None,
        message=_why(found.reason),
        first=_name(found.version),
    )


def _record(record: parked.ParkedRecord) -> Shown:
    return Shown(
        name=f"{record.part}/{record.position}",
        reason=record.reason,
        field=record.field,
        message=record.message,
        version=record.version,
        event_id=str(record.event_id) if record.event_id else None,
        organisation_id=record.organisation_id,
        since=record.parked_at,
        key=record.raw_key,
        headers=record.headers,
        value=record.value,
    )


def _event(event: RefusedEvent) -> Shown:
    return Shown(
        name=_name(event.version),
        reason=REFUSED_BY_THE_BROKER,
        field=None,
        message=_why(event.reason),
        version=event.version,
        event_id=event.headers.get("ce_id"),
        organisation_id=event.organisation_id,
        since=event.refused_at,
        key=event.key.encode(),
        headers=[(name, text.encode()) for name, text in event.headers.items()],
        value=event.value,
    )


def _name(version: int) -> str:
    """How an event that was refused is named."""
    return f"version {version}"


def _why(reason: str) -> str:
    return f"The broker did not take it: {reason}"


def _act(event: RefusedEvent) -> Act:
    return Act(
        act="never-said",
        topic=event.topic,
        key=event.key,
        part=None,
        position=None,
        version=event.version,
        event_id=UUID(event.headers["ce_id"]),
        organisation_id=event.organisation_id,
        sha256=hashlib.sha256(event.value).hexdigest(),
    )


def in_base64(value: bytes | None) -> str | None:
    """Bytes as JSON can hold them."""
    return None if value is None else base64.b64encode(value).decode()
