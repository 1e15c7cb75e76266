"""Contact that is corrected by hand."""

from zoneinfo import ZoneInfo

import pytest

from shared.clock import now
from tests.forms import filled, two_people_change
from tests.intake.conftest import A_FACILITATOR, AN_ORGANISATION, HOME, Intake, a_participant

MADRID = ZoneInfo("Europe/Madrid")


async def test_a_new_language_is_one_that_a_site_of_theirs_offers(intake: Intake) -> None:
    await intake.set_up()
    path = f"/participants/{(await intake.post('/participants', a_participant()))['participant_id']}"
    contact = {"preferred_name": "Marisol", "language": "fr"}
    answer = await intake.ask("PUT", f"{path}/contact", json=contact)
    assert answer.status_code == 422, answer.text
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [("language", "language-not-at-site")]
    from_page = {"origin": HOME, "cookie": f"kith_session={intake.token('coordinator')}"}
    answer = await intake.client.post(f"/intake{path}/contact", data=contact, headers=from_page)
    assert (answer.status_code, "Choose one of en, es." in answer.text) == (422, True)
    await intake.put("/sites/old-town", {"name": "Old Town", "time_zone": "Europe/Madrid", "languages": ["en"]})
    changed = await intake.put(f"{path}/contact", contact | {"preferred_name": "Mari", "language": "es"}, "coordinator")
    assert (changed["preferred_name"], changed["language"]) == ("Mari", "es")  # it stays
    assert (await intake.put(f"{path}/contact", contact | {"language": "en"}, "coordinator"))["language"] == "en"


async def test_an_old_page_gives_back_no_consent_that_was_taken_away(intake: Intake) -> None:
    await intake.set_up()
    person = await intake.post("/participants", a_participant())
    enrolment = person["enrolment_id"]
    path = f"/intake/participants/{person['participant_id']}"
    headers = {"authorization": f"Bearer {intake.token('coordinator')}"}
    page = (await intake.client.get(path, headers=headers)).text
    was = page.partition(f'name="{enrolment}.was" value="')[2].partition('"')[0]
    less = {f"{enrolment}.was": was, f"{enrolment}.consent_text": "standard:1", f"{enrolment}.taking_part": "yes"}
    consent = f"{path}/enrolments/{enrolment}/consent"
    assert (await intake.client.post(consent, data=less, headers=headers)).status_code == 303
    more = less | {f"{enrolment}.reporting": "yes", f"{enrolment}.contact_after": "yes"}
    late = await intake.client.post(consent, data=more, headers=headers)
    assert (late.status_code, "changed this after you opened it" in late.text) == (409, True)
    assert len(await intake.said("consent-changed")) == 1


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("", {"attributes": "age-band = Age: 18 to 25, 41 and over"}),
        ("sites/old-town", {"messages_a_day": "3"}),
        ("programs/new-roots", {"objectives": "relationships"}),
        ("facilitators/{facilitator}", {"email": "t@staff.example"}),
    ],
)
async def test_two_people_at_one_page_undo_nothing_of_each_other(
    intake: Intake, name: str, second: dict[str, str]
) -> None:
    await intake.set_up()
    facilitator = (await intake.put("/facilitators/T-1", A_FACILITATOR))["facilitator_id"]
    page = f"/intake/set-up/{name or 'organisation'}".format(facilitator=facilitator)
    headers = {"authorization": f"Bearer {intake.token('administrator')}"}
    await two_people_change(intake.client, page, page, headers, {"name": "Another name"}, second)


async def test_two_people_correct_one_contact(intake: Intake) -> None:
    await intake.set_up()
    person = (await intake.post("/participants", a_participant()))["participant_id"]
    page, headers = f"/intake/participants/{person}", {"authorization": f"Bearer {intake.token('coordinator')}"}
    first, second = {"phone": "+44 20 7946 0001"}, {"preferred_name": "Mari"}
    await two_people_change(intake.client, page, f"{page}/contact", headers, first, second)


async def test_a_form_that_enrolled_somebody_enrols_somebody_else_when_it_is_sent_again(intake: Intake) -> None:
    await intake.set_up()
    path, headers = "/intake/participants/enrol", {"authorization": f"Bearer {intake.token('coordinator')}"}
    form = filled((await intake.client.get(path, headers=headers)).text, path)
    form |= {"preferred_name": ["Marisol"], "program": ["new-roots"], "site": ["old-town"], "language": ["en"]}
    form |= {"consent.taking_part": ["yes"]}
    first, reloaded = [await intake.client.post(path, data=form, headers=headers) for _ in range(2)]
    assert (first.status_code, first.headers["location"]) == (303, reloaded.headers["location"])
    spent = await intake.client.post(path, data=form | {"preferred_name": "Eve"}, headers=headers)
    assert (spent.status_code, "enrolled with this form before" in spent.text) == (409, True)
    again = filled(spent.text, path)
    assert again["preferred_name"] == ["Eve"]
    other = await intake.client.post(path, data=again, headers=headers)
    assert (other.status_code, other.headers["location"] != first.headers["location"]) == (303, True)


TWO_QUESTIONS = {
    "name": "Harbour Trust",
    "attributes": [
        *AN_ORGANISATION["attributes"],
        {"code": "area", "label": "Area", "options": [{"code": "city", "label": "City"}]},
    ],
}


async def test_what_is_known_about_somebody_is_corrected_also_after_the_end(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/organisation", TWO_QUESTIONS)
    person = await intake.post("/participants", a_participant())
    path = f"/participants/{person['participant_id']}/enrolments/{person['enrolment_id']}"
    await intake.post(f"{path}/withdraw", {"withdrawn_on": f"{now().astimezone(MADRID):%Y-%m-%d}"})
    for _ in range(2):  # the second says the same again
        corrected = await intake.post(f"{path}/attributes", {"attributes": {"area": "city"}})
        assert corrected["attributes"] == {"area": "city"}
    ids = {name: person[name] for name in ("participant_id", "enrolment_id")}
    assert await intake.said("attributes-corrected") == [
        {"wire": "attributes-corrected", **ids, "attributes": {"area": "city"}}
    ]
    for asked, code in (("area", "unknown-option"), ("shoe-size", "unknown-attribute")):
        refused = await intake.ask("POST", f"{path}/attributes", json={"attributes": {asked: "44"}})
        [error] = refused.json()["errors"]
        assert (refused.status_code, error["field"], error["code"]) == (422, f"attributes.{asked}", code)
    elsewhere = await intake.ask("POST", f"{path}/attributes", "coordinator", "north-quay", json={"attributes": {}})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "enrolment-not-found")
    assert len(await intake.said("attributes-corrected")) == 1


async def test_two_people_correct_what_is_known_about_somebody(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/organisation", TWO_QUESTIONS)
    person = await intake.post("/participants", a_participant())
    page, enrolment = f"/intake/participants/{person['participant_id']}", person["enrolment_id"]
    headers = {"authorization": f"Bearer {intake.token('coordinator')}"}
    first, second = {f"{enrolment}.attributes.area": "city"}, {f"{enrolment}.attributes.age-band": "prefer-not-to-say"}
    await two_people_change(intake.client, page, f"{page}/enrolments/{enrolment}/attributes", headers, first, second)
