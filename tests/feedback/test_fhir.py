"""A check-in as others read it: FHIR R4, validated by a library that is not ours."""

from datetime import datetime
from typing import Any

import pytest
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from shared.events.intake import ParticipantErased
from tests.doors import bearer
from tests.feedback.conftest import ADMINISTRATOR, API, COORDINATOR, PROGRAM, Told, a_due, an_enrolment

pytestmark = pytest.mark.usefixtures("site")
BASE = "http://kith.test/feedback"
PULSE = {"heard": 4, "safe": 3, "useful": 0, "hopeful": 2}


async def answered(client: Any, told: Told, *instruments: str, **given: Any) -> Any:
    due = a_due(*instruments)
    await told.tell(an_enrolment(due), due)
    body = {"occasion_id": str(due.occasion_id)} | given
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert answer.status_code == 201, answer.text
    return due


def address(due: Any, query: str = "") -> str:
    return f"{API}/check-ins/{due.occasion_id}/questionnaire-response{query}"


async def test_a_check_in_is_a_response_to_a_version(client: Any, told: Told) -> None:
    due = await answered(client, told, "session-pulse", answers={"session-pulse": PULSE})
    answer = await client.get(address(due), headers=COORDINATOR)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    raw = answer.json()
    found: Any = QuestionnaireResponse.model_validate(raw)
    assert found.questionnaire == f"{BASE}/instruments/session-pulse|1"
    assert found.subject.identifier.value == str(due.participant_id)
    assert found.identifier.value == str(due.occasion_id)
    assert isinstance(found.authored, datetime)
    assert found.source is None  # staff have entered it
    coded = {item.linkId: item.answer[0].valueCoding for item in found.item}
    assert {code: int(one.code) for code, one in coded.items()} == PULSE
    assert {code: one.extension[0].valueDecimal for code, one in coded.items()} == PULSE
    assert all(one.display and one.version == "1" for one in coded.values())
    assert list(coded) == ["heard", "safe", "useful", "hopeful"]  # the order of the definition
    assert "KLM-482" not in answer.text


async def test_own_words_and_totals(client: Any, told: Told) -> None:
    library = {one["code"]: one for one in (await client.get(f"{API}/instruments", headers=COORDINATOR)).json()}
    asked = library["monthly-check-in"]["items"]
    items = {"monthly-check-in": {one["code"]: 2 for one in asked if one["kind"] == "choice"}}
    text = next(one["code"] for one in asked if one["kind"] == "text")
    words = {"monthly-check-in": {text: "We sang."}}
    due = await answered(client, told, "monthly-check-in", "phq-9", answers=items, texts=words, totals={"phq-9": 11})
    refused = await client.get(address(due), headers=COORDINATOR)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "instrument-needed")
    total = (await client.get(address(due, "?instrument=phq-9"), headers=COORDINATOR)).json()
    QuestionnaireResponse.model_validate(total)
    assert "item" not in total
    raw = (await client.get(address(due, "?instrument=monthly-check-in"), headers=COORDINATOR)).json()
    QuestionnaireResponse.model_validate(raw)
    assert {"valueString": "We sang."} in [one for item in raw["item"] for one in item["answer"]]
    unknown = await client.get(address(due, "?instrument=gad-7"), headers=COORDINATOR)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "instrument-not-found")


async def test_only_coordinators_of_the_site_read_and_each_reading_is_kept(client: Any, told: Told) -> None:
    due = await answered(client, told, "session-pulse", answers={"session-pulse": PULSE})
    for who, status in (
        (ADMINISTRATOR, 403),
        (bearer("facilitator", "old-town"), 403),
        (bearer("coordinator", "north-quay"), 404),
        (bearer("coordinator", organisation="somebody-else"), 404),
        (COORDINATOR, 200),
    ):
        assert (await client.get(address(due), headers=who)).status_code == status
    [read] = (await client.get(f"{API}/voices/readings", headers=ADMINISTRATOR)).json()["readings"]
    assert (read["occasion_id"], read["item"]) == (str(due.occasion_id), "all")
    await told.tell(
        ParticipantErased(
            participant_id=due.participant_id,
            enrolment_ids=[due.enrolment_id],
            occasion_ids=[due.occasion_id],
        )
    )
    assert (await client.get(address(due), headers=COORDINATOR)).status_code == 404
    assert await told.rows("select * from check_in_readings") == []


async def test_what_is_not_answered_is_no_response(client: Any, told: Told) -> None:
    due = a_due("session-pulse", program_id=PROGRAM)
    await told.tell(an_enrolment(due), due)
    answer = await client.get(address(due), headers=COORDINATOR)
    assert (answer.status_code, answer.json()["code"]) == (404, "check-in-not-found")
