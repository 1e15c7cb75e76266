"""A folder that comes again: what people have changed since stays, and one wrong cell spoils nothing else."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.importer import Stopped, Summary, import_folder
from deploy.importer.doors import Doors, Refused
from deploy.importer.rows import FileReport, Row, upload
from shared import clock
from tests.journeys.conftest import Kith
from tests.journeys.test_command import kith_command

CODE = "twice-house"
ORGANISATION = """\
code = "{code}"
name = "A house"

[[attributes]]
code = "age-band"
label = "Age"
options = [{{ code = "18-25", label = "18 to 25" }}]

[[batteries]]
program = "steps"
entries = [
  {{ occasion = "baseline", kind = "baseline", instruments = ["phq-4"] }},
  {{ occasion = "later", kind = "follow-up", instruments = ["belonging"] }},
]

[[crisis_contacts]]
site = "pier"
confirmed_on = 2025-03-04
contacts = [{{ label = {{ en = "Line" }}, phone = "555-0100" }}]
note = {{ en = "Read on weekdays." }}

[[rotas]]
site = "pier"
responders = [{{ code = "ana", name = "Ana R.", email = "ana@example.org" }}]
shifts = [{{ responder = "ana", weekdays = [1, 2, 3, 4, 5, 6, 7], begins = "08:00", ends = "08:00" }}]
"""
FILES = {
    "sites": "code,name,time_zone,languages,quiet_from\npier,Pier,Europe/Oslo,en es,\n",
    "programs": "code,name,sites,objectives\nsteps,Steps,pier,coping\n",
    "facilitators": "reference,name,sites,qualifications\nF-1,Ines,pier,b-code=2099-01-01 a-code=2099-01-01\n",
    "groups": "code,name,program,site,capacity,weekday,starts_at,minutes,first_on\n"
    "circle,Circle,steps,pier,10,tuesday,18:00,60,2025-01-07\n",
    "participants": "reference,preferred_name,language,site,program,enrolled_on,"
    "consent_reporting,consent_contact_after\n"
    "t-1,One,en,pier,steps,2025-01-10,yes,no\n",
}
DOORS = {
    "organisation": "/intake/api/v1/organisation",
    "sites": "/intake/api/v1/sites",
    "programs": "/intake/api/v1/programs",
    "facilitators": "/intake/api/v1/facilitators",
    "groups": "/scheduling/api/v1/groups",
    "batteries": "/feedback/api/v1/batteries",
    "rota": "/feedback/api/v1/sites/pier/rota",
    "contacts": "/feedback/api/v1/sites/pier/crisis-contacts",
}
CHANGED = [
    *("attributes of the organisation", "name of the organisation", "rota of pier", "battery of steps"),
    *("site pier", "program steps", "facilitator F-1", "group circle"),
]


def write(folder: Path, code: str = CODE, **files: str) -> None:
    (folder / "organisation.toml").write_text(ORGANISATION.format(code=code))
    for name, text in (FILES | files).items():
        (folder / f"{name}.csv").write_text(text)


async def bring(kith: Kith, folder: Path, code: str = CODE, **more: Any) -> Summary:
    token = await kith.token(code, "administrator")
    return await import_folder(folder, kith.url, token, lambda *_: None, **more)


async def standing(doors: Doors) -> dict[str, Any]:
    found = {name: await doors.ask("GET", path) for name, path in DOORS.items()}
    found["rota"] = found["rota"]["rota"]  # who is on call now is another matter
    return found


async def change_everything(doors: Doors) -> None:
    """As people do on the pages."""
    before = await standing(doors)
    house = {"name": "Our house", "attributes": [*before["organisation"]["attributes"], {"code": "x", "label": "X"}]}
    house["attributes"][-1]["options"] = [{"code": "y", "label": "Y"}]
    await doors.ask("PUT", DOORS["organisation"], json=house)
    site = {"name": "Pier", "time_zone": "Europe/Oslo", "languages": ["es", "en"]}
    await doors.ask("PUT", f"{DOORS['sites']}/pier", json=site)
    await doors.ask("PUT", f"{DOORS['programs']}/steps", json={"name": "Steps", "sites": ["pier"]})
    ines = {"name": "Ines", "sites": ["pier"], "qualifications": [{"code": "a-code", "valid_until": "2098-01-01"}]}
    await doors.ask("PUT", f"{DOORS['facilitators']}/F-1", json=ines)
    group = {name: before["groups"]["groups"][0][name] for name in ("name", "program", "site", "weekday", "first_on")}
    await doors.ask(
        "PUT", f"{DOORS['groups']}/circle", json=group | {"capacity": 12, "starts_at_local": "18:30", "minutes": 60}
    )
    ben = {"code": "ben", "name": "Ben S.", "email": "ben@example.org"}
    rota = before["rota"] | {"responders": [*before["rota"]["responders"], ben], "act_within_hours": 12}
    await doors.ask("PUT", DOORS["rota"], json=rota)
    [battery] = before["batteries"]
    await doors.ask("PUT", f"{DOORS['batteries']}/steps", json={"entries": battery["entries"][:1]})


def today(kith: Kith) -> str:
    now = clock.now() + timedelta(seconds=float(kith.clock.read_text()))
    return (now - timedelta(days=1)).date().isoformat()


async def test_a_folder_that_comes_again_leaves_what_people_have_changed(kith: Kith, tmp_path: Path) -> None:
    write(tmp_path)
    first = await bring(kith, tmp_path)
    assert (first.refused, first.left) == ([], [])
    assert (first.files[0].file, first.files[0].rows, first.files[0].created) == ("organisation.toml", 4, 4)
    async with await kith.doors(CODE, "administrator") as doors:
        as_in_the_folder = await standing(doors)
        again = await bring(kith, tmp_path)
        assert (again.left, {(one.created, one.changed) for one in again.files}) == ([], {(0, 0)})

        await change_everything(doors)
        confirmed = as_in_the_folder["contacts"] | {"confirmed_on": today(kith)}
        del confirmed["site"]
        await doors.ask("PUT", DOORS["contacts"], json=confirmed)
        changed = await standing(doors)
        assert all(changed[name] != as_in_the_folder[name] for name in DOORS)
        again = await bring(kith, tmp_path)
        assert {(one.created, one.changed) for one in again.files} == {(0, 0)}
        assert sorted(again.left) == sorted(CHANGED)
        assert await standing(doors) == changed

        replaced = await bring(kith, tmp_path, replace=True)
        assert (replaced.refused, replaced.left) == ([], [])
        assert {one.file: one.changed for one in replaced.files} == {
            "organisation.toml": 3, "sites.csv": 1, "programs.csv": 1, "facilitators.csv": 1, "groups.csv": 1,
            "participants.csv": 0,
        }  # fmt: skip
        assert (await standing(doors))["contacts"]["confirmed_on"] == today(kith)
        assert await standing(doors) == as_in_the_folder | {"contacts": (await standing(doors))["contacts"]}


async def test_crisis_contacts_that_people_have_changed_stay_and_texts_are_added(kith: Kith, tmp_path: Path) -> None:
    code = "twice-texts"
    write(tmp_path, code)
    await bring(kith, tmp_path, code)
    async with await kith.doors(code, "administrator") as doors:
        contacts = await doors.ask("GET", DOORS["contacts"])
        own = {"contacts": [{"label": {"en": "Ours"}, "url": "https://help.example.org"}], "note": contacts["note"]}
        await doors.ask("PUT", DOORS["contacts"], json=own | {"confirmed_on": today(kith)})
        about = tmp_path / "organisation.toml"
        text = 'consent_texts = [{ code = "ours", version = 1, language = "en", text = "We agree." }]\n'
        about.write_text(text + about.read_text().replace("A house", "Another"))
        again = await bring(kith, tmp_path, code)
        assert again.left == ["name of the organisation", "crisis contacts of pier"]
        assert again.files[0].changed == 1
        organisation = await doors.ask("GET", DOORS["organisation"])
        assert organisation["name"] == "A house"
        assert [one["code"] for one in organisation["consent_texts"]] == ["ours", "standard", "standard"]
        assert (await doors.ask("GET", DOORS["contacts"]))["contacts"][0]["url"] == "https://help.example.org"
        await bring(kith, tmp_path, code, replace=True)
        assert await doors.ask("GET", DOORS["contacts"]) == contacts, (
            "of other numbers nobody has said that they are right"
        )


async def test_the_command_names_what_was_left_and_replaces_it_when_told_to(kith: Kith, tmp_path: Path) -> None:
    code, site = "twice-typed", "pier,Pier,Europe/Oslo,en,\n"
    write(tmp_path, code)
    token = await kith.token(code, "administrator")
    words = ("import", str(tmp_path), "--url", kith.url)
    status, out, err = await kith_command(*words, KITH_TOKEN=token)
    assert (status, "differs" in out) == (0, False), err
    write(tmp_path, code, sites=FILES["sites"].splitlines(keepends=True)[0] + site)
    status, out, _ = await kith_command(*words, KITH_TOKEN=token)
    assert status == 0
    assert "site pier: differs from the file, left as it is (--replace sets it)" in out
    status, out, _ = await kith_command(*words, "--json", KITH_TOKEN=token)
    assert {one["file"]: one["left"] for one in json.loads(out)}["sites.csv"] == ["site pier"]
    status, out, _ = await kith_command(*words, "--replace", KITH_TOKEN=token)
    assert (status, "differs" in out) == (0, False)
    async with await kith.doors(code, "administrator") as doors:
        assert [one["languages"] for one in await doors.ask("GET", DOORS["sites"])] == [["en"]]


async def test_one_wrong_program_or_occasion_leaves_out_its_own_row(kith: Kith, tmp_path: Path) -> None:
    code = "twice-answers"
    columns = "participant,program,occasion,instrument,total,answered_on\n"
    rest = "phq-4,6,2025-01-10\n"
    rows = ["steps,baseline", "Evening Circle,baseline", "steps,", "steps,The First"]
    write(tmp_path, code, **{"check-ins": columns + "".join(f"t-1,{row},{rest}" for row in rows)})
    summary = await bring(kith, tmp_path, code)
    assert [(one.line, one.column, one.code) for one in summary.refused] == [
        (3, "program", "string-pattern-mismatch"),
        (4, "occasion", "missing"),
        (5, "occasion", "string-pattern-mismatch"),
    ]
    assert "such as old-town" in summary.refused[0].message
    assert (summary.files[-1].rows, summary.files[-1].created) == (4, 1)
    (tmp_path / "check-ins.csv").write_text(columns.replace("program,", "") + f"t-1,baseline,{rest}")
    summary = await bring(kith, tmp_path, code)
    assert [(one.line, one.column, one.code) for one in summary.refused] == [(2, "program", "missing")]


async def test_an_import_that_is_stopped_says_what_went_in_and_why_it_stopped(kith: Kith, tmp_path: Path) -> None:
    code = "twice-stopped"
    write(tmp_path, code)
    (tmp_path / "sessions.csv").mkdir()
    token = await kith.token(code, "administrator")
    words = ("import", str(tmp_path), "--url", kith.url)
    status, out, err = await kith_command(*words, KITH_TOKEN=token)
    assert status == 1
    assert "participants.csv        1 rows: 1 new" in out
    assert "The import was stopped, and what is in stays in." in err
    assert "sessions.csv cannot be read" in err
    assert "Traceback" not in err
    (tmp_path / "sessions.csv").rmdir()
    someone = await kith.token(code, "program-manager")  # may not read who leads groups
    status, out, err = await kith_command(*words, "--json", KITH_TOKEN=someone)
    assert status == 1
    assert [one["file"] for one in json.loads(out)][-1] == "facilitators.csv"
    assert "[role-needed]" in err
    assert "Traceback" not in err


async def test_a_token_that_has_run_out_stops_an_import_instead_of_refusing_every_row(
    kith: Kith, tmp_path: Path
) -> None:
    write(tmp_path)
    async with Doors(kith.url, "run-out") as doors:
        row, report = Row(2, {"code": "pier", "name": "Pier"}), FileReport("sites.csv")
        with pytest.raises(Refused, match="The token is not valid"):
            await upload(doors, "/intake/api/v1/sites/import-file", [row], report, lambda _: None, 0)
        assert report.refused == []
    with pytest.raises(Stopped, match=r"sign in again\. \[token-not-valid\]"):
        await import_folder(tmp_path, kith.url, "run-out", lambda *_: None)
