"""The real trial Beat the Blues, imported by the command and reported to the last digit."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from deploy.demo import beat_the_blues
from deploy.importer import Summary, import_folder
from deploy.importer.doors import Doors
from tests.conftest import eventually
from tests.journeys.conftest import Kith
from tests.journeys.test_command import kith_command
from tests.web.looking import DESK, PHONE, look

SOURCE = Path(__file__).parents[2] / "deploy" / "demo" / "data" / "beat-the-blues.csv"
ARMS = {"beat-the-blues": "BtheB", "usual-care": "TAU"}


def expected(arm: str, months: int) -> dict[str, Any]:
    """Worked out here, by scipy, from the file."""
    with SOURCE.open() as file:
        rows = [row for row in csv.DictReader(file) if row["treatment"] == arm]
    pairs = [(int(row["bdi.pre"]), int(row[f"bdi.{months}m"])) for row in rows if row[f"bdi.{months}m"] != "NA"]
    fall = np.array([first - later for first, later in pairs])
    low, high = stats.t.interval(0.95, len(fall) - 1, fall.mean(), stats.sem(fall))
    return {
        "n_enrolled": len(rows),
        "n_paired": len(pairs),
        "mean_first": np.mean([first for first, _ in pairs]),
        "mean_later": np.mean([later for _, later in pairs]),
        "mean_change": fall.mean(),
        "change_low": low,
        "change_high": high,
    }


async def import_trial(kith: Kith, folder: Path, patience_seconds: float = 20) -> Summary:
    token = await kith.token(beat_the_blues.CODE, "administrator")
    return await import_folder(folder, kith.url, token, lambda *_: None, patience_seconds)


@pytest.fixture(scope="module")
async def trial(kith: Kith, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trial")
    beat_the_blues.write(folder)
    summary = await import_trial(kith, folder)
    assert summary.refused == []
    assert {one.file: one.rows for one in summary.files}["check-ins.csv"] == 380
    async with await kith.doors(beat_the_blues.CODE, "coordinator", "administrator") as doors:
        for program, arm in ARMS.items():
            for months in beat_the_blues.OCCASIONS.values():
                if months:
                    await heard(doors, program, months, expected(arm, months)["n_paired"])
        await doors.ask("POST", "/analytics/api/v1/releases")
    return folder


async def heard(doors: Doors, program: str, months: int, n_paired: int) -> Any:
    """The figures, once so many people are in them."""
    asked = {"program": program, "instrument": "bdi-ii", "from": "baseline", "to": f"month-{months}"}

    async def found() -> Any:
        [row] = (await doors.ask("GET", "/analytics/api/v1/change", params=asked))["rows"]
        return row if row["n_paired"] == n_paired else None

    return await eventually(found)


@pytest.mark.parametrize("program", ARMS)
@pytest.mark.parametrize("months", [2, 8])
async def test_the_figures_of_both_arms_are_those_of_the_file(
    kith: Kith, trial: Path, sign_in: Any, program: str, months: int
) -> None:
    wanted = expected(ARMS[program], months)
    async with await kith.doors(beat_the_blues.CODE, "program-manager") as doors:
        row = await heard(doors, program, months, wanted["n_paired"])
    assert not row["suppressed"]
    for name, value in wanted.items():
        assert row[name] == pytest.approx(value, rel=1e-12), name

    page = await sign_in("Rowan Hale")
    await page.goto(f"/analytics/programs/{program}?instrument=bdi-ii&from=baseline&to=month-{months}")
    text = await page.locator("main").inner_text()
    assert f"{wanted['mean_change']:+.2f}".replace("-", "−") in text
    assert f"{wanted['change_low']:+.2f} to {wanted['change_high']:+.2f}".replace("-", "−") in text
    assert f"what changed for {wanted['n_paired']} people" in text
    await look(page, f"journey-effect-{program}-{months}", PHONE, DESK)


async def test_a_released_figure_is_computed_again_from_the_log(kith: Kith, trial: Path) -> None:
    async with await kith.doors(beat_the_blues.CODE, "administrator") as doors:
        newest = (await doors.ask("GET", "/analytics/api/v1/releases"))["rows"][0]
    assert newest["offsets"]
    here = {"KITH_DATA": str(kith.system.settings.data)}
    asked = ("export", "figure", "--organisation", beat_the_blues.CODE, "--rebuild", "--json")
    status, out, err = await kith_command(*asked, "beat-the-blues/bdi-ii/baseline/month-2", **here)
    assert (status, err) == (0, "")
    found, wanted = json.loads(out), expected(ARMS["beat-the-blues"], 2)
    assert found["equal"]
    assert found["again"]["mean_change"] == found["mean_change"] == pytest.approx(wanted["mean_change"], rel=1e-12)
    assert (found["definition"], found["n_paired"]) == ("change-1", wanted["n_paired"])
    for name in ("enrolled", "stay", "asked/month-2", "answer/bdi-ii/baseline"):
        status, out, err = await kith_command(*asked, f"beat-the-blues/{name}", **here)
        found = json.loads(out)
        assert (status, found["people"], found["equal"]) == (0, wanted["n_enrolled"], True), name
    status, _, err = await kith_command(*asked, "beat-the-blues/bdi-ii", **here)
    assert (status, "names no figure: write" in err) == (1, True)
    status, _, err = await kith_command(*asked, "beat-the-blues/bdi-ii/baseline/never", **here)
    assert (status, "[figure-not-found]" in err) == (1, True)


async def test_the_same_folder_twice_changes_nothing(kith: Kith, trial: Path) -> None:
    again = await import_trial(kith, trial)
    assert again.refused == []
    assert {(one.created, one.changed) for one in again.files} == {(0, 0)}


async def test_a_bad_row_is_named_and_good_rows_go_in(kith: Kith, trial: Path, tmp_path: Path) -> None:
    (tmp_path / "organisation.toml").write_text((trial / "organisation.toml").read_text())
    (tmp_path / "participants.csv").write_bytes(
        b"\xef\xbb\xbfreference;preferred_name;email;language;site;program;enrolled_on;consent_reporting;consent_contact_after\r\n"
        b"new-1;=1+1;history@people.example;en;london;usual-care;2024-01-15;yes;no\r\n"
        b"new-2;Somebody;;en;london;usual-care;15.01.2024;yes;no\r\n"
        b"new-3;Somebody;;en;atlantis;usual-care;2024-01-15;yes;no\r\n"
    )
    (tmp_path / "check-ins.csv").write_text(
        "participant,program,occasion,instrument,total,answered_on\n"
        "new-1,usual-care,baseline,bdi-ii,64,2024-01-15\n"
        "nobody,usual-care,baseline,bdi-ii,20,2024-01-15\n"
    )
    summary = await import_trial(kith, tmp_path, patience_seconds=2)
    found = {(one.file, one.line, one.column) for one in summary.refused}
    assert found == {
        ("participants.csv", 3, "enrolled_on"),
        ("participants.csv", 4, "site"),
        ("check-ins.csv", 2, "total"),
        ("check-ins.csv", 3, "participant"),
    }
    people = next(one for one in summary.files if one.file == "participants.csv")
    assert people.created == 1
    assert await kith.mail_to("history@people.example") == []  # an import sends no messages
