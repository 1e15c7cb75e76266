"""The trial Beat the Blues as an organisation: one program an arm, 380 scores of real people."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from dateutil.relativedelta import relativedelta

from deploy.demo.files import write_rows

CODE = "beat-the-blues-trial"
SOURCE = Path(__file__).parent / "data" / "beat-the-blues.csv"
PROGRAMS = {"BtheB": "beat-the-blues", "TAU": "usual-care"}
OCCASIONS = {"bdi.pre": 0, "bdi.2m": 2, "bdi.4m": 4, "bdi.6m": 6, "bdi.8m": 8}
ENROLLED_ON = date(2024, 1, 15)  # the source has no dates: everybody begins on one day
NOT_ANSWERED = "NA"

_ORGANISATION = """\
code = "beat-the-blues-trial"
name = "Beat the Blues trial"

[[attributes]]
code = "antidepressants"
label = "On antidepressants"
options = [{ code = "yes", label = "Yes" }, { code = "no", label = "No" }]

[[attributes]]
code = "episode"
label = "Length of the current episode"
options = [
  { code = "over-6-months", label = "Over six months" },
  { code = "under-6-months", label = "Under six months" },
]
"""
_BATTERY = """
[[batteries]]
program = "{program}"
entries = [
  {{ occasion = "baseline", kind = "baseline", instruments = ["bdi-ii"] }},
  {{ occasion = "month-2", kind = "monthly", ordinal = 2, months_after = 2, instruments = ["bdi-ii"] }},
  {{ occasion = "month-4", kind = "monthly", ordinal = 4, months_after = 4, instruments = ["bdi-ii"] }},
  {{ occasion = "month-6", kind = "monthly", ordinal = 6, months_after = 6, instruments = ["bdi-ii"] }},
  {{ occasion = "month-8", kind = "monthly", ordinal = 8, months_after = 8, instruments = ["bdi-ii"] }},
]
"""


def write(folder: Path) -> None:
    """Write the organisation's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    batteries = "".join(_BATTERY.format(program=program) for program in PROGRAMS.values())
    (folder / "organisation.toml").write_text(_ORGANISATION + batteries)
    people = read()
    write_rows(
        folder / "sites.csv",
        [{"code": "london", "name": "London practices", "time_zone": "Europe/London", "languages": "en"}],
    )
    write_rows(folder / "programs.csv", _programs())
    write_rows(folder / "participants.csv", map(_participant, people))
    write_rows(folder / "check-ins.csv", (row for person in people for row in _check_ins(person)))


def read() -> list[dict[str, str]]:
    """The rows of the source."""
    with SOURCE.open(newline="") as file:
        return list(csv.DictReader(file))


def _programs() -> Iterator[dict[str, str]]:
    names = {"beat-the-blues": "Beat the Blues", "usual-care": "Usual care"}
    comparison = {"beat-the-blues": "usual-care", "usual-care": ""}
    for code, name in reversed(names.items()):  # a comparison program is published first
        yield {
            "code": code,
            "name": name,
            "sites": "london",
            "objectives": "less-depression",
            "comparison_program": comparison[code],
        }


def _participant(row: dict[str, Any]) -> dict[str, str]:
    drug = "yes" if row["drug"] == "Yes" else "no"
    episode = "over-6-months" if row["length"] == ">6m" else "under-6-months"
    return {
        "reference": f"btb-{row['']}",
        "preferred_name": f"Trial participant {row['']}",
        "language": "en",
        "site": "london",
        "program": PROGRAMS[row["treatment"]],
        "enrolled_on": ENROLLED_ON.isoformat(),
        "attributes": f"antidepressants={drug} episode={episode}",
        "consent_reporting": "yes",
        "consent_contact_after": "no",
    }


def _check_ins(row: dict[str, str]) -> Iterator[dict[str, str]]:
    for column, months in OCCASIONS.items():
        if row[column] != NOT_ANSWERED:
            yield {
                "participant": f"btb-{row['']}",
                "program": PROGRAMS[row["treatment"]],
                "occasion": f"month-{months}" if months else "baseline",
                "instrument": "bdi-ii",
                "total": row[column],
                "answered_on": (ENROLLED_ON + relativedelta(months=months)).isoformat(),
            }
