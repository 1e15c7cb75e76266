"""What stands in the topics, read with another client than the services use; and what a reader must make of it."""

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

SCHEMAS = Path(__file__).parents[3] / "shared" / "events" / "schemas"
READ_SECONDS_MAX = 60
METADATA_MS_MAX = 1_000
PREFIX, SUFFIX = "org.kith.", ".v1"
Mark = dict[tuple[str, int], int]
"""An offset for each partition of each topic."""


@dataclass(frozen=True, slots=True)
class Rec:
    """A record as it stands in a topic."""

    topic: str
    part: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None
    at: float = 0.0  # when it was appended, in seconds

    def header(self, name: str) -> str:
        """A header as text; empty if it is missing."""
        return next(((value or b"").decode("utf-8", "replace") for own, value in self.headers if own == name), "")

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it stands."""
        return self.topic, self.part, self.offset


@dataclass(frozen=True, slots=True)
class Fact:
    """A record that can be read: a fact of an organisation."""

    rec: Rec
    wire: str
    key: str
    id: str
    organisation: str
    time: str
    version: int
    body: dict[str, Any]


@dataclass(slots=True)
class Story:
    """What a reader must make of the topics."""

    facts: list[Fact] = field(default_factory=list)  # each once, in the order of its key
    parked: list[Rec] = field(default_factory=list)
    repeated: list[Fact] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)  # versions that are missing, or came back
    versions: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(self, *wires: str) -> list[Fact]:
        """The facts of these kinds."""
        return [one for one in self.facts if one.wire in wires]


def schemas() -> dict[str, dict[str, Any]]:
    """The committed promises, by the name of the event."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))}


@cache
def _admin(kafka: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka, "socket.timeout.ms": 3000, "log_level": 2})


def ends(kafka: str, topics: Collection[str], *, begin: bool = False) -> Mark:
    """Where each partition ends, or begins."""
    admin = _admin(kafka)
    known = admin.list_topics(timeout=5).topics
    wanted = [TopicPartition(topic, part) for topic in topics if topic in known for part in known[topic].partitions]
    kind: Any = OffsetSpec.earliest if begin else OffsetSpec.latest
    spec = kind()
    answers = admin.list_offsets({tp: spec for tp in wanted}, request_timeout=5)
    return {(tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items()}


def read(kafka: str, begin: Mapping[tuple[str, int], int], end: Mapping[tuple[str, int], int]) -> list[Rec]:
    """Every record from here to there, in the order of topic, partition and offset."""
    left = {place for place, there in end.items() if begin.get(place, 0) < there}
    found: list[Rec] = []
    if not left:
        return found
    told = {"bootstrap.servers": kafka, "group.id": "fault-checker", "enable.auto.commit": False, "log_level": 2}
    told |= {"topic.metadata.refresh.interval.ms": METADATA_MS_MAX}
    reader = Consumer(told)
    reader.assign([TopicPartition(topic, part, begin.get((topic, part), 0)) for topic, part in sorted(left)])
    deadline = time.monotonic() + READ_SECONDS_MAX
    while left:
        assert time.monotonic() < deadline, f"the log could not be read to its end: {sorted(left)[:5]}"
        for message in reader.consume(500, timeout=0.1):
            error = message.error()
            if error is not None and error.code() == KafkaError._UNKNOWN_PARTITION:
                continue  # of a topic that was made again a moment ago: it is not known everywhere at once
            assert error is None, str(error)
            place: tuple[str, int] = (str(message.topic()), message.partition() or 0)
            offset = message.offset() or 0
            if offset < end.get(place, 0):
                heads: Any = message.headers() or ()
                headers = tuple((str(name), _bytes(value)) for name, value in heads)
                at = message.timestamp()[1] / 1000
                found.append(Rec(*place, offset, _bytes(message.key()), headers, _bytes(message.value()), at))
            if offset + 1 >= end.get(place, 0):
                left.discard(place)
    reader.close()
    return sorted(found, key=lambda one: one.place)


def _bytes(value: Any) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else str(value).encode()


def story(records: Collection[Rec], known: Mapping[str, dict[str, Any]]) -> Story:
    """What becomes of each record, by the rules of the contract alone: no batch, no transaction, no table."""
    told = Story()
    held: set[tuple[str, bytes | None]] = set()
    for rec in records:
        fact = fact_of(rec, known)
        at = (rec.topic, (rec.key or b"").decode("utf-8", "replace"))
        if (rec.topic, rec.key) in held or fact is None:
            held.add((rec.topic, rec.key))
            told.parked.append(rec)
            continue
        before = told.versions.get(at)
        if before is not None and fact.version <= before:
            told.repeated.append(fact)
            continue
        if before is not None and fact.version > before + 1:
            told.gaps.append(f"{at[0]} {at[1]}: {before} is followed by {fact.version}")
        told.versions[at] = fact.version
        told.facts.append(fact)
    return told


def fact_of(rec: Rec, known: Mapping[str, dict[str, Any]]) -> Fact | None:
    """The fact in a record; None if the promise that its type makes is not kept."""
    kind = rec.header("ce_type")
    schema = known.get(kind.removeprefix(PREFIX).removesuffix(SUFFIX))
    if schema is None or kind != f"{PREFIX}{kind.removeprefix(PREFIX).removesuffix(SUFFIX)}{SUFFIX}":
        return None
    try:
        body = json.loads(rec.value or b"")
        version = int(rec.header("ce_aggregateversion"))
    except ValueError:
        return None
    needed = ("ce_id", "ce_time", "ce_organisation")
    if any(value is None for _, value in rec.headers) or not all(rec.header(name) for name in needed):
        return None
    if not _keeps(schema, rec, body):
        return None
    return Fact(
        rec,
        kind.removeprefix(PREFIX).removesuffix(SUFFIX),
        (rec.key or b"").decode(),
        rec.header("ce_id"),
        rec.header("ce_organisation"),
        rec.header("ce_time"),
        version,
        body,
    )


def _keeps(schema: Mapping[str, Any], rec: Rec, body: Any) -> bool:
    """Whether topic, key and the needed fields are as promised. What is added is no matter."""
    if not isinstance(body, dict) or schema["x-kafka"]["topic"] != rec.topic:
        return False
    if any(name not in body for name in schema.get("required", ())):
        return False
    if str(body.get(schema["x-kafka"]["key"])).encode() != rec.key:
        return False
    kinds = {"string": str, "array": list, "object": dict, "boolean": bool, "integer": int}
    return all(
        isinstance(body[name], kinds[about["type"]])
        for name, about in schema["properties"].items()
        if name in body and about.get("type") in kinds
    )
