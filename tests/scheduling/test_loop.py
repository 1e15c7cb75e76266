"""The next plan of a group: the change of which it is told, and what somebody agreed to celebrate."""

from datetime import date
from uuid import UUID

from services.scheduling.domain.kinds import session_id_of
from shared.events.feedback import ChangeMade, MilestoneConsentChanged, MilestoneReached, MilestoneWithdrawn
from shared.events.intake import ParticipantErased
from shared.identity import digest_of
from tests.scheduling.conftest import Told
from tests.scheduling.examples import EVENING_CIRCLE, enrolled, person, short_code, utc
from tests.scheduling.test_pages import SESSION, Reader, group, reader

__all__ = ["group", "reader"]  # fixtures
NEXT = f"/scheduling/sessions/{session_id_of(EVENING_CIRCLE, date(2025, 3, 11))}"
BEFORE = utc("2025-03-03 09:00")
CHANGE, MILESTONE = UUID(int=11), UUID(int=12)


def a_change(**changes: object) -> ChangeMade:
    values = {"change_id": CHANGE, "theme": "starts-too-late", "since": BEFORE.date(), "made_at": BEFORE}
    return ChangeMade.model_validate(values | changes)


def a_milestone(name: str = "ana", *, may_celebrate: bool = True, milestone_id: UUID = MILESTONE) -> MilestoneReached:
    return MilestoneReached(
        milestone_id=milestone_id,
        participant_id=person(name),
        kind="fifth-session",
        reached_on=BEFORE.date(),
        recorded_by="rule",
        may_celebrate=may_celebrate,
    )


async def test_a_change_stands_in_the_next_plan_alone(group: Told, reader: Reader) -> None:
    await group.tell(a_change(), at=BEFORE)
    page = await reader.get(SESSION)
    assert "Tell the group about a change made:" in page
    assert f'href="/feedback/changes/{CHANGE}"' in page
    assert "Tell the group" not in await reader.get(NEXT)
    await reader.post(f"{SESSION}/cancel", {"reason": "facilitator-away"})
    assert "Tell the group" in await reader.get(NEXT)
    assert "Tell the group" not in await reader.get(SESSION)


async def test_a_change_elsewhere_is_not_told_here(group: Told, reader: Reader) -> None:
    nowhere = UUID(int=99)
    for number, scope in enumerate(("site_id", "program_id", "group_id")):
        await group.tell(a_change(change_id=UUID(int=20 + number), **{scope: nowhere}), at=BEFORE)
    assert "Tell the group" not in await reader.get(SESSION)
    await group.tell(a_change(change_id=UUID(int=30), group_id=EVENING_CIRCLE), at=BEFORE)
    assert "Tell the group" in await reader.get(SESSION)


async def test_a_milestone_is_celebrated_only_while_its_owner_agrees(group: Told, reader: Reader) -> None:
    await group.tell(a_milestone(may_celebrate=False), at=BEFORE)
    assert "Celebrate" not in await reader.get(SESSION)
    await group.tell(MilestoneConsentChanged(milestone_id=MILESTONE, participant_id=person("ana"), may_celebrate=True))
    assert "Celebrate" in await reader.get(SESSION)
    page = await reader.get(SESSION)
    assert "fifth session of" in page
    assert short_code("ana") in page
    assert "Celebrate" not in await reader.get(NEXT)
    reader.role = "program-manager"
    assert "Celebrate" not in await reader.get(SESSION)
    reader.role = "facilitator"
    await group.tell(MilestoneConsentChanged(milestone_id=MILESTONE, participant_id=person("ana"), may_celebrate=False))
    assert "Celebrate" not in await reader.get(SESSION)


async def test_a_milestone_that_was_taken_back_or_is_of_nobody_here_is_not_celebrated(
    group: Told, reader: Reader
) -> None:
    await group.tell(a_milestone("stranger", milestone_id=UUID(int=13)), at=BEFORE)
    assert "Celebrate" not in await reader.get(SESSION)
    await group.tell(a_milestone(), at=BEFORE)
    assert "Celebrate" in await reader.get(SESSION)
    await group.tell(MilestoneWithdrawn(milestone_id=MILESTONE, participant_id=person("ana")))
    assert "Celebrate" not in await reader.get(SESSION)


async def test_what_was_to_be_celebrated_goes_with_whoever_is_erased(group: Told, reader: Reader) -> None:
    taken_back = UUID(int=13)
    await group.tell(a_milestone(), a_milestone(milestone_id=taken_back), at=BEFORE)
    await group.tell(MilestoneWithdrawn(milestone_id=taken_back, participant_id=person("ana")))
    enrolment = enrolled("ana", date(2025, 3, 1)).enrolment_id
    erased = ParticipantErased(participant_id=person("ana"), enrolment_ids=[enrolment], occasion_ids=[])
    await group.tell(erased)
    assert await group.rows("select * from celebrations") == []
    gone = await group.rows("select digest from machinery.erased")
    assert {digest_of(MILESTONE), digest_of(taken_back)} < {row["digest"] for row in gone}  # their versions go, too
    assert "Celebrate" not in await reader.get(SESSION)
