"""Files: good rows go in, bad ones are named, and the same file twice changes nothing."""

from typing import Any

import pytest

from services.intake.domain.rows import TABLES
from tests import rivals
from tests.intake.conftest import AN_ORGANISATION, ORGANISATION, Intake, a_group, a_participant

HEADER = (
    "reference,preferred_name,email,phone,language,site,program,enrolled_on,group,attributes,"
    "consent_reporting,consent_contact_after,completed_on,withdrawn_on"
)


def a_row(reference: str = "P-1", **changed: str) -> str:
    """A row of the participants' file."""
    cells = {
        "reference": reference,
        "preferred_name": f"Name {reference}",
        "email": "",
        "phone": "",
        "language": "es",
        "site": "old-town",
        "program": "new-roots",
        "enrolled_on": "2024-03-04",
        "group": "evening-circle",
        "attributes": "age-band=26-40",
        "consent_reporting": "yes",
        "consent_contact_after": "no",
        "completed_on": "",
        "withdrawn_on": "",
    }
    return ",".join((cells | changed).values())


async def bring(intake: Intake, kind: str, *lines: str, role: str = "administrator", **more: Any) -> dict[str, Any]:
    """Import these lines."""
    answer = await intake.ask(
        "POST",
        f"/{kind}/import-file",
        role,
        content="\n".join(lines).encode(),
        headers={"content-type": "text/csv"},
        **more,
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    """New, changed, as they were, left out."""
    return report["created"], report["changed"], report["unchanged"], len(report["refused"])


@pytest.mark.parametrize(("kind", "sets"), [("sites", True), ("participants", False)])
async def test_each_file_says_itself_whether_it_sets_what_somebody_has_changed_since(
    intake: Intake, kind: str, sets: bool
) -> None:
    paths = (await intake.ask("GET", "/intake/api/openapi.json")).json()["paths"]
    said = paths[f"/intake/api/v1/{kind}/import-file"]["post"]["description"]
    assert ("what somebody has changed since becomes what its row says" in said) is sets
    assert ("what somebody has changed since stays as it is" in said) is not sets
    page = (await intake.ask("GET", f"/intake/{kind}/import", "administrator")).text
    assert ("also what somebody has changed here since" in page) is sets


async def test_an_organisation_comes_in_from_files_and_twice_is_once(intake: Intake) -> None:
    await intake.put("/organisation", AN_ORGANISATION)
    files = {
        "sites": ["code,name,time_zone,languages", "old-town,Old Town,Europe/Madrid,es en"],
        "programs": [
            "code;name;sites;objectives;comparison_program",
            "usual-care;Usual care;old-town;;",
            "new-roots;New Roots;old-town;belonging coping;usual-care",
        ],
        "facilitators": ["reference,name,sites,qualifications", "F-1,Ines,old-town,group-lead=2199-01-01"],
    }
    for kind, lines in files.items():
        assert counts(await bring(intake, kind, *lines)) == (len(lines) - 1, 0, 0, 0)
    await intake.hear(a_group())
    people = [HEADER, a_row("P-1"), a_row("P-2", group="")]
    assert counts(await bring(intake, "participants", *people)) == (2, 0, 0, 0)
    said = await intake.said()
    for kind, lines in (*files.items(), ("participants", people)):
        assert counts(await bring(intake, kind, *lines)) == (0, 0, len(lines) - 1, 0)
    assert await intake.said() == said


async def test_the_templates_can_be_imported_as_they_are(intake: Intake) -> None:
    await intake.put("/organisation", AN_ORGANISATION)
    for kind, table in TABLES.items():
        report = await bring(intake, kind, "\ufeff" + table.template().replace("\n", "\r\n"))
        assert counts(report) == (1, 0, 0, 0), report
        if kind == "facilitators":
            await intake.hear(a_group())


async def test_bad_rows_are_named_and_leave_nothing(intake: Intake) -> None:
    await intake.set_up()
    bad = {
        "site": ("nowhere", "unknown-site"),
        "program": ("nothing", "unknown-program"),
        "group": ("no-group", "unknown-group"),
        "enrolled_on": ("04/03/2024", "date-type"),
        "language": ("de", "language-not-at-site"),
        "attributes": ("age-band=never", "unknown-option"),
        "consent_reporting": ("maybe", "bool-parsing"),
        "completed_on": ("2023-01-01", "before-enrolment"),
        "withdrawn_on": ("2199-01-01", "in-the-future"),
        "email": ("nonsense", "not-an-email"),
        "preferred_name": ("", "missing"),
    }
    rows = [a_row(f"B-{column}", **{column: value}) for column, (value, _) in bad.items()]
    report = await bring(intake, "participants", HEADER, a_row("P-1"), *rows)
    assert counts(report) == (1, 0, 0, len(bad))
    found = [(one["line"], one["column"], one["code"]) for one in report["refused"]]
    assert found == [(3 + n, column, code) for n, (column, (_, code)) in enumerate(bad.items())]
    assert len(await intake.rows("select * from participants")) == 1


async def test_lines_are_counted_in_the_whole_file(intake: Intake) -> None:
    await intake.set_up()
    path = "/intake/api/v1/participants/import-file?first_line=501"
    answer = await intake.ask("POST", path, content=f"{HEADER}\n{a_row(site='x')}\n".encode())
    assert answer.json()["refused"][0]["line"] == 502


async def test_a_finished_enrolment_passes_through_its_group(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    await bring(intake, "participants", HEADER, a_row("P-1"), a_row("P-2"))
    await bring(
        intake,
        "participants",
        HEADER,
        a_row("P-3", completed_on="2024-06-01"),
        a_row("P-4", withdrawn_on="2024-05-01"),
    )
    said = [one["wire"].removeprefix("participant-") for one in await intake.said() if "participant" in one["wire"]]
    assert said == [
        *("enrolled", "placed"),  # P-1 has the only place
        *("enrolled", "waitlisted"),  # P-2
        *("enrolled", "placed", "completed"),  # P-3 was there
        *("enrolled", "placed", "withdrawn"),
    ]
    enrolled = await intake.said("participant-enrolled", "participant-completed")
    assert all(one["is_imported"] for one in enrolled)
    group = (await intake.ask("GET", "/groups/evening-circle")).json()
    assert (group["taken"], group["waiting"]) == (1, 1)


async def test_a_row_that_now_ends_frees_the_place_for_the_first_in_line(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    await bring(intake, "participants", HEADER, a_row("P-1"), a_row("P-2"))
    report = await bring(intake, "participants", HEADER, a_row("P-1", completed_on="2024-06-01"), a_row("P-2"))
    assert counts(report) == (0, 1, 1, 0)
    said = [one["wire"] for one in await intake.said() if "participant" in one["wire"]]
    assert said[-2:] == ["participant-completed", "participant-placed"]


async def test_a_row_that_ends_in_a_group_named_only_now_was_there(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    await bring(intake, "participants", HEADER, a_row("P-1"), a_row("P-2", group=""))
    await bring(intake, "participants", HEADER, a_row("P-2", completed_on="2024-06-01"))
    said = [one["wire"] for one in await intake.said() if "participant" in one["wire"]]
    assert said[-2:] == ["participant-placed", "participant-completed"]
    group = (await intake.ask("GET", "/groups/evening-circle")).json()
    assert (group["taken"], group["waiting"]) == (1, 0)


async def test_an_old_file_never_undoes_what_people_changed_here(intake: Intake) -> None:
    await intake.set_up()
    await bring(intake, "participants", HEADER, a_row("P-1", consent_contact_after="yes"))
    known = (await intake.ask("GET", "/references?kind=participant")).json()["P-1"]
    path = f"/participants/{known['id']}/enrolments/{known['enrolments']['new-roots']}/consent"
    await intake.post(path, a_participant()["consent"] | {"reporting": False, "contact_after": False})
    report = await bring(intake, "participants", HEADER, a_row("P-1", consent_contact_after="yes"))
    assert counts(report) == (0, 0, 1, 0)
    report = await bring(
        intake, "participants", HEADER, a_row("P-1", consent_contact_after="yes", phone="+34 600 1 2 3")
    )
    assert counts(report) == (0, 1, 0, 0)
    seen = (await intake.ask("GET", f"/participants/{known['id']}")).json()
    assert seen["phone"] == "+34 600 1 2 3"
    assert seen["enrolments"][0]["consents"]["contact_after"] is False


async def test_a_file_changes_what_it_names_differently_and_nothing_beside_it(intake: Intake) -> None:
    await intake.set_up()
    row = {"consent_contact_after": "yes", "email": "old@example.org", "phone": "+34 600 1 2 3"}
    await bring(intake, "participants", HEADER, a_row("P-1", **row))
    known = (await intake.ask("GET", "/references?kind=participant")).json()["P-1"]
    path = f"/participants/{known['id']}"
    seen = (await intake.ask("GET", path)).json()
    contact = {name: seen[name] for name in ("preferred_name", "phone", "language")}
    await intake.put(f"{path}/contact", contact | {"email": "own@example.org"})
    consent = a_participant()["consent"] | {"taking_part": False, "reporting": True, "contact_after": False}
    await intake.post(f"{path}/enrolments/{known['enrolments']['new-roots']}/consent", consent)
    changed = row | {"consent_reporting": "no", "phone": "+34 600 9 9 9"}
    assert counts(await bring(intake, "participants", HEADER, a_row("P-1", **changed))) == (0, 1, 0, 0)
    seen = (await intake.ask("GET", path)).json()
    assert (seen["email"], seen["phone"]) == ("own@example.org", "+34 600 9 9 9")
    assert seen["enrolments"][0]["consents"] == {"taking_part": False, "reporting": False, "contact_after": False}
    said = (await intake.said("consent-changed"))[-1]
    assert not said["consents"]["taking_part"]


async def test_what_a_file_cannot_change_is_refused(intake: Intake) -> None:
    await intake.set_up()
    await bring(intake, "participants", HEADER, a_row("P-1", completed_on="2024-06-01"))
    for change, code in (
        ({"enrolled_on": "2024-01-01", "completed_on": "2024-06-01"}, "cannot-be-changed"),
        ({"completed_on": ""}, "cannot-be-emptied"),
        ({"completed_on": "2024-07-01"}, "enrolment-completed"),
    ):
        report = await bring(intake, "participants", HEADER, a_row("P-1", **change))
        assert [one["code"] for one in report["refused"]] == [code]


async def test_a_second_row_with_another_program_is_a_second_enrolment(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/programs/usual-care", {"name": "Usual care", "sites": ["old-town"]})
    rows = [HEADER, a_row("P-1", completed_on="2024-06-01"), a_row("P-1", program="usual-care", group="")]
    assert counts(await bring(intake, "participants", *rows)) == (2, 0, 0, 0)
    assert counts(await bring(intake, "participants", *rows)) == (0, 0, 2, 0)
    assert len(await intake.rows("select * from participants")) == 1


async def test_the_page_of_a_file_says_whether_it_takes_back_what_people_have_changed(intake: Intake) -> None:
    await intake.set_up()
    cookie = {"cookie": f"kith_session={intake.token('administrator')}"}
    lines = {
        "sites": ("code,name,time_zone,languages", "old-town,Old Town,Europe/Madrid,es en"),
        "programs": ("code,name,sites,objectives", "new-roots,New Roots,old-town,belonging"),
        "participants": (HEADER, a_row("P-1")),
    }
    for kind, file in lines.items():
        await bring(intake, kind, *file)
    people = "select preferred_name as name from participants"
    for table in ("sites", "programs"):
        await intake.rows(f"update {table} set name = 'Changed here' where code in ('old-town', 'new-roots')")
    await intake.rows("update participants set preferred_name = 'Changed here'")
    for kind, file in lines.items():
        report = await bring(intake, kind, *file)
        page = (await intake.client.get(f"/intake/{kind}/import", headers=cookie)).text
        changes_nothing = "The same file twice changes nothing" in page
        assert ("also what somebody has changed here since" in page) is not changes_nothing
        assert report["unchanged" if changes_nothing else "changed"] == 1
    assert [row["name"] for row in await intake.rows(people)] == ["Changed here"]


async def test_what_is_refused_of_an_enrolment_names_its_column(intake: Intake) -> None:
    await intake.set_up(capacity=9)
    await intake.hear(a_group("morning-circle"))
    files = [a_row("P-1"), a_row("P-2", completed_on="2024-06-01")]
    await bring(intake, "participants", HEADER, *files)
    [row] = await intake.rows(
        "select participant_id, enrolment_id from enrolments join participants using (participant_id) "
        "where reference = 'P-1'"
    )
    end = f"/participants/{row['participant_id']}/enrolments/{row['enrolment_id']}/withdraw"
    await intake.post(end, {"withdrawn_on": "2024-06-01"})
    more = [
        a_row("P-1", group="morning-circle"),
        a_row("P-1", completed_on="2024-07-01"),
        a_row("P-2", completed_on="2024-06-01", group="morning-circle"),
        a_row("P-2", completed_on="2024-06-02"),
    ]
    report = await bring(intake, "participants", HEADER, *more)
    assert [(one["line"], one["column"], one["code"]) for one in report["refused"]] == [
        (2, "group", "enrolment-withdrawn"),
        (3, "completed_on", "enrolment-withdrawn"),
        (4, "group", "enrolment-completed"),
        (5, "completed_on", "enrolment-completed"),
    ]


async def test_an_enrolment_at_a_site_that_the_person_does_not_see_is_named_by_its_program(intake: Intake) -> None:
    await intake.set_up()
    for code in ("new-roots", "harbour-walks"):
        await intake.put(f"/programs/{code}", {"name": code, "sites": ["old-town", "north-quay"]})
    elsewhere = a_row(program="harbour-walks", site="north-quay", group="", language="en")
    await bring(intake, "participants", HEADER, a_row(language="en"), elsewhere)
    content = f"{HEADER}\n{a_row(site='north-quay', language='en', group='')}".encode()
    report = await intake.ask("POST", "/participants/import-file", "coordinator", "north-quay", content=content)
    assert [(one["column"], one["code"]) for one in report.json()["refused"]] == [("program", "enrolment-not-found")]


async def test_a_coordinator_cannot_change_people_of_another_site(intake: Intake) -> None:
    await intake.set_up()
    await intake.put("/programs/new-roots", {"name": "New Roots", "sites": ["old-town", "north-quay"]})
    await bring(intake, "participants", HEADER, a_row("P-1"))
    content = f"{HEADER}\n{a_row('P-1')}\n{a_row('P-1', site='north-quay', language='en', group='')}".encode()
    path = "/participants/import-file"
    report = (await intake.ask("POST", path, "coordinator", "north-quay", content=content)).json()
    assert [(one["column"], one["code"]) for one in report["refused"]] == [("reference", "reference-taken")] * 2


@pytest.mark.parametrize("role", ["coordinator", "facilitator", "operator", "program-manager"])
async def test_who_may_bring_in_what(intake: Intake, role: str) -> None:
    await intake.set_up()
    for kind in TABLES:
        answer = await intake.ask("POST", f"/{kind}/import-file", role, content=b"code,name\n")
        allowed = role == "coordinator" and kind == "participants"
        assert answer.status_code == (422 if allowed else 403), kind


async def test_a_file_that_is_broken_off_says_that_some_of_it_is_in(intake: Intake) -> None:
    await intake.set_up()
    await bring(intake, "participants", HEADER, a_row("P-2"))
    locked = "select from participants where reference = 'P-2' for update"
    rows = (HEADER, a_row("P-1"), a_row("P-2", preferred_name="Ana"))
    async with rivals.held(intake.running.machinery, ORGANISATION, locked):
        content = "\n".join(rows).encode()
        answer = await intake.ask("POST", "/participants/import-file", "administrator", content=content)
    assert (answer.status_code, answer.json()["code"]) == (503, "file-broken-off")
    assert counts(await bring(intake, "participants", *rows)) == (0, 1, 1, 0)


async def test_a_file_that_cannot_be_read_says_why(intake: Intake) -> None:
    await intake.set_up()
    for content, code in (
        (b"\xff\xfe", "not-utf-8"),
        (b"", "unknown-column"),
        (b"a,b\n1,2", "unknown-column"),
        (b"code,name\x00\n", "control-character"),
    ):
        answer = await intake.ask("POST", "/sites/import-file", "administrator", content=content)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
