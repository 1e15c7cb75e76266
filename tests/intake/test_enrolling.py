"""Enrolling over the doors: places, waiting lists, duplicates, consent, and who may."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from services.intake.app import create
from shared import idempotency
from shared.clock import now
from shared.events.ids import group_id_of
from shared.identity import derived_id
from shared.timers import Timers
from tests.intake.conftest import ORGANISATION, Intake, a_group, a_participant


async def test_somebody_enrolled_is_placed_and_it_is_said_in_order(intake: Intake) -> None:
    await intake.set_up()
    enrolled = await intake.post("/participants", a_participant())
    assert enrolled["placement"] == {"state": "placed", "group": "evening-circle", "position": None}
    said = await intake.said("participant-enrolled", "participant-placed")
    assert [one["wire"] for one in said] == ["participant-enrolled", "participant-placed"]
    assert said[0]["short_code"] == enrolled["short_code"]
    assert "Marisol" not in str(said)
    assert "example.org" not in str(said)


async def test_a_full_group_puts_people_in_line_and_a_free_place_goes_to_the_first(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    first = await intake.post("/participants", a_participant("Ana"))
    second = await intake.post("/participants", a_participant("Ben"))
    third = await intake.post("/participants", a_participant("Cho"))
    assert [one["placement"]["position"] for one in (first, second, third)] == [None, 1, 2]
    path = f"/participants/{first['participant_id']}/enrolments/{first['enrolment_id']}"
    ended = await intake.post(f"{path}/complete", {"completed_on": today()})
    assert ended["state"] == "completed"
    placed = await intake.said("participant-placed")
    assert placed[-1]["participant_id"] == second["participant_id"]
    group = (await intake.ask("GET", "/groups/evening-circle")).json()
    assert (group["taken"], group["waiting"]) == (1, 1)
    again = await intake.ask("POST", f"{path}/complete", json={"completed_on": today()})
    assert (again.status_code, again.json()["code"]) == (409, "enrolment-completed")


def today() -> str:
    """The day at the site."""
    return now().astimezone(ZoneInfo("Europe/Madrid")).date().isoformat()


async def test_many_at_once_never_overfill_a_group(intake: Intake) -> None:
    await intake.set_up(capacity=3)
    answers = await asyncio.gather(*(intake.post("/participants", a_participant(f"P{n}")) for n in range(12)))
    states = sorted(one["placement"]["state"] for one in answers)
    assert states == ["placed"] * 3 + ["waiting"] * 9
    assert sorted(one["placement"]["position"] or 0 for one in answers) == [0, 0, 0, *range(1, 10)]


async def test_leaving_and_enrolling_at_once_gives_each_place_once(intake: Intake) -> None:
    await intake.set_up(capacity=3)
    people = [await intake.post("/participants", a_participant(f"P{n}")) for n in range(8)]

    async def leave(one: dict[str, Any]) -> None:
        path = f"/participants/{one['participant_id']}/enrolments/{one['enrolment_id']}/withdraw"
        await intake.post(path, {"withdrawn_on": today()})

    more = [intake.post("/participants", a_participant(f"Q{n}")) for n in range(4)]
    await asyncio.gather(*(leave(one) for one in people[:5]), *more)
    group = (await intake.ask("GET", "/groups/evening-circle")).json()
    assert (group["taken"], group["waiting"]) == (3, 4)
    placed = [one["participant_id"] for one in await intake.said("participant-placed")]
    assert len(placed) == len(set(placed))


async def test_a_group_that_grows_takes_in_who_waits(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    people = [await intake.post("/participants", a_participant(f"P{n}")) for n in range(3)]
    await intake.hear(a_group(capacity=2))
    placed = await intake.said("participant-placed")
    assert [one["participant_id"] for one in placed] == [one["participant_id"] for one in people[:2]]


async def test_changing_groups_frees_the_place_left_behind(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    await intake.hear(a_group("morning-walk", capacity=1))
    first = await intake.post("/participants", a_participant("Ana"))
    second = await intake.post("/participants", a_participant("Ben"))
    path = f"/participants/{first['participant_id']}/enrolments/{first['enrolment_id']}/place"
    moved = await intake.post(path, {"group": "morning-walk"})
    assert moved["placement"] == {"state": "placed", "group": "morning-walk", "position": None}
    seen = (await intake.ask("GET", f"/participants/{second['participant_id']}")).json()
    assert seen["enrolments"][0]["placement"]["state"] == "placed"
    again = await intake.ask("POST", path, json={"group": "morning-walk"})
    assert again.json()["code"] == "already-in-this-group"


async def test_whoever_gets_in_line_for_another_group_has_left_theirs_and_it_is_said(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    for code in ("morning-walk", "night-choir"):
        await intake.hear(a_group(code, capacity=1))
        await intake.post("/participants", a_participant(f"In {code}", email=None, group=code))
    ana, ben = [await intake.post("/participants", a_participant(name)) for name in ("Ana", "Ben")]
    before = len(await intake.said())
    path = f"/participants/{ana['participant_id']}/enrolments/{ana['enrolment_id']}/place"
    for code in ("morning-walk", "night-choir"):  # from a place into a line, and from there into another
        moved = await intake.post(path, {"group": code})
        assert moved["placement"] == {"state": "waiting", "group": code, "position": 1}
    assert (await intake.said())[before:] == [
        waitlisted(ana, "morning-walk"),
        {
            "wire": "participant-placed",
            "participant_id": ben["participant_id"],
            "enrolment_id": ben["enrolment_id"],
            "group_id": str(group_id_of(ORGANISATION, "evening-circle")),
            "placed_on": today(),
        },
        waitlisted(ana, "night-choir"),
    ]


async def test_whoever_is_enrolled_into_a_full_group_waits_from_that_day_on(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    _, ben = [await intake.post("/participants", a_participant(name)) for name in ("Ana", "Ben")]
    enrolled, waits = (await intake.said())[-2:]
    assert (enrolled["wire"], enrolled["enrolment_id"]) == ("participant-enrolled", ben["enrolment_id"])
    assert waits == waitlisted(ben, "evening-circle")


def waitlisted(person: dict[str, Any], group: str) -> dict[str, Any]:
    return {
        "wire": "participant-waitlisted",
        "participant_id": person["participant_id"],
        "enrolment_id": person["enrolment_id"],
        "group_id": str(group_id_of(ORGANISATION, group)),
        "asked_on": today(),
    }


async def test_the_same_contact_is_shown_before_anything_is_saved(intake: Intake) -> None:
    await intake.set_up()
    body = a_participant("Marisol", phone="+34 600 111 222")
    enrolled = await intake.post("/participants", body)
    same = a_participant("Mari", email="MARISOL@example.org")
    answer = await intake.ask("POST", "/participants", json=same)
    assert answer.status_code == 409
    refusal = answer.json()
    assert refusal["code"] == "participant-likely-duplicate"
    assert refusal["people"] == [
        {
            "id": enrolled["participant_id"],
            "short_code": enrolled["short_code"],
            "preferred_name": "Marisol",
        }
    ]
    by_phone = await intake.ask("POST", "/participants", json=a_participant("M", email=None, phone="600111222"))
    assert by_phone.json()["code"] == "participant-likely-duplicate"
    assert (await intake.ask("POST", "/participants", json=same | {"is_not_duplicate": True})).status_code == 201


async def test_somebody_alike_at_another_site_is_only_counted(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/programs/new-roots", {"name": "New Roots", "sites": ["old-town", "north-quay"]})
    await intake.post("/participants", a_participant())
    there = a_participant("Mari", email="marisol@example.org", site="north-quay", language="en", group=None)
    refusal = (await intake.ask("POST", "/participants", "coordinator", "north-quay", json=there)).json()
    assert (refusal["people"], refusal["people_at_other_sites"]) == ([], 1)


async def test_a_repeated_request_gives_the_first_answer(intake: Intake) -> None:
    await intake.set_up()
    headers = {"idempotency-key": "abc"}
    first = await intake.post("/participants", a_participant(), headers=headers)
    assert await intake.post("/participants", a_participant(), headers=headers) == first
    assert len(await intake.said("participant-enrolled")) == 1


async def test_a_key_is_free_again_after_a_week(intake: Intake, moved_clock: Callable[[float], None]) -> None:
    await intake.set_up()
    body, headers = a_participant(email=None), {"Idempotency-Key": "once"}
    first = await intake.post("/participants", body, headers=headers)
    timers = Timers(intake.running.machinery, {**idempotency.TIMERS, **create().timers})
    moved_clock(6.9 * 86400)
    await timers._one_round()
    assert await intake.post("/participants", body, headers=headers) == first
    moved_clock(7.1 * 86400)
    await timers._one_round()
    assert await intake.rows("select key from idempotency_keys") == []
    assert (await intake.post("/participants", body, headers=headers))["participant_id"] != first["participant_id"]


async def test_somebody_known_is_enrolled_in_another_program(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/programs/walking", {"name": "Walking", "sites": ["old-town", "north-quay"]})
    other = derived_id(ORGANISATION, "program", "walking")
    await intake.hear(a_group("morning-walk", program_id=other, capacity=1))
    first = await intake.post("/participants", a_participant())
    path = f"/participants/{first['participant_id']}/enrolments"
    again = {name: a_participant()[name] for name in ("site", "attributes", "consent")}
    second = await intake.post(path, again | {"program": "walking", "group": "morning-walk"})
    assert (second["participant_id"], second["short_code"]) == (first["participant_id"], first["short_code"])
    assert second["placement"] == {"state": "placed", "group": "morning-walk", "position": None}
    seen = (await intake.ask("GET", f"/participants/{first['participant_id']}")).json()
    assert sorted(one["program"] for one in seen["enrolments"]) == ["new-roots", "walking"]
    assert len(await intake.said("participant-enrolled")) == 2
    unticked = again["consent"] | {"taking_part": False}
    for body, sites, status, code in (
        (again | {"program": "walking"}, ("*",), 409, "already-enrolled"),
        (again | {"program": "walking"}, ("north-quay",), 404, "participant-not-found"),
        (again | {"program": "unknown"}, ("*",), 404, "program-not-found"),
        (again | {"program": "walking", "consent": unticked}, ("*",), 409, "consent-needed"),
        (again | {"program": "walking", "preferred_name": "X"}, ("*",), 422, "invalid-fields"),
    ):
        answer = await intake.ask("POST", path, "coordinator", *sites, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert (await intake.ask("POST", path, "facilitator", json=again | {"program": "walking"})).status_code == 403
    assert len(await intake.said("participant-enrolled")) == 2


async def test_somebody_known_keeps_their_language_where_it_is_not_offered(intake: Intake) -> None:
    await intake.set_up()
    for code in ("walking", "talking"):
        await intake.put(f"/programs/{code}", {"name": code, "sites": ["north-quay"]})
    path = f"/participants/{(await intake.post('/participants', a_participant()))['participant_id']}"
    again = {"site": "north-quay", "consent": a_participant()["consent"]}
    await intake.post(f"{path}/enrolments", again | {"program": "walking"})
    form = {"site": "north-quay", "program": "talking", "consent_text": "standard:1", "consent.taking_part": "yes"}
    headers = {"authorization": f"Bearer {intake.token('coordinator')}"}
    answer = await intake.client.post(f"/intake{path}/enrol", data=form, headers=headers)
    assert answer.status_code == 303, answer.text
    assert [one["language"] for one in await intake.said("participant-enrolled")] == ["es"] * 3


async def test_what_does_not_fit_is_refused_and_leaves_nothing(intake: Intake) -> None:
    await intake.set_up()
    no = {"text": "standard", "version": 1, "taking_part": False, "reporting": True, "contact_after": True}
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"site": "nowhere"}, 404, "site-not-found"),
        ({"program": "nothing"}, 404, "program-not-found"),
        ({"group": "no-group"}, 404, "group-not-found"),
        ({"site": "north-quay", "language": "en"}, 409, "program-not-at-site"),
        ({"language": "de"}, 422, "invalid-fields"),
        ({"consent": no}, 409, "consent-needed"),
        ({"consent": no | {"taking_part": True, "version": 7}}, 422, "invalid-fields"),
        ({"attributes": {"shoe-size": "44"}}, 422, "invalid-fields"),
        ({"attributes": {"age-band": "never"}}, 422, "invalid-fields"),
        ({"email": "nonsense"}, 422, "invalid-fields"),
        ({"phone": "call me"}, 422, "invalid-fields"),
        ({"preferred_name": "A\x00B"}, 422, "invalid-fields"),
        ({"preferred_name": "\ud800"}, 422, "invalid-fields"),
        ({"preferred_name": "x" * 201}, 422, "invalid-fields"),
        ({"unknown": 1}, 422, "invalid-fields"),
    ]
    for change, status, code in cases:
        content = json.dumps(a_participant("Zoe") | change).encode()
        answer = await intake.ask(
            "POST", "/participants", content=content, headers={"content-type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (status, code), (change, answer.text)
    assert await intake.said("participant-enrolled") == []
    assert await intake.rows("select * from participants") == []


async def test_prefer_not_to_say_is_always_an_answer(intake: Intake) -> None:
    await intake.set_up()
    await intake.post("/participants", a_participant(attributes={"age-band": "prefer-not-to-say"}))


async def test_other_sites_and_other_organisations_are_unknown(intake: Intake) -> None:
    await intake.set_up()
    enrolled = await intake.post("/participants", a_participant())
    path = f"/participants/{enrolled['participant_id']}"
    unknown = (await intake.ask("GET", f"/participants/{uuid4()}")).json()
    for sites, organisation in ((("north-quay",), "harbour-trust"), (("*",), "other-trust")):
        answer = await intake.ask("GET", path, "coordinator", *sites, organisation=organisation)
        assert (answer.status_code, answer.json()) == (404, unknown)
        act = f"{path}/enrolments/{enrolled['enrolment_id']}/withdraw"
        answer = await intake.ask(
            "POST", act, "coordinator", *sites, organisation=organisation, json={"withdrawn_on": "2025-01-01"}
        )
        assert answer.status_code == 404
        found = await intake.ask("GET", "/participants", "coordinator", *sites, organisation=organisation)
        assert found.json()["participants"] == []


async def test_each_role_reads_no_more_than_it_needs(intake: Intake) -> None:
    await intake.set_up()
    for role in ("operator", "program-manager", "facilitator"):
        assert (await intake.ask("GET", "/participants", role)).status_code == 403
        assert (await intake.ask("POST", "/participants", role, json=a_participant())).status_code == 403
    for role in ("operator", "program-manager", "facilitator", "coordinator"):
        assert (await intake.ask("PUT", "/sites/x", role, json={})).status_code == 403
    assert (await intake.client.get("/intake/api/v1/participants")).status_code == 401


async def test_consent_that_changes_is_said_once_and_its_history_kept(intake: Intake) -> None:
    await intake.set_up()
    enrolled = await intake.post("/participants", a_participant())
    path = f"/participants/{enrolled['participant_id']}/enrolments/{enrolled['enrolment_id']}/consent"
    agreed = a_participant()["consent"] | {"contact_after": True}
    for _ in range(2):
        changed = await intake.post(path, agreed)
    assert changed["consents"]["contact_after"] is True
    assert len(await intake.said("consent-changed")) == 1
    assert [row["contact_after"] for row in await intake.rows("select * from consents order by given_at")] == [
        False,
        True,
    ]


async def test_an_end_is_neither_before_the_beginning_nor_in_the_future(intake: Intake) -> None:
    await intake.set_up()
    enrolled = await intake.post("/participants", a_participant())
    path = f"/participants/{enrolled['participant_id']}/enrolments/{enrolled['enrolment_id']}/complete"
    for day, code in (("2020-01-01", "before-enrolment"), ("2199-01-01", "in-the-future"), ("1700000000", "date-type")):
        answer = await intake.ask("POST", path, json={"completed_on": day})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == code


async def test_a_clock_that_was_put_back_keeps_nobody_in(intake: Intake, moved_clock: Callable[[float], None]) -> None:
    await intake.set_up()
    moved_clock(86400)
    enrolled = await intake.post("/participants", a_participant())
    moved_clock(0)
    [enrolment] = (await intake.ask("GET", f"/participants/{enrolled['participant_id']}")).json()["enrolments"]
    path = f"/participants/{enrolled['participant_id']}/enrolments/{enrolled['enrolment_id']}/withdraw"
    left = await intake.ask("POST", path, json={"withdrawn_on": enrolment["enrolled_on"]})
    assert left.status_code == 200


async def test_references_lead_to_ids(intake: Intake) -> None:
    await intake.set_up()
    enrolled = await intake.post("/participants", a_participant(reference="P-1"))
    assert (await intake.ask("GET", "/references?kind=participant")).json() == {
        "P-1": {
            "id": enrolled["participant_id"],
            "short_code": enrolled["short_code"],
            "enrolments": {"new-roots": enrolled["enrolment_id"]},
        }
    }
    assert (await intake.ask("GET", "/references?kind=participant&after=P-1")).json() == {}
    again = await intake.ask("POST", "/participants", json=a_participant("Other", reference="P-1"))
    assert (again.status_code, again.json()["code"]) == (409, "reference-taken")
    assert [one["field"] for one in again.json()["errors"]] == ["reference"]
