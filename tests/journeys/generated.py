"""How bad input is made by chance: mutations of good JSON, of good bytes and of good records."""

import json
import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.journeys.bad_house import CANARY
from tests.journeys.bad_records import Record, good

GENERATED = int(os.environ.get("KITH_GENERATED", "5000"))
"""So many in all: 5,000 for every day, ten times 20,000 in `make faults-all`."""

_SOMEBODY = UUID("018f0000-0000-7000-8000-000000000002")
_WORDS = ("", "\x00", "\ud800", "‮", "1e400", "-0", "NaN", "9" * 5000, "2025-02-30", "0001-01-01T00:00:00+14:00")
_WORDS += ("9999-12-31T23:59:59-14:00", "=1+1", "'; --", "../..", "00000000-0000-0000-0000-000000000000", "a" * 300)
_TEXT = st.text(max_size=20) | st.sampled_from(_WORDS)
_NUMBERS = st.integers(-3, 9) | st.sampled_from([2**31, 2**53 + 1, 2**63, -(2**63), 10**30]) | st.floats(width=32)
_LEAVES = st.none() | st.booleans() | _NUMBERS | _TEXT
_JUNK = st.recursive(_LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(_TEXT, one, max_size=3))
_HEADERS = ("ce_type", "ce_id", "ce_time", "ce_organisation", "ce_aggregateversion", "ce_specversion", "x-more")


def _enrolled(participant: UUID) -> Record:
    """Somebody is enrolled, with a word that no log may tell."""
    record = good(participant)
    told = json.loads(record.value or b"") | {"attributes": {"area": CANARY}}
    return Record(record.key, json.dumps(told).encode(), record.headers)


def of_somebody_else(record: Record, participant: UUID) -> Record:
    """The same of another participant, so that nobody waits behind the one before."""
    key, value = record.key, record.value
    for old, new in zip(_ids(good(_SOMEBODY)), _ids(good(participant)), strict=True):
        key, value = key and key.replace(old, new), value and value.replace(old, new)
    return Record(key, value, record.headers)


def _ids(record: Record) -> list[bytes]:
    told = json.loads(record.value or b"")
    return [told[name].encode() for name in ("participant_id", "enrolment_id")]


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container with every key in it."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, one in pairs for place in ((tree, key), *_places(one))]


def _change_tree(draw: Callable[..., Any], tree: Any) -> Any:
    places = _places(tree)
    if not places or draw(st.integers(0, 20)) == 0:
        return draw(_JUNK)
    where, key = draw(st.sampled_from(places))
    what = draw(st.sampled_from(["other", "gone", "more"]))
    if what == "other":
        where[key] = draw(_JUNK)
    elif what == "gone":
        del where[key]
    elif isinstance(where, dict):
        where[draw(_TEXT)] = draw(_JUNK)
    else:
        where.append(draw(_JUNK))
    return tree


def _change_bytes(draw: Callable[..., Any], text: bytes) -> bytes:
    begin = draw(st.integers(0, len(text)))
    end = draw(st.integers(begin, min(len(text), begin + 12)))
    return text[:begin] + draw(st.binary(max_size=6)) + text[end:]


@st.composite
def bodies(draw: Callable[..., Any], base: Any) -> bytes:
    """A good body, bad in up to three places, and now and then not even JSON."""
    tree = json.loads(json.dumps(base))
    for _ in range(draw(st.integers(1, 3))):
        tree = _change_tree(draw, tree)
    text = json.dumps(tree).encode()
    return _change_bytes(draw, text) if draw(st.integers(0, 4)) == 0 else text


def _change_headers(draw: Callable[..., Any], record: Record) -> Record:
    name = draw(st.sampled_from(_HEADERS) | _TEXT).encode(errors="replace").decode()  # it comes as UTF-8
    text = draw(st.none() | st.binary(max_size=40) | _TEXT.map(lambda one: one.encode("utf-8", "surrogatepass")))
    kept = [one for one in record.headers if one[0] != name]
    added = [(name, text)] if draw(st.booleans()) else []
    return Record(record.key, record.value, (*kept, *added))


@st.composite
def records(draw: Callable[..., Any]) -> Record:
    """A good record, bad in its headers, its key or its value."""
    record = _enrolled(_SOMEBODY)
    for _ in range(draw(st.integers(1, 3))):
        what = draw(st.sampled_from(["headers", "key", "body", "bytes", "body"]))
        if what == "headers":
            record = _change_headers(draw, record)
        elif what == "key":
            record = Record(draw(st.none() | st.binary(max_size=40)), record.value, record.headers)
        elif what == "bytes":
            record = Record(record.key, _change_bytes(draw, record.value or b""), record.headers)
        else:
            base = json.loads(_enrolled(_SOMEBODY).value or b"")
            record = Record(record.key, draw(bodies(base) | st.none()), record.headers)
    return record
