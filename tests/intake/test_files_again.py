"""A file that comes after people have worked here: it never undoes that, and its other columns are taken."""

from typing import Any

import pytest

from services.intake.domain.rows import TABLES
from shared.events.ids import group_id_of
from shared.identity import derived_id
from tests.intake.conftest import ORGANISATION, Intake, a_group, a_participant
from tests.intake.test_correcting import TWO_QUESTIONS
from tests.intake.test_importing import HEADER, a_row, bring, counts

PHONE = "+34 600 9 9 9"


async def people(intake: Intake, *rows: str) -> dict[str, Any]:
    """Bring in these rows of the participants' file."""
    return await bring(intake, "participants", HEADER, *rows)


async def path_of(intake: Intake, reference: str = "P-1") -> tuple[str, str]:
    """Where somebody is, and where their enrolment in New Roots is."""
    known = (await intake.ask("GET", "/references?kind=participant")).json()[reference]
    path = f"/participants/{known['id']}"
    return path, f"{path}/enrolments/{known['enrolments']['new-roots']}"


async def seen(intake: Intake, reference: str = "P-1") -> dict[str, Any]:
    """Somebody as they are here."""
    path, _ = await path_of(intake, reference)
    return dict((await intake.ask("GET", path)).json())


async def correct(intake: Intake, **changed: Any) -> None:
    """Correct the contact of P-1 by hand."""
    path, _ = await path_of(intake)
    now = await seen(intake)
    contact = {name: now[name] for name in ("preferred_name", "email", "phone", "language")}
    await intake.put(f"{path}/contact", contact | changed)


async def moved(intake: Intake, **row: str) -> str:
    """P-1 out of Evening Circle, whom a coordinator has moved to Morning Circle."""
    await intake.set_up()
    await intake.hear(a_group("morning-circle"))
    await people(intake, a_row("P-1", **row))
    _, enrolment = await path_of(intake)
    await intake.post(f"{enrolment}/place", {"group": "morning-circle"})
    return enrolment


async def test_an_end_told_by_a_file_leaves_the_group_that_people_chose_here(intake: Intake) -> None:
    await moved(intake)
    assert counts(await people(intake, a_row("P-1", completed_on="2024-06-01"))) == (0, 1, 0, 0)
    placed = await intake.said("participant-placed")
    assert [one["group_id"] for one in placed] == [
        str(group_id_of(ORGANISATION, code)) for code in ("evening-circle", "morning-circle")
    ]
    (place,) = await intake.rows("select * from places")
    assert (place["group_id"], place["state"]) == (group_id_of(ORGANISATION, "morning-circle"), "ended")


async def test_an_end_in_a_group_of_another_program_is_refused(intake: Intake) -> None:
    await intake.set_up()
    await intake.hear(a_group("elsewhere", program_id=derived_id(ORGANISATION, "program", "other")))
    await people(intake, a_row("P-1", group=""))
    report = await people(intake, a_row("P-1", group="elsewhere", completed_on="2024-06-01"))
    assert [(one["column"], one["code"]) for one in report["refused"]] == [("group", "group-of-another-program")]


@pytest.mark.parametrize(("act", "column"), [("complete", "completed_on"), ("withdraw", "withdrawn_on")])
async def test_an_end_that_people_told_before_the_file_is_no_hindrance(intake: Intake, act: str, column: str) -> None:
    await intake.set_up()
    await people(intake, a_row("P-1"))
    _, enrolment = await path_of(intake)
    await intake.post(f"{enrolment}/{act}", {column: "2024-06-01"})
    said = await intake.said()
    row = a_row("P-1", phone=PHONE, **{column: "2024-06-01"})
    assert counts(await people(intake, row)) == (0, 1, 0, 0)
    assert counts(await people(intake, row)) == (0, 0, 1, 0)
    assert (await seen(intake))["phone"] == PHONE
    assert await intake.said() == said


async def test_a_group_that_people_chose_before_the_file_is_no_hindrance(intake: Intake) -> None:
    enrolment = await moved(intake)
    said = await intake.said()
    row = a_row("P-1", phone=PHONE, group="morning-circle")
    assert counts(await people(intake, row)) == (0, 1, 0, 0)
    assert (await seen(intake))["phone"] == PHONE
    assert await intake.said() == said
    await intake.post(f"{enrolment}/place", {"group": "evening-circle"})
    assert counts(await people(intake, row)) == (0, 0, 1, 0)  # what it said was taken then, and is old now


async def test_a_row_for_a_second_program_never_undoes_a_correction(intake: Intake) -> None:
    await intake.set_up()
    for code in ("second", "third"):
        await intake.put(f"/programs/{code}", {"name": code, "sites": ["old-town"]})
    old = {"email": "old@example.org", "phone": "+34 600 1 2 3"}
    await people(intake, a_row("P-1", **old))
    await correct(intake, email="own@example.org", preferred_name="Own")
    second = a_row("P-1", program="second", group="", **old)
    assert counts(await people(intake, second)) == (1, 0, 0, 0)
    now = await seen(intake)
    assert (now["preferred_name"], now["email"], now["phone"]) == ("Own", "own@example.org", old["phone"])
    third = a_row("P-1", program="third", group="", **old | {"phone": PHONE})
    assert counts(await people(intake, third)) == (1, 0, 0, 0)
    now = await seen(intake)
    assert (now["preferred_name"], now["email"], now["phone"]) == ("Own", "own@example.org", PHONE)


