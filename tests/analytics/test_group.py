"""The Session Pulse of one group, for whoever leads it: means of enough people, or a sentence."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.events.intake import ParticipantPlaced, ParticipantUnplaced, ParticipantWaitlisted, ProgramPublished
from shared.events.scheduling import GroupFormed, SessionHeld
from shared.identity import derived_id
from tests.analytics.conftest import AT, OLD_TOWN, ORGANISATION, PROGRAM, Told, an_instrument
from tests.analytics.world import ASKED, PULSE, Person, play
from tests.doors import bearer

GROUP = UUID(int=41)
ADDRESS = "/analytics/groups/tuesday-circle"
ROSA, MILA = (derived_id(ORGANISATION, "facilitator", reference) for reference in ("f-1", "f-2"))
FACILITATOR = bearer("facilitator", "old-town", facilitator="f-1")
NOT_LED = "Figures of single groups are for those who lead them."


async def a_group(told: Told, people: Sequence[Person]) -> None:
    """Rosa leads it. Everybody is in it, except for one who is in none."""
    await play(told, [*people, Person(pulse=[16], came=1)])
    await gather(told, people, GROUP, "tuesday-circle")
    await told.tell(led(GROUP, ROSA))


async def gather(told: Told, people: Sequence[Person], group: UUID, code: str) -> None:
    """A group, and these people in it."""
    await told.tell(a_formed_group(group, code), *(placed(one, group) for one in people))


def a_formed_group(group: UUID, code: str, program: UUID = PROGRAM) -> GroupFormed:
    return GroupFormed(
        group_id=group, code=code, program_id=program,
        site_id=OLD_TOWN, capacity=12, weekday=2, starts_at_local="18:00", minutes=90, first_on=AT.date(),
    )  # fmt: skip


def led(group: UUID, leader: UUID, *, weeks: int = 0) -> SessionHeld:
    """A session of a group so many weeks later, to which nobody came."""
    return SessionHeld(
        session_id=uuid4(), group_id=group, program_id=PROGRAM, site_id=OLD_TOWN,
        starts_at=AT + timedelta(weeks=weeks), minutes=90, facilitator_id=leader, attendance=[],
    )  # fmt: skip


def placed(one: Person, group: UUID = GROUP) -> ParticipantPlaced:
    return ParticipantPlaced(
        participant_id=one.participant, enrolment_id=one.enrolment, group_id=group, placed_on=AT.date()
    )


@pytest.mark.parametrize(("people", "has_mean"), [(1, False), (10, False), (12, True)])
async def test_means_are_of_eleven_people_and_more(client: Any, told: Told, people: int, has_mean: bool) -> None:
    await a_group(told, [Person(pulse=[8 + number % 5], came=1) for number in range(people)])
    page = await client.get(ADDRESS, headers=FACILITATOR)
    assert page.status_code == 200
    assert ("A mean would give away" in page.text) != has_mean
    assert ('data-label="Mean"' in page.text) == has_mean
    if has_mean:
        assert 'data-label="Mean">2.44 <span class="soft">(2.' in page.text


@pytest.mark.parametrize(
    ("people", "said"), [(10, "Too few people answered twice"), (12, "people score 6.5 points better")]
)
async def test_what_changed_for_the_people_of_the_group_alone(client: Any, told: Told, people: int, said: str) -> None:
    """Others of the program, for whom nothing changed, are not among them."""
    await a_group(
        told, [Person(scores={"baseline": (16 + one % 3, 9), "end": (10 + one % 2, 9)}) for one in range(people)]
    )
    await play(told, [Person(scores={"baseline": (12, 9), "end": (12, 9)}) for _ in range(40)])
    page = await client.get(ADDRESS, headers=FACILITATOR)
    assert said in page.text
    assert ('data-label="Mean change"' in page.text) == (people > 10)


async def test_whoever_waits_for_another_group_is_in_none(client: Any, told: Told) -> None:
    people = [Person(pulse=[8 + number % 5], came=1) for number in range(11)]
    await a_group(told, people)
    one = people[0]
    ids = {"participant_id": one.participant, "enrolment_id": one.enrolment}
    waits = ParticipantWaitlisted(**ids, group_id=UUID(int=42), asked_on=AT.date())
    gave_up = ParticipantUnplaced(**ids, group_id=GROUP, given_up_on=AT.date())
    there = placed(one)
    for event, has_mean in ((there, True), (waits, False), (waits, False), (there, True), (gave_up, False)):
        await told.tell(event)
        page = await client.get(ADDRESS, headers=FACILITATOR)
        assert ('data-label="Mean"' in page.text) is has_mean


async def test_of_a_group_in_which_nobody_answered(client: Any, told: Told) -> None:
    await a_group(told, [Person(came=1)])
    assert "Nobody has answered after a session yet." in (await client.get(ADDRESS, headers=FACILITATOR)).text


@pytest.mark.parametrize("sites", [(), ("old-town",)])
async def test_whoever_does_not_lead_a_group_is_told_whom_its_figures_are_for(
    client: Any, told: Told, sites: tuple[str, ...]
) -> None:
    await a_group(told, [Person(pulse=[8 + number % 5], came=1) for number in range(12)])
    page = await client.get(ADDRESS, headers=bearer("administrator", *sites))
    assert page.status_code == 200
    assert NOT_LED in page.text
    assert "Nobody has answered" not in page.text
    assert "Too few people answered twice" not in page.text


async def test_only_those_who_lead_at_the_site(client: Any, told: Told) -> None:
    await a_group(told, [Person()])
    for who, status in (
        (FACILITATOR, 200),
        (bearer("program-manager"), 403),
        (bearer("facilitator", "north-quay"), 404),
        (bearer("facilitator", "old-town", organisation="somebody-else"), 404),
    ):
        assert (await client.get(ADDRESS, headers=who)).status_code == status
    assert (await client.get("/analytics/groups/no-such", headers=FACILITATOR)).status_code == 404


FRIDAYS = UUID(int=43)


async def two_groups(told: Told, tuesdays: int, fridays: int) -> None:
    """So many people in each, of whom those on Fridays gain four points more."""
    first = [Person(scores={"baseline": (16 + one % 3, 9), "end": (10 + one % 2, 9)}) for one in range(tuesdays)]
    second = [Person(scores={"baseline": (16 + one % 3, 9), "end": (6 + one % 2, 9)}) for one in range(fridays)]
    await a_group(told, [*first])
    await play(told, second)
    await gather(told, second, FRIDAYS, "friday-circle")


async def test_all_groups_that_somebody_leads_are_also_told_together(client: Any, told: Told) -> None:
    await two_groups(told, 12, 12)
    await told.tell(led(GROUP, ROSA), led(FRIDAYS, ROSA))
    page = (await client.get(ADDRESS, headers=FACILITATOR)).text
    assert "All groups of whoever leads it: Friday Circle, Tuesday Circle" in page
    assert "people score 6.5 points better" in page
    assert "people score 8.5 points better" in page

    await told.tell(led(FRIDAYS, MILA, weeks=1))
    assert "All groups of whoever leads it" not in (await client.get(ADDRESS, headers=FACILITATOR)).text
    await told.tell(led(GROUP, MILA, weeks=1))
    for who in (bearer("facilitator", "old-town", facilitator="f-2"), bearer("coordinator", "old-town")):
        assert "All groups of whoever leads it" in (await client.get(ADDRESS, headers=who)).text


async def test_a_group_is_seen_live_by_who_leads_it(client: Any, told: Told) -> None:
    """And by coordinators: another facilitator of the site sees what everybody else sees."""
    await a_group(told, [Person(pulse=[8 + number % 5], came=1) for number in range(12)])
    for who, is_live in (
        (FACILITATOR, True),
        (bearer("coordinator", "old-town"), True),
        (bearer("facilitator", "old-town", facilitator="f-2"), False),
        (bearer("facilitator", "old-town"), False),
        (bearer("administrator", "old-town", facilitator="f-1"), False),
    ):
        page = (await client.get(ADDRESS, headers=who)).text
        assert (NOT_LED in page, 'data-label="Mean"' in page) == (not is_live, is_live)


async def test_a_facilitator_finds_the_groups_they_lead(client: Any, told: Told) -> None:
    """Of the first program two, also together; of the other one a single one."""
    await two_groups(told, 12, 12)
    other, single = derived_id(ORGANISATION, "program", "new-roots"), UUID(int=46)
    await told.tell(
        ProgramPublished(program_id=other, code="new-roots", site_ids=[OLD_TOWN], objectives=[]),
        a_formed_group(single, "small-roots", other),
        led(FRIDAYS, ROSA),
        led(single, ROSA),
    )

    async def page(**claims: str) -> str:
        answer = await client.get("/analytics/groups", headers=bearer("facilitator", "old-town", **claims))
        assert answer.status_code == 200
        return str(answer.text)

    found = await page(facilitator="f-1")
    assert found.index("Evening Circle") < found.index("people score 8.5 points better") < found.index("New Roots")
    for code in ("tuesday-circle", "friday-circle", "small-roots"):
        assert f'href="/analytics/groups/{code}"' in found
    assert "You have led no session yet." in await page(facilitator="f-2")
    assert "Your account does not say which facilitator you are." in await page()
    elsewhere = bearer("facilitator", "north-quay", facilitator="f-1")
    assert "You have led no session yet." in (await client.get("/analytics/groups", headers=elsewhere)).text
    assert (await client.get("/analytics/groups", headers=bearer("coordinator", "old-town"))).status_code == 403


async def test_a_program_that_left_the_site_takes_only_its_own_groups_off_the_page(client: Any, told: Told) -> None:
    other, single = derived_id(ORGANISATION, "program", "new-roots"), UUID(int=46)
    roots = ProgramPublished(program_id=other, code="new-roots", site_ids=[OLD_TOWN], objectives=[])
    await a_group(told, [Person(came=1)])
    await told.tell(roots, a_formed_group(single, "small-roots", other), led(single, ROSA))
    for is_here in (True, False):
        page = await client.get("/analytics/groups", headers=FACILITATOR)
        assert (page.status_code, "Tuesday Circle" in page.text, "Small Roots" in page.text) == (200, True, is_here)
        await told.tell(roots.model_copy(update={"site_ids": [uuid4()]}))


@pytest.mark.parametrize(("tuesdays", "fridays", "is_said"), [(7, 5, True), (6, 4, False), (12, 4, False)])
async def test_together_they_tell_nothing_of_a_few(
    client: Any, told: Told, tuesdays: int, fridays: int, is_said: bool
) -> None:
    """Two groups that are too small alone may be enough together; one beside a larger one is told by the difference."""
    await two_groups(told, tuesdays, fridays)
    await told.tell(led(GROUP, ROSA), led(FRIDAYS, ROSA))
    page = (await client.get(ADDRESS, headers=FACILITATOR)).text
    together = page[page.index("All groups of whoever leads it") :]
    assert ('data-label="Mean change"' in together) == is_said


async def test_where_all_answered_alike_nothing_is_said_of_everybody(client: Any, told: Told) -> None:
    """Neither by the group itself nor by what is left of all groups without the other."""
    alike = [Person(pulse=[8], came=1, scores={"baseline": (16, 9), "end": (11, 9)}) for _ in range(12)]
    others = [
        Person(pulse=[9 + one % 2], came=1, scores={"baseline": (16, 9), "end": (10 + one % 2, 9)}) for one in range(14)
    ]
    await a_group(told, alike)
    await play(told, others)
    await gather(told, others, FRIDAYS, "friday-circle")
    await told.tell(led(GROUP, ROSA), led(FRIDAYS, ROSA))
    page = (await client.get(ADDRESS, headers=FACILITATOR)).text
    assert "fewer than 11 people answered, or all alike" in page
    assert "All changed alike" in page
    assert "everybody scores" not in page
    assert "There is no week of which a number of all together can be shown." in page
    assert 'data-label="Mean' not in page


async def test_together_versions_that_do_not_compare_cover_for_nobody(client: Any, told: Told) -> None:
    """Nine answered an older version that is not comparable: of three the difference would tell."""
    mine = [Person(pulse=[8 + one % 5], pulse_version=2, came=1) for one in range(12)]
    old = [Person(pulse=[4 + one % 5], came=1) for one in range(9)]
    new = [Person(pulse=[4 + one], pulse_version=2, came=1) for one in range(3)]
    await a_group(told, mine)
    await told.tell(an_instrument(**PULSE, version=2))
    await play(told, [*old, *new])
    await gather(told, [*old, *new], FRIDAYS, "friday-circle")
    await told.tell(led(GROUP, ROSA), led(FRIDAYS, ROSA))
    page = (await client.get(ADDRESS, headers=FACILITATOR)).text
    assert "All groups of whoever leads it" in page
    assert page.count('data-label="Mean"') == 1


async def test_a_coordinator_asks_by_facilitator(client: Any, told: Told) -> None:
    await two_groups(told, 12, 13)
    await told.tell(led(GROUP, ROSA), led(FRIDAYS, MILA), led(FRIDAYS, ROSA, weeks=1))
    asked = ASKED | {"by": "facilitator"}

    async def rows(path: str = "change") -> dict[str, Any]:
        who = bearer("coordinator", "old-town")
        answer = await client.get(f"/analytics/api/v1/{path}", headers=who, params=asked)
        return {one["group"]: one for one in answer.json()["rows"]}

    found = await rows()
    assert {name: one["n_enrolled"] for name, one in found.items()} == {str(ROSA): 25, "unknown": None}
    assert found[str(ROSA)]["mean_change"] == pytest.approx((12 * 6.5 + 136) / 25)
    await told.tell(led(FRIDAYS, MILA, weeks=2))
    for path in ("change", "rates"):
        found = await rows(path)
        assert (found[str(MILA)]["n_paired"], found[str(ROSA)]["n_paired"]) == (13, 12)
    manager = await client.get("/analytics/api/v1/change", headers=bearer("program-manager"), params=asked)
    assert (manager.status_code, manager.json()["code"]) == (404, "attribute-not-found")
