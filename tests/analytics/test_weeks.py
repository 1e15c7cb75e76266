"""Weeks: whose answers a mean is of, and by which clock they are cut."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.analytics.domain import Instrument, People
from services.analytics.pages.sheets import weekly
from shared.events import Event
from shared.events.feedback import Score
from shared.events.intake import SiteChanged, SiteOpened
from tests.analytics.conftest import (
    AT,
    NORTH_QUAY,
    OLD_TOWN,
    ORGANISATION,
    Told,
    a_battery,
    a_check_in,
    a_program,
    an_enrolment,
    an_instrument,
)
from tests.analytics.test_releases import undated
from tests.doors import bearer

API = "/analytics/api/v1"
COORDINATOR, MANAGER = bearer("coordinator"), bearer("program-manager")
OF = {"program": "evening-circle", "instrument": "bdi-ii"}
SUNDAY_EVENING = datetime(2025, 3, 10, 1, tzinfo=UTC)  # in New York, where it is 21:00 on the 9th


def answer(
    enrolment: UUID, count: int, *, version: int = 1, site: UUID = OLD_TOWN, code: str = "session-1", at: datetime = AT
) -> Event:
    scores = [Score(instrument="bdi-ii", version=version, count=count, unit=1)]
    said = {"scores": scores, "answered_at": at, "kind": "session" if code.startswith("session-") else "baseline"}
    return a_check_in(enrolment, code, 0, site).model_copy(update=said)


async def people(told: Told, many: int, *, site: UUID = OLD_TOWN, **how: Any) -> list[UUID]:
    """So many more, each with one answer."""
    found = [uuid4() for _ in range(many)]
    for number, one in enumerate(found):
        await told.tell_at_once([an_enrolment(one, site=site), answer(one, 20 + number % 5, site=site, **how)])
    return found


async def a_house(told: Told, comparable: Sequence[int] = ()) -> None:
    """A program at two sites, and an instrument of two versions."""
    await told.tell(
        *(a_site(site, code) for site, code in ((OLD_TOWN, "old-town"), (NORTH_QUAY, "north-quay"))),
        a_program(site_ids=[OLD_TOWN, NORTH_QUAY]),
        an_instrument(),
        an_instrument(version=2, comparable_versions=list(comparable)),
        a_battery("baseline", "end"),
    )


def a_site(
    site: UUID, code: str, zone: str = "Europe/London", kind: type[SiteOpened | SiteChanged] = SiteOpened
) -> Any:
    return kind(organisation_id=ORGANISATION, site_id=site, code=code, time_zone=zone, languages=["en"])


async def release(client: Any) -> None:
    answer = await client.post(f"{API}/releases", headers=bearer("administrator"))
    assert answer.status_code == 201, answer.text


async def weeks(client: Any, who: Any = COORDINATOR) -> list[tuple[str, int | None, float | None]]:
    """What the JSON says, which is what the file of the card says."""
    found = (await client.get(f"{API}/trend", params=OF, headers=who)).json()["weeks"]
    file = await client.get("/analytics/programs/evening-circle/tables/weeks.csv", headers=who)
    said = [line[:3] for line in csv.reader(io.StringIO(file.text))][1:]
    shown = [(one["at"], one["n"], one["mean"]) for one in found]
    assert said == [[at, *(["hidden"] * 2 if n is None else map(str, (n, mean)))] for at, n, mean in shown]
    return shown


@pytest.mark.parametrize(
    ("comparable", "n", "mean"), [([], 11, 240 / 11), ([1], 13, 281 / 14)], ids=["another", "comparable"]
)
async def test_n_is_of_the_people_whom_the_mean_is_of(
    client: Any, told: Told, comparable: list[int], n: int, mean: float
) -> None:
    """Eleven answered the first version and two the second. So did one of the eleven, who is counted once.

    Where the two do not compare, what the eleven answered is shown: of the second it would be of three.
    """
    await a_house(told, comparable)
    [both, *_] = await people(told, 11)
    await people(told, 2, version=2)
    await told.tell(answer(both, 0, version=2, code="session-2"))
    [week] = await weeks(client)
    assert week == ("2025-W10", n, pytest.approx(mean))
    await release(client)
    assert await weeks(client, MANAGER) == [week]


async def test_of_a_new_version_a_mean_is_shown_as_soon_as_enough_answered_it(client: Any, told: Told) -> None:
    await a_house(told)
    await people(told, 20)
    await people(told, 12, version=2)
    await release(client)
    for who in (COORDINATOR, MANAGER):
        assert await weeks(client, who) == [("2025-W10", 12, pytest.approx(261 / 12))]


async def test_a_few_of_the_newest_version_are_not_released_with_many_of_another(client: Any, told: Told) -> None:
    """Old Town subtracted from both sites would leave the three of North Quay."""
    await a_house(told)
    await people(told, 20, version=2)
    await people(told, 20, site=NORTH_QUAY)
    await people(told, 3, site=NORTH_QUAY, version=2)
    await release(client)
    assert [n for _, n, _ in await weeks(client, MANAGER)] == [23]
    for site in ("old-town", "north-quay"):
        assert [n for _, n, _ in await weeks(client, bearer("program-manager", site))] in ([], [None])


@pytest.mark.parametrize(("path", "field", "code"), [("trend", "weeks", "session-1"), ("change", "rows", "end")])
async def test_a_few_of_the_newest_version_do_not_move_with_many_of_another(
    client: Any, told: Told, path: str, field: str, code: str
) -> None:
    await a_house(told)
    await people(told, 20, version=2, code=code)
    await people(told, 20, code=code)
    await release(client)

    async def seen() -> Any:
        asked = OF | {"from": "end", "to": "baseline"}
        return (await client.get(f"{API}/{path}", params=asked, headers=MANAGER)).json()[field]

    before = await seen()
    assert 20 in before[0].values()
    await people(told, 3, version=2, code=code)
    await people(told, 12, code=code)
    await release(client)
    for one, was in zip(await seen(), before, strict=True):
        assert undated(one) | {"n_enrolled": None} == undated(was) | {"n_enrolled": None}


async def test_a_week_ends_on_sunday_by_the_clock_of_the_site(client: Any, told: Told) -> None:
    await told.tell(a_program(site_ids=[OLD_TOWN, NORTH_QUAY]), an_instrument(), a_battery("baseline", "end"))
    await people(told, 12, at=SUNDAY_EVENING)
    await people(told, 13, at=SUNDAY_EVENING, site=NORTH_QUAY)

    async def found() -> dict[str, int | None]:
        return {week: n for week, n, _ in await weeks(client)}

    assert await found() == {"2025-W11": 25}  # of no site the clock is known yet
    await told.tell(a_site(OLD_TOWN, "old-town", "America/New_York"), a_site(NORTH_QUAY, "north-quay"))
    assert await found() == {"2025-W10": 12, "2025-W11": 13}
    await told.tell(a_site(NORTH_QUAY, "north-quay", "America/Chicago", SiteChanged))
    assert await found() == {"2025-W10": 25}
    await told.tell(a_site(NORTH_QUAY, "north-quay", "Atlantis", SiteChanged))
    assert await found() == {"2025-W10": 12, "2025-W11": 13}


async def test_where_all_score_the_same_in_a_week_nothing_is_released(client: Any, told: Told) -> None:
    await a_house(told, [1])
    for number in range(24):
        enrolment = uuid4()
        best = answer(enrolment, 63)
        later = answer(enrolment, 50 + number % 5, code="session-2", at=AT + timedelta(weeks=1))
        await told.tell_at_once([an_enrolment(enrolment), best, later])
    assert [n for _, n, _ in await weeks(client)] == [24, 24]
    await release(client)
    assert await weeks(client, MANAGER) == [("2025-W11", 24, pytest.approx(51.92, abs=0.01))]


def test_chart_and_table_are_of_the_same_weeks() -> None:
    """Every other week is of too few people: the chart goes no further back for it."""
    counts: dict[tuple[str, ...], int] = {}
    for week in range(10, 50):
        counts |= {("week", "bdi-ii", "1", f"2025-w{week}", str(score)): 4 + week % 2 * 4 for score in (9, 12)}
        counts["in-week", "bdi-ii", "1", f"2025-w{week}"] = 8 + week % 2 * 8
    sheet = weekly(Instrument("bdi-ii", 1, 1, 0, 63, higher_is_better=False, is_validated=True), People(counts))
    assert [row.label for row in sheet.rows] == [f"2025-W{week}" for week in range(24, 50)]
    assert sheet.drawing
    drawn = [point["label"] for point in sheet.drawing.points]
    assert drawn == [f"{row.label}|n 16" for row in sheet.rows if row.values]


async def test_weeks_of_what_is_asked_at_occasions_are_for_those_who_see_all_of_it(client: Any, told: Told) -> None:
    """Three answered late. Forty-three did at that occasion, and forty in its first week."""
    await a_house(told, [1])
    await people(told, 40, code="end")
    await people(told, 3, code="end", at=AT + timedelta(weeks=1))
    assert [n for _, n, _ in await weeks(client)] == [40, None]
    await release(client)
    assert await weeks(client, MANAGER) == []
