"""Writes what the events promise: a schema for each, the catalogue for readers, AsyncAPI for their tools.

`make events` runs it after an event was added. A promise that was stored is never overwritten by one that breaks it:
tests/contracts refuses that, and the way out is to say a new event.
"""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.events import CATALOGUE, PARTITIONS, TOPICS, Event

EVENTS = Path(__file__).parent.parent / "shared" / "events"
SCHEMAS = EVENTS / "schemas"
SERVICES = ("intake", "scheduling", "feedback", "analytics")
HEADERS = {
    "content-type": "`application/json`",
    "ce_specversion": "`1.0`",
    "ce_id": "UUIDv7, unique: drop an event whose id you have seen",
    "ce_source": "`/kith/<service>`",
    "ce_type": "`org.kith.<event>.v1`",
    "ce_subject": "id of the aggregate, also the record's key",
    "ce_time": "when it happened, RFC 3339, UTC",
    "ce_organisation": "id of the organisation",
    "ce_aggregateversion": "1, 2, 3 ... for each aggregate: ignore one at or below the last you have seen",
    "ce_correlationid": "what belongs to one request (optional)",
    "ce_causationid": "id of the event that caused this one (optional)",
    "traceparent": "W3C trace context (optional)",
}


def schema(event: type[Event]) -> dict[str, Any]:
    """The promise of an event for its readers, who ignore fields that they do not know."""
    described = event.model_json_schema(mode="serialization")
    opened: dict[str, Any] = _open(described)
    promised = {"topic": event.topic, "key": event.key_field, "partitions": PARTITIONS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": event.ce_type(),
        "x-kafka": promised,
    } | opened


def breaks(promised: dict[str, Any], now: dict[str, Any], at: str = "") -> Iterator[str]:
    """What a reader of the stored promise could not rely on any more."""
    if promised.get("x-kafka") != now.get("x-kafka"):
        yield f"{at}topic, key or partitions are others"
    fields, needed, was_needed = (
        now.get("properties", {}),
        set(now.get("required", [])),
        set(promised.get("required", [])),
    )
    for name, shape in promised.get("properties", {}).items():
        if name not in fields:
            yield f"{at}{name} is gone"
        elif _shape(fields[name]) != _shape(shape):
            yield f"{at}{name} has another shape"
    yield from (f"{at}{name} is required now" for name in sorted(needed - was_needed))
    yield from (f"{at}{name} may be missing now" for name in sorted(was_needed - needed))
    for part, shape in promised.get("$defs", {}).items():
        yield from breaks(shape, now.get("$defs", {}).get(part, {}), f"{at}{part}.")


def _shape(field: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in field.items() if name not in ("description", "title", "default")}


def _open(node: Any) -> Any:
    """The same schema without the speaker's own strictness: later versions may add optional fields."""
    if isinstance(node, dict):
        return {name: _open(value) for name, value in node.items() if name != "additionalProperties" or value}
    return [_open(value) for value in node] if isinstance(node, list) else node


def hearers(event: type[Event]) -> list[str]:
    """The services that have a handler for an event."""
    found = []
    for service in SERVICES:
        handlers = import_module(f"services.{service}.handlers").HANDLERS
        if event in handlers:
            found.append(service)
    return found


def sentence(event: type[Event]) -> str:
    """What happened, in its own words."""
    return " ".join((event.__doc__ or "").split())


def catalogue() -> str:
    """The page for readers."""
    return "\n".join(_catalogue_lines()) + "\n"


def _catalogue_lines() -> Iterator[str]:
    yield "# The events of Kith"
    yield ""
    yield "Written by `make events`. CloudEvents 1.0 in Kafka's binary mode: the value is JSON, attributes are headers."
    yield f"One topic for each kind of aggregate, {PARTITIONS} partitions each, kept for 89 days. The key is the id of"
    yield "the aggregate, so the events of one aggregate are in order. An event may arrive twice. No event carries a"
    yield "name, contact data or free text; what remains is pseudonymous and must be treated as personal. Fields are"
    yield "only ever added."
    yield ""
    yield "| header | what it holds |"
    yield "| --- | --- |"
    for name, words in HEADERS.items():
        yield f"| `{name}` | {words} |"
    for topic in TOPICS:
        yield ""
        yield f"## `{topic}`"
        for event in (one for one in CATALOGUE.values() if one.topic == topic):
            yield ""
            yield f"### {event.wire}"
            yield ""
            yield sentence(event)
            yield ""
            heard_by = ", ".join(hearers(event)) or "nobody inside Kith"
            yield f"Said by {event.speaker}, heard by {heard_by}. Key: `{event.key_field}`."
            yield f"[Schema](schemas/{event.wire}.json)"
            yield ""
            yield "| field | type | required |"
            yield "| --- | --- | --- |"
            described = schema(event)
            for name, field in described["properties"].items():
                needed = "yes" if name in described.get("required", ()) else "no"
                yield f"| `{name}` | {_type(field)} | {needed} |"


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return str(field.get("format") or ("code" if "pattern" in field else field.get("type")))


def asyncapi() -> dict[str, Any]:
    """The same for tools: AsyncAPI 3.0."""
    messages = {event.wire: _message(event) for event in CATALOGUE.values()}
    channels = {
        topic: {
            "address": topic,
            "bindings": {"kafka": {"topic": topic, "partitions": PARTITIONS, "bindingVersion": "0.5.0"}},
            "messages": {
                event.wire: {"$ref": f"#/components/messages/{event.wire}"}
                for event in CATALOGUE.values()
                if event.topic == topic
            },
        }
        for topic in TOPICS
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Kith", "version": "1", "description": "The events of Kith, as other systems read them."},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"read-{topic.removeprefix('kith.')}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic}"},
            }
            for topic in TOPICS
        },
        "components": {"messages": messages},
    }


def _message(event: type[Event]) -> dict[str, Any]:
    headers = {name: {"type": "string", "description": words} for name, words in HEADERS.items()}
    payload = _self_contained(schema(event))
    return {
        "name": event.ce_type(),
        "summary": sentence(event),
        "contentType": "application/json",
        "headers": {"type": "object", "properties": headers | {"ce_type": {"const": event.ce_type()}}},
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": "0.5.0"}},
    }


def _self_contained(described: dict[str, Any]) -> dict[str, Any]:
    """A schema without references: in a larger document they would point to the wrong place."""
    parts = described.get("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(parts[node["$ref"].rpartition("/")[2]])
            return {name: resolve(value) for name, value in node.items() if name not in ("$defs", "$id", "$schema")}
        return [resolve(value) for value in node] if isinstance(node, list) else node

    resolved: dict[str, Any] = resolve(described)
    return resolved


def as_text(document: dict[str, Any]) -> str:
    """JSON as it is stored."""
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def write() -> None:
    """Write everything, unless a stored promise would be broken."""
    SCHEMAS.mkdir(exist_ok=True)
    stored = {path.stem: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    known = {event.wire: schema(event) for event in CATALOGUE.values()}
    broken = [f"{wire} is gone" for wire in sorted(stored.keys() - known.keys())]
    broken += [f"{wire}: {one}" for wire in stored.keys() & known.keys() for one in breaks(stored[wire], known[wire])]
    if broken:
        raise SystemExit(f"A promise would be broken, say a new event instead. {'; '.join(broken)}")
    for wire, described in known.items():
        (SCHEMAS / f"{wire}.json").write_text(as_text(described))
    (EVENTS / "README.md").write_text(catalogue())
    (EVENTS / "asyncapi.json").write_text(as_text(asyncapi()))


if __name__ == "__main__":
    write()
