"""The figures: against numbers worked by hand, and against an independent computation in floating point."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.analytics.domain import PEOPLE_MIN, Instrument, Sums, change

LOWER_IS_BETTER = Instrument("bdi-ii", 1, 1, 0, 63, False, True)
MEAN_OF_SIX = Instrument("belonging", 1, 6, 0, 24, True, False)


def sums(first: list[int], later: list[int]) -> Sums:
    changes = [b - a for a, b in zip(first, later, strict=True)]
    return Sums(
        n_enrolled=len(first) + 20,
        n_first=len(first) + 15,
        n_later=len(first) + 12,
        n_paired=len(first),
        first=sum(first),
        later=sum(later),
        change=sum(changes),
        change_squared=sum(one * one for one in changes),
    )


def row(instrument: Instrument, first: list[int], later: list[int]):
    return change("p", instrument, ("baseline", "end"), sums(first, later), None)


def test_a_fall_is_better_where_lower_is_better() -> None:
    found = row(LOWER_IS_BETTER, [20] * 12, [15, 17] * 6)
    assert (found.mean_first, found.mean_later, found.mean_change) == (20, 16, 4)
    # twelve changes of 3 and 5: SD 1.0445, t(11) 2.2010
    assert found.change_low == pytest.approx(4 - 2.200985 * 1.0444660 / 12**0.5)
    assert found.change_high == pytest.approx(4 + 2.200985 * 1.0444660 / 12**0.5)


def test_a_score_is_a_count_of_its_unit() -> None:
    found = row(MEAN_OF_SIX, [12] * 11, [15] * 11)
    assert (found.mean_first, found.mean_later, found.mean_change) == (2, 2.5, 0.5)
    assert (found.change_low, found.change_high) == (0.5, 0.5)  # everybody changed alike: no spread


@pytest.mark.parametrize("people", [0, 1, 2, 10])
def test_few_people_show_no_number(people: int) -> None:
    found = row(LOWER_IS_BETTER, [20] * people, [10] * people)
    assert found.suppressed
    assert (found.n_paired, found.mean_first, found.mean_change, found.change_low) == (None, None, None, None)


def test_eleven_people_show_their_numbers() -> None:
    assert not row(LOWER_IS_BETTER, [20] * PEOPLE_MIN, [10] * PEOPLE_MIN).suppressed


@given(st.lists(st.tuples(st.integers(0, 63), st.integers(0, 63)), min_size=11, max_size=80))
def test_the_figures_equal_an_independent_computation(pairs: list[tuple[int, int]]) -> None:
    first, later = [a for a, _ in pairs], [b for _, b in pairs]
    found = row(LOWER_IS_BETTER, first, later)
    changes = np.array(first) - np.array(later)
    margin = stats.t.ppf(0.975, len(pairs) - 1) * changes.std(ddof=1) / len(pairs) ** 0.5
    assert found.mean_first == pytest.approx(np.mean(first))
    assert found.mean_change == pytest.approx(changes.mean())
    assert found.change_low == pytest.approx(changes.mean() - margin, abs=1e-9)
    assert found.change_high == pytest.approx(changes.mean() + margin, abs=1e-9)
