"""What most readers see: releases, in which a figure moves when enough people have changed."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.analytics.acts import make_release
from services.analytics.app import create
from shared.clock import now
from shared.events.analytics import FiguresReleased
from shared.timers import Timers
from tests.analytics.conftest import NORTH_QUAY, OLD_TOWN, ORGANISATION, Told
from tests.analytics.world import ASKED, Person, play, somebody
from tests.doors import bearer
from tests.forms import filled

API = "/analytics/api/v1"
MANAGER, COORDINATOR = bearer("program-manager"), bearer("coordinator")
ADMINISTRATOR = bearer("administrator")


async def release(client: Any) -> dict[str, Any]:
    answer = await client.post(f"{API}/releases", headers=ADMINISTRATOR)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def rows(client: Any, headers: Any = MANAGER, path: str = "change", **more: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{API}/{path}", params=ASKED | more, headers=headers)
    assert answer.status_code == 200, answer.text
    return [undated(row) for row in answer.json()["rows"]]


def undated(row: dict[str, Any]) -> dict[str, Any]:
    """Whoever sees what is now sees the same in no release."""
    return {name: value for name, value in row.items() if name != "release"}


def improving(number: int, site: UUID = OLD_TOWN) -> Person:
    return Person(site=site, scores={"baseline": (20 - number % 4,), "end": (10 + number % 3,)}, came=2 + number % 2)


async def test_a_manager_sees_the_release_and_a_coordinator_what_is_now(client: Any, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)])
    assert (await rows(client))[0]["suppressed"]
    page = (await client.get("/analytics/programs/evening-circle", headers=MANAGER)).text
    assert "Nothing has been released yet" in page
    made = await release(client)
    assert made["release"] == 1
    for path in ("change", "rates", "sites"):
        shown, live = await rows(client, path=path), await rows(client, COORDINATOR, path)
        assert {one.pop("n_first", None) for one in shown} == {None}  # beside the pairs it would tell of six others
        assert shown == [{name: value for name, value in one.items() if name != "n_first"} for one in live]
    page = (await client.get("/analytics/programs/evening-circle", headers=MANAGER)).text
    assert "Release 1" in page
    assert "Mean of the personal slopes of 20 people" in page


async def test_every_night_there_is_a_release_if_enough_has_changed(
    client: Any, told: Told, moved_clock: Callable[[float], None]
) -> None:
    service = create()
    clocks = Timers(told.store.machinery, {**service.timers, **service.apart})
    evening = datetime.combine(now().date() + timedelta(days=1), time(22), UTC) - now()

    async def released_after(hours: float) -> int:
        moved_clock((evening + timedelta(hours=hours)).total_seconds())
        while await clocks._one_round():
            pass
        answer = await client.get(f"{API}/releases", headers=bearer("program-manager"))
        assert {row["offsets"] for row in answer.json()["rows"]} <= {None}  # they count events
        return len(answer.json()["rows"])

    moved_clock(evening.total_seconds())
    await play(told, [improving(number) for number in range(20)])
    assert [await released_after(hours) for hours in (1, 6, 30)] == [0, 1, 1]
    await play(told, [improving(number) for number in range(20)])
    assert [await released_after(hours) for hours in (40, 54)] == [1, 2]


async def test_where_nobody_is_a_release_says_nothing(client: Any) -> None:
    assert await release(client) == {"release": 1, "moved": 0, "hidden": 0}
    assert await release(client) == {"release": None, "moved": 0, "hidden": 0}


async def test_a_figure_moves_only_when_enough_people_changed(client: Any, told: Told) -> None:
    await play(told, [improving(number) for number in range(20)])
    await release(client)
    before = await rows(client)
    await play(told, [improving(number) for number in range(10)])
    assert await release(client) == {"release": None, "moved": 0, "hidden": 0}
    assert await rows(client) == before
    assert (await rows(client, COORDINATOR))[0]["n_paired"] == 30
    await play(told, [improving(1)])
    assert (await release(client))["release"] == 2
    assert (await rows(client))[0]["n_paired"] == 31


async def test_a_small_site_is_hidden_and_a_second_one_with_it(client: Any, told: Told) -> None:
    small = [improving(number, NORTH_QUAY) for number in range(4)]
    await play(told, [*(improving(number) for number in range(30)), *small])
    await release(client)
    by_site = {row["group"]: row["n_paired"] for row in await rows(client, by="site")}
    assert by_site == {"old-town": None, "north-quay": None}
    assert (await rows(client))[0]["n_paired"] == 34
    live = {row["group"]: row["n_paired"] for row in await rows(client, COORDINATOR, by="site")}
    assert live == {"old-town": 30, "north-quay": None}


async def test_where_all_score_the_same_there_is_no_number(client: Any, told: Told) -> None:
    await play(told, [Person(scores={"baseline": (20,), "end": (10 + number % 2,)}) for number in range(20)])
    await release(client)
    [row] = await rows(client)
    assert (row["n_first"], row["n_later"], row["n_paired"], row["mean_first"]) == (None, 20, None, None)


async def test_of_a_shown_group_few_answers_are_hidden(client: Any, told: Told) -> None:
    await play(told, [Person(scores={"baseline": (20 - number % 4,)}) for number in range(26)])
    await play(told, [improving(number) for number in range(4)])
    await release(client)
    file = (await client.get("/analytics/programs/evening-circle/tables/answered.csv", headers=MANAGER)).text
    lines = {line[0]: line[1:] for line in csv.reader(io.StringIO(file))}
    assert lines["Baseline"][:4] == ["30", "0", "0", "30"]
    assert lines["End"][:4] == ["30", "0", "0", "hidden"]
    assert lines["End"][4:7] == ["", "", ""]
    page = (await client.get("/analytics/programs/evening-circle", headers=MANAGER)).text
    [card] = [one for one in page.split("</section>") if "tables/answered.csv" in one]
    answered = card.rpartition("<section")[2]
    assert "hidden" in answered
    assert "4 of 30" not in answered  # so many came to sessions


async def test_how_many_are_enrolled_moves_with_the_tables(client: Any, told: Told) -> None:
    await play(told, [improving(number) for number in range(300)])
    await release(client)
    await play(told, [improving(number) for number in range(12)])
    await release(client)
    assert [row["n_enrolled"] for row in await rows(client)] == [300]
    assert (await rows(client))[0]["n_paired"] == 312
    await play(told, [improving(number) for number in range(4)])
    await release(client)
    table = (await client.get(f"{API}/tables", headers=MANAGER)).json()["rows"]
    assert {row["n"] for row in table if not row["of"]} == {316}
    assert [row["n_enrolled"] for row in await rows(client)] == [316]


async def test_of_single_sites_a_manager_sees_these_alone(client: Any, told: Told) -> None:
    people = [improving(number, (OLD_TOWN, NORTH_QUAY)[number % 2]) for number in range(60)]
    await play(told, people)
    await release(client)
    mine = bearer("program-manager", sites=("old-town",))
    assert (await rows(client, mine))[0]["n_paired"] == 30
    assert [row["group"] for row in await rows(client, mine, by="site")] == ["old-town"]
    refused = await client.get(f"{API}/change", params=ASKED | {"by": "cohort"}, headers=mine)
    assert (refused.status_code, refused.json()["code"]) == (409, "not-released")
    table = (await client.get(f"{API}/tables", headers=mine)).json()["rows"]
    assert {row["of"].get("site") for row in table} == {"old-town"}


async def test_what_lasts_is_released_of_single_sites_too(client: Any, told: Told) -> None:
    scores = [{"baseline": (20 - n % 4,), "end": (9 + n % 3,), "follow-up": (8 + n % 9,)} for n in range(60)]
    await play(told, [Person(site=(OLD_TOWN, NORTH_QUAY)[n % 2], scores=one) for n, one in enumerate(scores)])
    await release(client)
    mine, here = bearer("program-manager", sites=("old-town",)), bearer("coordinator", sites=("old-town",))
    three = {"program": "evening-circle", "instrument": "phq-9", "from": "baseline", "end": "end", "to": "follow-up"}
    for more in ({}, {"by": "site"}):
        found = [(await client.get(f"{API}/lasting", params=three | more, headers=who)).json() for who in (mine, here)]
        assert list(map(undated, found[0]["rows"])) == list(map(undated, found[1]["rows"]))
        assert found[0]["rows"][0]["n"] == 30
    refused = await client.get(f"{API}/lasting", params=three | {"from": "end", "end": "baseline"}, headers=mine)
    assert (refused.status_code, refused.json()["code"]) == (409, "not-released")
    assert "from baseline, end end, to follow-up" in refused.text


async def test_personal_slopes_are_released_of_single_sites_too(client: Any, told: Told) -> None:
    pulses = [[5 + n % 4, 7 + n % 3, 9 + n % 5] for n in range(60)]
    await play(told, [Person(site=(OLD_TOWN, NORTH_QUAY)[n % 2], pulse=one, came=3) for n, one in enumerate(pulses)])
    await release(client)
    mine, here = bearer("program-manager", sites=("old-town",)), bearer("coordinator", sites=("old-town",))
    of = {"program": "evening-circle", "instrument": "session-pulse"}
    found = [(await client.get(f"{API}/trend", params=of, headers=who)).json() for who in (mine, here)]
    assert undated(found[0]["personal"]) == undated(found[1]["personal"])
    assert found[0]["personal"]["n"] == 30


async def test_who_is_known_as_unknown_is_released_with_those_of_whom_it_is_not_known(client: Any, told: Told) -> None:
    ages = ("unknown", None, "30-plus")
    await play(told, [replace(improving(number), age=ages[number // 4 % 3]) for number in range(96)])
    await release(client)
    released = await rows(client, by="age")
    assert {row["group"]: (row["n_enrolled"], row["n_paired"]) for row in released} == {
        "30-plus": (32, 32),
        "unknown": (64, 64),
    }
    assert released == await rows(client, COORDINATOR, by="age")


async def test_weeks_are_released_though_of_a_few_an_attribute_is_not_known(client: Any, told: Told) -> None:
    pulses = [[8 + number % 5, 9 + number % 4] for number in range(60)]
    known = [{"age": "30-plus" if number > 2 else None, "pulse": pulses[number]} for number in range(60)]
    await play(told, [replace(improving(number), **known[number]) for number in range(60)])
    await release(client)
    of = {"program": "evening-circle", "instrument": "session-pulse"}
    found = [(await client.get(f"{API}/trend", params=of, headers=who)).json() for who in (MANAGER, COORDINATOR)]
    assert [one["n"] for one in found[0]["weeks"]] == [60, 60]
    assert list(map(undated, found[0]["weeks"])) == list(map(undated, found[1]["weeks"]))


async def test_whoever_asks_again_and_again_learns_nothing(client: Any, told: Told) -> None:
    await play(told, [improving(number) for number in range(20)])
    await release(client)
    before = await rows(client)
    for number in range(5):
        await play(told, [improving(number)])
        assert await rows(client) == before
        assert await rows(client, limit="1000000000", offset="-1", sort="-gain", filter="group=1") == before


async def test_page_file_json_and_event_hide_the_same(client: Any, told: Told, store: Any) -> None:
    small = [improving(number, NORTH_QUAY) for number in range(4)]
    await play(told, [*(improving(number) for number in range(30)), *small])
    await release(client)
    table = (await client.get(f"{API}/tables", headers=MANAGER)).json()["rows"]
    shown = {tuple(row["of"].values()): row["n"] for row in table}
    assert shown[()] == 34
    assert [n for cell, n in shown.items() if "north-quay" in cell] == [None] * 3
    file = (await client.get("/analytics/tables/site-by-program.csv", headers=MANAGER)).text
    assert list(csv.reader(io.StringIO(file)))[1] == ["north-quay", "hidden", "hidden", "1", ""]
    page = (await client.get("/analytics/releases?table=site-by-program", headers=MANAGER)).text
    assert page.count(">hidden<") == 4
    [said] = await store.machinery.pool.fetch("select value from machinery.outbox")
    event = FiguresReleased.model_validate_json(said["value"])
    assert (event.release, event.people_min, [one.people for one in event.programs]) == (1, 11, [34])
    cards = (await client.get("/analytics/programs/evening-circle/tables/sites.csv", headers=MANAGER)).text
    assert "hidden" in cards


async def test_the_planner_knows_of_a_release_before_anybody_reads_it(client: Any, told: Told, store: Any) -> None:
    await play(told, [somebody(number) for number in range(40)])
    await release(client)
    async with store.machinery.transaction() as tx:
        assert await tx.fetchval("select reltuples from pg_class where relname = 'released'") > 0


async def test_hearing_goes_on_while_a_release_is_made(client: Any, told: Told, store: Any) -> None:
    await play(told, [improving(number) for number in range(20)])
    async with store.machinery.transaction(ORGANISATION) as making, store.machinery.transaction() as hearing:
        assert (await make_release(making, ORGANISATION, now())).release == 1
        await hearing.execute("set local lock_timeout = '1s'")
        await hearing.execute("update machinery.offsets set moved_at = moved_at")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"people_min": 4}, "people_min", "greater-than-equal"),
        ({"people_min": 5}, "decision", "decision-needed"),
        ({"people_min": 5, "decision": "Board, minute 12"}, "decided_on", "decision-needed"),
        ({"people_min": "many"}, "people_min", "int-parsing"),
    ],
)
async def test_fewer_than_eleven_takes_a_written_decision(
    client: Any, body: dict[str, Any], field: str, code: str
) -> None:
    answer = await client.put(f"{API}/small-numbers", json=body, headers=ADMINISTRATOR)
    assert answer.status_code == 422
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(field, code)]
    sent = body | {"zeros_hidden": "true"}
    form = await client.post("/analytics/small-numbers", data=sent, headers=ADMINISTRATOR)
    assert form.status_code == 422
    assert filled(form.text, "/analytics/small-numbers") == {
        "decision": [""],
        "decided_on": [""],
        "answered_min": [""],
    } | {name: [str(value)] for name, value in sent.items()}
    assert answer.json()["errors"][0]["message"] in form.text


async def test_one_more_answer_after_a_session_tells_nothing(client: Any, told: Told) -> None:
    """One answer more after a session would tell a score, whatever else moves: a release has no mean of sessions."""
    asked = {"program": "evening-circle", "instrument": "session-pulse"}
    scored = [[4 + number % among for among in (5, 3, 7, 4)] for number in range(30)]
    await play(told, [replace(improving(number), pulse=pulse, came=4) for number, pulse in enumerate(scored)])
    await release(client)
    for who, many in ((MANAGER, 0), (COORDINATOR, 4)):
        trend = (await client.get(f"{API}/trend", params=asked, headers=who)).json()
        assert (len(trend["sessions"]), trend["personal"]["n"]) == (many, 30)


async def test_with_a_decision_groups_of_five_are_shown(client: Any, told: Told) -> None:
    decided = {"people_min": 5, "decision": "Board, minute 12", "decided_on": "2025-01-06"}
    assert (await client.put(f"{API}/small-numbers", json=decided, headers=ADMINISTRATOR)).status_code == 200
    await play(told, [improving(number, NORTH_QUAY if number < 6 else OLD_TOWN) for number in range(30)])
    await release(client)
    by_site = {row["group"]: row["n_paired"] for row in await rows(client, by="site")}
    assert by_site == {"old-town": 24, "north-quay": 6}


async def test_only_an_administrator_releases(client: Any) -> None:
    for headers in (MANAGER, COORDINATOR):
        assert (await client.post(f"{API}/releases", headers=headers)).status_code == 403
        assert (await client.post("/analytics/releases", headers=headers)).status_code == 403
        assert (await client.put(f"{API}/small-numbers", json={"people_min": 20}, headers=headers)).status_code == 403
