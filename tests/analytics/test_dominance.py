"""Where one person makes most of a sum, its mean and spread tell what everybody scored: no release has it."""

from typing import Any

import pytest

from tests.analytics.conftest import Told
from tests.analytics.test_releases import COORDINATOR, MANAGER, release, rows
from tests.analytics.world import Person, play

SPREAD = [*range(4, 14)]


@pytest.mark.parametrize(
    ("first", "later", "n_first", "n_later"),
    [
        ([0] * 10 + [27], [*SPREAD, 3], None, 11),
        ([27] * 10 + [2], [*SPREAD, 3], None, 11),
        ([1] * 9 + [3, 27], [*SPREAD, 3], None, 11),
        ([*SPREAD, 20], [*SPREAD, 2], 11, 11),
        ([0] * 9 + [27, 27], [*SPREAD, 3], 11, 11),
    ],
    ids=["at the lowest", "at the highest", "near the lowest", "of the change", "two of them"],
)
async def test_of_whom_one_person_makes_most_there_is_no_number(
    client: Any, told: Told, first: list[int], later: list[int], n_first: int | None, n_later: int | None
) -> None:
    people = [{"baseline": (one,), "end": (other,)} for one, other in zip(first, later, strict=True)]
    await play(told, [Person(scores=one) for one in people])
    await release(client)
    [row] = await rows(client, MANAGER)
    n_paired = 11 if first.count(27) == 2 else None
    assert (row["n_first"], row["n_later"], row["n_paired"]) == (n_first, n_later, n_paired)
    assert (row["mean_first"] is None, row["sd_change"] is None) == (n_paired is None, n_paired is None)
    [live] = await rows(client, COORDINATOR)
    assert (live["n_first"], live["n_later"], live["n_paired"]) == (11, 11, 11)


async def test_of_whose_slopes_one_person_makes_most_there_is_no_mean(client: Any, told: Told) -> None:
    """Nobody's score moves from session to session but one person's."""
    people = [Person(scores={}, pulse=[8 + number, 8 + number]) for number in range(7)]
    await play(told, [*people, *people_of(5), Person(scores={}, pulse=[0, 16])])
    await release(client)
    for who, is_told in ((MANAGER, False), (COORDINATOR, True)):
        answer = await client.get(
            "/analytics/api/v1/trend", params={"program": "evening-circle", "instrument": "session-pulse"}, headers=who
        )
        assert (answer.json()["personal"] is not None) == is_told


def people_of(many: int) -> list[Person]:
    return [Person(scores={}, pulse=[3 + number, 3 + number]) for number in range(many)]
