"""Where fewer than 60 % have answered there are counts and no rates: at sites, of groups, beside others, and later."""

import csv
import io
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from pypdf import PdfReader

from services.analytics.domain import Asked, Instrument, People, outcomes, standings
from shared.identity import derived_id
from tests.analytics.conftest import NORTH_QUAY, OLD_TOWN, ORGANISATION, Told
from tests.analytics.test_export import words_of
from tests.analytics.test_releases import ADMINISTRATOR, MANAGER, release
from tests.analytics.world import ASKED, OF, Person, play
from tests.doors import bearer
from tests.forms import filled

API = "/analytics/api/v1"
PAGE = "/analytics/programs/evening-circle"
COORDINATOR = bearer("coordinator")
SAID = "no rates are given, only counts"
PHQ9 = Instrument("phq-9", 1, 1, 0, 27, higher_is_better=False, is_validated=True, reliable_change=6, caseness=10)


def people(answered: int, *, at: str = "end") -> list[Person]:
    """Sixty at two sites and of two ages, of whom so many answered until then."""
    found = []
    for number in range(60):
        scores = {"baseline": (16 + number % 4, 9)}
        if number < answered or at == "follow-up":
            scores["end"] = (7 + number % 3, 8)
        if number < answered and at == "follow-up":
            scores["follow-up"] = (8 + number % 3, 8)
        site = (OLD_TOWN, NORTH_QUAY)[number % 2]
        found.append(Person(site=site, age=("under-30", "30-plus")[number // 2 % 2], scores=scores, came=number % 3))
    return found


async def get(client: Any, path: str, who: Any, **params: str) -> Any:
    answer = await client.get(f"{API}/{path}", params=ASKED | params, headers=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(params=[COORDINATOR, MANAGER], ids=["coordinator", "manager"])
def who(request: Any) -> Any:
    return request.param


async def table(client: Any, name: str, who: Any) -> tuple[list[str], list[list[str]]]:
    answer = await client.get(f"{PAGE}/tables/{name}.csv?from=baseline&to=end&attribute=age", headers=who)
    head, *lines = csv.reader(io.StringIO(answer.text))
    return head, lines


@pytest.mark.parametrize(("answered", "has_rates"), [(30, False), (48, True)])
async def test_sites_and_groups(client: Any, told: Told, who: Any, answered: int, has_rates: bool) -> None:
    await play(told, people(answered))
    await release(client)
    sites = await get(client, "sites", who)
    assert sum(row["of"] for row in sites["rows"]) == answered
    for row in sites["rows"]:
        assert (row["n"], row["suppressed"]) == (row["of"], False)
        names = ("rate", "low", "limit_low_95", "limit_high_998", "is_outside_95", "observed_to_expected")
        assert [row[name] is not None for name in names] == [has_rates] * len(names)
    assert (sites["target"] is not None) == has_rates
    stayed = await get(client, "sites", who, measure="stayed")
    assert [row["rate"] for row in stayed["rows"]] == [1, 1]
    for row in (await get(client, "equity", who, attribute="age"))["rows"]:
        outcome = row["outcome"]
        assert (outcome["n"] == outcome["of"] > 10, outcome["rate"] is not None) == (True, has_rates)
        assert (outcome["gap"] is not None) == has_rates
        assert row["reach"]["rate"] is not None
    head, lines = await table(client, "sites", who)
    assert [line[head.index("Share")] != "" for line in lines] == [has_rates] * 2
    assert all(line[1] == line[2] for line in lines)
    head, lines = await table(client, "groups", who)
    better = [line for line in lines if line[0].endswith("reliably better")]
    assert [line[head.index("Share")] != "" for line in better] == [has_rates] * 2
    page = await client.get(f"{PAGE}?to=end&attribute=age", headers=who)
    assert (SAID in page.text) != has_rates
    if not has_rates:
        assert "At no site have enough people answered for a rate" in page.text
    chart = await client.get(f"{PAGE}/charts/sites.svg?to=end", headers=who)
    assert chart.status_code == (200 if has_rates else 404)


@pytest.mark.parametrize(("answered", "said"), [(0, 0), (18, None), (60, 30)])
async def test_of_a_few_who_have_answered_no_site_tells(
    client: Any, told: Told, who: Any, answered: int, said: int | None
) -> None:
    """As the page and `/change` do not: nine at each of two sites are neither a number nor a point of the funnel."""
    await play(told, people(answered))
    await release(client)
    found = await get(client, "sites", who, measure="answered")
    assert [row["n"] for row in found["rows"]] == [said] * 2
    assert [row["suppressed"] for row in found["rows"]] == [said is None] * 2
    assert (found["target"] is None) == (said is None)


async def test_workbook_and_paper(client: Any, told: Told) -> None:
    await play(told, people(30))
    asked = "from=baseline&to=end&attribute=age"
    file = await client.get(f"{PAGE}/export.xlsx?{asked}", headers=COORDINATOR)
    book = openpyxl.load_workbook(io.BytesIO(file.content))
    for name in ("Sites", "Groups", "Became", "Clinical", "Therapies"):
        head, *rows = book[name].iter_rows(values_only=True)
        if name == "Groups":
            rows = [row for row in rows if str(row[0]).endswith("reliably better")]
        assert rows, name
        assert [row[head.index("Share")] for row in rows] == [None] * len(rows), name
        assert all(isinstance(row[1], int) for row in rows), name
    paper = await client.get(f"{PAGE}/export.pdf?{asked}", headers=COORDINATOR)
    assert words_of(PdfReader(io.BytesIO(paper.content))).count(SAID.replace(" ", "")) == 6


@pytest.mark.parametrize(("answered", "has_rates"), [(30, False), (48, True)])
async def test_beside_a_comparison(client: Any, told: Told, answered: int, has_rates: bool) -> None:
    other = derived_id(ORGANISATION, "program", "usual-care")
    await play(told, people(50), program=other, code="usual-care")
    await play(told, people(answered), comparison_program_id=other)
    row = await get(client, "comparison", COORDINATOR)
    assert (row["n"], row["improved"], row["improved_comparison"], row["is_complete"]) == (
        answered, answered, 50, has_rates,
    )  # fmt: skip
    assert (row["gain_over"] is not None, row["improved_gap"] is not None) == (True, has_rates)
    _, lines = await table(client, "beside", COORDINATOR)
    [line] = lines
    assert line[1:3] + line[6:10] == [str(answered), "50", str(answered), str(answered), "50", "50"]
    assert (line[10] != "") == has_rates


@pytest.mark.parametrize(("answered", "has_rates"), [(30, False), (48, True)])
async def test_what_lasts(client: Any, told: Told, who: Any, answered: int, has_rates: bool) -> None:
    await play(told, people(answered, at="follow-up"))
    await release(client)
    three = OF | {"from": "baseline", "end": "end", "to": "follow-up"}
    [row] = (await client.get(f"{API}/lasting", params=three, headers=who)).json()["rows"]
    assert row["maintained"] == row["improved_at_end"] == row["n"] == answered
    assert (row["is_complete"], row["maintained_rate"] is not None) == (has_rates, has_rates)
    head, lines = await table(client, "lasting", who)
    assert [line[1] for line in lines] == [str(answered), "0", "0", "0"]
    assert (lines[0][head.index("Share")] != "") == has_rates
    page = await client.get(f"{PAGE}?to=end", headers=who)
    assert (SAID in page.text) != has_rates


def at_site(pairs: int) -> People:
    counts = {("pair", "phq-9", "1", "1", "baseline", "end", "20", str(score)): pairs // 2 for score in (9, 19)}
    return People(counts | {("eligible", "end"): pairs, ("responded", "end"): pairs}, people_min=5)


def test_a_site_of_fewer_than_ten_is_not_judged_whatever_the_organisation_shows() -> None:
    asked = Asked("evening-circle", PHQ9, "baseline", "end")
    found = standings("improved", asked, {"quay": at_site(8), "town": at_site(30)})
    assert [(one.site, one.suppressed, one.rate is None) for one in found.sites] == [
        ("quay", True, True),
        ("town", False, False),
    ]


async def test_an_organisation_sets_another_share(client: Any, told: Told, who: Any) -> None:
    """Half of sixty have answered. It holds at once, also of what was released before."""
    await play(told, people(30))
    await release(client)
    said = await get(client, "rates", who)
    assert (said["floor"], said["rows"][0]["improved"]["rate"]) == (0.6, None)
    rules = {"people_min": 11, "answered_min": 40}
    answer = await client.put(f"{API}/small-numbers", json=rules, headers=ADMINISTRATOR)
    assert (answer.status_code, answer.json()["answered_min"]) == (200, 40)
    said = await get(client, "rates", who)
    assert (said["floor"], said["rows"][0]["improved"]["rate"]) == (0.4, 1)
    page = await client.get(f"{PAGE}?to=end", headers=who)
    assert SAID not in page.text
    rules["answered_min"] = 101
    refused = await client.put(f"{API}/small-numbers", json=rules, headers=ADMINISTRATOR)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "answered_min")
    form = filled((await client.get("/analytics/releases", headers=ADMINISTRATOR)).text, "/analytics/small-numbers")
    assert form["answered_min"] == ["40"]
    await client.post("/analytics/small-numbers", data=form | {"answered_min": "80"}, headers=ADMINISTRATOR)
    page = await client.get(f"{PAGE}?to=end", headers=who)
    assert "Fewer than 80 % of those who were to be asked have answered" in page.text


def twice(many: int, *, eligible: int, version: int) -> dict[tuple[str, ...], int]:
    """So many who answered at both, of so many who were to be asked."""
    counts = {("eligible", "end"): eligible, ("responded", "end"): many}
    for n in range(many):
        first, later, by = str(16 + n % 4), str(7 + n % 3), str(version)
        for fact in (
            ("pair", "phq-9", by, by, "baseline", "end", first, later),
            ("answer", "phq-9", by, "baseline", first),
            ("answer", "phq-9", by, "end", later),
        ):
            counts[fact] = counts.get(fact, 0) + 1
    return counts


def test_answers_to_a_version_that_does_not_compare_are_no_answers_to_this_one() -> None:
    """Seventy of a hundred answered the old version, twenty the new one: of these no rate is given."""
    counts = twice(20, eligible=100, version=2) | {("responded", "end"): 90, ("answer", "phq-9", "1", "end", "9"): 70}
    asked = Asked("evening-circle", replace(PHQ9, version=2), "baseline", "end")
    found = outcomes(asked, People(counts))
    assert found.improved
    assert (found.is_complete, found.improved.some, found.improved.estimate) == (False, 20, None)


async def test_rates_of_pairs_take_pairs_of_enough_people(client: Any, told: Told, who: Any) -> None:
    """Forty-five of fifty answered at the end, but only twenty at first, too: nine in ten are not half of them."""
    scores = [{"end": (7 + n % 3, 8)} | ({"baseline": (16 + n % 4, 9)} if n < 20 else {}) for n in range(50)]
    await play(told, [Person(scores=one if n < 45 else {}) for n, one in enumerate(scores)])
    await release(client)
    [row] = (await get(client, "rates", who))["rows"]
    assert (row["answered"]["rate"], row["is_complete"]) == (0.9, False)
    assert (row["improved"]["n"], row["improved"]["of"], row["improved"]["rate"]) == (20, 20, None)
    page = await client.get(f"{PAGE}?to=end", headers=who)
    assert "Fewer than 60 % of those who were to be asked have answered these questions each time" in page.text
