"""A store of analytics with a program in it, told as the others tell it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.analytics import handlers
from services.analytics.app import create
from shared.events import Event, Heard
from shared.events.feedback import BatteryActivated, BatteryEntry, CheckInSubmitted, InstrumentPublished, Score
from shared.events.intake import Consents, ParticipantEnrolled, ProgramPublished
from shared.identity import derived_id, organisation_id
from shared.inbox import handle
from tests.doors import doors

ORGANISATION = organisation_id("harbour-trust")
PROGRAM = derived_id(ORGANISATION, "program", "evening-circle")
OLD_TOWN = derived_id(ORGANISATION, "site", "old-town")
NORTH_QUAY = derived_id(ORGANISATION, "site", "north-quay")
AT = datetime(2025, 3, 4, 18, tzinfo=UTC)


class Told:
    """Tells analytics events, one transaction each."""

    def __init__(self, store: Any) -> None:
        self.store = store

    async def tell_at_once(self, events: Sequence[Event]) -> None:
        """All in one transaction."""
        heard = [Heard(event, uuid4(), ORGANISATION, AT, 1) for event in events]
        async with self.store.machinery.transaction(ORGANISATION) as tx:
            for one in heard:
                await handle(handlers.HANDLERS, tx, [one])
            await handlers.after_batch(tx, heard)

    async def tell(self, *events: Event, organisation: UUID = ORGANISATION) -> None:
        for event in events:
            heard = Heard(event, uuid4(), organisation, AT, 1)
            async with self.store.machinery.transaction(organisation) as tx:
                await handle(handlers.HANDLERS, tx, [heard])
                await handlers.after_batch(tx, [heard])


def a_program(**changes: Any) -> ProgramPublished:
    return ProgramPublished(
        **{"program_id": PROGRAM, "code": "evening-circle", "site_ids": [OLD_TOWN], "objectives": []} | changes
    )


def an_instrument(**changes: Any) -> InstrumentPublished:
    values = {
        "instrument_id": uuid4(),
        "code": "bdi-ii",
        "version": 1,
        "unit": 1,
        "minimum": 0,
        "maximum": 63,
        "higher_is_better": False,
        "is_validated": True,
        "comparable_versions": [],
    }
    return InstrumentPublished(**values | changes)


def a_battery(*occasions: str) -> BatteryActivated:
    kinds = {"baseline": "baseline", "end": "end", "follow-up": "follow-up"}
    return BatteryActivated(
        program_id=PROGRAM,
        entries=[
            BatteryEntry(occasion=one, kind=kinds.get(one, "monthly"), instruments=["bdi-ii"]) for one in occasions
        ],
    )


def an_enrolment(enrolment: UUID, reporting: bool = True, site: UUID = OLD_TOWN) -> ParticipantEnrolled:
    return ParticipantEnrolled(
        participant_id=uuid4(),
        enrolment_id=enrolment,
        program_id=PROGRAM,
        site_id=site,
        short_code="ABC-123",
        language="en",
        enrolled_on=date(2025, 1, 6),
        attributes={},
        consents=Consents(taking_part=True, reporting=reporting, contact_after=True),
        consent_text="standard",
        consent_version=1,
    )


def a_check_in(enrolment: UUID, occasion: str, count: int, site: UUID = OLD_TOWN) -> CheckInSubmitted:
    return CheckInSubmitted(
        occasion_id=derived_id(enrolment, occasion, "0"),
        participant_id=uuid4(),
        enrolment_id=enrolment,
        program_id=PROGRAM,
        site_id=site,
        kind="baseline",
        code=occasion,
        ordinal=0,
        scores=[Score(instrument="bdi-ii", version=1, count=count, unit=1)],
        answered_at=AT,
        entered_by="participant",
    )


@pytest.fixture
async def store(fresh_store: Any) -> Any:
    return await fresh_store("analytics")


@pytest.fixture
async def told(store: Any) -> Told:
    return Told(store)


@pytest.fixture
async def client(store: Any) -> Any:
    async with doors(create(), store) as opened:
        yield opened
