"""Before and after: as fine as many people allow, and never so fine that a mark is of few."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.domain import PEOPLE_MIN, Instrument
from services.analytics.domain.paired import paired

PHQ9 = Instrument("phq-9", 1, 1, 0, 27, higher_is_better=False, is_validated=True)
SCORES = st.integers(0, 27)


@given(st.dictionaries(st.tuples(SCORES, SCORES), st.integers(1, 60), max_size=60))
def test_no_cell_is_of_some_and_too_few(pairs: dict[tuple[int, int], int]) -> None:
    found = paired(pairs, PHQ9)
    if found is None:
        return
    assert sum(found.people.values()) == sum(pairs.values())
    assert all(many >= PEOPLE_MIN for many in found.people.values())
    assert 2 <= len(found.parts) <= 4
    covered = [score for low, high in found.parts for score in range(low, high + 1)]
    assert covered == list(range(28))
    for low, high in found.parts:
        place = found.parts.index((low, high))
        n = sum(many for (first, _), many in pairs.items() if low <= first <= high)
        assert n == sum(many for (first, _), many in found.people.items() if first == place)


@pytest.mark.parametrize(
    ("pairs", "parts"),
    [
        ({}, None),
        ({(20, 5): 10}, None),
        ({(20, 5): 11}, [(0, 19), (20, 27)]),
        ({(20, 20): 100}, None),
        ({(20, 5): 50, (5, 20): 1}, None),
        ({(first, later): 11 for first in (0, 9, 18, 27) for later in (0, 9, 18, 27)},
         [(0, 8), (9, 17), (18, 26), (27, 27)]),
    ],
)  # fmt: skip
def test_parts(pairs: dict[tuple[int, int], int], parts: list[tuple[int, int]] | None) -> None:
    found = paired(pairs, PHQ9)
    assert (found and found.parts) == parts


def test_better_is_towards_the_better_end() -> None:
    found = paired({(20, 5): 30, (5, 20): 12}, PHQ9)
    assert found
    assert (found.better(-1), found.better(1)) == (30, 12)
