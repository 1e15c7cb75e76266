"""An organisation hides other numbers than before: the next release is made by the new rule, whatever else moved."""

from typing import Any

import pytest

from services.analytics.domain.lattice import EVERYBODY, Cell
from services.analytics.domain.releasing import Counts, Release, release
from services.analytics.domain.rules import Rules
from services.analytics.domain.waiting import Latest, to_move
from tests.analytics.conftest import NORTH_QUAY, OLD_TOWN, Told
from tests.analytics.test_releases import ADMINISTRATOR, API, COORDINATOR, MANAGER, improving, rows
from tests.analytics.test_releases import release as released
from tests.analytics.test_small_numbers import HILL, QUAY, TOWN, numbers, scores, tables
from tests.analytics.world import play

FEW, MORE = Rules(5), Rules(11)
SITES, PAGE = ("old-town", "north-quay"), "/analytics/programs/evening-circle"
DECIDED = {"people_min": 5, "decision": "Board, minute 12", "decided_on": "2025-01-06"}


async def rule(client: Any, **said: Any) -> None:
    assert (await client.put(f"{API}/small-numbers", json=said, headers=ADMINISTRATOR)).status_code == 200


async def seen(client: Any) -> tuple[dict[str, int | None], dict[str, int | None]]:
    """How many of each site answered twice, and how many are enrolled there by the tables."""
    table = (await client.get(f"{API}/tables", headers=MANAGER)).json()["rows"]
    sites = {row["of"]["site"]: row["n"] for row in table if row["of"].keys() == {"site"}}
    return {row["group"]: row["n_paired"] for row in await rows(client, by="site")}, sites


@pytest.mark.parametrize("more", [0, 30], ids=["nothing moved", "one site moved"])
async def test_who_hides_more_than_before_hides_it_that_night(client: Any, told: Told, more: int) -> None:
    await rule(client, **DECIDED)
    await play(told, [improving(number, NORTH_QUAY if number < 7 else OLD_TOWN) for number in range(60)])
    await released(client)
    assert await seen(client) == ({"old-town": 53, "north-quay": 7}, {"old-town": 53, "north-quay": 7})
    await rule(client, people_min=11)
    await play(told, [improving(number) for number in range(more)])
    assert (await released(client))["release"] == 2
    hidden = {"old-town": None, "north-quay": None}
    assert await seen(client) == (hidden, hidden)
    assert (await rows(client))[0]["n_paired"] == 60 + more
    assert await released(client) == {"release": None, "moved": 0, "hidden": 0}
    assert await seen(client) == (hidden, hidden)


async def test_who_sees_what_is_now_sees_it_by_the_rule_of_the_organisation(client: Any, told: Told) -> None:
    people = [improving(number, NORTH_QUAY if number < 7 else OLD_TOWN) for number in range(25)]
    await play(told, people)
    for people_min, seen_now in ((11, {"old-town": 18, "north-quay": None}), (20, dict.fromkeys(SITES))):
        await rule(client, people_min=people_min)
        assert {row["group"]: row["n_paired"] for row in await rows(client, COORDINATOR, by="site")} == seen_now
    await rule(client, **DECIDED)
    found = await rows(client, COORDINATOR, by="site")
    assert {row["group"]: row["n_paired"] for row in found} == {"old-town": 18, "north-quay": 7}
    funnel = await rows(client, COORDINATOR, "sites")
    assert {row["site"]: row["of"] for row in funnel} == {"old-town": 18, "north-quay": None}  # its own ten stay
    assert "Fewer than 5 people" in (await client.get(f"{PAGE}?from=end&to=follow-up", headers=COORDINATOR)).text


async def test_who_hides_less_than_before_shows_it_that_night(client: Any, told: Told) -> None:
    await play(told, [improving(number, NORTH_QUAY if number < 7 else OLD_TOWN) for number in range(60)])
    await released(client)
    assert await seen(client) == ({"old-town": None, "north-quay": None},) * 2
    await rule(client, **DECIDED)
    assert (await released(client))["release"] == 2
    assert await seen(client) == ({"old-town": 53, "north-quay": 7},) * 2


def by_other_rules(*days: dict[Cell, int]) -> list[Release]:
    """All but the last one by a rule that hides less."""
    found: list[Release] = []
    for day in days[:-1]:
        found.append(release(Counts(day), found, FEW))
    return [*found, release(Counts(days[-1]), found, MORE)]


@pytest.mark.parametrize(
    ("later", "now"),
    [
        ({"quay": 7, "town": 20, "hill": 40}, {"all": 67, "quay": None, "town": None, "hill": 40}),
        ({"quay": 12, "town": 20, "hill": 40}, {"all": 67, "quay": None, "town": None, "hill": 40}),  # 5 of 12 are new
        ({"quay": 18, "town": 20, "hill": 40}, {"all": 78, "quay": 18, "town": 20, "hill": 40}),
    ],
)
def test_what_was_shown_and_is_small_now_is_hidden_with_company(
    later: dict[str, int], now: dict[str, int | None]
) -> None:
    before, after = by_other_rules(tables(quay=7, town=20, hill=40), tables(**later))
    assert numbers(before) == {"all": 67, "quay": 7, "town": 20, "hill": 40}
    assert numbers(after) == now


def test_what_is_hidden_anew_comes_back_when_it_may_move() -> None:
    days = [tables(quay=7, town=20, hill=40), tables(quay=7, town=20, hill=40), tables(quay=30, town=40, hill=60)]
    before = by_other_rules(*days[:2])
    assert numbers(release(Counts(days[2]), before, MORE)) == {"all": 130, "quay": 30, "town": 40, "hill": 60}


def test_scores_that_were_shown_are_hidden_with_company() -> None:
    now = scores(quay=7, town=20, hill=40)
    first = to_move(now, [], (), FEW)
    assert {cell: row.n for cell, row in first.items() if row.facts} == {EVERYBODY: 67, QUAY: 7, TOWN: 20, HILL: 40}
    assert to_move(now, [first], (), MORE, anew=True) == {QUAY: Latest(7, None), TOWN: Latest(20, None)}
    later = scores(quay=12, town=20, hill=40)
    assert to_move(later, [first], (), MORE, anew=True) == {QUAY: Latest(12, None), TOWN: Latest(20, None)}
