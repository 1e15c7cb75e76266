"""A place that is given up, or a place in line: who does it stays in the program, and the next one gets the place."""

from typing import Any

import pytest

from shared.events.ids import group_id_of
from tests.forms import filled
from tests.intake.conftest import ORGANISATION, Intake, a_group, a_participant
from tests.intake.test_enrolling import today

NONE = {"state": "none", "group": None, "position": None}


def path_of(person: dict[str, Any]) -> str:
    return f"/participants/{person['participant_id']}/enrolments/{person['enrolment_id']}/give-up-place"


def unplaced(person: dict[str, Any], group: str = "evening-circle") -> dict[str, Any]:
    return {
        "wire": "participant-unplaced",
        "participant_id": person["participant_id"],
        "enrolment_id": person["enrolment_id"],
        "group_id": str(group_id_of(ORGANISATION, group)),
        "given_up_on": today(),
    }


async def places(intake: Intake, *people: dict[str, Any]) -> list[tuple[str, str]]:
    """How each enrolment stands, and where."""
    shown = [(await intake.ask("GET", f"/participants/{one['participant_id']}")).json() for one in people]
    return [(one["enrolments"][0]["state"], one["enrolments"][0]["placement"]["state"]) for one in shown]


async def test_who_gives_up_a_place_stays_in_the_program_and_the_next_one_gets_it(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    ana, ben = [await intake.post("/participants", a_participant(name)) for name in ("Ana", "Ben")]
    before = len(await intake.said())
    for _ in range(2):  # the second repeats the request
        left = await intake.post(path_of(ana), {"group": "evening-circle"}, headers={"idempotency-key": "once"})
        assert left["placement"] == NONE
    gave, got = (await intake.said())[before:]
    assert gave == unplaced(ana)
    assert (got["wire"], got["participant_id"]) == ("participant-placed", ben["participant_id"])
    assert await places(intake, ana, ben) == [("active", "none"), ("active", "placed")]


async def test_who_is_tired_of_waiting_leaves_the_line_and_nobody_moves(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    ana, ben, eve = [await intake.post("/participants", a_participant(name)) for name in ("Ana", "Ben", "Eve")]
    before = len(await intake.said())
    await intake.post(path_of(ben), {"group": "evening-circle"})
    assert (await intake.said())[before:] == [unplaced(ben)]
    assert await places(intake, ana, ben, eve) == [("active", one) for one in ("placed", "none", "waiting")]
    await intake.post(path_of(ana), {"group": "evening-circle"})
    assert await places(intake, ana, ben, eve) == [("active", one) for one in ("none", "none", "placed")]
    again = await intake.post(path_of(ben).replace("give-up-place", "place"), {"group": "evening-circle"})
    assert again["placement"] == {"state": "waiting", "group": "evening-circle", "position": 1}


@pytest.mark.parametrize("has_left", [False, True], ids=["in another group", "who has left"])
async def test_a_place_that_is_not_theirs_cannot_be_given_up(intake: Intake, has_left: bool) -> None:
    await intake.set_up()
    await intake.hear(a_group("morning-walk"))
    person = await intake.post("/participants", a_participant())
    if has_left:
        await intake.post(path_of(person).replace("give-up-place", "withdraw"), {"withdrawn_on": today()})
    before = len(await intake.said())
    answer = await intake.ask("POST", path_of(person), json={"group": "evening-circle" if has_left else "morning-walk"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no-place-there")
    assert len(await intake.said()) == before


async def test_the_page_gives_up_the_place_that_it_shows(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    await intake.post("/participants", a_participant("Ana"))
    ben = await intake.post("/participants", a_participant("Ben"))
    page = f"/intake/participants/{ben['participant_id']}"
    action = f"{page}/enrolments/{ben['enrolment_id']}/give-up-place"
    headers = {"authorization": f"Bearer {intake.token('coordinator')}"}
    shown = (await intake.client.get(page, headers=headers)).text
    assert "They do not want to wait any more" in shown
    old = filled(shown, action)
    done = await intake.client.post(action, data=old, headers=headers)
    assert (done.status_code, done.headers["location"]) == (303, f"{page}?done=give-up-place")
    after = (await intake.client.get(done.headers["location"], headers=headers)).text
    assert "no group yet" in after
    assert action not in after
    again = await intake.client.post(action, data=old, headers=headers)
    assert (again.status_code, "there is none to give up" in again.text) == (409, True)
