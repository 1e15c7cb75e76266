"""From a Kafka record to an event, or to the reason why it is none. Nothing here can raise on bad bytes."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias
from uuid import UUID

from aiokafka import ConsumerRecord
from asyncpg.pgproto.pgproto import UUID as StoreUUID
from pydantic import ValidationError

from shared.database import Tx
from shared.erasing import rekeyed
from shared.events import CATALOGUE, Event, Heard
from shared.identity import NIL

Record: TypeAlias = "ConsumerRecord[Any, Any]"


@dataclass(frozen=True, slots=True)
class Many:
    """A handler of many events of one type at once, in order within each aggregate: for those who only keep facts."""

    handle: Callable[[Tx, Sequence[Heard[Any]]], Awaitable[None]]


Handlers = Mapping[type[Event], Callable[[Tx, Heard[Any]], Awaitable[None]] | Many]
"""Which event is handled by which function."""


async def handle(handlers: Handlers, tx: Tx, together: Sequence[Heard[Any]]) -> None:
    """Have events of one type handled, in this order."""
    handler = handlers[type(together[0].event)]
    if isinstance(handler, Many):
        await handler.handle(tx, together)
        return
    for heard in together:
        tx.causation = heard.id
        await handler(tx, heard)


_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,20})?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_WHOLE_NUMBER = re.compile(rb"[1-9][0-9]{0,18}")
_needed = itemgetter("ce_type", "ce_organisation", "ce_id", "ce_time", "ce_aggregateversion")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a record cannot be taken: a stable reason, the field, and a sentence. No payload in any of them."""

    reason: str
    field: str | None
    message: str


@dataclass(slots=True)
class Incoming:
    """A record with what could be read of it; neither an event nor a reason at a place that holds no event."""

    record: Record
    key: str
    organisation_id: UUID
    heard: Heard[Any] | None
    unreadable: Unreadable | None
    aggregate: tuple[str, str] = field(init=False)  # what it happened to: order is kept within this

    def __post_init__(self) -> None:
        self.aggregate = self.record.topic, self.key

    @property
    def is_event(self) -> bool:
        """Whether a speaker has said this, well or badly."""
        return self.record.headers is not NO_EVENT

    def without(self, gone: Iterable[UUID]) -> "Incoming":
        """The same event with a stranger in the place of each of these."""
        return decode(replace(self.record, value=rekeyed(self.record.value, set(map(str, gone)))))


