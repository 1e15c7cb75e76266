"""Contact that is corrected by hand."""

from tests.intake.conftest import HOME, Intake, a_participant


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
    assert (late.status_code, "was changed meanwhile" in late.text) == (409, True)
    assert len(await intake.said("consent-changed")) == 1
