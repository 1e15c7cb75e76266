"""The figures against printed values, against scipy and numpy, and where they do not exist."""

from collections import Counter
from fractions import Fraction
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.analytics.domain import completeness, courses, gain, rates, retention, sites
from services.analytics.domain.figures import Estimate, Z, mean_of, small_sample
from services.analytics.domain.pairs import Moments, moments
from services.analytics.domain.reliable import Threshold, counted, lasting, reliable_change, talking_therapies

PHQ9, GAD7 = Threshold(6, -1, caseness=10), Threshold(4, -1, caseness=8)


def of_summary(n: int, first: float, later: float, sd_first: float, sd_later: float, r: float) -> Moments:
    """As papers print them."""
    variance = sd_first**2 + sd_later**2 - 2 * r * sd_first * sd_later
    parts = (first, later, later - first, sd_first**2, sd_later**2, variance)
    return Moments(n, *(Fraction(str(round(one, 12))) for one in parts))


MORRIS = [
    (20, 30.6, 38.5, 15, 11.6, 0.47),
    (50, 23.5, 26.8, 3.1, 4.1, 0.64),
    (9, 0.5, 0.7, 0.1, 0.1, 0.77),
    (10, 53.4, 75.9, 14.5, 4.4, 0.89),
    (14, 35.6, 36.0, 4.7, 4.6, 0.44),
]
"""Morris 2008, the treatment groups of five studies, as in metafor's tests."""


@pytest.mark.parametrize(
    ("study", "smcr", "variance", "smcc", "variance_smcc"),
    [
        (0, 0.5056, 0.0594, 0.5417, 0.0573),
        (1, 1.0481, 0.0254, 1.0198, 0.0304),
        (2, 1.8054, 0.2322, 2.6619, 0.5048),
        (3, 1.4181, 0.1225, 1.9088, 0.2822),
        (4, 0.0801, 0.0802, 0.0765, 0.0716),
    ],
)
def test_standardized_gains_are_those_of_metafor(
    study: int, smcr: float, variance: float, smcc: float, variance_smcc: float
) -> None:
    found = of_summary(*MORRIS[study])
    for estimate, value, spread in (
        (gain.gain(found), smcr, variance),
        (gain.gain_by_change(found), smcc, variance_smcc),
    ):
        assert estimate
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.value == pytest.approx(value, abs=5e-5)
        assert ((estimate.high - estimate.low) / 2 / 1.959964) ** 2 == pytest.approx(spread, abs=5e-5)


def test_the_correction_for_small_samples_is_exact() -> None:
    assert small_sample(2) == pytest.approx(1 / sqrt(np.pi))
    for degrees in (3, 10, 49, 299, 300, 5000):
        assert small_sample(degrees) == pytest.approx(1 - 3 / (4 * degrees - 1), abs=0.15 / degrees**2)


def test_reliable_change_is_that_of_jacobson_and_truax() -> None:
    assert reliable_change(7.5, 0.8) == pytest.approx(9.297097, abs=2e-4)  # printed with 1.96
    difference = reliable_change(7.5, 0.8) / Z
    assert (difference, (47.5 - 32.5) / difference) == (pytest.approx(4.743416), pytest.approx(3.162278))
    a, c, b = 40 + 2 * 7.5, (7.5 * 40 + 7.5 * 60) / (7.5 + 7.5), 60 - 2 * 7.5  # they are published with an instrument
    tenths = [Threshold(93, 1, caseness=round(one * 10) - 1) for one in (a, c, b)]  # 9.297; 32.5 and 47.5 in tenths
    assert [one.clinically(325, 475) for one in tenths] == ["improved", "improved", "recovered"]


@pytest.mark.parametrize(
    ("sd", "reliability", "points", "whole"), [(5.5, 0.89, 5.0563, 6), (4.5, 0.92, 3.5280, 4), (5.5, 0.84, 6.0981, 7)]
)
def test_the_thresholds_of_the_nhs_follow_from_the_formula(
    sd: float, reliability: float, points: float, whole: int
) -> None:
    found = reliable_change(sd, reliability)
    assert found == pytest.approx(points, abs=2e-4)
    assert int(found) + 1 == whole


@pytest.mark.parametrize(
    ("first", "later", "reliably", "clinically"),
    [
        (16, 9, "improved", "recovered"),
        (16, 10, "improved", "improved"),
        (16, 11, "unchanged", "unchanged"),
        (9, 3, "improved", "improved"),
        (9, 15, "deteriorated", "harmed"),
        (10, 16, "deteriorated", "deteriorated"),
        (10, 15, "unchanged", "unchanged"),
    ],
)
def test_what_a_pair_says_of_one_person(first: int, later: int, reliably: str, clinically: str) -> None:
    assert PHQ9.of(first, later) == reliably
    assert PHQ9.clinically(first, later) == clinically


