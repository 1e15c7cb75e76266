"""The scores of one person as others read them: FHIR R4, validated by a library that is not ours."""

from typing import Any
from uuid import uuid4

import pytest
from fhir.resources.R4B.bundle import Bundle

from shared.events.intake import ConsentChanged, Consents, ParticipantErased
from tests.analytics.conftest import Told
from tests.analytics.world import Person, play
from tests.doors import bearer

ADDRESS = "/analytics/api/v1/observations"
COORDINATOR = bearer("coordinator", "old-town")


@pytest.fixture
async def person(told: Told) -> Person:
    one = Person(scores={"baseline": (14, 10), "end": (9, 4)}, pulse=[9], came=1)
    await play(told, [one, Person(scores={"baseline": (21, 20)})])
    return one


async def read(client: Any, person: Person, who: Any = COORDINATOR) -> Any:
    return await client.get(ADDRESS, params={"participant": str(person.participant)}, headers=who)


async def test_scores_are_observations_of_a_version(client: Any, person: Person) -> None:
    answer = await read(client, person)
    assert answer.headers["content-type"] == "application/fhir+json"
    found: Any = Bundle.model_validate(answer.json())
    assert (found.type, found.total) == ("searchset", 5)
    scores = [one.resource for one in found.entry]
    assert [(one.code.coding[0].code, float(one.valueQuantity.value)) for one in scores] == [
        ("gad-7", 10), ("phq-9", 14), ("session-pulse", 2.25), ("gad-7", 4), ("phq-9", 9),
    ]  # fmt: skip
    assert {one.code.coding[0].version for one in scores} == {"1"}
    assert {one.code.coding[0].system for one in scores} == {"http://kith.test/feedback/instruments"}
    assert {one.subject.identifier.value for one in scores} == {str(person.participant)}
    assert {one.status for one in scores} == {"final"}
    assert len({one.id for one in scores}) == 5
    assert "ABC-123" not in answer.text


async def test_only_coordinators_of_the_site_see_single_scores(client: Any, person: Person) -> None:
    for who, status in (
        (bearer("program-manager"), 403),
        (bearer("administrator"), 403),
        (bearer("facilitator", "old-town"), 403),
        (bearer("coordinator", "north-quay"), 404),
        (bearer("coordinator", organisation="somebody-else"), 404),
    ):
        assert (await read(client, person, who)).status_code == status
    assert (await read(client, Person())).json()["code"] == "participant-not-found"


async def test_nothing_of_whoever_does_not_agree_or_was_erased(client: Any, told: Told, person: Person) -> None:
    consents = Consents(taking_part=True, reporting=False, contact_after=True)
    ids: Any = {"participant_id": person.participant, "enrolment_id": person.enrolment}
    await told.tell(ConsentChanged(**ids, consents=consents, consent_text="standard", consent_version=1))
    assert (await read(client, person)).status_code == 404
    await told.tell(ConsentChanged(**ids, consents=consents.model_copy(update={"reporting": True}),
                                   consent_text="standard", consent_version=1))  # fmt: skip
    assert (await read(client, person)).status_code == 200
    await told.tell(
        ParticipantErased(participant_id=person.participant, enrolment_ids=[person.enrolment], occasion_ids=[uuid4()])
    )
    assert (await read(client, person)).status_code == 404