async def test_a_file_leaves_the_contact_of_somebody_who_was_enrolled_here(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/programs/second", {"name": "Second", "sites": ["old-town"]})
    await intake.post("/participants", a_participant("Own", reference="P-1"))
    row = a_row("P-1", program="second", group="", email="old@example.org")
    assert counts(await people(intake, row)) == (1, 0, 0, 0)
    now = await seen(intake)
    assert (now["preferred_name"], now["email"]) == ("Own", "own@example.org")


async def test_a_language_that_a_site_no_longer_offers_hinders_nothing_else(intake: Intake) -> None:
    await intake.set_up()
    await people(intake, a_row("P-1"))
    await intake.put("/sites/old-town", {"name": "Old Town", "time_zone": "Europe/Madrid", "languages": ["en", "fr"]})
    assert counts(await people(intake, a_row("P-1", phone=PHONE))) == (0, 1, 0, 0)
    assert (await seen(intake))["phone"] == PHONE
    await correct(intake, phone=None)
    report = await people(intake, a_row("P-1", phone=PHONE, language="de"))
    assert [(one["column"], one["code"]) for one in report["refused"]] == [("language", "language-not-at-site")]


async def test_a_row_for_another_site_keeps_a_language_that_is_not_offered_there(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/programs/second", {"name": "Second", "sites": ["north-quay"]})
    await people(intake, a_row("P-1"))
    there = {"program": "second", "site": "north-quay", "group": ""}
    report = await people(intake, a_row("P-1", **there, language="fr"))
    assert [(one["column"], one["code"]) for one in report["refused"]] == [("language", "language-not-at-site")]
    assert counts(await people(intake, a_row("P-1", **there))) == (1, 0, 0, 0)
    assert (await seen(intake))["language"] == "es"


async def test_a_column_that_a_file_does_not_have_says_nothing_of_people(intake: Intake) -> None:
    await intake.set_up()
    told = {"email": "own@example.org", "phone": PHONE, "completed_on": "2024-06-01"}
    await people(intake, a_row("P-1", **told))
    header = "reference,preferred_name,language,site,program,enrolled_on,consent_reporting,consent_contact_after"
    row = "P-1,New name,es,old-town,new-roots,2024-03-04,yes,no"
    assert counts(await bring(intake, "participants", header, row)) == (0, 1, 0, 0)
    assert counts(await bring(intake, "participants", header, row)) == (0, 0, 1, 0)
    now = await seen(intake)
    assert (now["preferred_name"], now["email"], now["phone"]) == ("New name", "own@example.org", PHONE)
    assert counts(await people(intake, a_row("P-1", **told, preferred_name="New name"))) == (0, 0, 1, 0)
    report = await people(intake, a_row("P-1", **told | {"email": "", "preferred_name": "New name"}))
    assert counts(report) == (0, 1, 0, 0)
    assert (await seen(intake))["email"] is None


async def test_a_column_that_a_file_does_not_have_says_nothing_of_places_and_staff(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/programs/usual-care", {"name": "Usual care", "sites": ["old-town"]})
    roots = "new-roots,New Roots,old-town,belonging,usual-care,4200,census"
    await bring(intake, "programs", ",".join(TABLES["programs"].columns), roots)
    ines = "F-1,Ines,ines@example.org,old-town,group-lead=2199-01-01"
    await bring(intake, "facilitators", ",".join(TABLES["facilitators"].columns), ines)
    said = await intake.said()
    assert counts(await bring(intake, "programs", "code,name,sites", "new-roots,New Roots,old-town")) == (0, 0, 1, 0)
    report = await bring(intake, "facilitators", "reference,name,sites", "F-1,Ines,old-town")
    assert counts(report) == (0, 0, 1, 0)
    assert await intake.said() == said
    report = await bring(intake, "programs", "code,name,sites,objectives,comparison_program", "new-roots,N,old-town,,")
    assert counts(report) == (0, 1, 0, 0)
    published = (await intake.said("program-published"))[-1]
    assert (published["objectives"], published["comparison_program_id"]) == ([], None)
    assert (published["target_population"], published["target_population_source"]) == (4200, "census")
    await bring(intake, "facilitators", "reference,name,sites,qualifications", "F-1,Ines,old-town,")
    assert (await intake.said("facilitator-qualified"))[-1]["qualifications"] == []


async def test_a_file_that_knows_better_corrects_what_is_known_about_somebody_and_nothing_beside_it(
    intake: Intake,
) -> None:
    await intake.set_up()
    await intake.put("/organisation", TWO_QUESTIONS)
    await people(intake, a_row("P-1", attributes="age-band=26-40"))
    _, enrolment = await path_of(intake)
    by_hand = {"age-band": "prefer-not-to-say", "area": "city"}
    await intake.post(f"{enrolment}/attributes", {"attributes": by_hand})
    assert counts(await people(intake, a_row("P-1", attributes="age-band=26-40"))) == (0, 0, 1, 0)
    assert (await seen(intake))["enrolments"][0]["attributes"] == by_hand
    assert counts(await people(intake, a_row("P-1", attributes=""))) == (0, 1, 0, 0)
    report = await people(intake, a_row("P-1", attributes="age-band=never"))
    assert [(one["column"], one["code"]) for one in report["refused"]] == [("attributes", "unknown-option")]
    assert (await seen(intake))["enrolments"][0]["attributes"] == {"area": "city"}
    said = [one["attributes"] for one in await intake.said("attributes-corrected")]
    assert said == [by_hand, {"area": "city"}]
