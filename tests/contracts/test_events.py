"""The promises to other systems: an event only grows, carries no person, and is past tense."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.catalogue import EVENTS, SCHEMAS, SERVICES, as_text, asyncapi, breaks, catalogue, schema, sentence, write
from shared.events import CATALOGUE, Event
from shared.events.feedback import ConcernRaised

SAID = sorted(CATALOGUE.values(), key=lambda event: event.wire)
PAST = re.compile(
    r"(ed|held|heard|due|lapsed|made|withdrawn|sent|begun)$"  # `due` is what has fallen due
)
each_event = pytest.mark.parametrize("event", SAID, ids=lambda event: event.wire)


@each_event
def test_an_event_only_ever_grows(event: type[Event]) -> None:
    path = SCHEMAS / f"{event.wire}.json"
    assert path.exists(), f"{event.wire} has no stored promise: run `make events`"
    broken = list(breaks(json.loads(path.read_text()), schema(event)))
    assert not broken, f"{event.wire}: {', '.join(broken)}. Say a new event instead."


def test_no_promise_is_forgotten() -> None:
    gone = {path.stem for path in SCHEMAS.glob("*.json")} - {event.wire for event in SAID}
    assert not gone, f"promised, and said no more: {gone}"


def test_a_broken_promise_cannot_be_stored_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    older = schema(CATALOGUE["org.kith.session-held.v1"])
    older["properties"]["room"] = {"type": "string", "pattern": "^[a-z]+$"}
    (tmp_path / "session-held.json").write_text(as_text(older))
    monkeypatch.setattr("deploy.catalogue.SCHEMAS", tmp_path)
    with pytest.raises(SystemExit, match="session-held: room is gone"):
        write()
    assert json.loads((tmp_path / "session-held.json").read_text()) == older


SHAPES = {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}


@each_event
def test_an_event_carries_no_person(event: type[Event]) -> None:
    """Every string is an id, a time, one of a few words, or a code with a pattern: no room for free text."""
    loose = [where for where, node in _strings(schema(event)) if not _is_bound(node)]
    assert not loose, f"{event.wire} has free text in {', '.join(loose)}"


def _strings(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if node.get("type") == "string":
            yield where, node
        if node.get("type") == "object" and "properties" not in node:
            yield from _keys(node, where)
        yield from _shapeless(node, where)
        for name, value in node.items():
            yield from _strings(value, f"{where}.{name}" if name not in ("properties", "$defs", "items") else where)
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value, where)


def _shapeless(node: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Anything at all may stand there, a sentence too."""
    for name, value in (node.get("properties") or {}).items():
        if not SHAPES & value.keys():
            yield f"{where}.{name}", {"type": "string"}


def _keys(node: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The names in a free object are strings, too."""
    if "patternProperties" not in node:
        yield f"{where} (names)", {"type": "string"} | node.get("propertyNames", {})


def _is_bound(node: dict[str, Any]) -> bool:
    if "pattern" in node:  # a sentence must not fit
        return not re.search(node["pattern"], "Marisol said: a sentence, with words.")
    return bool({"enum", "const"} & node.keys() or node.get("format") in ("uuid", "date", "date-time"))


@each_event
def test_an_event_is_past_tense_and_has_a_sentence(event: type[Event]) -> None:
    assert PAST.search(event.wire), f"{event.wire} does not say that something has happened"
    assert sentence(event).endswith("."), f"{event.wire} has no sentence"


@each_event
def test_one_name_everywhere(event: type[Event]) -> None:
    class_name = "".join(part.capitalize() for part in event.wire.split("-"))
    assert event.__name__ == class_name
    for service in SERVICES:
        handlers = import_module(f"services.{service}.handlers").HANDLERS
        if event in handlers:
            assert getattr(handlers[event], "handle", handlers[event]).__name__ == "on_" + event.wire.replace(
                "-", "_"
            ), service


@each_event
def test_a_topic_has_one_speaker(event: type[Event]) -> None:
    assert {one.speaker for one in SAID if one.topic == event.topic} == {event.speaker}


@each_event
def test_an_event_has_a_speaker_who_says_it(event: type[Event]) -> None:
    root = EVENTS.parent.parent / "services" / event.speaker
    uses = sum(len(re.findall(rf"\b{event.__name__}\b", path.read_text())) for path in root.rglob("*.py"))
    assert uses > 1, f"nobody says {event.wire}"  # once is only an import


def test_the_catalogue_is_current() -> None:
    assert (EVENTS / "README.md").read_text() == catalogue(), "run `make events`"
    assert (EVENTS / "asyncapi.json").read_text() == as_text(asyncapi()), "run `make events`"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda fields, required: fields.pop("site_id"), "site_id is gone"),
        (lambda fields, required: fields.update(site_id={"type": "integer"}), "site_id has another shape"),
        (lambda fields, required: required.append("note"), "note is required now"),
        (lambda fields, required: required.remove("site_id"), "site_id may be missing now"),
    ],
)
def test_the_rule_bites(change: Any, said: str) -> None:
    promised = schema(CATALOGUE["org.kith.session-held.v1"])
    now = json.loads(json.dumps(promised))
    change(now["properties"], now["required"])
    assert said in list(breaks(promised, now))


def test_a_field_for_anything_is_free_text() -> None:
    loose = schema(CATALOGUE["org.kith.session-held.v1"])
    loose["properties"]["note"] = {"title": "Note"}
    assert [where for where, node in _strings(loose) if not _is_bound(node)] == [".note"]


def test_an_optional_field_may_be_added() -> None:
    promised = schema(CATALOGUE["org.kith.session-held.v1"])
    now = json.loads(json.dumps(promised))
    now["properties"]["room"] = {"type": "string", "pattern": "^[a-z]+$"}
    assert not list(breaks(promised, now))


def test_an_event_that_names_nobody_is_about_its_aggregate_alone() -> None:
    """A concern about somebody unnamed is heard by services that look whether anybody it is about was erased."""
    at = datetime(2026, 3, 4, 18, tzinfo=UTC)
    told = {"concern_id": uuid4(), "site_id": uuid4(), "source": "participant", "raised_at": at, "acknowledge_by": at}
    unnamed = ConcernRaised.model_validate(told)
    assert unnamed.about == (unnamed.concern_id,)
    named = ConcernRaised.model_validate(told | {"participant_id": uuid4()})
    assert named.about == (named.concern_id, named.participant_id)
