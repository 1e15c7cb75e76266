"""The set-up over JSON: what is said once, what is refused, and qualifications that run out."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from services.intake.domain.facilitators import lapses_at
from services.intake.handlers import on_qualification_lapses
from services.intake.store import LAPSE_TIMER
from shared.clock import now
from shared.identity import derived_id
from shared.security import Who
from shared.timers import Timers
from tests.conftest import eventually, running
from tests.forms import filled
from tests.intake.conftest import A_FACILITATOR, AN_ORGANISATION, HOME, ORGANISATION, Intake, a_group, a_participant

CLAIMS = {"sub": "1", "organisation": "harbour-trust", "roles": ["facilitator"]}
AGE: dict[str, Any] = AN_ORGANISATION["attributes"][0]  # type: ignore[assignment]
A_SITE = {"name": "Old Town", "time_zone": "Europe/Madrid", "languages": ["es", "en"]}


async def test_an_organisation_registers_once_and_brings_the_standard_consent(intake: Intake) -> None:
    registered = await intake.put("/organisation", AN_ORGANISATION)
    await intake.put("/organisation", AN_ORGANISATION | {"name": "Harbour"})
    assert [one["code"] for one in await intake.said("organisation-registered")] == ["harbour-trust"]
    assert [(one["code"], one["version"], one["language"]) for one in registered["consent_texts"]] == [
        ("standard", 1, "en"),
        ("standard", 1, "es"),
    ]
    assert registered["attributes"][0]["options"][-1]["code"] == "prefer-not-to-say"


async def test_the_form_of_the_organisation_saved_as_it_is_changes_nothing(intake: Intake) -> None:
    ways_out = [{"code": "prefer-not-to-say", "label": "Prefiero no decirlo"}]
    home = {"code": "home", "label": "Home: with whom?", "options": [{"code": "kin", "label": "Kin, near: or far"}]}
    age = {"code": "age", "label": "Age band", "options": [{"code": "a", "label": "18 to 25"}, *ways_out]}
    asked = [home | {"options": [*home["options"], *ways_out]}, age]
    await intake.put("/organisation", {"name": "Harbour", "attributes": asked})
    from_page = {"origin": HOME, "cookie": f"kith_session={intake.token('administrator')}"}
    path = "/intake/set-up/organisation"
    shown = (await intake.client.get(path, headers=from_page)).text
    lines = unescape(shown.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0])
    fields = {"name": "Harbour", "attributes": lines.replace("\n", "\r\n")}
    assert (await intake.client.post(path, data=fields, headers=from_page)).status_code == 303
    (row,) = await intake.rows("select attributes from organisations")
    assert row["attributes"] == asked
    fields["attributes"] += ", 26 and over"
    assert (await intake.client.post(path, data=fields, headers=from_page)).status_code == 303
    (row,) = await intake.rows("select attributes from organisations")
    labels = [one["label"] for one in row["attributes"].pop()["options"]]
    assert (row["attributes"], labels) == (asked[:1], ["18 to 25", "26 and over", "Prefiero no decirlo"])


async def test_what_people_have_answered_stays_and_its_words_can_be_corrected(intake: Intake) -> None:
    await intake.set_up()
    await intake.post("/participants", a_participant())
    from_page = {"origin": HOME, "cookie": f"kith_session={intake.token('administrator')}"}

    async def said_on_the_page(lines: str) -> tuple[int, str]:
        (row,) = await intake.rows("select attributes from organisations")
        shown = await intake.client.get("/intake/set-up/organisation", headers=from_page)
        was = re.findall(r'name="was" value="([^"]*)"', shown.text)[-1]
        fields = {"name": "Harbour", "attributes": lines, "was": was}
        answer = await intake.client.post("/intake/set-up/organisation", data=fields, headers=from_page)
        (after,) = await intake.rows("select attributes from organisations")
        assert answer.status_code == 303 or row == after
        return answer.status_code, unescape(answer.text)

    status, page = await said_on_the_page("Age group: 26 to 40")
    assert (status, "keep its code in front: age-band = Age band." in page) == (422, True)
    status, page = await said_on_the_page("Age band: 26 and over")
    assert (status, "keep its code in front: 26-40 = 26 to 40." in page) == (422, True)
    for asked, code in (([], "attribute-in-use"), ([AGE | {"options": []}], "option-in-use")):
        answer = await intake.ask(
            "PUT", "/organisation", "administrator", json={"name": "Harbour", "attributes": asked}
        )
        assert (answer.status_code, [one["code"] for one in answer.json()["errors"]]) == (422, [code])
    assert (await said_on_the_page("age-band = Age group: 26-40 = 26 and over"))[0] == 303
    (row,) = await intake.rows("select attributes from organisations")
    [asked] = row["attributes"]
    assert (asked["code"], asked["label"]) == ("age-band", "Age group")
    assert asked["options"][0] == {"code": "26-40", "label": "26 and over"}
    assert (await said_on_the_page("age-band = Age group: 26-40 = 26 and over\r\nHome: Alone"))[0] == 303
    assert (await said_on_the_page("age-band = Age group: 26-40 = 26 and over"))[0] == 303, "nobody has answered it"


@pytest.mark.parametrize("code", ["site", "program", "cohort", "group", "facilitator", "all"])
async def test_no_attribute_is_called_what_figures_are_by_already(intake: Intake, code: str) -> None:
    options = [{"code": "a", "label": "A"}]
    await intake.put("/organisation", AN_ORGANISATION)
    asked = {"name": "Harbour", "attributes": [{"code": code, "label": "Something", "options": options}]}
    answer = await intake.ask("PUT", "/organisation", "administrator", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-fields")
    [error] = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("attributes.0.code", "attribute-code-taken")
    from_page = {"origin": HOME, "cookie": f"kith_session={intake.token('administrator')}"}
    fields = {"name": "Harbour", "attributes": f"Age band: 18 to 25\r\n{code.title()}: A, B"}
    page = await intake.client.post("/intake/set-up/organisation", data=fields, headers=from_page)
    assert (page.status_code, error["message"] in unescape(page.text)) == (422, True)


async def test_who_has_such_an_attribute_from_before_can_still_publish_a_text(intake: Intake) -> None:
    await intake.put("/organisation", AN_ORGANISATION)
    options = [{"code": "a", "label": "A"}]
    await intake.rows(
        "update organisations set attributes = $1 returning code",
        [{"code": "group", "label": "Group", "options": options}],
    )
    from_page = {"origin": HOME, "cookie": f"kith_session={intake.token('administrator')}"}
    fields = {"code": "plain", "text.en": "You agree."}
    answer = await intake.client.post("/intake/set-up/consent", data=fields, headers=from_page)
    assert answer.status_code == 303, answer.text


async def test_a_published_consent_text_never_changes(intake: Intake) -> None:
    text = {"code": "plain", "version": 1, "language": "en", "text": "You agree."}
    await intake.put("/organisation", AN_ORGANISATION | {"consent_texts": [text]})
    await intake.put("/organisation", AN_ORGANISATION | {"consent_texts": [text]})
    other = AN_ORGANISATION | {"consent_texts": [text | {"text": "You agree to more."}]}
    answer = await intake.ask("PUT", "/organisation", "administrator", json=other)
    assert (answer.status_code, answer.json()["code"]) == (409, "consent-text-is-published")


async def test_nothing_is_set_up_before_the_organisation_is(intake: Intake) -> None:
    answer = await intake.ask("PUT", "/sites/old-town", "administrator", json=A_SITE)
    assert (answer.status_code, answer.json()["code"]) == (409, "organisation-not-registered")
    assert (await intake.ask("GET", "/organisation")).status_code == 404


async def test_a_site_says_what_concerns_others_and_no_more(intake: Intake) -> None:
    await intake.put("/organisation", AN_ORGANISATION)
    for body in (
        A_SITE,
        A_SITE,
        A_SITE | {"name": "The Old Town"},
        A_SITE | {"time_zone": "Europe/London"},
    ):
        await intake.put("/sites/old-town", body)
    said = await intake.said("site-opened", "site-changed")
    assert [(one["wire"], one["time_zone"]) for one in said] == [
        ("site-opened", "Europe/Madrid"),
        ("site-changed", "Europe/London"),
    ]
    languages: tuple[list[str], ...] = ([], ["es", "es"], ["spanish"])
    zones = ("Europe/Atlantis", "../etc", "")
    wrongs: list[dict[str, Any]] = [
        *({"time_zone": zone} for zone in zones),
        *({"languages": some} for some in languages),
    ]
    for wrong in wrongs:
        answer = await intake.ask("PUT", "/sites/old-town", "administrator", json=A_SITE | wrong)
        assert answer.status_code == 422


async def test_a_program_names_sites_and_a_comparison_that_exist(intake: Intake) -> None:
    await intake.set_up()
    body: dict[str, Any] = {"name": "N", "sites": ["old-town"], "comparison_program": "new-roots"}
    await intake.put("/programs/other", body)
    for wrong, code in (
        ({"sites": ["nowhere"]}, "site-not-found"),
        ({"comparison_program": "nothing"}, "program-not-found"),
        ({"comparison_program": "other"}, "comparison-with-itself"),
    ):
        answer = await intake.ask("PUT", "/programs/other", "administrator", json=body | wrong)
        assert answer.json()["code"] == code
    listed = (await intake.ask("GET", "/programs", "facilitator", "old-town")).json()
    assert {one["code"]: one["comparison_program"] for one in listed} == {"new-roots": None, "other": "new-roots"}
    assert (await intake.ask("GET", "/programs", "facilitator", "north-quay")).json() == []


async def test_a_facilitator_is_said_with_codes_alone(intake: Intake) -> None:
    """The id follows from the reference: a token that names it is theirs in every service."""
    await intake.set_up()
    first = await intake.put("/facilitators/staff-0017", A_FACILITATOR)
    assert first["facilitator_id"] == str(Who.of(CLAIMS | {"facilitator": "staff-0017"}).facilitator_id)
    assert Who.of(CLAIMS).facilitator_id is None
    assert await intake.put("/facilitators/staff-0017", A_FACILITATOR) == first
    (said,) = await intake.said("facilitator-qualified")
    assert said["short_code"] == first["short_code"]
    assert "Ines" not in str(said)
    assert "staff-0017" not in str(said)


async def test_a_qualification_lapses_after_its_last_day_unless_renewed(
    intake: Intake, moved_clock: Callable[[float], None]
) -> None:
    await intake.set_up()
    until = (now() + timedelta(days=3)).date()
    held = [{"code": "group-lead", "valid_until": until.isoformat()}]
    await intake.put("/facilitators/F-1", A_FACILITATOR | {"qualifications": held})
    await intake.put("/facilitators/F-2", A_FACILITATOR | {"name": "Bo", "qualifications": held})
    await intake.put("/facilitators/F-2", A_FACILITATOR)  # renewed
    timers = Timers(intake.running.machinery, {LAPSE_TIMER: on_qualification_lapses})
    async with running(timers.run()):
        moved_clock((lapses_at(until, ["Europe/London"]) - now()).total_seconds() + 1)
        (lapsed,) = await eventually(lambda: intake.said("facilitator-lapsed"))
    assert lapsed["qualification"] == "group-lead"
    assert lapsed["lapsed_on"] == (until + timedelta(days=1)).isoformat()
    await intake.put("/facilitators/F-1", A_FACILITATOR | {"name": "Inés", "qualifications": held})
    assert len(await intake.said("facilitator-qualified")) == 3  # a new name alone concerns nobody


async def test_a_group_is_unknown_until_it_was_heard_of(intake: Intake) -> None:
    await intake.set_up()
    assert (await intake.ask("GET", "/groups/late-group")).status_code == 404
    await intake.hear(a_group("late-group", capacity=9))
    group = (await intake.ask("GET", "/groups/late-group", "facilitator", "old-town")).json()
    assert {name: group[name] for name in ("capacity", "taken", "waiting", "site", "program")} == {
        "capacity": 9,
        "taken": 0,
        "waiting": 0,
        "site": "old-town",
        "program": "new-roots",
    }
    assert (await intake.ask("GET", "/groups/late-group", "facilitator", "north-quay")).status_code == 404


async def test_two_organisations_never_meet(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/organisation", {"name": "Other"}, organisation="other-trust")
    for path in ("/sites", "/programs", "/groups"):
        assert (await intake.ask("GET", path, "administrator", organisation="other-trust")).json() == []
    await intake.put("/sites/old-town", A_SITE, organisation="other-trust")
    sites = (await intake.ask("GET", "/sites")).json()
    assert len(sites) == 2


async def test_whoever_sees_some_sites_changes_nothing_at_the_others(intake: Intake) -> None:
    await intake.set_up()
    here = ("administrator", "north-quay")
    both = A_FACILITATOR | {"sites": ["old-town", "north-quay"]}
    await intake.put("/facilitators/of-old-town", A_FACILITATOR)
    await intake.put("/facilitators/of-both", both)
    await intake.put("/programs/both", {"name": "Both", "sites": ["old-town", "north-quay"]})
    named = {"sites": ["north-quay"]}
    refused = [
        await intake.ask("PUT", "/programs/new-roots", *here, json={"name": "Mine"} | named),
        await intake.ask("PUT", "/facilitators/of-old-town", *here, json=A_FACILITATOR | named),
    ]
    assert [(one.status_code, one.json()["code"]) for one in refused] == [
        (404, "program-not-found"),
        (404, "facilitator-not-found"),
    ]
    await intake.put("/programs/both", {"name": "Both again", "objectives": ["belonging"]} | named, *here)
    await intake.put("/facilitators/of-both", both | named | {"qualifications": []}, *here)
    for kind in ("program-published", "facilitator-qualified"):
        assert len((await intake.said(kind))[-1]["site_ids"]) == 2, kind


async def test_a_consent_text_has_paragraphs_and_what_is_wrong_is_said_at_its_field(intake: Intake) -> None:
    await intake.set_up()
    page = "/intake/set-up/consent"
    headers = {"authorization": f"Bearer {intake.token('administrator')}"}
    long = await intake.client.post(page, data={"text.es": "Hola. " * 400}, headers=headers)
    assert (long.status_code, 'href="#f-text.es"' in long.text) == (422, True)
    text = "You meet with others.\r\n\r\nYou may stop at any time."  # as browsers send it
    done = await intake.client.post(page, data={"text.en": text}, headers=headers)
    assert done.status_code == 303
    assert "<p>You may stop at any time.</p>" in (await intake.client.get(page, headers=headers)).text


async def test_ten_thousand_with_a_point_is_not_ten(intake: Intake) -> None:
    await intake.set_up()
    headers = {"authorization": f"Bearer {intake.token('administrator')}"}
    fields = {"name": "New Roots", "sites": "old-town", "target_population": "10.000"}
    page = await intake.client.post("/intake/set-up/programs/new-roots", data=fields, headers=headers)
    assert (page.status_code, 'value="10.000"' in page.text) == (422, True)
    assert "Give a whole number." in page.text
    [program] = (await intake.ask("GET", "/programs")).json()
    assert program["target_population"] is None


@pytest.mark.parametrize(
    ("page", "wrong", "right"),
    [
        ("/intake/set-up/sites/old-town", {"time_zone": "Europe/Madird"}, {"time_zone": "Europe/Lisbon"}),
        ("/intake/set-up/programs/new-roots", {"target_population": "10.000"}, {"target_population": "10000"}),
    ],
)
async def test_a_mistyped_field_of_a_change_is_corrected_in_the_same_form(
    intake: Intake, page: str, wrong: dict[str, str], right: dict[str, str]
) -> None:
    await intake.set_up()
    headers = {"authorization": f"Bearer {intake.token('administrator')}"}
    form = filled((await intake.client.get(page, headers=headers)).text, page)
    refused = await intake.client.post(page, data=form | wrong, headers=headers)
    again = filled(refused.text, page)
    assert (refused.status_code, {name: again[name] for name in wrong}) == (422, {k: [v] for k, v in wrong.items()})
    assert (await intake.client.post(page, data=again | right, headers=headers)).status_code == 303
    stands = filled((await intake.client.get(page, headers=headers)).text, page)
    assert {name: stands[name] for name in right} == {name: [value] for name, value in right.items()}
    assert [len((await intake.ask("GET", one)).json()) for one in ("/sites", "/programs")] == [2, 1]


@pytest.mark.parametrize("page", ["/intake/set-up/sites/old-town", "/intake/set-up/programs/new-roots"])
async def test_what_somebody_does_not_see_is_not_there_to_be_changed(intake: Intake, page: str) -> None:
    await intake.set_up()
    headers = {"authorization": f"Bearer {intake.token('administrator', 'north-quay')}"}
    for answer in (
        await intake.client.post(page, data={}, headers=headers),
        await intake.client.post(f"{page}-2", data={"name": "X"}, headers=headers),
    ):
        assert (answer.status_code, "This page is not here" in answer.text) == (404, True)


async def test_a_comparison_that_somebody_does_not_see_stays_when_they_save(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/programs/both", {"name": "Both", "sites": ["old-town", "north-quay"]})
    compared = {"comparison_program": "new-roots"}
    await intake.put("/programs/both", {"name": "Both", "sites": ["old-town", "north-quay"]} | compared)
    page = "/intake/set-up/programs/both"
    headers = {"authorization": f"Bearer {intake.token('administrator', 'north-quay')}"}
    form = filled((await intake.client.get(page, headers=headers)).text, page)
    saved = await intake.client.post(page, data=form | {"objectives": "coping"}, headers=headers)
    assert saved.status_code == 303, saved.text
    published = (await intake.said("program-published"))[-1]
    assert published["objectives"] == ["coping"]
    assert published["comparison_program_id"] == str(derived_id(ORGANISATION, "program", "new-roots"))
