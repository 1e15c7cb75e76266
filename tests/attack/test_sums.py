"""No subtraction of figures is of a few people: of a whole and its parts, of who answered once, twice, three times."""

from tests.attack.figures import RULES, of_occasions, of_parts
from tests.attack.sums import few


def test_no_row_and_no_rest_of_a_whole_is_of_a_few() -> None:
    assert not [one for seed in range(50) for one in few(of_parts(seed), RULES.people_min)]


def test_where_labels_are_not_looked_at_beside_each_other_they_tell() -> None:
    found = (few(of_parts(seed, by_two_labels=False), RULES.people_min) for seed in range(50))
    assert any(map(list, found)), "there has to be something to find"


def test_who_answered_twice_tells_nothing_of_the_few_who_did_not() -> None:
    assert not [one for seed in range(50) for one in few(of_occasions(seed), RULES.people_min)]


def test_base_by_base_they_are_told() -> None:
    found = [one for seed in range(10) for one in few(of_occasions(seed, ()), RULES.people_min)]
    assert len(found) > 50, "there has to be something to find"
