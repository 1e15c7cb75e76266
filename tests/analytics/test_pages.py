"""The page of a program, whatever two check-ins a reader chooses."""

import csv
import io
import re
from typing import Any

import openpyxl
import pytest

from services.analytics.pages.sheets import BY_NAME, SHEETS
from shared.identity import derived_id
from tests.analytics.conftest import NORTH_QUAY, OLD_TOWN, ORGANISATION, Told, a_battery, a_program, an_instrument
from tests.analytics.test_releases import MANAGER, improving, release
from tests.analytics.world import ASKED, Person, crowd, play, somebody
from tests.doors import bearer

COORDINATOR = bearer("coordinator")


@pytest.mark.parametrize(
    ("first", "later", "said"),
    [
        ("end", "end", "That is one check-in, not two."),
        ("end", "baseline", "From baseline to end"),
        ("baseline", "end", "From baseline to end"),
    ],
)
async def test_change_goes_forward_and_needs_two_check_ins(
    client: Any, told: Told, first: str, later: str, said: str
) -> None:
    await told.tell(a_program(), an_instrument(), a_battery("baseline", "end"))
    address = f"/analytics/programs/evening-circle?instrument=bdi-ii&from={first}&to={later}"
    answer = await client.get(address, headers=COORDINATOR)
    assert answer.status_code == 200
    assert said in answer.text


async def test_another_instrument_is_chosen_with_the_form_that_shows_the_first(client: Any, told: Told) -> None:
    both = a_battery("baseline", "end", "month-1", "month-2")
    for entry in both.entries[2:]:
        entry.instruments[:] = ["mood"]
    await told.tell(a_program(), an_instrument(), an_instrument(code="mood"), both)
    address = "/analytics/programs/evening-circle?instrument=mood&from=baseline&to=end"  # as the browser sends it
    answer = await client.get(address, headers=COORDINATOR)
    assert (answer.status_code, "From month 1 to month 2" in answer.text) == (200, True)
    nowhere = await client.get(address.replace("baseline", "nowhere"), headers=COORDINATOR)
    assert nowhere.status_code == 404


FILES = ("tables/changed.csv", "charts/changed.svg", "export.xlsx", "export.pdf")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("instrument=", 404, "instrument-not-found"),
        ("instrument=nothing", 404, "instrument-not-found"),
        ("attribute=nothing", 404, "attribute-not-found"),
        ("attribute=site", 200, ""),
        ("attribute=", 200, ""),
    ],
)
async def test_page_and_files_answer_alike_whatever_is_asked(
    client: Any, told: Told, query: str, status: int, code: str
) -> None:
    await play(told, [improving(number, (OLD_TOWN, NORTH_QUAY)[number % 2]) for number in range(60)])
    await release(client)
    for who in (COORDINATOR, MANAGER):
        for path in ("", *(f"/{file}" for file in FILES)):
            answer = await client.get(f"/analytics/programs/evening-circle{path}?{query}", headers=who)
            assert (answer.status_code, code in answer.text) == (status, True), path
    if query == "attribute=site":
        page = await client.get(f"/analytics/programs/evening-circle?{query}", headers=MANAGER)
        assert '<option value="site" selected>' in page.text
        assert ">Old Town<" in page.text


@pytest.mark.parametrize("path", ["", *(f"/{file}" for file in FILES)])
async def test_where_nothing_is_asked_twice_an_empty_instrument_is_not_found(
    client: Any, told: Told, path: str
) -> None:
    await told.tell(a_program(), an_instrument(), a_battery("baseline"))
    answer = await client.get(f"/analytics/programs/evening-circle{path}?instrument=", headers=COORDINATOR)
    assert (answer.status_code, "instrument-not-found" in answer.text) == (404, True)


@pytest.mark.parametrize("path", ["tables/groups.csv", "tables/changed.csv", "charts/sites.svg"])
async def test_no_file_is_of_one_check_in(client: Any, told: Told, path: str) -> None:
    await play(told, [somebody(number) for number in range(40)])
    asked = "attribute=age&from=end&to=end"
    answer = await client.get(f"/analytics/programs/evening-circle/{path}?{asked}", headers=COORDINATOR)
    assert (answer.status_code, "That names one check-in twice" in answer.text) == (422, True)


@pytest.mark.parametrize("who", [COORDINATOR, MANAGER], ids=["coordinator", "manager"])
async def test_without_a_follow_up_yet_the_change_until_the_end_is_shown(client: Any, told: Told, who: Any) -> None:
    people = [improving(number) for number in range(20)]
    few = {"baseline": (15, 9), "end": (9, 9), "follow-up": (9, 9)}
    await play(told, people + [Person(scores=few) for _ in range(4)])
    await release(client)
    page = await client.get("/analytics/programs/evening-circle", headers=who)
    assert "From baseline to end" in page.text
    assert "what changed for 24 people" in page.text
    assert "PHQ-9, baseline to end:" in (await client.get("/analytics/", headers=who)).text
    file = await client.get("/analytics/programs/evening-circle/export.xlsx", headers=who)
    first = openpyxl.load_workbook(io.BytesIO(file.content))["Program"]
    assert ("To", "End") in list(first.iter_rows(values_only=True))
    asked = await client.get("/analytics/programs/evening-circle?to=follow-up", headers=who)
    assert "From baseline to follow-up" in asked.text


