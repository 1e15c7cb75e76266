"""Bad input by chance, KITH_GENERATED of it: no record makes the reader fail, and no body makes a door fail."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.analytics.app import create as analytics
from services.feedback.app import create as feedback
from services.intake.app import create as intake
from services.scheduling.app import create as scheduling
from shared.events import Event, Heard
from shared.events.feedback import BatteryActivated, BatteryEntry
from shared.events.intake import ParticipantEnrolled, ProgramPublished, SiteOpened
from shared.events.scheduling import CheckInDue
from shared.identity import derived_id, new_id, organisation_id
from shared.inbox import handle
from shared.inbox.decode import decode
from tests.doors import bearer, doors
from tests.journeys.bad_bodies import ANSWER, OTHER_GROUP, PERSON
from tests.journeys.bad_house import BATTERY, CANARY, CONTACTS
from tests.journeys.bad_records import Record, good, header
from tests.journeys.generated import GENERATED, bodies, of_somebody_else, records
from tests.journeys.generated_ears import Ear, changed, consumed, ear, watching

ROLES = ["administrator", "coordinator", "facilitator", "program-manager"]
HOUSE = organisation_id("harbour-trust")
PIER, STEPS = derived_id(HOUSE, "site", "pier"), derived_id(HOUSE, "program", "steps")
PERSON_ID, ENROLMENT_ID, OCCASION_ID = uuid4(), uuid4(), uuid4()
AT = datetime(2025, 1, 7, 12, tzinfo=UTC)
TOGETHER = 200  # records in a batch
often = settings(
    max_examples=max(1, GENERATED // 2),
    deadline=None,
    derandomize=GENERATED <= 5000,
    suppress_health_check=list(HealthCheck),
)
rarely = settings(often, max_examples=max(1, GENERATED // 6))


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """What was logged since this was asked last."""
    with capture_logs() as lines:

        def everything() -> str:
            said = f"{lines}{caplog.text}"
            lines.clear()
            caplog.clear()
            return said

        yield everything


@dataclass
class Hearers:
    """Everybody who hears of participants, and what was logged meanwhile. They hear many records at a time."""

    ears: list[Ear]
    told: Callable[[], str]
    waiting: list[Record] = field(default_factory=list)

    async def hear(self) -> None:
        """What waits."""
        batch, self.waiting = self.waiting, []
        for one in self.ears:
            await one.hear(batch)
        assert CANARY not in self.told()


@pytest.fixture
async def hearers(fresh_store: Any, told: Callable[[], str]) -> AsyncIterator[Hearers]:
    """All three over fresh stores; afterwards, what is left is heard, and some of it all has taken effect."""
    async with (
        ear(scheduling(), await fresh_store("scheduling")) as one,
        ear(feedback(), await fresh_store("feedback")) as two,
        ear(analytics(), await fresh_store("analytics")) as three,
    ):
        hearers = Hearers([one, two, three], told)
        yield hearers
        await hearers.hear()
        assert all(one.effective or one.begin < TOGETHER for one in hearers.ears)


@often
@given(records())
async def test_a_record_is_heard_or_told_why_not(hearers: Hearers, record: Record) -> None:
    """And each takes effect or is parked whole, and no log tells what it said."""
    is_readable_or_told_why_not(record)
    hearers.waiting.append(of_somebody_else(record, new_id()))
    if len(hearers.waiting) == TOGETHER:
        await hearers.hear()


def is_readable_or_told_why_not(record: Record) -> None:
    read = decode(consumed(record))
    assert (read.heard is None) != (read.unreadable is None)
    assert "\x00" not in read.key
    if read.unreadable:
        assert "\x00" not in f"{read.unreadable.field}{read.unreadable.message}"
        assert read.unreadable.reason
    if read.heard:
        assert 0 < read.heard.version < 2**63
        assert read.heard.happened_at.astimezone(UTC)


TOO_STRANGE = {
    "a version behind zeros": ("ce_aggregateversion", b"0" * 19 + b"1" + b"9" * 50),
    "a version of 5,000 digits behind zeros": ("ce_aggregateversion", b"0" * 19 + b"1" + b"9" * 5_000),
    "NUL in another header": ("x-more", b"a\x00b"),
    "NUL in a header's name": ("x\x00more", b"a"),
    "a time after the last year": ("ce_time", b"9999-12-31T23:59:59-12:00"),
    "a time before the first year": ("ce_time", b"0001-01-01T00:00:00+12:00"),
    "a time as a number of seconds": ("ce_time", b"1741111200"),
}


@pytest.mark.parametrize("name", TOO_STRANGE)
def test_a_header_that_no_store_can_keep_is_a_bad_header(name: str) -> None:
    unreadable = decode(consumed(header(*TOO_STRANGE[name], good(uuid4())))).unreadable
    assert unreadable
    assert unreadable.reason == "bad-header"


DOORS: dict[str, list[tuple[str, Any]]] = {
    "intake": [
        ("POST /intake/api/v1/participants", PERSON),
        ("PUT /intake/api/v1/organisation", {"name": "A", "attributes": [], "consent_texts": []}),
        ("PUT /intake/api/v1/sites/pier", {"name": "Pier", "time_zone": "Europe/Oslo", "languages": ["en"]}),
        ("PUT /intake/api/v1/programs/steps", {"name": "S", "sites": ["pier"], "objectives": ["x"]}),
        (
            "PUT /intake/api/v1/facilitators/f-1",
            {"name": "F", "sites": ["pier"], "qualifications": [{"code": "x", "valid_until": "2030-01-01"}]},
        ),
    ],
    "scheduling": [
        ("PUT /scheduling/api/v1/groups/circle", OTHER_GROUP),
        ("POST /scheduling/api/v1/participants/known", {"ids": [str(PERSON_ID)]}),
        (
            "POST /scheduling/api/v1/occasions/ids",
            {"requests": [{"participant_id": str(PERSON_ID), "program": "steps", "occasion": "baseline"}]},
        ),
    ],
    "feedback": [
        ("POST /feedback/api/v1/check-ins", {**ANSWER, "occasion_id": str(OCCASION_ID)}),
        ("PUT /feedback/api/v1/batteries/steps", {"entries": BATTERY}),
        ("PUT /feedback/api/v1/sites/pier/crisis-contacts", CONTACTS),
    ],
    "analytics": [
        (
            "PUT /analytics/api/v1/small-numbers",
            {"people_min": 5, "zeros_hidden": True, "decision": "Board, minute 12", "decided_on": "2025-01-06"},
        ),
    ],
}
"""Doors with a body that they would take."""


def facts() -> list[Event]:
    """What the services that only hear have heard."""
    due = {name: AT + timedelta(days=days) for name, days in (("due_at", 0), ("opens_at", 0), ("closes_at", 9000))}
    ids = {"participant_id": PERSON_ID, "enrolment_id": ENROLMENT_ID, "program_id": STEPS, "site_id": PIER}
    entries = [BatteryEntry(occasion="baseline", kind="baseline", instruments=["belonging"])]
    enrolled = ParticipantEnrolled.model_validate_json(good(PERSON_ID).value or b"").model_copy(update=ids)
    baseline = {"kind": "baseline", "code": "baseline", "ordinal": 0, "instruments": ["belonging"]}
    return [
        SiteOpened(organisation_id=HOUSE, site_id=PIER, code="pier", time_zone="Europe/Oslo", languages=["en"]),
        ProgramPublished(program_id=STEPS, code="steps", site_ids=[PIER], objectives=[]),
        BatteryActivated(program_id=STEPS, entries=entries),
        enrolled,
        CheckInDue.model_validate({"occasion_id": OCCASION_ID, **ids, **baseline, **due}),
    ]


async def furnish(service: Any, store: Any) -> None:
    async with store.machinery.transaction(HOUSE) as tx:
        for fact in facts():
            if type(fact) in service.handlers:
                await handle(service.handlers, tx, [Heard(fact, uuid4(), HOUSE, AT, 1)])


@dataclass(frozen=True)
class House:
    """All doors, and what writes down each change behind them."""

    doors: dict[str, Any]
    stores: dict[str, Any]
    headers: dict[str, str]

    async def knock(self, door: str, **body: Any) -> Any:
        method, _, path = door.partition(" ")
        return await self.doors[path.split("/")[1]].request(method, path, headers=self.headers, **body)


@pytest.fixture
async def every(fresh_store: Any) -> AsyncIterator[House]:
    """The doors of all services, each over a fresh store in which something stands."""
    stores = {name: await fresh_store(name) for name in DOORS}
    made = {"intake": intake(), "scheduling": scheduling(), "feedback": feedback(), "analytics": analytics()}
    async with AsyncExitStack() as opened:
        open_doors = {name: await opened.enter_async_context(doors(made[name], stores[name])) for name in DOORS}
        headers = bearer("administrator", roles=ROLES, exp=2**32) | {"content-type": "application/json"}
        house = House(open_doors, {}, headers)
        for name in ("scheduling", "feedback"):
            await furnish(made[name], stores[name])
        for door, body in (*DOORS["intake"][1:], *DOORS["feedback"][1:], DOORS["scheduling"][0]):
            answer = await house.knock(door, json=body)
            assert answer.is_success, answer.text
        for name in DOORS:
            house.stores[name] = await opened.enter_async_context(watching(stores[name]))
        assert (await house.knock(DOORS["intake"][0][0], json=PERSON)).is_success
        assert "enrolments" in await changed(house.stores["intake"])
        yield house


@rarely
@given(st.data())
@pytest.mark.parametrize("name", DOORS)
async def test_no_body_makes_a_door_fail_and_a_refused_one_changes_nothing(
    every: House, told: Callable[[], str], name: str, data: st.DataObject
) -> None:
    door, base = data.draw(st.sampled_from(DOORS[name]))
    answer = await every.knock(door, content=data.draw(bodies(base)).replace(b"CANARY", CANARY.encode()))
    assert answer.status_code < 500, answer.text
    changes = await changed(every.stores[name])
    assert answer.is_success or not changes, f"{answer.status_code} {door}"
    assert CANARY not in told()