def test_how_many_are_what() -> None:
    better = Threshold(7, 1)
    assert counted({(0, 6): 2, (0, 7): 3, (7, 0): 1}, better.of) == {"unchanged": 2, "improved": 3, "deteriorated": 1}


@pytest.mark.parametrize(
    ("first", "end", "follow_up", "what"),
    [
        (20, 10, 11, "maintained"),
        (20, 10, 15, "partly"),  # not improved any more, yet not reliably worse than at the end
        (20, 4, 13, "partly"),  # reliably worse than at the end, yet still improved
        (20, 14, 20, "lost"),
        (20, 18, 12, "late"),
        (20, 18, 18, "never"),
    ],
)
def test_whether_a_gain_lasts(first: int, end: int, follow_up: int, what: str) -> None:
    assert lasting(PHQ9, first, end, follow_up) == what


def test_the_rates_of_nhs_talking_therapies() -> None:
    course = talking_therapies(
        {
            (15, 12, 8, 6): 3,  # a case; recovered, reliably
            (10, 4, 9, 4): 2,  # recovered, but not reliably
            (15, 12, 8, 16): 1,  # better on one, worse on the other
            (5, 5, 5, 9): 4,  # no case before; reliably worse
            (4, 4, 3, 3): 5,
        },
        PHQ9,
        GAD7,
    )
    assert (course.finished, course.cases, course.recovered, course.reliably_recovered) == (15, 6, 5, 3)
    assert (course.improved, course.deteriorated) == (3, 4)


