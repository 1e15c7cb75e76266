"""The table of bad records on a topic: what a speaker gone wrong may say, and the reason for which it is parked."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from shared.events.intake import Consents, ParticipantEnrolled
from shared.identity import derived_id, new_id, organisation_id
from tests.journeys.bad_house import CANARY

HOUSE = "record-house"
TYPE = ParticipantEnrolled.ce_type().encode()


@dataclass(frozen=True)
class Record:
    """What stands on a topic."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def good(participant: UUID) -> Record:
    """Somebody is enrolled: the record as intake says it."""
    event = ParticipantEnrolled(
        participant_id=participant,
        enrolment_id=derived_id(participant, "enrolment", "1"),
        program_id=derived_id(participant, "program", "1"),
        site_id=derived_id(participant, "site", "1"),
        short_code="KLM-482",
        language="en",
        enrolled_on=date(2025, 1, 7),
        attributes={},
        consents=Consents(taking_part=True, reporting=True, contact_after=False),
        consent_text="standard",
        consent_version=1,
        is_imported=True,
    )
    headers = {
        "ce_specversion": b"1.0",
        "ce_type": TYPE,
        "ce_id": str(derived_id(participant, "event", "1")).encode(),
        "ce_time": b"2025-01-07T12:00:00Z",
        "ce_organisation": str(organisation_id(HOUSE)).encode(),
        "ce_aggregateversion": b"1",
    }
    return Record(str(participant).encode(), event.model_dump_json().encode(), tuple(headers.items()))


@dataclass(frozen=True)
class Case:
    """A named case: what is done to a good record, and the reason and the field that it is parked with."""

    name: str
    change: Callable[[Record], Record]
    reason: str
    field: str | None = None


def value(text: bytes | None, record: Record) -> Record:
    """Another value."""
    return replace(record, value=text)


def key(text: bytes | None, record: Record) -> Record:
    """Another key."""
    return replace(record, key=text)


def edited(change: Callable[[bytes], bytes], record: Record) -> Record:
    """The value with this done to it."""
    return replace(record, value=change(record.value or b""))


def body(record: Record, **changes: Any) -> Record:
    """The body with these values; `...` leaves a field out."""
    fields = json.loads(record.value or b"") | changes
    return replace(record, value=json.dumps({name: one for name, one in fields.items() if one is not ...}).encode())


def header(name: str, text: bytes | None, record: Record) -> Record:
    """One header of another value, or one more."""
    return replace(record, headers=(*(one for one in record.headers if one[0] != name), (name, text)))


def without(name: str, record: Record) -> Record:
    """One header less."""
    return replace(record, headers=tuple(one for one in record.headers if one[0] != name))


def at_version(text: bytes) -> Callable[[Record], Record]:
    """The value with this very text as the version of the consent."""
    return partial(edited, lambda one: one.replace(b'"consent_version":1', b'"consent_version":' + text))


def values() -> Iterator[Case]:
    """1 and 2: values that are no JSON, or another shape."""
    for name, change in (
        ("empty value", partial(value, b"")),
        ("whitespace", partial(value, b" \n")),
        ("byte order mark", partial(edited, lambda one: b"\xef\xbb\xbf" + one)),
        ("truncated", partial(edited, lambda one: one[:-9])),
        ("trailing bytes", partial(edited, lambda one: one + CANARY.encode())),
        ("two documents", partial(edited, lambda one: one + one)),
        ("list for object", partial(edited, lambda one: b"[" + one + b"]")),
        ("text for object", partial(value, json.dumps(CANARY).encode())),
        ("null for object", partial(value, b"null")),
        ("10,000 deep", partial(edited, lambda one: one[:-1] + b',"more":' + b"[" * 10_000 + b"]" * 10_000 + b"}")),
        ("900 kB of nothing", partial(value, CANARY.encode() * 64_000)),
        ("latin-1 bytes", partial(edited, lambda one: one.replace(b"standard", b"standard\xe9"))),
        ("UTF-16", partial(edited, lambda one: one.decode().encode("utf-16"))),
        ("lone surrogate", partial(body, language="\ud800")),
        ("compressed by itself", partial(value, b"\x1f\x8b\x08" + CANARY.encode())),
    ):
        yield Case(name, change, "bad-body")
    yield Case("tombstone", partial(value, None), "no-body")


def fields() -> Iterator[Case]:
    """1, 3, 4: bodies with a field that cannot be."""
    for name, text in (
        ("NaN", b"NaN"),
        ("Infinity", b"Infinity"),
        ("1e400", b"1e400"),
        ("-0", b"-0"),
        ("fraction", b"1.5"),
        ("text for a number", b'"%s"' % CANARY.encode()),
    ):
        yield Case(name, at_version(text), "bad-body", "consent_version")
    for name, changes, field in (
        ("wrong case", {"language": ..., "Language": "en"}, "language"),
        ("null for something needed", {"language": None}, "language"),
        ("language of three letters", {"language": CANARY}, "language"),
        ("NUL in text", {"consent_text": f"{CANARY}\x00"}, "consent_text"),
        ("65 characters", {"consent_text": "a" * 65}, "consent_text"),
        ("64,000 combining marks", {"consent_text": "a" + "\u0301" * 64_000}, "consent_text"),
        ("a name for a short code", {"short_code": CANARY}, "short_code"),
        ("30 February", {"enrolled_on": "2025-02-30"}, "enrolled_on"),
        ("year 10000", {"enrolled_on": "10000-01-01"}, "enrolled_on"),
        ("a moment for a day", {"enrolled_on": "2025-01-07T12:00:00Z"}, "enrolled_on"),
        ("malformed id", {"enrolment_id": CANARY}, "enrolment_id"),
        ("list for a map", {"attributes": [CANARY]}, "attributes"),
        ("consents that say nothing", {"consents": {}}, "consents.taking_part"),
    ):
        yield Case(name, partial(body, **changes), "bad-body", field)
    yield Case("key of another participant", partial(body, participant_id=str(new_id())), "wrong-key", "participant_id")


