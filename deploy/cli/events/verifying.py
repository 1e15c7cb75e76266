"""Verifying a topic: is each event what was promised, and are the events of each aggregate in order."""

import json
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.catalogue import SCHEMAS
from deploy.cli.events import reading
from shared.inbox.decode import Record, decode

EXAMPLES_MAX = 20
SOURCE = b"/kith/"


@dataclass(frozen=True, slots=True)
class Fault:
    """A promise that a record breaks. No payload in it."""

    code: str
    field: str | None
    message: str


@dataclass(slots=True)
class Aggregate:
    """The versions of one aggregate so far, without a hole, and by which event each was said."""

    first: int
    events: "array[int]"

    @property
    def following(self) -> int:
        """The version that should come next."""
        return self.first + len(self.events)


@dataclass(slots=True)
class Result:
    """What was found in one topic."""

    topic: str
    events: int = 0
    repeats: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    aggregates: dict[bytes, Aggregate] = field(default_factory=dict)
    keys: int = 0

    def lines(self) -> Iterator[str]:
        """For people."""
        counts = f"{self.events} events of {self.keys} keys, {self.repeats} repeated"
        wrong = ", ".join(f"{count} {code}" for code, count in sorted(self.faults.items()))
        yield f"{self.topic}  {counts}: {wrong or 'all as promised'}"
        yield from (f"  {example}" for example in self.examples)
        more = sum(self.faults.values()) - len(self.examples)
        if more > 0:
            yield f"  ... and {more} more"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "topic": self.topic,
            "events": self.events,
            "keys": self.keys,
            "repeats": self.repeats,
            "faults": dict(self.faults),
            "examples": self.examples,
        }

    def take(self, record: Record) -> None:
        """Count a record, and what is wrong with it."""
        self.events += 1
        for fault in (*faults(record), *self._out_of_order(record)):
            self.faults[fault.code] += 1
            if len(self.examples) < EXAMPLES_MAX:
                where = f"{record.topic}/{record.partition}:{record.offset}"
                at = f" at {fault.field}" if fault.field else ""
                self.examples.append(f"{where}  {fault.code}{at}: {fault.message}")

    def finish(self) -> None:
        """Forget what was needed only on the way."""
        self.keys = len(self.aggregates)
        self.aggregates.clear()

    def _out_of_order(self, record: Record) -> Iterator[Fault]:
        version, mark = _version(record), _mark(record)
        if version is None or mark is None:
            return  # told already: the header is missing or is no number
        known = self.aggregates.get(record.key or b"")
        at = "ce_aggregateversion"
        if known and known.first <= version < known.following:
            if known.events[version - known.first] != mark:
                yield Fault("two-of-one-version", at, f"Another event had version {version} before.")
            else:
                self.repeats += 1
        elif known and version == known.following:
            known.events.append(mark)
        elif known and version < known.first:
            yield Fault("goes-back", at, f"Version {version} comes after {known.following - 1}.")
        else:
            self.aggregates[record.key or b""] = Aggregate(version, array("Q", [mark]))
            if known:
                yield Fault("gap", at, f"Version {known.following} is missing before {version}.")


async def verify(topics: Sequence[str], *, quiet: bool) -> list[Result]:
    """Walk the topics, one after the other."""
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    hidden = quiet or bool(os.environ.get("CI"))
    results = []
    with Progress(*columns, console=Console(stderr=True), disable=hidden, transient=True) as bar:
        for topic in topics:
            result, task = Result(topic), bar.add_task(topic, total=None)

            def on_total(total: int, task: Any = task) -> None:
                bar.update(task, total=total)

            async for batch in reading.walk(reading.kafka_address(), [topic], None, on_total=on_total):
                for record in batch:
                    result.take(record)
                bar.advance(task, len(batch))
            result.finish()
            results.append(result)
    return results


def faults(record: Record) -> Iterator[Fault]:
    """What is wrong with a record by itself: as a service would see it, and beyond that."""
    bad = decode(record).unreadable
    if bad:
        yield Fault(bad.reason, bad.field, bad.message)
        return
    headers = {name: bytes(value) for name, value in record.headers}
    for name, good in (("content-type", b"application/json"), ("ce_specversion", b"1.0"), ("ce_subject", record.key)):
        if name not in headers:
            yield Fault("missing-header", name, f"The header {name} is missing.")
        elif headers[name] != good:
            about = "the key" if name == "ce_subject" else (good or b"").decode()
            yield Fault("bad-header", name, f"The header {name} is not {about}.")
    if not headers.get("ce_source", b"").startswith(SOURCE):
        yield Fault("bad-header", "ce_source", "The header ce_source does not name a service of Kith.")
    yield from _broken_promises(headers["ce_type"].decode(), record.value or b"")


def _broken_promises(ce_type: str, value: bytes) -> Iterator[Fault]:
    for error in _promise(ce_type).iter_errors(json.loads(value)):
        where = ".".join(map(str, error.absolute_path)) or None
        yield Fault("breaks-its-schema", where, f"It breaks `{error.validator}` of the promised schema.")


@cache
def _promise(ce_type: str) -> Draft202012Validator:
    wire = ce_type.removeprefix("org.kith.").rpartition(".v")[0]
    schema = json.loads((SCHEMAS / f"{wire}.json").read_text())
    return Draft202012Validator(schema, format_checker=FormatChecker())


def _version(record: Record) -> int | None:
    text = dict(record.headers).get("ce_aggregateversion") or b""
    return int(text) if text.isdigit() and len(text) < 19 else None


def _mark(record: Record) -> int | None:
    """Enough of the event's id to tell it from another one."""
    try:
        return UUID((dict(record.headers).get("ce_id") or b"").decode()).int & (2**64 - 1)
    except ValueError:
        return None
