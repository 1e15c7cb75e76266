"""A store of feedback with a program in it, told as the others tell it."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.feedback import handlers
from services.feedback.app import create
from shared import clock
from shared.events import CATALOGUE, Event, Heard
from shared.events.intake import (
    CheckInInvited,
    Consents,
    ParticipantEnrolled,
    ProgramPublished,
    SiteOpened,
)
from shared.events.scheduling import CheckInDue, FollowUpDue
from shared.identity import derived_id, organisation_id
from shared.inbox import handle
from tests.doors import bearer, doors

ORGANISATION = organisation_id("harbour-trust")
PROGRAM = derived_id(ORGANISATION, "program", "evening-circle")
OLD_TOWN = derived_id(ORGANISATION, "site", "old-town")
NORTH_QUAY = derived_id(ORGANISATION, "site", "north-quay")
TOKEN = "a-token-of-22-letters0"
API = "/feedback/api/v1"
ADMINISTRATOR = bearer("administrator")
COORDINATOR = bearer("coordinator", "old-town")

PULSE = {f"answers.session-pulse.{item}": "3" for item in ("heard", "safe", "useful", "hopeful")}
CONFIRMED_ON = clock.now().date() - timedelta(days=20)
CONTACTS = {
    "contacts": [
        {
            "label": {"en": "Crisis line", "es": "Línea de crisis"},
            "phone": "555-0100",
            "hours": {"en": "always", "es": "siempre"},
        },
        {"label": {"en": "Text a person", "es": "Escribir a una persona"}, "sms": "+44 555 0101"},
    ],
    "note": {"en": "A person reads answers on weekdays.", "es": "Una persona lee las respuestas los días laborables."},
    "confirmed_on": CONFIRMED_ON.isoformat(),
}
BATTERY = {
    "entries": [
        {"occasion": "baseline", "kind": "baseline", "instruments": ["belonging"]},
        {"occasion": "session", "kind": "session", "instruments": ["session-pulse"], "window_days": 7},
    ]
}

WEEK = [1, 2, 3, 4, 5, 6, 7]
ROTA = {
    "acknowledge_within_minutes": 30,
    "responders": [
        {"code": "ana", "name": "Ana R.", "email": "ana@staff.example"},
        {"code": "ben", "name": "Ben S.", "email": "ben@staff.example"},
    ],
    "shifts": [
        {"level": 1, "responder": "ana", "weekdays": WEEK, "begins": "00:00", "ends": "00:00"},
        {"level": 2, "responder": "ben", "weekdays": WEEK, "begins": "00:00", "ends": "00:00"},
    ],
}


class Told:
    """Tells feedback events, one transaction each, and reads what it says."""

    def __init__(self, store: Any) -> None:
        self.store = store

    async def tell(self, *events: Event, organisation: UUID = ORGANISATION) -> None:
        for event in events:
            heard = Heard(event, uuid4(), organisation, clock.now(), 1)
            async with self.store.machinery.transaction(organisation) as tx:
                await handle(handlers.HANDLERS, tx, [heard])

    async def said(self, wire: str) -> list[Any]:
        """What feedback has said of this kind, in order."""
        event = CATALOGUE[f"org.kith.{wire}.v1"]
        async with self.store.machinery.transaction() as tx:
            rows = await tx.fetch(
                "select value from machinery.outbox where strpos(headers::text, $1) > 0 order by id", event.ce_type()
            )
        return [event.model_validate_json(row["value"]) for row in rows]

    async def rows(self, sql: str) -> list[Any]:
        async with self.store.machinery.transaction(ORGANISATION) as tx:
            return await tx.fetch(sql)


def a_site(code: str = "old-town", time_zone: str = "Europe/London") -> SiteOpened:
    return SiteOpened(
        organisation_id=ORGANISATION,
        site_id=derived_id(ORGANISATION, "site", code),
        code=code,
        time_zone=time_zone,
        languages=["en", "es"],
    )


def a_program(code: str = "evening-circle") -> ProgramPublished:
    program_id = derived_id(ORGANISATION, "program", code)
    return ProgramPublished(program_id=program_id, code=code, site_ids=[OLD_TOWN], objectives=[])


def an_enrolment(due: CheckInDue | FollowUpDue, **changes: Any) -> ParticipantEnrolled:
    values: dict[str, Any] = {
        "participant_id": due.participant_id,
        "enrolment_id": due.enrolment_id,
        "program_id": due.program_id,
        "site_id": due.site_id,
        "short_code": "KLM-482",
        "language": "en",
        "enrolled_on": date(2025, 1, 6),
        "attributes": {},
        "consents": Consents(taking_part=True, reporting=True, contact_after=True),
        "consent_text": "standard",
        "consent_version": 1,
    }
    return ParticipantEnrolled(**values | changes)


def a_due(*instruments: str, event: type[CheckInDue] | type[FollowUpDue] = CheckInDue, **changes: Any) -> Any:
    now = clock.now()
    values: dict[str, Any] = {
        "occasion_id": uuid4(),
        "participant_id": uuid4(),
        "enrolment_id": uuid4(),
        "program_id": PROGRAM,
        "site_id": OLD_TOWN,
        "kind": "session" if event is CheckInDue else "follow-up",
        "code": "session-3",
        "ordinal": 3,
        "instruments": list(instruments or ("session-pulse",)),
        "due_at": now - timedelta(hours=2),
        "opens_at": now - timedelta(hours=2),
        "closes_at": now + timedelta(days=7),
    }
    return event(**values | changes)


def an_invitation(due: CheckInDue | FollowUpDue, token: str = TOKEN, **changes: Any) -> CheckInInvited:
    values: dict[str, Any] = {
        "occasion_id": due.occasion_id,
        "token_sha256": hashlib.sha256(token.encode()).hexdigest(),
        "language": "en",
        "channel": "email",
        "expires_at": due.closes_at,
    }
    return CheckInInvited(**values | changes)


async def look_after(client: Any, concern_id: object) -> None:
    """Two people see to a concern, until it is closed."""
    for name, who, body in (("acknowledge", "ana", None), ("actions", "ana", "Called."), ("close", "ben", "Enough.")):
        answer = await client.post(
            f"{API}/concerns/{concern_id}/{name}",
            json={"text": body} if body else None,
            headers=bearer("coordinator", "old-town", sub=who),
        )
        assert answer.status_code == 200, answer.text


def long_ago(days: float) -> datetime:
    return clock.now().astimezone(UTC) - timedelta(days=days)


@pytest.fixture
async def store(fresh_store: Any) -> Any:
    return await fresh_store("feedback")


@pytest.fixture
async def told(store: Any) -> Told:
    return Told(store)


@pytest.fixture
async def client(store: Any) -> Any:
    async with doors(create(), store) as opened:
        yield opened


@pytest.fixture
async def site(told: Told, client: Any) -> None:
    """A site with crisis contacts, and a program."""
    await told.tell(a_site(), a_program())
    answer = await client.put(f"{API}/sites/old-town/crisis-contacts", json=CONTACTS, headers=COORDINATOR)
    assert answer.status_code == 200, answer.text
