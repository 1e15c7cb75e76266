"""Programs at the edge of what can be computed: each has the right figure or a sentence, wherever it is shown."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from pypdf import PdfReader

from services.analytics.pages.sheets import BY_NAME
from shared.events.feedback import CheckInSubmitted, Score
from shared.events.intake import ParticipantWithdrawn
from tests.analytics.conftest import AT, Told, a_battery, a_check_in, a_program, an_enrolment, an_instrument
from tests.analytics.test_statistics import UNCHANGED
from tests.doors import bearer

COORDINATOR = bearer("coordinator")
ADDRESS = "/analytics/programs/evening-circle"
API = "/analytics/api/v1"
NO_NUMBER = re.compile(r"\b(nan|NaN|None|inf|Infinity|Undefined)\b")
Scored = tuple[int, int] | tuple[int, int, int, int]
"""First and later counts; and the versions that they are of, if not the first."""


@dataclass(frozen=True, slots=True)
class World:
    """A program, and what its figures from baseline to end must be. Without `n` they are not shown."""

    people: Sequence[Scored] = ()
    instruments: Sequence[dict[str, Any]] = field(default_factory=lambda: ({},))
    occasions: tuple[str, ...] = ("baseline", "end")
    is_withdrawn: bool = False
    n: int | None = None
    change: float | None = None
    has_interval: bool = True
    has_gain: bool = True
    said: str = ""


RISING = [(20, 20 - number % 7) for number in range(14)]
SHARP = {"reliable_change": 9, "caseness": 14}
WORLDS = {
    "nothing is asked": World(occasions=(), said="Nothing is asked twice"),
    "nothing is asked twice": World(occasions=("baseline",), said="Nothing is asked twice"),
    "nobody": World(said="Too few people"),
    "one person": World([(20, 10)], said="Too few people"),
    "two people": World([(20, 10), (18, 11)], said="Too few people"),
    "ten people": World([(20 + number, 10) for number in range(10)], said="Too few people"),
    "everybody the same": World([(20, 15)] * 12, n=12, change=5, has_interval=False, has_gain=False),
    "nobody changes": World([(20, 20)] * 12, n=12, change=0, has_interval=False, has_gain=False),
    "nobody changes, though all differ": World([(n, n) for n in UNCHANGED], n=12, change=0, has_interval=False),
    "SD zero at the start": World(RISING, n=14, change=3, has_gain=False),
    "the same change for all": World(
        [(20 + number, 15 + number) for number in range(12)], n=12, change=5, has_interval=False
    ),
    "SD zero later": World([(20 + number % 3, 15) for number in range(12)], n=12, change=6, has_gain=False),
    "all withdrawn": World(
        [(20 + number % 3, 14 + number % 2) for number in range(12)], is_withdrawn=True, n=12, change=6.5
    ),
    "with a threshold": World(RISING, [SHARP], n=14, change=3, has_gain=False),
    "everybody the same, with a threshold": World(
        [(20, 5)] * 12, [SHARP], n=12, change=15, has_interval=False, has_gain=False
    ),
    "higher is worse": World([(20 + number % 2, 26 + number % 4) for number in range(12)], n=12, change=-7),
    "higher is better": World(
        [(20 + number % 2, 26 + number % 4) for number in range(12)], [{"higher_is_better": True}], n=12, change=7
    ),
    "a decimal instrument": World(
        [(20 + number % 2, 13 + number % 4) for number in range(12)], [{"unit": 6, "maximum": 378}], n=12, change=1
    ),
    "two versions that can be compared": World(
        [(20 + number % 2, 14 + number % 3, 1, 2) for number in range(12)],
        [{}, {"version": 2, "comparable_versions": [1]}], n=12, change=5.5,
    ),
    "two versions that cannot": World(
        [(20 + number % 2, 15, 1, 2) for number in range(12)], [{}, {"version": 2}], said="Too few people"
    ),
    "two versions that count other units": World(
        [(20, 90, 1, 2)] * 12, [{}, {"version": 2, "unit": 6, "comparable_versions": [1]}], said="Too few people"
    ),
}  # fmt: skip


def events(world: World) -> list[Any]:
    told: list[Any] = [a_program(), *(an_instrument(**one) for one in world.instruments)]
    told += [a_battery(*world.occasions)] if world.occasions else []
    units = {one.get("version", 1): one.get("unit", 1) for one in world.instruments}
    for person in world.people:
        enrolled = an_enrolment(uuid4())
        told.append(enrolled)
        versions = person[2:] or (1, 1)
        for occasion, count, version in zip(("baseline", "end"), person, versions, strict=False):
            told.append(_answer(enrolled.enrolment_id, occasion, count, version, units[version]))
        if world.is_withdrawn:
            told.append(
                ParticipantWithdrawn(
                    participant_id=enrolled.participant_id, enrolment_id=enrolled.enrolment_id, withdrawn_on=AT.date()
                )
            )
    return told


def _answer(enrolment: Any, occasion: str, count: int, version: int, unit: int) -> CheckInSubmitted:
    score = Score(instrument="bdi-ii", version=version, count=count, unit=unit)
    return a_check_in(enrolment, occasion, 0).model_copy(update={"scores": [score]})


@pytest.fixture(params=WORLDS.values(), ids=WORLDS.keys())
async def world(request: Any, told: Told) -> World:
    one: World = request.param
    await told.tell(*(each for each in events(one) if not hasattr(each, "enrolment_id")))
    await told.tell_at_once([each for each in events(one) if hasattr(each, "enrolment_id")])
    return one


async def test_the_right_figure_or_a_sentence_everywhere(client: Any, world: World) -> None:
    page = await client.get(ADDRESS, headers=COORDINATOR)
    book = await client.get(f"{ADDRESS}/export.xlsx", headers=COORDINATOR)
    paper = await client.get(f"{ADDRESS}/export.pdf", headers=COORDINATOR)
    assert [one.status_code for one in (page, book, paper)] == [200] * 3
    printed = PdfReader(io.BytesIO(paper.content))
    assert len(printed.pages) == 1
    texts = [
        re.sub(r"<[^>]+>", " ", page.text),
        " ".join(" ".join(printed.pages[0].extract_text().split()).split("- ")),
    ]
    for text in texts:
        assert NO_NUMBER.findall(text) == []
        assert world.said in text
    sheets = openpyxl.load_workbook(io.BytesIO(book.content))
    rows = [row for sheet in sheets.worksheets[2:] for row in sheet.iter_rows(values_only=True)]
    assert not [cell for row in rows for cell in row if isinstance(cell, str) and NO_NUMBER.search(cell)]
    if len(world.occasions) < 2:
        assert sheets.sheetnames == ["Program", "Definitions"]
        return
    for name in BY_NAME:
        chart = await client.get(f"{ADDRESS}/charts/{name}.svg", headers=COORDINATOR)
        assert chart.status_code in (200, 404)
        file = await client.get(f"{ADDRESS}/tables/{name}.csv", headers=COORDINATOR)
        assert file.status_code in (200, 404)
        assert NO_NUMBER.findall(file.text) == []
    await _is_as_it_must_be(client, world, [list(row) for row in sheets["Changed"].iter_rows(values_only=True)][1])


async def _is_as_it_must_be(client: Any, world: World, row: list[Any]) -> None:
    file = await client.get(f"{ADDRESS}/tables/changed.csv", headers=COORDINATOR)
    _, line = list(csv.reader(io.StringIO(file.text)))[:2]
    asked = {"program": "evening-circle", "instrument": "bdi-ii", "from": "baseline", "to": "end"}
    [api] = (await client.get(f"{API}/change", params=asked, headers=COORDINATOR)).json()["rows"]
    if world.n is None:
        assert row[1:-3] == line[1:-3] == ["hidden"] * 7
        assert api["suppressed"]
        assert api["mean_change"] is None
        return
    shown = [api[one] for one in ("n_paired", "mean_change", "change_low", "change_high")]
    shown += [api[one] for one in ("gain", "gain_low", "gain_high")]
    assert shown[:2] == [world.n, pytest.approx(world.change)]
    assert [one is not None for one in shown[2:4]] == [world.has_interval] * 2
    assert (shown[4] is not None) == world.has_gain
    assert line[1:-3] == ["" if one is None else str(one) for one in shown]
    assert row[1:-3] == [one if one is None else pytest.approx(one, rel=1e-15) for one in shown]


async def test_every_answer_is_json_without_nan(client: Any, world: World) -> None:
    asked = {"program": "evening-circle", "instrument": "bdi-ii", "from": "baseline", "to": "end"}
    for path, more in (
        ("change", {}), ("rates", {}), ("retention", {}), ("trend", {}), ("sites", {"measure": "stayed"}),
        ("equity", {"by": "cohort"}), ("lasting", {"end": "end"}), ("comparison", {}),
    ):  # fmt: skip
        answer = await client.get(f"{API}/{path}", params=asked | more, headers=COORDINATOR)
        assert answer.status_code in (200, 404, 409, 422), path

        def no_such(text: str) -> None:
            raise AssertionError(text)

        json.loads(answer.text, parse_constant=no_such)
