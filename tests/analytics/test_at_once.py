"""Two processes of analytics hear of the same person at once: whoever counts in between, nothing is missed for good."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from services.analytics import store as analytics_store
from services.analytics.app import create
from shared.database import Database
from shared.events import Event
from shared.events.feedback import CheckInSubmitted
from shared.events.intake import CheckInInvited, ParticipantEnrolled, ParticipantPlaced, SiteOpened
from shared.events.scheduling import Attended, CheckInDue, GroupFormed, SessionHeld
from tests import rivals
from tests.analytics.conftest import (
    AT,
    OLD_TOWN,
    ORGANISATION,
    PROGRAM,
    Told,
    a_battery,
    a_check_in,
    a_program,
    an_enrolment,
    an_instrument,
)
from tests.conftest import eventually

ENROLMENT, GROUP, OCCASION, SESSION = (UUID(int=number) for number in range(1, 5))


def enrolled() -> ParticipantEnrolled:
    return an_enrolment(ENROLMENT).model_copy(update={"participant_id": ENROLMENT})


def answered() -> CheckInSubmitted:
    return a_check_in(ENROLMENT, "baseline", 20)


def due() -> CheckInDue:
    return CheckInDue(
        occasion_id=OCCASION, participant_id=ENROLMENT, enrolment_id=ENROLMENT, program_id=PROGRAM, site_id=OLD_TOWN,
        kind="baseline", code="baseline", ordinal=0, instruments=["bdi-ii"], due_at=AT, opens_at=AT, closes_at=AT,
    )  # fmt: skip


def invited() -> CheckInInvited:
    return CheckInInvited(occasion_id=OCCASION, token_sha256="0" * 64, language="en", channel="hand", expires_at=AT)


def placed() -> ParticipantPlaced:
    return ParticipantPlaced(participant_id=ENROLMENT, enrolment_id=ENROLMENT, group_id=GROUP, placed_on=AT.date())


def formed() -> GroupFormed:
    return GroupFormed(
        group_id=GROUP, code="tuesday", program_id=PROGRAM, site_id=OLD_TOWN, capacity=9, weekday=1,
        starts_at_local="18:00", minutes=60, first_on=AT.date(),
    )  # fmt: skip


def held() -> SessionHeld:
    return SessionHeld(
        session_id=SESSION, group_id=GROUP, program_id=PROGRAM, site_id=OLD_TOWN, starts_at=AT, minutes=60,
        attendance=[Attended(participant_id=ENROLMENT, status="present")],
    )  # fmt: skip


def opened() -> SiteOpened:
    return SiteOpened(
        organisation_id=ORGANISATION, site_id=OLD_TOWN, code="old-town", time_zone="Pacific/Auckland", languages=["en"]
    )


HOW = replace(create().applying, keeps_heard=False)
Makes = Callable[[], Event]
PAIRS: dict[str, tuple[Sequence[Makes], Makes, Makes, tuple[str, str]]] = {
    "a score": ([], enrolled, answered, ("all", "answer bdi-ii 1 baseline 20")),
    "an invitation": ([enrolled], due, invited, ("all", "invited baseline")),
    "a session": ([], enrolled, held, ("all", "stay 1 there")),
    "a group": ([enrolled], placed, formed, ("group", "enrolled")),
    "a clock": ([answered], enrolled, opened, ("all", "week bdi-ii 1 2025-w10 20")),
}
"""What was heard before, what each of the two hears, and a label and fact that follow from both together."""


class Process:
    """Hears something, and commits when it is told to."""

    def __init__(self, database: Database, event: Event) -> None:
        self.database, self.event = database, event
        self.has_heard, self.may_commit = asyncio.Event(), asyncio.Event()
        self.running = asyncio.create_task(self._run())

    async def heard(self) -> None:
        """Wait until it has heard, or failed."""
        has_heard = asyncio.ensure_future(self.has_heard.wait())
        await asyncio.wait({self.running, has_heard}, return_when=asyncio.FIRST_COMPLETED)
        if not has_heard.done():
            has_heard.cancel()
            await self.running

    async def _run(self) -> None:
        async with self.database.transaction(ORGANISATION) as tx:
            await HOW(tx, rivals.incoming(ORGANISATION, self.event), carefully=False)
            self.has_heard.set()
            await self.may_commit.wait()

    async def ends(self) -> None:
        self.may_commit.set()
        await self.running


async def count(database: Database) -> None:
    async with database.transaction(ORGANISATION) as tx:
        while await analytics_store.count(tx):
            pass


@pytest.mark.parametrize("is_turned", [False, True], ids=["in this order", "the other way round"])
@pytest.mark.parametrize("which", PAIRS)
async def test_what_two_processes_hear_at_once_is_counted_together(told: Told, which: str, is_turned: bool) -> None:
    """The second one begins before the first one has committed, and everybody is counted before the second one has."""
    before, one, other, (label, fact) = PAIRS[which]
    await told.tell(a_program(), an_instrument(), a_battery("baseline", "end"), *(event() for event in before))
    database = told.store.machinery
    earlier, later = (other(), one()) if is_turned else (one(), other())
    first = Process(database, earlier)
    await first.heard()
    second = Process(database, later)

    async def waits_or_has_heard() -> bool:
        async with database.transaction() as tx:
            return second.has_heard.is_set() or await tx.fetchval(rivals.WAITING) == 1

    await eventually(waits_or_has_heard)
    await first.ends()
    await second.heard()
    await count(database)
    await second.ends()
    await count(database)
    async with database.transaction(ORGANISATION) as tx:
        facts = {(row["label"], row["fact"]) for row in await tx.fetch("select label, fact from cells")}
    assert (label, fact) in facts
