"""What somebody has reached: found by a rule, recorded, told by themselves; celebrated only if they agree."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.feedback.app import create
from services.feedback.store.milestones import shipped
from shared import clock
from shared.events.intake import (
    ParticipantCompleted,
    ParticipantErased,
    ParticipantPlaced,
    ParticipantUnplaced,
    ParticipantWaitlisted,
    ParticipantWithdrawn,
)
from shared.events.scheduling import AttendanceCorrected, Attended, SessionHeld
from shared.identity import organisation_id, stranger_id
from tests.doors import bearer
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    OLD_TOWN,
    ORGANISATION,
    PROGRAM,
    TOKEN,
    Told,
    a_due,
    a_site,
    an_enrolment,
    an_invitation,
)
from tests.feedback.loop import GROUP, a_group, by
from tests.forms import filled
from tests.rivals import incoming

PAGE = f"/c/{TOKEN}/milestones"
FACILITATOR = by(("Tomasz W.", "old-town"), "facilitator")


@pytest.fixture
async def due(site: None, told: Told) -> Any:
    """Somebody with a link and a place in a group."""
    due = a_due()
    placed = ParticipantPlaced(
        participant_id=due.participant_id,
        enrolment_id=due.enrolment_id,
        group_id=GROUP,
        placed_on=clock.now().date(),
    )
    await told.tell(placed, a_group(), an_enrolment(due), due, an_invitation(due))
    return due


def held(weeks_ago: int, *came: Any) -> SessionHeld:
    return SessionHeld(
        session_id=UUID(int=5000 + weeks_ago),
        group_id=GROUP,
        program_id=PROGRAM,
        site_id=OLD_TOWN,
        starts_at=clock.now() - timedelta(weeks=weeks_ago),
        minutes=90,
        attendance=[Attended(participant_id=one, status="present") for one in came],
    )


def corrected(weeks_ago: int, *came: Any, absent: Any = None) -> AttendanceCorrected:
    attendance = [Attended(participant_id=one, status="late") for one in came]
    if absent:
        attendance.append(Attended(participant_id=absent, status="absent"))
    return AttendanceCorrected(session_id=UUID(int=5000 + weeks_ago), group_id=GROUP, attendance=attendance)


async def kinds(told: Told) -> list[str]:
    return [one.kind for one in await told.said("milestone-reached")]


async def record(client: Any, due: Any, **changes: Any) -> Any:
    body = {
        "participant_id": str(due.participant_id),
        "kind": "spoke-up",
        "reached_on": clock.now().date().isoformat(),
    }
    return await client.post(f"{API}/milestones", json=body | changes, headers=FACILITATOR)


async def test_at_a_link_that_ran_out_a_milestone_is_taken_back_and_never_told_to_more(
    due: Any, client: Any, told: Told, moved_clock: Any
) -> None:
    assert (await client.post(PAGE, data={"kind": "own-goal"})).status_code == 303
    [one] = await told.said("milestone-reached")
    moved_clock(8 * 86_400)
    assert (await client.post(f"{PAGE}/{one.milestone_id}", data={"do": "celebrate"})).status_code == 410
    assert await told.said("milestone-consent-changed") == []
    gone = await client.post(f"{PAGE}/{one.milestone_id}", data={"do": "withdraw"})
    page = await client.get(gone.headers["location"])
    assert (page.status_code, "It is changed" in page.text) == (410, True)
    assert len(await told.said("milestone-withdrawn")) == 1


def test_what_ships_is_said_in_both_languages() -> None:
    for kind in shipped().values():
        assert kind.title.en
        assert kind.title.es


async def test_a_rule_finds_the_first_and_the_fifth_session_once_each(due: Any, told: Told, client: Any) -> None:
    person = due.participant_id
    for weeks in (9, 8, 7, 6):
        await told.tell(held(weeks, person))
    assert await kinds(told) == ["first-session"]
    await told.tell(held(5, person), held(4, person))
    assert await kinds(told) == ["first-session", "fifth-session"]
    [fifth] = [one for one in await told.said("milestone-reached") if one.kind == "fifth-session"]
    assert fifth.reached_on == (clock.now() - timedelta(weeks=5)).date()
    assert (fifth.recorded_by, fifth.may_celebrate) == ("rule", False)
    page = (await client.get(f"{PAGE}?lang=es")).text
    assert "Cinco sesiones" in page


async def test_a_correction_takes_back_what_was_not_reached_and_gives_it_again(due: Any, told: Told) -> None:
    person = due.participant_id
    for weeks in (9, 8, 7, 6, 5):
        await told.tell(held(weeks, person))
    await told.tell(corrected(7, absent=person))
    assert [one.participant_id for one in await told.said("milestone-withdrawn")] == [person]
    await told.tell(corrected(7, person))
    assert await kinds(told) == ["first-session", "fifth-session", "fifth-session"]
    await told.tell(corrected(6, person), corrected(99, person))
    assert len(await kinds(told)) == 3


async def test_whoever_was_erased_and_is_still_counted_reaches_nothing(due: Any, told: Told) -> None:
    await told.tell(held(9, due.participant_id, stranger_id()), corrected(9, due.participant_id, stranger_id()))
    assert [one.participant_id for one in await told.said("milestone-reached")] == [due.participant_id]


async def test_a_milestone_is_of_the_day_that_the_session_had_at_its_site(told: Told) -> None:
    due, evening = a_due(), datetime(2025, 3, 5, 1, 30, tzinfo=UTC)
    session = held(9, due.participant_id).model_copy(update={"starts_at": evening})
    await told.tell(a_site(time_zone="America/New_York"), an_enrolment(due), session)
    assert [one.reached_on for one in await told.said("milestone-reached")] == [date(2025, 3, 4)]


async def test_completion_is_a_milestone(due: Any, told: Told) -> None:
    done = ParticipantCompleted(
        participant_id=due.participant_id, enrolment_id=due.enrolment_id, completed_on=clock.now().date()
    )
    await told.tell(done, done)
    assert await kinds(told) == ["completed"]


async def test_staff_record_one_and_the_group_hears_only_with_consent(due: Any, told: Told, client: Any) -> None:
    one = (await record(client, due)).json()
    assert (await record(client, due)).json() == one
    [event] = await told.said("milestone-reached")
    assert (event.kind, event.recorded_by, event.may_celebrate) == ("spoke-up", "staff", False)
    address = f"{API}/milestones/{one['milestone_id']}"
    for agrees in (True, True, False):
        noted = await client.put(f"{address}/consent", json={"may_celebrate": agrees}, headers=FACILITATOR)
        assert noted.json()["may_celebrate"] is agrees
    assert [event.may_celebrate for event in await told.said("milestone-consent-changed")] == [True, False]
    assert (await client.post(f"{address}/withdraw", headers=FACILITATOR)).json()["is_withdrawn"]
    refused = await client.put(f"{address}/consent", json={"may_celebrate": True}, headers=FACILITATOR)
    assert refused.json()["code"] == "milestone-withdrawn"
    elsewhere = bearer("facilitator", "north-quay")
    assert (await client.post(f"{address}/withdraw", headers=elsewhere)).status_code == 404
    assert (await client.get(f"{API}/milestones", headers=elsewhere)).json() == {"milestones": []}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"kind": "unheard-of"}, 422, "kind-unknown"),
        ({"participant_id": str(uuid4())}, 404, "participant-not-found"),
        ({"reached_on": "2199-01-01"}, 422, "in-the-future"),
        ({"reached_on": "0001-01-01"}, 422, "greater-than-equal"),
        ({"reached_on": 5}, 422, "date-type"),
        ({"note": "free text"}, 422, "extra-forbidden"),
    ],
)
async def test_what_cannot_be_reached_is_refused(
    due: Any, told: Told, client: Any, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await record(client, due, **changes)
    assert answer.status_code == status
    problem = answer.json()
    assert code in {problem["code"], *(one["code"] for one in problem.get("errors", ()))}
    assert await told.said("milestone-reached") == []


async def test_a_participant_tells_of_one_and_decides_who_hears(due: Any, told: Told, client: Any) -> None:
    assert "Nothing is written down yet" in (await client.get(PAGE)).text
    wrong = await client.post(PAGE, data={"kind": "unheard-of"})
    assert (wrong.status_code, "Choose one of these." in wrong.text) == (422, True)
    assert (await client.post(PAGE, data={})).status_code == 422
    assert (await client.post(PAGE, data={"kind": "own-goal"})).status_code == 303
    [event] = await told.said("milestone-reached")
    assert (event.recorded_by, event.may_celebrate) == ("participant", False)
    page = (await client.get(PAGE)).text
    found = re.search(r"/milestones/([0-9a-f-]{36})", page)
    assert found
    for do in ("celebrate", "keep", "withdraw"):
        assert (await client.post(f"{PAGE}/{found.group(1)}", data={"do": do})).status_code == 303
    assert [one.may_celebrate for one in await told.said("milestone-consent-changed")] == [True, False]
    assert len(await told.said("milestone-withdrawn")) == 1
    assert (await client.post(f"{PAGE}/{uuid4()}", data={"do": "withdraw"})).status_code == 404


async def test_another_language_takes_along_what_was_chosen(due: Any, told: Told, client: Any) -> None:
    chosen = {"kind": "own-goal", "may_celebrate": "true"}
    page = await client.post(f"{PAGE}?lang=es", data=chosen | {"show": "es"})
    assert filled(page.text, f"{PAGE}?lang=es") == {name: [value] for name, value in chosen.items()}
    assert await told.said("milestone-reached") == []


async def test_another_language_says_nothing_of_what_was_told_before(due: Any, client: Any) -> None:
    told = await client.post(PAGE, data={"kind": "own-goal"})
    address = told.headers["location"]
    assert "Congratulations." in (await client.get(address)).text
    again = await client.post(f"{address.replace('lang=en', 'lang=es')}", data={"kind": "spoke-up", "show": "es"})
    assert (again.status_code, "Enhorabuena" in again.text) == (200, False)


async def test_what_was_taken_back_can_be_told_again_the_same_day(due: Any, told: Told, client: Any) -> None:
    for fields in ({"kind": "own-goal"}, {"kind": "own-goal", "may_celebrate": "true"}):
        assert (await client.post(PAGE, data=fields)).status_code == 303
    assert [one.may_celebrate for one in await told.said("milestone-consent-changed")] == [True]
    [milestone] = await told.rows("select milestone_id from milestones")
    await client.post(f"{PAGE}/{milestone['milestone_id']}", data={"do": "withdraw"})
    assert (await client.post(PAGE, data={"kind": "own-goal"})).status_code == 303
    assert [one.may_celebrate for one in await told.said("milestone-reached")] == [False, False]
    assert str(milestone["milestone_id"]) in (await client.get(PAGE)).text


async def test_the_form_of_a_group_names_its_members(due: Any, told: Told, client: Any) -> None:
    page = (await client.get("/feedback/milestones/record?group=tuesday", headers=FACILITATOR)).text
    assert "KLM-482" in page
    form = {"participant_id": str(due.participant_id), "kind": "spoke-up", "reached_on": str(clock.now().date())}
    done = await client.post("/feedback/milestones/record?group=tuesday", data=form, headers=FACILITATOR)
    assert done.status_code == 303
    assert "Spoke in the group" in (await client.get("/feedback/milestones", headers=FACILITATOR)).text
    wrong = await client.post("/feedback/milestones/record", data={"short_code": "AAA-000"}, headers=FACILITATOR)
    assert wrong.status_code == 422
    assert 'href="#f-short_code"' in wrong.text


async def test_whoever_waits_for_another_group_is_no_member_until_they_are_placed(
    due: Any, told: Told, client: Any
) -> None:
    ids = {"participant_id": due.participant_id, "enrolment_id": due.enrolment_id}
    waits = ParticipantWaitlisted(**ids, group_id=uuid4(), asked_on=clock.now().date())
    placed = ParticipantPlaced(**ids, group_id=GROUP, placed_on=clock.now().date())
    for event, is_member in ((waits, False), (waits, False), (placed, True)):
        await told.tell(event)
        page = (await client.get("/feedback/milestones/record?group=tuesday", headers=FACILITATOR)).text
        assert (f'value="{due.participant_id}"' in page) is is_member


async def test_who_gave_up_their_place_is_no_member(due: Any, told: Told, client: Any) -> None:
    ids = {"participant_id": due.participant_id, "enrolment_id": due.enrolment_id}
    await told.tell(ParticipantUnplaced(**ids, group_id=GROUP, given_up_on=clock.now().date()))
    page = (await client.get("/feedback/milestones/record?group=tuesday", headers=FACILITATOR)).text
    assert f'value="{due.participant_id}"' not in page


async def test_whoever_waits_left_their_group_on_the_day_they_asked(due: Any, told: Told) -> None:
    ids = {"participant_id": due.participant_id, "enrolment_id": due.enrolment_id}
    await told.tell(ParticipantWaitlisted(**ids, group_id=uuid4(), asked_on=date(2025, 3, 4)))
    await told.tell(ParticipantWithdrawn(**ids, withdrawn_on=date(2025, 3, 20)))
    [place] = await told.rows("select left_on from placements")
    assert place["left_on"] == date(2025, 3, 4)


async def test_an_organisation_adds_kinds_of_its_own(due: Any, told: Told, client: Any) -> None:
    own = {"code": "second-session", "title": {"en": "Two sessions", "es": "Dos sesiones"}, "after_sessions": 2}
    assert (await client.post(f"{API}/milestone-kinds", json=own, headers=ADMINISTRATOR)).status_code == 201
    for changes, code in (
        ({}, "code-taken"),
        ({"code": "first-session"}, "code-taken"),
        ({"code": "third", "title": {"en": "Three"}}, "translation-missing"),
        ({"code": "third", "after_sessions": 0}, "greater-than-equal"),
    ):
        answer = await client.post(f"{API}/milestone-kinds", json=own | changes, headers=ADMINISTRATOR)
        assert [one["code"] for one in answer.json()["errors"]] == [code]
    assert (await client.post(f"{API}/milestone-kinds", json=own, headers=FACILITATOR)).status_code == 403
    await told.tell(held(3, due.participant_id), held(2, due.participant_id))
    assert sorted(await kinds(told)) == ["first-session", "second-session"]


async def test_the_kinds_of_one_organisation_are_nobody_elses_also_in_one_batch(
    due: Any, told: Told, client: Any
) -> None:
    """What is heard at once is heard in one transaction, which sees the rows of all organisations in it."""
    own = {"code": "second-session", "title": {"en": "Two sessions", "es": "Dos sesiones"}, "after_sessions": 2}
    other, ann = organisation_id("somebody-else"), uuid4()
    headers = bearer("administrator", organisation="somebody-else")
    assert (await client.post(f"{API}/milestone-kinds", json=own, headers=headers)).status_code == 201
    done = ParticipantCompleted(
        participant_id=due.participant_id, enrolment_id=due.enrolment_id, completed_on=clock.now().date()
    )
    ours = incoming(ORGANISATION, held(3, due.participant_id), held(2, due.participant_id), done)
    theirs = incoming(other, held(5, ann), held(4, ann))
    async with told.store.machinery.transaction(ORGANISATION, other) as tx:
        await create().applying(tx, [*theirs, *ours], carefully=False)
    reached = {(one.participant_id, one.kind) for one in await told.said("milestone-reached")}
    assert {kind for person, kind in reached if person == due.participant_id} == {"first-session", "completed"}
    assert {kind for person, kind in reached if person == ann} == {"first-session", "second-session"}
    assert "Two sessions" not in (await client.get("/feedback/milestones", headers=FACILITATOR)).text


async def test_what_somebody_reached_goes_with_them(due: Any, told: Told, client: Any) -> None:
    await told.tell(held(3, due.participant_id))
    await record(client, due)
    erased = ParticipantErased(
        participant_id=due.participant_id, enrolment_ids=[due.enrolment_id], occasion_ids=[due.occasion_id]
    )
    await told.tell(erased)
    for table in ("milestones", "attended", "placements"):
        assert await told.rows(f"select * from {table}") == [], table
