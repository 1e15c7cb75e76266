"""What readers of releases get on the page of a program: figures or a sentence, and none of two days at once."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.analytics.domain import Asked, Instrument, People, outcomes
from shared.events import Event
from shared.events.feedback import Score
from tests.analytics.conftest import NORTH_QUAY, OLD_TOWN, Told, a_check_in, an_enrolment
from tests.analytics.test_releases import COORDINATOR, MANAGER, improving, release, rows
from tests.analytics.world import Person, play
from tests.doors import bearer

ADDRESS = "/analytics/programs/evening-circle"
PHQ9 = Instrument("phq-9", 1, 1, 0, 27, higher_is_better=False, is_validated=True, reliable_change=6, caseness=10)


@pytest.mark.parametrize("role", ["program-manager", "administrator"])
async def test_whoever_sees_single_sites_reads_the_whole_page(client: Any, told: Told, role: str) -> None:
    people = [improving(number, (OLD_TOWN, NORTH_QUAY)[number % 2]) for number in range(60)]
    for number, one in enumerate(people):
        one.age = ("under-30", "30-plus")[number % 3 > 0]
    await play(told, people)
    await release(client)
    mine = bearer(role, "old-town")
    page = await client.get(ADDRESS, headers=mine)
    assert page.status_code == 200, page.text
    assert "By attribute people of all sites are released together." in page.text
    assert 'name="attribute"' not in page.text
    assert 'name="attribute"' in (await client.get(ADDRESS, headers=bearer(role))).text
    for path in ("export.xlsx", "export.pdf", "tables/answered.csv", "charts/sites.svg", "charts/answered.svg"):
        got = await client.get(f"{ADDRESS}/{path}?from=baseline&to=end", headers=mine)
        assert got.status_code == (404 if path == "charts/sites.svg" else 200), path  # there is one site
    assert (await client.get(f"{ADDRESS}?attribute=age", headers=mine)).status_code == 200
    assert (await client.get(f"{ADDRESS}/tables/groups.csv?attribute=age", headers=mine)).status_code == 404


async def test_groups_that_lag_behind_the_whole_are_not_compared_with_it(client: Any, told: Told) -> None:
    """Of three ages 5, 20 and 100 answer. The first two wait: of them alone more are silent than of all."""
    people = [
        Person(age=age, scores={"baseline": (12 + number % 7,)})
        for age, many in (("30-plus", 40), ("60-plus", 20), ("under-30", 100))
        for number in range(many)
    ]
    await play(told, people)
    await release(client)
    for one in (*people[:5], *people[40:]):
        await told.tell(a_check_in(one.enrolment, "end", 9))
    assert (await release(client))["release"] == 2
    page = await client.get(f"{ADDRESS}?from=baseline&to=end", headers=MANAGER)
    assert page.status_code == 200
    assert "125 of 160 who were to be asked at end have answered" in page.text
    assert "among those who answered than among those who did not" not in page.text
    live = await client.get(f"{ADDRESS}?from=baseline&to=end", headers=COORDINATOR)
    assert "Age Under 30 is 2.83 SD more common among those who answered" in live.text


async def test_more_pairs_than_answers_are_neither_complete_nor_bounded(client: Any, told: Told) -> None:
    """24 answer of whom nobody heard yet that they were to be asked: the pairs move, and how many were asked waits."""
    await play(told, [improving(number) for number in range(60)])
    await release(client)
    [before] = await rows(client, path="rates")
    assert (before["is_complete"], before["improved"]["rate"]) == (True, pytest.approx(55 / 60))
    for number in range(24):
        one = an_enrolment(uuid4())
        await told.tell(one, *(answered(one.enrolment_id, at, 14 + number % 3) for at in ("baseline", "end")))
    await release(client)
    [row] = await rows(client, path="rates")
    assert (row["answered"]["n"], row["answered"]["of"], row["n_paired"]) == (60, 60, 84)
    assert row["is_complete"] is False
    assert (row["improved"]["n"], row["improved"]["of"], row["improved"]["rate"]) == (55, 84, None)
    assert row["improved"]["if_missing_not"] is row["improved"]["if_missing_all"] is None
    page = await client.get(f"{ADDRESS}?from=baseline&to=end", headers=MANAGER)
    assert "or who was asked is shown of other people than who answered" in page.text


def answered(enrolment: UUID, at: str, count: int) -> Event:
    scores = [Score(instrument="phq-9", version=1, count=count, unit=1)]
    return a_check_in(enrolment, at, 0).model_copy(update={"scores": scores})


@pytest.mark.parametrize(
    ("eligible", "responded", "is_complete", "has_bounds"),
    [(100, 84, True, True), (100, 83, False, False), (83, 83, False, False), (200, 84, False, True)],
)
def test_what_speaks_for_fewer_than_answered_twice_has_no_rate(
    eligible: int, responded: int, is_complete: bool, has_bounds: bool
) -> None:
    pairs = {("pair", "phq-9", "1", "1", "baseline", "end", "20", str(later)): 42 for later in (9, 18)}
    people = People({("eligible", "end"): eligible, ("responded", "end"): responded, **pairs})
    found = outcomes(Asked("evening-circle", PHQ9, "baseline", "end"), people).improved
    assert found
    assert (found.estimate is not None, found.bounds is not None) == (is_complete, has_bounds)
