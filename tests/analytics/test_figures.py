"""What other programs get about a group of people whose every score is known here, counted again without any SQL."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy
import pytest
from scipy import stats

from services.analytics import store as analytics_store
from shared.identity import derived_id
from tests.analytics.conftest import NORTH_QUAY, OLD_TOWN, ORGANISATION, Told, a_battery, an_instrument
from tests.analytics.world import ASKED, OF, Person, play, somebody
from tests.doors import bearer

API = "/analytics/api/v1/"
COORDINATOR = bearer("coordinator")


async def get(client: Any, path: str, **params: str) -> Any:
    answer = await client.get(API + path, params=params, headers=COORDINATOR)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def people(told: Told) -> list[Person]:
    found = [somebody(number) for number in range(40)]
    await play(told, found)
    return found


def changes(people: list[Person], first: str, later: str) -> list[tuple[int, int]]:
    return [(one.scores[first][0], one.scores[later][0]) for one in people if {first, later} <= one.scores.keys()]


def wilson(some: int, of: int) -> tuple[float, float]:
    interval = stats.binomtest(some, of).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high


async def test_the_share_that_answered_improved_and_recovered(client: Any, people: list[Person]) -> None:
    answer = await get(client, "rates", **ASKED)
    [row] = answer["rows"]
    pairs = changes(people, "baseline", "end")
    improved = sum(first - later >= 6 for first, later in pairs)
    assert (row["n_eligible"], row["n_paired"], row["is_complete"]) == (40, 34, True)
    assert (row["improved"]["n"], row["improved"]["of"]) == (improved, 34)
    assert (row["improved"]["low"], row["improved"]["high"]) == pytest.approx(wilson(improved, 34))
    assert row["improved"]["if_missing_not"] == improved / 40
    assert row["improved"]["if_missing_all"] == (improved + 6) / 40
    assert (row["answered"]["n"], row["answered"]["of"]) == (34, 40)
    cases = [(first, later) for first, later in pairs if first >= 10]
    assert (row["recovered"]["n"], row["recovered"]["of"]) == (sum(later < 10 for _, later in cases), len(cases))
    assert sum(row["categories"].values()) == 34
    assert row["difference"] is None  # six people did not answer again: too few to say how they differ


async def test_rates_of_phq_9_and_gad_7_together(client: Any, people: list[Person]) -> None:
    course = (await get(client, "rates", **ASKED))["rows"][0]["talking_therapies"]
    both = [(one.scores["baseline"], one.scores["end"]) for one in people if "end" in one.scores]
    recovered = sum(later[0] < 10 and later[1] < 8 for _, later in both)
    assert (course["finished"], course["cases"], course["recovered"]) == (34, 34, recovered)
    better = [(before[0] - after[0] >= 6, before[1] - after[1] >= 4) for before, after in both]
    worse = [(after[0] - before[0] >= 6, after[1] - before[1] >= 4) for before, after in both]
    expected = sum(any(up) and not any(down) for up, down in zip(better, worse, strict=True))
    assert course["improved"] == expected


async def test_too_few_answers_give_counts_and_no_rate(client: Any, told: Told) -> None:
    await play(told, [Person(scores={"baseline": (15, 9)} | ({"end": (5, 5)} if n < 12 else {})) for n in range(30)])
    answer = await get(client, "rates", **ASKED)
    [row] = answer["rows"]
    assert (answer["floor"], row["is_complete"]) == (0.6, False)
    assert (row["improved"]["n"], row["improved"]["of"], row["improved"]["rate"]) == (12, 12, None)
    assert row["improved"]["if_missing_not"] == 12 / 30
    assert row["answered"]["rate"] == 12 / 30
    assert row["difference"] == 0  # all started alike


async def test_each_group_has_its_own_rates_and_the_unknown_are_one(client: Any, people: list[Person]) -> None:
    rows = {row["group"]: row for row in (await get(client, "rates", **ASKED, by="age"))["rows"]}
    assert set(rows) == {"under-30", "30-plus", "unknown"}
    for age, row in rows.items():
        mine = [one for one in people if (one.age or "unknown") == age]
        assert row["n_paired"] == len(changes(mine, "baseline", "end"))
        assert row["talking_therapies"]["finished"] == row["n_paired"]


async def test_who_is_known_as_unknown_is_one_with_those_of_whom_it_is_not_known(client: Any, told: Told) -> None:
    """As an organisation may call one of the values of an attribute."""
    people = [replace(one, age={"30-plus": "unknown"}.get(one.age or "", one.age)) for one in map(somebody, range(40))]
    await play(told, people)

    async def many(path: str, n: str, **params: str) -> dict[str, int]:
        return {row["group"]: row[n] for row in (await get(client, path, **params))["rows"]}

    everybody = {"under-30": sum(one.age == "under-30" for one in people), "unknown": 26}
    assert await many("change", "n_enrolled", **ASKED, by="age") == everybody
    assert await many("rates", "n_eligible", **ASKED, by="age") == everybody
    assert await many("retention", "n", program="evening-circle", by="age") == everybody
    assert await many("equity", "n", **ASKED, attribute="age") == everybody
    lasting = await many("lasting", "n", **OF, **{"from": "baseline", "end": "end", "to": "follow-up"}, by="age")
    assert lasting == await many("change", "n_paired", **OF, **{"from": "baseline", "to": "follow-up"}, by="age")


async def test_what_was_gained_is_looked_for_at_the_follow_up(client: Any, people: list[Person]) -> None:
    answer = await get(client, "lasting", **OF, **{"from": "baseline", "end": "end", "to": "follow-up"})
    [row] = answer["rows"]
    three = [tuple(one.scores[at][0] for at in ("baseline", "end", "follow-up")) for one in people[:26]]
    improved = [one for one in three if one[0] - one[1] >= 6]
    kept = sum(one[0] - one[2] >= 6 and one[2] - one[1] < 6 for one in improved)
    late = sum(one[0] - one[2] >= 6 for one in three if one[0] - one[1] < 6)
    assert (row["n"], row["improved_at_end"], row["maintained"], row["late"]) == (26, len(improved), kept, late)
    assert row["maintained"] + row["partly"] + row["lost"] == row["improved_at_end"]
    assert (row["maintained_low"], row["maintained_high"]) == pytest.approx(wilson(kept, len(improved)))


async def test_how_long_people_stay(client: Any, people: list[Person]) -> None:
    answer = await get(client, "retention", program="evening-circle")
    [row] = answer["rows"]
    came = [one.came for one in people]
    left = [one.end == "left" for one in people]
    curve = stats.ecdf(stats.CensoredData(
        uncensored=[c for c, is_gone in zip(came, left, strict=True) if is_gone],
        right=[c for c, is_gone in zip(came, left, strict=True) if not is_gone],
    )).sf  # fmt: skip
    assert (row["n"], row["sessions_mean"], row["sessions_median"]) == (40, numpy.mean(came), numpy.median(came))
    assert row["steps"]
    for step in row["steps"]:
        assert step["n_at_risk"] == sum(c >= step["session"] for c in came) >= 11
        assert step["staying"] == pytest.approx(float(curve.evaluate(step["session"])))
    assert "more sessions would do" in answer["about_sessions"]


async def test_scores_by_week_and_by_session_beside_the_personal_slopes(client: Any, people: list[Person]) -> None:
    answer = await get(client, "trend", program="evening-circle", instrument="session-pulse")
    first, second, third = answer["sessions"]
    by_session = [[one.pulse[number] / 4 for one in people if len(one.pulse) > number] for number in range(3)]
    assert [first["n"], second["n"], third["n"]] == [30, 20, None]  # ten people: too few
    assert first["mean"] == pytest.approx(numpy.mean(by_session[0]))
    interval = stats.t.interval(0.95, 29, numpy.mean(by_session[0]), stats.sem(by_session[0]))
    assert (first["low"], first["high"]) == pytest.approx(interval)
    assert third["mean"] is None
    slopes = [stats.linregress(range(len(one.pulse)), one.pulse).slope / 4 for one in people if len(one.pulse) > 1]
    assert (answer["personal"]["n"], answer["personal"]["slope"]) == (20, pytest.approx(numpy.mean(slopes)))
    assert [one["at"] for one in answer["weeks"]] == ["2025-W10", "2025-W11", "2025-W12"]
    assert [one["n"] for one in answer["weeks"]] == [30, 20, None]


async def test_a_week_of_many_answers_by_few_people_is_too_few(client: Any, told: Told) -> None:
    await play(told, [Person(scores={"baseline": (9, 9)}) for _ in range(12)])
    busy = Person(scores={"baseline": (9, 9)}, pulse=[8] * 5, came=5)
    await play(told, [busy])
    answer = await get(client, "trend", program="evening-circle", instrument="session-pulse")
    assert all(one["suppressed"] for one in answer["weeks"] + answer["sessions"])


async def test_sites_stand_beside_the_limits_of_chance(client: Any, people: list[Person]) -> None:
    answer = await get(client, "sites", **ASKED)
    assert [row["site"] for row in answer["rows"]] == ["north-quay", "old-town"]
    for row in answer["rows"]:
        mine = [one for one in people if (one.site == NORTH_QUAY) == (row["site"] == "north-quay")]
        pairs = changes(mine, "baseline", "end")
        improved = sum(first - later >= 6 for first, later in pairs)
        assert (row["n"], row["of"], row["rate"]) == (improved, len(pairs), improved / len(pairs))
        assert row["limit_low_998"] <= row["limit_low_95"] <= answer["target"] <= row["limit_high_95"]
        assert row["observed_to_expected"] == pytest.approx(improved / row["expected"])
    assert sum(row["expected"] for row in answer["rows"]) == pytest.approx(sum(row["n"] for row in answer["rows"]))


async def test_a_small_site_is_too_few(client: Any, told: Told) -> None:
    await play(told, [Person(site=NORTH_QUAY, scores={"baseline": (15, 9), "end": (5, 5)}) for _ in range(4)])
    await play(told, [Person(scores={"baseline": (15, 9), "end": (5, 5)}) for _ in range(12)])
    rows = (await get(client, "sites", **ASKED))["rows"]
    assert [(row["suppressed"], row["rate"]) for row in rows] == [(True, None), (False, 1.0)]


async def test_no_limits_without_a_source_for_what_is_reliable(client: Any, told: Told) -> None:
    await play(told, [])
    answer = await client.get(API + "sites", params=ASKED | {"instrument": "session-pulse"}, headers=COORDINATOR)
    assert answer.status_code == 404  # it is asked after sessions only
    await told.tell(an_instrument(), a_battery("baseline", "end"))
    answer = await client.get(API + "sites", params=ASKED | {"instrument": "bdi-ii"}, headers=COORDINATOR)
    assert (answer.status_code, answer.json()["code"]) == (409, "no-reliable-change")


async def test_a_gap_is_flagged_only_where_chance_hardly_makes_it(client: Any, told: Told) -> None:
    better, same = {"baseline": (16, 9), "end": (6, 9)}, {"baseline": (16, 9), "end": (16, 9)}
    young = [Person(age="under-30", scores=better if n < 20 else same, came=n % 5) for n in range(25)]
    old = [Person(age="30-plus", scores=better if n < 5 else same, came=n % 5) for n in range(25)]
    await play(told, young + old)
    rows = {row["group"]: row for row in (await get(client, "equity", **ASKED, attribute="age"))["rows"]}
    outcome = rows["under-30"]["outcome"]
    assert (outcome["n"], outcome["of"], outcome["gap"], outcome["is_flagged"]) == (20, 25, pytest.approx(0.6), True)
    assert rows["30-plus"]["outcome"]["gap"] == pytest.approx(-0.6)
    assert (rows["under-30"]["reach"]["n"], rows["under-30"]["reach"]["is_flagged"]) == (20, False)


async def test_a_program_beside_its_comparison(client: Any, told: Told) -> None:
    other = derived_id(ORGANISATION, "program", "usual-care")
    gained = [Person(scores={"baseline": (14 + n % 4, 9), "end": (7 + n % 5, 9)}) for n in range(20)]
    waited = [Person(scores={"baseline": (14 + n % 3, 9), "end": (13 + n % 4, 9)}) for n in range(15)]
    await play(told, waited, program=other, code="usual-care")
    await play(told, gained, comparison_program_id=other)
    row = await get(client, "comparison", **ASKED)
    assert (row["comparison"], row["n"], row["n_comparison"], row["suppressed"]) == ("usual-care", 20, 15, False)
    assert row["gain_over_low"] < row["gain_over"] < row["gain_over_high"]
    improved = [sum(one.scores["baseline"][0] - one.scores["end"][0] >= 6 for one in each) for each in (gained, waited)]
    assert row["improved_gap"] == pytest.approx(improved[0] / 20 - improved[1] / 15)
    alone = await client.get(API + "comparison", params=ASKED | {"program": "usual-care"}, headers=COORDINATOR)
    assert (alone.status_code, alone.json()["code"]) == (404, "comparison-not-found")


async def test_who_did_not_answer_is_told_by_site_and_attribute(client: Any, told: Told) -> None:
    people = [
        Person(
            site=OLD_TOWN if number % 2 else NORTH_QUAY,
            age="under-30" if number % 4 < 2 else "30-plus",
            scores={"baseline": (20,), "end": (12,)} if number % 2 or number % 10 == 0 else {"baseline": (20,)},
        )
        for number in range(160)
    ]
    await play(told, people)
    page = await client.get("/analytics/programs/evening-circle", params={"to": "end"}, headers=COORDINATOR)
    assert "Site Old Town is 3.16 SD more common among those who answered than among those who did not." in page.text
    assert "Site North Quay is 3.16 SD less common" in page.text
    assert "Age Under 30 is" not in page.text
    [row] = (await client.get(API + "change", params=ASKED, headers=COORDINATOR)).json()["rows"]
    assert row["gain_by_change"] is None  # everybody changed alike


EVERY = {
    "change": ASKED,
    "rates": ASKED,
    "lasting": OF | {"from": "baseline", "end": "end", "to": "follow-up"},
    "retention": {"program": "evening-circle"},
    "trend": OF,
    "sites": ASKED,
    "equity": ASKED | {"attribute": "cohort"},
}
WORLDS = {
    "nobody": [],
    "one": [Person(scores={"baseline": (9, 9), "end": (9, 9)})],
    "two": [Person(scores={"baseline": (9, 9), "end": (5, 9)}), Person(scores={"baseline": (9, 9)})],
    "all-alike": [Person(scores={"baseline": (9, 9), "end": (9, 9), "follow-up": (9, 9)}) for _ in range(15)],
    "all-gone": [Person(scores={"baseline": (9, 9)}, end="left", came=1) for _ in range(15)],
    "all-zero": [Person(scores={"baseline": (0, 0), "end": (0, 0), "follow-up": (0, 0)}) for _ in range(15)],
}


async def test_no_figure_is_ever_not_a_number(client: Any, told: Told) -> None:
    for which, people in WORLDS.items():
        await play(told, people, program=derived_id(ORGANISATION, "program", which), code=which)
    for which in WORLDS:
        for path, params in EVERY.items():
            answer = await client.get(API + path, params=params | {"program": which}, headers=COORDINATOR)
            if which == "nobody" and path == "equity":
                assert (answer.status_code, answer.json()["code"]) == (404, "attribute-not-found")
                continue
            assert answer.status_code == 200, f"{which}, {path}: {answer.text}"
            json.loads(answer.text, parse_constant=pytest.fail)
            assert all(math.isfinite(one) for one in numbers_in(answer.json()))


def numbers_in(one: Any) -> list[float]:
    if isinstance(one, dict):
        return [each for value in one.values() for each in numbers_in(value)]
    if isinstance(one, list):
        return [each for value in one for each in numbers_in(value)]
    return [one] if isinstance(one, int | float) else []


async def test_one_check_in_is_no_change(client: Any, people: list[Person]) -> None:
    for path, more in (("change", {}), ("rates", {}), ("sites", {}), ("equity", {"attribute": "age"}),
                       ("comparison", {}), ("lasting", {"end": "end", "to": "follow-up"})):  # fmt: skip
        asked = ASKED | {"from": "end"} | more
        answer = await client.get(API + path, params=asked, headers=COORDINATOR)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-fields"), path
        assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [("to", "same-check-in")]


async def test_facts_that_are_asked_for_twice_are_counted_once(store: Any, people: list[Person]) -> None:
    async with store.machinery.transaction(ORGANISATION) as tx:
        program = await analytics_store.get_program(tx, ORGANISATION, "evening-circle", None)
        seen = analytics_store.Seen(None, None, None)
        found = await analytics_store.everybody(tx, program.program_id, seen, ["enrolled", "stay", "enrolled", "stay"])
    assert (found.enrolled, found.followed) == (40, 40)


async def test_what_is_unknown_is_not_found(client: Any, told: Told) -> None:
    await play(told, [])
    elsewhere = bearer("program-manager", organisation="somebody-else")
    for path, params in EVERY.items():
        answer = await client.get(API + path, params=params | {"program": "nowhere"}, headers=COORDINATOR)
        assert (answer.status_code, answer.json()["code"]) == (404, "program-not-found")
        assert (await client.get(API + path, params=params, headers=elsewhere)).status_code == 404
        assert (await client.get(API + path, params=params)).status_code == 401
        assert (await client.get(API + path, headers=COORDINATOR)).status_code == 422
