"""What comes to the topics past the services: bad bytes, records once more, and records of a newer schema."""

import asyncio
import json
import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4, uuid5

from confluent_kafka import Producer

from tests.faults.checker import Mark, Rec, ends, read
from tests.faults.driver import Tenant

PARTICIPANTS, INSTRUMENTS = "kith.participants", "kith.instruments"
TOPICS = (PARTICIPANTS, "kith.check-ins", "kith.occasions", "kith.groups", "kith.programs", "kith.invitations")


@dataclass(eq=False)
class Meddler:
    """A producer that nobody has asked for."""

    kafka: str
    tenants: list[Tenant]
    random: random.Random
    since: Mark
    places: list[tuple[str, int, int]] = field(default_factory=list)  # where its own records stand
    good: int = 0
    poison: int = 0
    doubles: int = 0
    pending: list[Rec] = field(default_factory=list)

    def __post_init__(self) -> None:
        told = {"bootstrap.servers": self.kafka, "enable.idempotence": True, "log_level": 2}
        self.producer = Producer(told)

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, Any]]) -> None:
        """Send, and remember where it stands."""

        def stands(error: Any, message: Any) -> None:
            assert error is None, str(error)
            self.places.append((message.topic(), message.partition(), message.offset()))

        self.producer.produce(topic, value, key, headers=headers, on_delivery=stands)
        self.producer.poll(0)

    async def flush(self) -> None:
        """Until everything stands in the log."""
        left = await asyncio.to_thread(self.producer.flush, 60)
        assert not left, f"{left} records of the harness did not reach the broker"

    def poison_one(self) -> None:
        """One bad record with a key of its own, so that it holds up nobody."""
        self.poison += 1
        organisation = self.random.choice(self.tenants).organisation_id
        key = str(uuid4())
        good = _headers("org.kith.participant-withdrawn.v1", organisation, 1)
        body = json.dumps({"participant_id": key, "enrolment_id": str(uuid4()), "withdrawn_on": "2025-01-01"}).encode()
        kinds: list[tuple[bytes | None, bytes | None, dict[str, Any]]] = [
            (key.encode(), b"{broken", good),
            (key.encode(), b"", good),
            (key.encode(), None, good),
            (key.encode(), body, good | {"ce_type": "org.kith.never-heard-of.v1"}),
            (key.encode(), body, good | {"ce_type": "org.kith.participant-withdrawn.v2"}),
            (key.encode(), body, good | {"ce_aggregateversion": "one"}),
            (key.encode(), body, good | {"ce_id": None}),
            (key.encode(), body, {name: value for name, value in good.items() if name != "ce_organisation"}),
            (str(uuid4()).encode(), body, good),
            (key.encode(), b'{"participant_id": "' + key.encode() + b'"}', good),
            (key.encode(), b"\xff\xfe\x00", good | {"extra": b"\xff\x00"}),
        ]
        record_key, value, headers = self.random.choice(kinds)
        self.send(self.random.choice(TOPICS), record_key, value, list(headers.items()))

    def newer_one(self) -> None:
        """A participant of a newer intake: additive fields are read over; a version of the future is put aside."""
        tenant = self.random.choice(self.tenants)
        participant, enrolment = str(uuid4()), str(uuid4())
        enrolled = {
            "participant_id": participant,
            "enrolment_id": enrolment,
            "program_id": str(uuid5(tenant.organisation_id, "program:new-roots")),
            "site_id": str(uuid5(tenant.organisation_id, "site:old-town")),
            "short_code": "ZZZ-999",
            "language": "en",
            "enrolled_on": "2025-01-01",
            "attributes": {},
            "consents": {"taking_part": True, "reporting": True, "contact_after": True, "added_later": True},
            "consent_text": "standard",
            "consent_version": 1,
            "is_imported": False,
            "added_later": {"in": ["version", 1.1]},
        }
        self._say(tenant, "participant-enrolled.v1", 1, enrolled)
        self.good += 1
        if self.random.random() < 0.3:
            self._say(tenant, "consent-changed.v2", 2, enrolled)
            left = {"participant_id": participant, "enrolment_id": enrolment, "withdrawn_on": "2025-01-02"}
            self._say(tenant, "participant-withdrawn.v1", 3, left)  # waits behind the one before
            self.poison += 2

    def _say(self, tenant: Tenant, kind: str, version: int, body: dict[str, Any]) -> None:
        headers = _headers(f"org.kith.{kind}", tenant.organisation_id, version)
        self.send(PARTICIPANTS, body["participant_id"].encode(), json.dumps(body).encode(), list(headers.items()))

    def publish_instruments(self, count: int) -> None:
        """Something that analytics alone hears, so that a view takes a while to be made again."""
        for number in range(count):
            tenant, instrument = self.random.choice(self.tenants), str(uuid4())
            body = {
                "instrument_id": instrument, "code": f"made-{number}", "version": 1, "unit": 1, "minimum": 0,
                "maximum": 12, "higher_is_better": False, "is_validated": False, "comparable_versions": [],
            }  # fmt: skip
            headers = _headers("org.kith.instrument-published.v1", tenant.organisation_id, 1)
            self.send(INSTRUMENTS, instrument.encode(), json.dumps(body).encode(), list(headers.items()))

    async def double_some(self, count: int, erased: Collection[str] = ()) -> None:
        """Send records that stand in the log once more, as a relay does that has lost its answers.

        Half of them tell of somebody who was erased, if anybody was: they come late, and must have no effect.
        """
        end = await asyncio.to_thread(ends, self.kafka, TOPICS)
        fresh = await asyncio.to_thread(read, self.kafka, {one: self.since.get(one, 0) for one in end}, end)
        ours = {str(tenant.organisation_id) for tenant in self.tenants}
        known = [one for one in fresh if one.header("ce_organisation") in ours and one.place not in set(self.places)]
        late = [one for one in known if (one.key or b"").decode("utf-8", "replace") in erased]
        chosen = self.random.sample(late, min(count // 2, len(late)))
        for one in chosen + self.random.sample(known, min(count - len(chosen), len(known))):
            self.doubles += 1
            self.producer.produce(one.topic, one.value, one.key, partition=one.part, headers=list(one.headers))
        self.producer.poll(0)


def _headers(kind: str, organisation: UUID, version: int) -> dict[str, Any]:
    return {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": str(uuid4()),
        "ce_source": "/kith/meddling",  # what intake says it has in its store, and looks whether it has
        "ce_type": kind,
        "ce_time": "2025-01-02T10:00:00Z",
        "ce_organisation": str(organisation),
        "ce_aggregateversion": str(version),
    }