@pytest.mark.parametrize(
    ("some", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_shares_have_the_intervals_that_newcombe_prints(some: int, of: int, low: float, high: float) -> None:
    found = rates.share(some, of)
    assert found
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_gaps_have_the_intervals_that_newcombe_prints(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    found = rates.gap(*one, *other)
    assert found
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_limits_of_a_funnel_on_the_arcsine_scale() -> None:
    flat = sites.Funnel(0.5, 1.0, 0.0)
    assert flat.limits(50, 0.95) == (pytest.approx(0.3632, abs=5e-5), pytest.approx(0.6368, abs=5e-5))
    assert flat.limits(50, 0.998) == (pytest.approx(0.2884, abs=5e-5), pytest.approx(0.7116, abs=5e-5))
    assert flat.is_outside(10, 50, 0.998)
    assert not flat.is_outside(20, 50, 0.95)


def test_sites_that_scatter_more_than_chance_widen_the_funnel() -> None:
    alike = sites.funnel([(50, 100), (49, 100), (51, 100), (24, 50)])
    assert alike
    assert (alike.between, alike.is_beyond_chance) == (None, False)
    apart = sites.funnel([(20, 100), (80, 100), (35, 100), (60, 100), (50, 100), (50, 100)])
    assert apart
    assert apart.is_beyond_chance
    assert apart.dispersion > 5
    assert apart.between
    assert apart.limits(100, 0.95)[0] < alike.limits(100, 0.95)[0]
    assert sites.funnel([(3, 9), (1, 4)]) is None  # too few everywhere


def test_of_few_sites_the_one_that_lies_apart_does_not_widen_its_own_limits() -> None:
    found = sites.funnel([(80, 100), (52, 100), (50, 100), (48, 100)])
    assert found
    assert (found.between, found.is_beyond_chance) == (None, True)
    assert found.is_outside(80, 100, 0.998)
    assert found.limits(100, 0.998) == sites.Funnel(found.target, 1.0, 0.0).limits(100, 0.998)


def test_expected_by_how_burdened_people_were_at_the_start() -> None:
    found = sites.adjusted({"a": {"mild": (8, 10), "severe": (3, 10)}, "b": {"mild": (4, 10), "severe": (1, 10)}})
    assert (found["a"].observed, found["a"].expected) == (11, pytest.approx(8))
    assert found["b"].ratio
    assert found["b"].ratio.value == pytest.approx(5 / 8)
    exact = stats.chi2.ppf(0.025, 2 * 5) / 2 / 8, stats.chi2.ppf(0.975, 2 * 6) / 2 / 8
    assert (found["b"].ratio.low, found["b"].ratio.high) == (pytest.approx(exact[0]), pytest.approx(exact[1]))


def test_staying_is_counted_with_those_who_are_still_there() -> None:
    stays = {(6, True): 3, (6, False): 1, (7, True): 1, (9, False): 1, (10, True): 1, (10, False): 1, (11, False): 1,
             (13, True): 1, (16, True): 1, (17, False): 1, (19, False): 1, (20, False): 1, (22, True): 1, (23, True): 1,
             (25, False): 1, (32, False): 2, (34, False): 1, (35, False): 1}  # fmt: skip
    found = {step.session: step for step in retention.kaplan_meier(stays)}
    # the 6-MP arm of Freireich 1963, as textbooks print it
    assert [round(found[week].staying.value, 3) for week in (6, 7, 10, 13, 16, 22, 23)] == [
        0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448,
    ]  # fmt: skip
    assert (found[6].staying.low, found[6].staying.high) == (
        pytest.approx(0.620, abs=5e-4),
        pytest.approx(0.952, abs=5e-4),
    )
    assert retention.kaplan_meier({}) == []
    assert retention.kaplan_meier({(1, True): 2})[-1].staying == Estimate(0.0)


def test_the_mean_of_personal_slopes_is_not_moved_by_who_leaves() -> None:
    staying = [([1, 2, 3], [2, 4, 6]) for _ in range(5)]
    leaving = [([1], [9]) for _ in range(5)]
    found = courses.mean_slope(courses.slopes([*staying, *leaving]), unit=1)
    assert found == Estimate(2.0)
    naive = courses.by_session([*staying, *leaving], unit=1)
    assert naive[1][0] == 10
    assert [round(one.value, 2) for _, one in naive.values() if one] == [5.5, 4.0, 6.0]


def test_who_did_not_answer_is_compared() -> None:
    assert completeness.difference_of_means({10: 5, 14: 5}, {12: 5, 16: 5}) == pytest.approx(-2 / sqrt(40 / 9))
    assert completeness.difference_of_shares(8, 10, 4, 10) == pytest.approx(0.4 / sqrt((0.16 + 0.24) / 2))
    assert completeness.bounds(30, 60, 100) == completeness.Bounds(0.3, 0.7)
    assert completeness.is_complete(60, 100, 60)
    assert not completeness.is_complete(59, 100, 60)
    assert not completeness.is_complete(0, 0, 60)


SCORES = st.integers(min_value=0, max_value=27)


@given(st.lists(st.tuples(SCORES, SCORES), min_size=2, max_size=40), st.sampled_from([1, 6]), st.sampled_from([1, -1]))
def test_exact_sums_equal_numpy(people: list[tuple[int, int]], unit: int, sign: int) -> None:
    found = moments(Counter(people), unit, sign)
    first, later = (np.array(one) / unit for one in zip(*people, strict=True))
    assert found
    assert float(found.change) == pytest.approx(sign * np.mean(later - first), abs=1e-12)
    assert found.sd_change == pytest.approx(np.std(later - first, ddof=1), abs=1e-12)
    if found.correlation is not None:
        assert -1 <= found.correlation <= 1
        assert found.correlation == pytest.approx(np.corrcoef(first, later)[0, 1], abs=1e-9)
    estimate = gain.mean_change(found)
    if estimate.low is not None and estimate.high is not None:
        low, high = stats.t.interval(0.95, len(people) - 1, np.mean(sign * (later - first)), stats.sem(later - first))
        assert (estimate.low, estimate.high) == (pytest.approx(low), pytest.approx(high))


@given(st.lists(st.tuples(SCORES, SCORES), max_size=12), st.lists(st.tuples(SCORES, SCORES), max_size=12))
def test_no_figure_is_ever_not_a_number(people: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    found, comparison = moments(Counter(people), 1, 1), moments(Counter(others), 1, 1)
    estimates = [rates.share(0, len(people)), rates.gap(0, len(people), len(others), len(others)), mean_of(0, 0, 0)]
    if found:
        estimates += [gain.mean_change(found), gain.gain(found), gain.gain_by_change(found)]
        if comparison:
            estimates.append(gain.gain_over(found, comparison))
    for one in estimates:
        assert one is None or not any(isnan(end) for end in (one.value, one.low, one.high) if end is not None)


def test_where_nobody_changes_the_gain_is_nothing_and_nothing_is_known_of_its_uncertainty() -> None:
    """Computed by roundabout ways, r is more than 1 here, and the variance of the gain negative."""
    same = moments(Counter((score, score) for score in UNCHANGED), 1, 1)
    assert same
    assert same.correlation == 1
    assert gain.gain(same) == Estimate(0.0)
    turned = moments(Counter((score, 20 - score) for score in UNCHANGED), 1, 1)
    assert turned
    assert turned.correlation == -1


UNCHANGED = (4, 6, 7, 8, 12, 15, 15, 15, 17, 17, 17, 20)


def test_people_who_all_score_the_same_have_no_standardized_gain() -> None:
    same = moments({(5, 3): 20}, 1, -1)
    assert same
    assert gain.mean_change(same) == Estimate(2.0)
    assert gain.gain(same) is None
    assert moments({(5, 3): 1}, 1, -1) is None