class _Bad(Exception):
    def __init__(self, reason: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.unreadable = Unreadable(reason, field, message)


NO_NAME = "\x00"  # of a header whose own name cannot be read
NO_EVENT = (("\x00", b"\x00"),)  # the headers at a place that holds no event: this very object, so nobody can say it
KEY_LENGTH_MAX = 200  # ours are ids; what is longer would not fit into an index
SHOWN_LENGTH_MAX = 200


def decode(record: Record) -> Incoming:
    """Read a record as far as it can be read."""
    key = _key(record)
    if record.headers is NO_EVENT:
        return Incoming(record, key, NIL, None, None)
    try:
        heard = _heard(record, key, _headers(record))
    except _Bad as bad:
        return Incoming(record, key, NIL, None, bad.unreadable)
    return Incoming(record, key, heard.organisation_id, heard, None)


def _key(record: Record) -> str:
    """The key as text that a store can hold, whatever its bytes; a record without one waits with its partition."""
    text = (record.key or b"").decode("utf-8", "replace").replace("\x00", "\ufffd")
    if len(text) > KEY_LENGTH_MAX:
        return f"sha256:{hashlib.sha256(record.key or b'').hexdigest()}"
    return text or f"{record.topic}:{record.partition}"


def fingerprint(record: Record) -> str:
    """Tells this record from another one at the same place of a topic that was made again."""
    for name, value in record.headers:
        if name == "ce_id" and value:
            return bytes(value).hex()
    return hashlib.sha256(record.value or b"").hexdigest()


def _heard(record: Record, key: str, headers: dict[str, bytes]) -> Heard[Any]:
    try:
        ce_type, organisation, id_, time, version = _needed(headers)
    except KeyError as error:
        [name] = error.args
        raise _Bad("missing-header", name, f"The header {name} is missing.") from None
    known = CATALOGUE.get(ce_type.decode())
    if known is None or known.topic != record.topic:
        raise _unknown(ce_type.decode(), known)
    organisation_id = _organisation(organisation)
    event = _body(known, record.value)
    if str(StoreUUID(event.key.bytes)) != key:  # three times as fast as its own text
        raise _Bad("wrong-key", known.key_field, f"The record's key is not the {known.key_field} of its body.")
    return Heard(event, _uuid(id_.decode(), "ce_id"), organisation_id, _time(time.decode()), _version(version))


def _headers(record: Record) -> dict[str, bytes]:
    """By name; every one of them is a text that a store can hold."""
    headers = dict(record.headers)
    try:
        together = b" ".join(headers.values()).decode()  # at once, which is faster than one by one
        if "\x00" not in together and "\x00" not in "".join(headers):
            return headers
    except (TypeError, UnicodeDecodeError):
        pass
    raise next(_bad_headers(record))


def _bad_headers(record: Record) -> Iterator[_Bad]:
    for name, value in record.headers:
        if name == NO_NAME:
            yield _Bad(
                "bad-header", None, "A header's name is not UTF-8, so nothing of it was read: see it in the log."
            )
        elif value is None:
            yield _bad_header("null-header", name, "is null")
        elif "\x00" in name or b"\x00" in value:
            yield _bad_header("bad-header", name, "has a NUL, which no store can hold")
        else:
            try:
                value.decode()
            except UnicodeDecodeError:
                yield _bad_header("bad-header", name, "is not UTF-8")


def _bad_header(reason: str, name: str, what: str) -> _Bad:
    shown = _shown(name)
    return _Bad(reason, shown, f"The header {shown} {what}.")


def _unknown(ce_type: str, known: type[Event] | None) -> _Bad:
    if known:
        return _Bad("wrong-topic", "ce_type", f"{known.wire} belongs to the topic {known.topic}.")
    name = ce_type.removeprefix("org.kith.").rpartition(".v")[0]
    is_newer = any(one.wire == name for one in CATALOGUE.values())
    reason = "future-version" if is_newer else "unknown-type"
    return _Bad(reason, "ce_type", "This program does not know this type of event (yet): upgrade, then replay.")


def _uuid(text: str, name: str) -> UUID:
    try:
        return StoreUUID(text)  # several times as fast, and as wide as what speakers usually write
    except ValueError:
        pass
    try:
        return UUID(text)
    except ValueError:
        raise _Bad("bad-header", name, f"The header {name} is not a UUID.") from None


@lru_cache(1000)  # they are few, and the same in every batch
def _organisation(value: bytes) -> UUID:
    found = _uuid(value.decode(), "ce_organisation")
    if found == NIL:
        raise _Bad("bad-header", "ce_organisation", "The nil organisation is for records that cannot be read.")
    return found


def _time(text: str) -> datetime:
    if _RFC_3339.fullmatch(text):
        try:
            happened_at = datetime.fromisoformat(text.upper())
            if happened_at.tzinfo is None:
                raise _Bad("bad-header", "ce_time", "The header ce_time has no time zone.")
            return happened_at if happened_at.tzinfo is UTC else happened_at.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise _Bad("bad-header", "ce_time", "The header ce_time is not an RFC 3339 time.")


@lru_cache(1000)  # most are small
def _version(value: bytes) -> int:
    if _WHOLE_NUMBER.fullmatch(value) and (version := int(value)) < 2**63:
        return version
    raise _Bad("bad-header", "ce_aggregateversion", "The header ce_aggregateversion is not a whole number from 1.")


def _body(known: type[Event], value: bytes | None) -> Event:
    if value is None:
        raise _Bad("no-body", None, "The record has no value.")
    try:
        return known.model_validate_json(value, extra="ignore")  # readers ignore what they do not know
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = _shown(".".join(str(part) for part in first["loc"])) or None  # keys of maps come from outside
        # What follows ", invalid" may quote the body: a UUID's first wrong character.
        raise _Bad("bad-body", field, _shown(first["msg"].partition(", invalid")[0])) from None


def _shown(text: str) -> str:
    """The text as a store can hold it and a page can show it."""
    return text[:SHOWN_LENGTH_MAX].replace("\x00", "\ufffd")
