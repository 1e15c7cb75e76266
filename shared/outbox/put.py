"""Putting an event beside the change that caused it."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Tx
from shared.events import Event
from shared.identity import new_id
from shared.logs import traceparent

BYTES_MAX = 900_000  # below the topic's max.message.bytes: a refused record would break the producer's sequence


@dataclass(frozen=True, slots=True)
class Put:
    """An event on its way into the outbox, as CloudEvents 1.0 in Kafka's binary mode."""

    topic: str
    key: str
    organisation_id: UUID
    headers: str  # JSON; the version is added on the way out
    value: bytes


def put(tx: Tx, event: Event, *, organisation: UUID, at: datetime) -> UUID:
    """Say `event` of `organisation` when `tx` commits; `at` is when it happened. Gives the event's id.

    The caller has locked the aggregate first. Nothing is published if the transaction rolls back.
    """
    event_id, value = new_id(), event.model_dump_json().encode()
    if len(value) > BYTES_MAX:
        raise ValueError(f"{event.wire} has {len(value)} bytes, at most {BYTES_MAX} may be said: split it")
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": str(event_id),
        "ce_source": f"/kith/{event.speaker}",
        "ce_type": event.ce_type(),
        "ce_subject": str(event.key),
        "ce_time": at.isoformat().replace("+00:00", "Z"),
        "ce_organisation": str(organisation),
    }
    if tx.causation:
        headers["ce_causationid"] = str(tx.causation)
    if trace := traceparent.get():
        headers |= {"traceparent": trace, "ce_correlationid": trace[3:35]}
    tx.said.append(Put(event.topic, str(event.key), organisation, json.dumps(headers), value))
    return event_id
