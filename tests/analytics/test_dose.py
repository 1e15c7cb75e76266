"""By how many sessions people came to: what changed for them, and that it says nothing of what more would do."""

import csv
import io
from typing import Any

import pytest
from scipy import stats

from tests.analytics.conftest import Told
from tests.analytics.test_figures import wilson
from tests.analytics.test_releases import API, COORDINATOR, MANAGER, release
from tests.analytics.world import ASKED, Person, play
from tests.doors import bearer

PAGE = "/analytics/programs/evening-circle"
CAME = {"0-1": (0, 1), "2-4": (2, 4), "5-8": (5, 8), "9+": (9, 11)}


def crowd() -> list[Person]:
    """Twelve people came to each number of sessions at the borders but one; of these few it is five."""
    found = []
    for band, ends in CAME.items():
        for came in ends:
            for number in range(2 if band == "9+" else 12):
                first, fall = 15 + number % 4, (2, 7, 8)[(number + came) % 3]
                found.append(Person(scores={"baseline": (first, 9), "end": (first - fall, 9)}, came=came))
    found.append(Person(scores={"baseline": (15, 9), "end": (8, 9)}, came=9))
    return found


async def test_what_changed_is_told_by_sessions_attended(client: Any, told: Told) -> None:
    people = crowd()
    await play(told, people)
    answer = await client.get(f"{API}/dose", params=ASKED, headers=COORDINATOR)
    assert answer.status_code == 200, answer.text
    rows = {row["sessions"]: row for row in answer.json()["rows"]}
    assert list(rows) == list(CAME)
    assert (rows["9+"]["suppressed"], rows["9+"]["n_paired"], rows["9+"]["mean_change"]) == (True, None, None)
    for band in ("0-1", "2-4", "5-8"):
        falls = [one.scores["baseline"][0] - one.scores["end"][0] for one in people if one.came in CAME[band]]
        row, improved = rows[band], sum(fall >= 6 for fall in falls)
        assert (row["n_paired"], row["reliably_improved"], row["improved_share"]) == (24, improved, improved / 24)
        low, high = stats.t.interval(0.95, 23, sum(falls) / 24, stats.sem(falls))
        assert (row["change_low"], row["change_high"]) == pytest.approx((low, high))
        assert (row["improved_low"], row["improved_high"]) == pytest.approx(wilson(improved, 24))
    assert "do not show what more sessions would do" in answer.json()["about_sessions"]


async def test_it_is_released_like_every_other_number(client: Any, told: Told) -> None:
    await play(told, crowd())
    await release(client)
    rows = (await client.get(f"{API}/dose", params=ASKED, headers=MANAGER)).json()["rows"]
    shown = {row["sessions"]: row["n_paired"] for row in rows}
    assert shown["9+"] is None
    assert list(shown.values()).count(None) == 2  # or the few would be all others less these
    assert all(row["release"] == 1 for row in rows if not row["suppressed"])
    page = (await client.get(PAGE, headers=MANAGER)).text
    assert "Points gained, by the sessions that people have come to until now" in page
    assert "this does not show what more sessions would do" in page
    file = (await client.get(f"{PAGE}/tables/dose.csv", headers=MANAGER)).text
    lines = {line[0]: line for line in csv.reader(io.StringIO(file))}
    assert lines["9 or more"][1:4] == ["hidden"] * 3
    assert (await client.get(f"{PAGE}/charts/dose.svg", headers=MANAGER)).status_code == 200


async def test_who_sees_single_sites_is_not_told_people_apart_so(client: Any, told: Told) -> None:
    await play(told, crowd())
    await release(client)
    somewhere = bearer("program-manager", "north-quay")
    refused = await client.get(f"{API}/dose", params=ASKED, headers=somewhere)
    assert (refused.status_code, refused.json()["code"]) == (409, "not-released")


async def test_who_stays_away_is_said_to_answer_less(client: Any, told: Told) -> None:
    """Those who came seldom did not answer again."""
    often = [Person(scores={"baseline": (15 + n % 3, 9), "end": (9, 9)}, came=6) for n in range(30)]
    seldom = [Person(scores={"baseline": (15 + n % 3, 9)}, came=n % 2) for n in range(15)]
    late = [Person(scores={"baseline": (15, 9), "end": (9, 9)}, came=1) for _ in range(12)]
    await play(told, [*often, *seldom, *late])
    page = (await client.get(PAGE, params={"to": "end"}, headers=COORDINATOR)).text
    assert "Who came to 0 or 1 sessions is" in page
    assert "SD less common among those who answered than among those who did not." in page
