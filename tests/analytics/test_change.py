"""What is said of a group of people, and of which groups nothing is said."""

from collections import Counter

import pytest

from services.analytics.domain import PEOPLE_MIN, Asked, Change, Instrument, People, change
from services.analytics.domain.reliable import counted

BDI = Instrument("bdi-ii", 1, 1, 0, 63, higher_is_better=False, is_validated=True)
PHQ9 = Instrument("phq-9", 1, 1, 0, 27, higher_is_better=False, is_validated=True, reliable_change=6, caseness=10)
MEAN_OF_SIX = Instrument("belonging", 1, 6, 0, 24, higher_is_better=True, is_validated=False)


def people(instrument: Instrument, *pairs: tuple[int, int], version: int = 1) -> People:
    found: Counter[tuple[str, ...]] = Counter({("enrolled",): len(pairs) + 20, ("eligible", "end"): len(pairs) + 15})
    code, number = instrument.code, str(version)
    for first, later in pairs:
        found["answer", code, number, "baseline", str(first)] += 1
        found["answer", code, number, "end", str(later)] += 1
        found["pair", code, number, number, "baseline", "end", str(first), str(later)] += 1
    return People(found)


def row(instrument: Instrument, *pairs: tuple[int, int]) -> Change:
    return change(Asked("p", instrument, "baseline", "end"), people(instrument, *pairs))


def test_a_fall_is_better_where_lower_is_better() -> None:
    found = row(BDI, *[(20, 15), (20, 17)] * 6)
    assert found.found
    assert found.mean
    assert (found.found.first, found.found.later, found.mean.value) == (20, 16, 4)
    # twelve changes of 3 and 5: SD 1.0445, t(11) 2.2010
    assert found.mean.low == pytest.approx(4 - 2.200985 * 1.0444660 / 12**0.5)
    assert found.mean.high == pytest.approx(4 + 2.200985 * 1.0444660 / 12**0.5)
    assert found.gain is None  # everybody was the same at first: there is no standard deviation to count in
    assert found.reliably is None  # no source says how much is reliable on this one


def test_a_score_is_a_count_of_its_unit() -> None:
    found = row(MEAN_OF_SIX, *[(12, 15)] * 11)
    assert found.found
    assert found.mean
    assert (found.found.first, found.found.later, found.mean.value) == (2, 2.5, 0.5)
    assert (found.mean.low, found.mean.high) == (None, None)  # everybody changed alike: nothing tells the uncertainty


def test_who_improved_reliably_and_who_crossed_the_cut_off() -> None:
    found = row(PHQ9, *[(16, 9)] * 5, *[(16, 10)] * 4, *[(9, 15)] * 2, (12, 12))
    assert found.reliably == {"improved": 9, "deteriorated": 2, "unchanged": 1}
    scores = {(16, 9): 5, (16, 10): 4, (9, 15): 2, (12, 12): 1}
    assert PHQ9.threshold
    assert counted(scores, PHQ9.threshold.clinically) == {"recovered": 5, "improved": 4, "harmed": 2, "unchanged": 1}


@pytest.mark.parametrize("many", [0, 1, 2, 10])
def test_few_people_show_no_number(many: int) -> None:
    found = row(BDI, *[(20, 10)] * many)
    assert found.suppressed
    assert (found.n.paired, found.found, found.mean, found.gain) == (None, None, None, None)


def test_eleven_people_show_their_numbers_unless_the_organisation_hides_more() -> None:
    assert not row(BDI, *[(20, 10)] * PEOPLE_MIN).suppressed
    found = People(people(BDI, *[(20, 10)] * PEOPLE_MIN).counts, people_min=20)
    assert change(Asked("p", BDI, "baseline", "end"), found).suppressed


def test_versions_are_paired_only_where_the_newer_says_so() -> None:
    newer = Instrument("bdi-ii", 2, 1, 0, 63, False, True)
    comparable = Instrument("bdi-ii", 2, 1, 0, 63, False, True, comparable_versions=(1,))
    pairs = people(newer, *[(20, 10)] * 12, version=1)
    assert sum(pairs.pairs(newer, "baseline", "end").values()) == 0
    assert pairs.pairs(comparable, "baseline", "end") == {(20, 10): 12}
    assert pairs.pairs(comparable, "end", "baseline") == {(10, 20): 12}