CLAIMS = re.compile(r"\b(effects?|caused?|causes|because of|due to)\b", re.IGNORECASE)


async def test_no_page_claims_more_than_change_without_a_comparison(client: Any, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)])
    for page in ("", "definitions", "programs/evening-circle", "programs/evening-circle?attribute=age"):
        answer = await client.get(f"/analytics/{page}", headers=COORDINATOR)
        assert answer.status_code == 200
        assert CLAIMS.findall(re.sub(r"<[^>]+>", " ", answer.text)) == [], page


async def test_the_page_stands_under_the_headings_of_re_aim(client: Any, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)])
    text = (await client.get("/analytics/programs/evening-circle?to=end", headers=COORDINATOR)).text
    headings = [text.index(f">{one}<") for one in SHEETS]
    assert headings == sorted(headings)
    for said in (
        "34 of 40 who were to be asked at end have answered",
        "By age, these differ from all others by more than chance: 30 plus (stayed)",
        "Mean of the personal slopes of 20 people",
        "What trials have found",
        "what more sessions would do",
    ):
        assert said.replace("'", "&#39;") in text, said


async def test_each_card_has_a_chart_and_a_file_of_the_same_numbers(client: Any, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)])
    address = "/analytics/programs/evening-circle"
    for name in BY_NAME:
        file = await client.get(f"{address}/tables/{name}.csv?attribute=age&to=end&from=baseline", headers=COORDINATOR)
        if name in ("beside", "gained", "gained-at-sites"):  # no comparison, and who is reliably better is known
            assert file.status_code == 404
            continue
        header, *lines = csv.reader(io.StringIO(file.text))
        assert all(len(line) == len(header) for line in lines)
        chart = await client.get(f"{address}/charts/{name}.svg?to=end", headers=COORDINATOR)
        assert chart.status_code == (404 if name in ("groups", "paired", "held") else 200), name
    api = (await client.get("/analytics/api/v1/change", params=ASKED, headers=COORDINATOR)).json()["rows"][0]
    file = await client.get(f"{address}/tables/changed.csv?from=baseline&to=end", headers=COORDINATOR)
    header, first, *_ = csv.reader(io.StringIO(file.text))
    assert header[:3] == ["Check-in", "Answered both", "Mean change"]
    assert first[:5] == ["End", *(str(api[one]) for one in ("n_paired", "mean_change", "change_low", "change_high"))]
    assert (await client.get(f"{address}/tables/nothing.csv", headers=COORDINATOR)).status_code == 404


async def test_a_comparison_stands_beside_the_change(client: Any, told: Told) -> None:
    other = derived_id(ORGANISATION, "program", "usual-care")
    await play(told, [Person(scores={"baseline": (15 + n % 4, 9), "end": (14 + n % 3, 9)}) for n in range(15)],
               program=other, code="usual-care")  # fmt: skip
    await play(told, [Person(scores={"baseline": (15 + n % 4, 9), "end": (5 + n % 3, 9)}) for n in range(15)],
               comparison_program_id=other)  # fmt: skip
    text = (await client.get("/analytics/programs/evening-circle?to=end", headers=COORDINATOR)).text
    assert re.search(r"People gained \d\.\d\d SD more than in Usual Care", text)
    assert "What trials have found" not in text


async def test_before_and_after_is_drawn_of_enough_people(client: Any, told: Told) -> None:
    await play(told, crowd())
    address = "/analytics/programs/evening-circle"
    text = (await client.get(f"{address}?to=end", headers=COORDINATOR)).text
    [better, n] = re.findall(r"(\d+) of (\d+) are in a better part of the scale at end than at baseline", text)[0]
    file = await client.get(f"{address}/tables/paired.csv?from=baseline&to=end", headers=COORDINATOR)
    _, *lines = csv.reader(io.StringIO(file.text))
    counts = [[int(one) for one in line[1:-3]] for line in lines]
    assert len(counts) > 1
    assert sum(map(sum, counts)) == int(n) == 120
    assert sum(many for row, line in enumerate(counts) for many in line[:row]) == int(better)  # lower is better
    assert all(many == 0 or many >= 11 for line in counts for many in line)
    chart = await client.get(f"{address}/charts/paired.svg?to=end", headers=COORDINATOR)
    assert chart.status_code == 200
    bars = await client.get(f"{address}/charts/answered.svg?to=end", headers=COORDINATOR)
    assert all(f">{one}<" in bars.text for one in ("Were to be asked", "Invited", "Reached", "Answered", 120))