def envelopes() -> Iterator[Case]:
    """6: keys and headers that are missing, forged or from another time."""
    for name, change, reason, field in (
        ("no key", partial(key, None), "wrong-key", "participant_id"),
        ("empty key", partial(key, b""), "wrong-key", "participant_id"),
        ("key with NUL", lambda one: key((one.key or b"") + b"\x00", one), "wrong-key", "participant_id"),
        ("key that is not UTF-8", lambda one: key((one.key or b"") + b"\xff", one), "wrong-key", "participant_id"),
        ("key in capitals", lambda one: key((one.key or b"").upper() + b" ", one), "wrong-key", "participant_id"),
        ("key of 10 kB", lambda one: key((one.key or b"") * 300, one), "wrong-key", "participant_id"),
        ("no type", partial(without, "ce_type"), "missing-header", "ce_type"),
        ("null type", partial(header, "ce_type", None), "null-header", "ce_type"),
        ("type that is not UTF-8", partial(header, "ce_type", b"\xff\xfe"), "bad-header", "ce_type"),
        ("type of 10 kB", partial(header, "ce_type", CANARY.encode() * 700), "unknown-type", "ce_type"),
        ("unknown type", partial(header, "ce_type", b"org.kith.zq-canary-4711.v1"), "unknown-type", "ce_type"),
        ("later version", partial(header, "ce_type", TYPE.replace(b".v1", b".v2")), "future-version", "ce_type"),
        ("type of another topic", partial(header, "ce_type", b"org.kith.session-held.v1"), "wrong-topic", "ce_type"),
        ("no id", partial(without, "ce_id"), "missing-header", "ce_id"),
        ("malformed id of the event", partial(header, "ce_id", CANARY.encode()), "bad-header", "ce_id"),
        ("no organisation", partial(without, "ce_organisation"), "missing-header", "ce_organisation"),
        (
            "nil organisation",
            partial(header, "ce_organisation", str(UUID(int=0)).encode()),
            "bad-header",
            "ce_organisation",
        ),
        ("organisation by name", partial(header, "ce_organisation", CANARY.encode()), "bad-header", "ce_organisation"),
        ("no time", partial(without, "ce_time"), "missing-header", "ce_time"),
        ("time without a zone", partial(header, "ce_time", b"2025-01-07T12:00:00"), "bad-header", "ce_time"),
        ("leap second", partial(header, "ce_time", b"2016-12-31T23:59:60Z"), "bad-header", "ce_time"),
        ("24:00", partial(header, "ce_time", b"2025-01-07T24:00:00Z"), "bad-header", "ce_time"),
        ("time in words", partial(header, "ce_time", CANARY.encode()), "bad-header", "ce_time"),
        ("another header that is null", partial(header, "x-more", None), "null-header", "x-more"),
        ("another header that is not UTF-8", partial(header, "x-more", b"\xff"), "bad-header", "x-more"),
    ):
        yield Case(name, change, reason, field)
    yield Case("no version", partial(without, "ce_aggregateversion"), "missing-header", "ce_aggregateversion")
    for text in ("", "0", "-1", "+1", "1.0", " 1", "\u0663", "1e3", str(2**63), "1" + "0" * 40):
        change = partial(header, "ce_aggregateversion", text.encode())
        yield Case(f"version {text[:12]!r}", change, "bad-header", "ce_aggregateversion")


CASES = [*values(), *fields(), *envelopes()]


def strange() -> Iterator[tuple[str, Callable[[Record], Record]]]:
    """What is strange, and still says what happened: it takes effect."""
    yield "unknown key", partial(body, colour=CANARY)
    yield "unknown key of 500 kB", partial(body, colour=["x"] * 100_000)
    yield "unknown key with NUL", partial(body, colour=f"{CANARY}\x00")
    yield "the same key twice", partial(edited, lambda one: one.replace(b"{", b'{"language":"xx",', 1))
    yield "beyond 2^53", at_version(b"9007199254740993")
    yield "beyond 2^63", at_version(b"9223372036854775808")
    yield "number of 4,000 digits", at_version(b"9" * 4_000)
    yield "no specversion", partial(without, "ce_specversion")
    yield "another header", partial(header, "x-more", CANARY.encode())
    yield "time of year 1", partial(header, "ce_time", b"0001-01-01T00:00:00Z")
    yield "late by ten years", partial(header, "ce_time", b"2015-01-07T12:00:00Z")
    yield "id in braces", lambda one: header("ce_id", b"{%s}" % str(new_id()).encode(), one)


STRANGE = dict(strange())
