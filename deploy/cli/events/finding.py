"""Finding one event by its id: in the event log of whoever said it, else in Kafka; and where it is parked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from deploy import Trouble
from deploy.cli.events import reading
from deploy.cli.stores import store_of
from deploy.cli.terminal import harmless
from deploy.postgres.provision import SERVICES
from shared.database import OUTAGES
from shared.events import TOPICS
from shared.operations import store
from shared.operations.waiting import as_text, in_base64


@dataclass(slots=True)
class Found:
    """An event, where it was found, in which services it waits for a person, and whom nobody could ask about that."""

    where: str
    topic: str
    headers: list[tuple[str, bytes | None]]
    value: bytes | None
    parked: dict[str, str] = field(default_factory=dict)  # service to reason
    not_asked: list[str] = field(default_factory=list)  # services whose store cannot be reached from here

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.topic}, found in {self.where}"
        for name, value in self.headers:
            yield f"  {harmless(name)}: {_shown(value)}"
        yield _pretty(self.value)
        for service, reason in self.parked.items():
            yield f"Parked in {service}: {reason}."
        if self.not_asked:
            yield _not_asked(self.not_asked)

    def as_json(self) -> dict[str, Any]:
        """For machines, byte for byte."""
        headers = [{"name": name, "text": as_text(value), "base64": in_base64(value)} for name, value in self.headers]
        return {
            "where": self.where,
            "topic": self.topic,
            "headers": headers,
            "value": in_base64(self.value),
            "value_text": as_text(self.value),
            "parked": self.parked,
            "not_asked": self.not_asked,
        }


async def find(event_id: UUID) -> Found:
    """Ask the stores, then walk the topics; a Trouble if it is nowhere."""
    said, parked, not_asked = None, {}, []
    for service in SERVICES:
        try:
            async with store_of(service) as database, database.transaction() as tx:
                said = said or await _said(tx, service, event_id)
                if reason := await store.parked_as(tx, event_id):
                    parked[service] = reason
        except (Trouble, asyncpg.PostgresError, *OUTAGES):  # of another service's container, or away
            not_asked.append(service)
    found = said or await _in_kafka(event_id)
    if found is None:
        nowhere = f"No event {event_id} is in an event log or in Kafka (which forgets after 89 days)."
        raise Trouble(f"{nowhere} {_not_asked(not_asked)}" if not_asked else nowhere)
    found.parked, found.not_asked = parked, not_asked
    return found


def _not_asked(services: list[str]) -> str:
    return f"Not asked, because their stores cannot be reached from here: {', '.join(services)}."


async def _said(tx: Any, service: str, event_id: UUID) -> Found | None:
    event = await store.said(tx, event_id)
    if event is None:
        return None
    headers = {**event.headers, "ce_aggregateversion": str(event.version)}
    return Found(
        where=f"the event log of {service}",
        topic=event.topic,
        headers=[(name, text.encode()) for name, text in headers.items()],
        value=event.value,
    )


async def _in_kafka(event_id: UUID) -> Found | None:
    async for batch in reading.walk(reading.kafka_address(), TOPICS, None):
        for record in batch:
            if reading.has_id(record, event_id):
                where = f"Kafka at partition {record.partition}, offset {record.offset}"
                return Found(where, record.topic, list(record.headers), record.value)
    return None


def _shown(value: bytes | None) -> str:
    text = as_text(value)
    return text if text is not None else f"base64 {in_base64(value)}" if value is not None else "null"


def _pretty(value: bytes | None) -> str:
    try:
        return json.dumps(json.loads(value or b""), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _shown(value)
