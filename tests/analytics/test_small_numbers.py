"""What a release shows of tables of people and of what they scored: small cases that can be checked by hand."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations, product
from random import Random

import pytest

from services.analytics.domain.audit import unsafe
from services.analytics.domain.bases import Facts
from services.analytics.domain.fewest import COST
from services.analytics.domain.lattice import EVERYBODY, Cell, Relation, cells, relations
from services.analytics.domain.protecting import protect
from services.analytics.domain.releasing import Counts, Release, release
from services.analytics.domain.rules import Rules
from services.analytics.domain.tables import Tables
from services.analytics.domain.waiting import Latest, to_move

RULES = Rules()
QUAY, TOWN, HILL = (("site", "quay"),), (("site", "town"),), (("site", "hill"),)


def tables(**sites: int) -> dict[Cell, int]:
    """One program and one cohort, at these sites."""
    return cells({("circle", site, "spring", "", ""): n for site, n in sites.items()})


def released(*days: dict[Cell, int], rules: Rules = RULES) -> list[Release]:
    found: list[Release] = []
    for day in days:
        found.append(release(Counts(day), found, rules))
    return found


def numbers(one: Release) -> dict[str, int | None]:
    """What a reader sees of the sites and of everybody."""
    return {
        dict(cell).get("site", "all"): None if one.is_hidden(cell) else one.known[cell].n
        for cell in one.values
        if cell == EVERYBODY or (len(cell) == 1 and cell[0][0] == "site")
    }


@pytest.mark.parametrize(
    ("sites", "seen"),
    [
        ({"quay": 20, "town": 11}, {"all": 31, "quay": 20, "town": 11}),
        ({"quay": 20, "town": 10}, {"all": 30, "quay": None, "town": None}),
        ({"quay": 30, "town": 20, "hill": 4}, {"all": 54, "quay": 30, "town": None, "hill": None}),
        ({"quay": 3, "town": 4}, {"all": None, "quay": None, "town": None}),
        ({"quay": 10, "town": 10, "hill": 40}, {"all": 60, "quay": None, "town": None, "hill": 40}),
        ({"quay": 5, "town": 5, "hill": 40}, {"all": 50, "quay": None, "town": None, "hill": None}),
    ],
)
def test_a_small_site_is_hidden_with_as_few_others_as_give_it_room(
    sites: dict[str, int], seen: dict[str, int | None]
) -> None:
    [one] = released(tables(**sites))
    assert numbers(one) == seen


@pytest.mark.parametrize("seed", range(12))
def test_no_cheaper_pattern_is_safe(seed: int) -> None:
    chance = Random(seed)
    places = product("abc", ("quay", "town", "hill"))
    joint = {(*place, "spring", "", ""): chance.choice((3, 9, 14, 25, 60)) for place in places}
    truth = {cell: n for cell, n in cells(joint).items() if "cohort" not in dict(cell)}
    known = Tables(truth, relations(truth))
    small = {cell for cell, n in truth.items() if n < RULES.people_min}
    beside = protect(known, small, RULES.people_min) - small
    assert not narrow(known, small | beside)
    others = truth.keys() - small
    cheaper = [set(some) for many in range(len(beside) + 1) for some in combinations(sorted(others), many)]
    for some in cheaper:
        assert price(some) >= price(beside) or narrow(known, small | some), (beside, some)


def price(hidden: Collection[Cell]) -> float:
    return sum(COST[len(cell)] for cell in hidden)


def narrow(known: Tables, hidden: set[Cell]) -> list[int]:
    low, high = known.bounds(hidden)
    known.sums.tighten(low, high)
    return list(unsafe(known.sums, low, high, known.sums.places(sorted(hidden)), RULES.people_min))


def test_with_another_number_another_is_small() -> None:
    sites = {"quay": 20, "town": 6, "hill": 30}
    assert numbers(released(tables(**sites), rules=Rules(5))[0]) == {"all": 56} | sites
    assert numbers(released(tables(**sites), rules=Rules(20))[0])["hill"] == 30


@pytest.mark.parametrize(
    ("later", "seen"),
    [
        ({"quay": 30, "town": 50}, {"all": 70, "quay": 20, "town": 50}),  # 10 joined
        ({"quay": 31, "town": 50}, {"all": 81, "quay": 31, "town": 50}),
        ({"quay": 25, "town": 65}, {"all": 90, "quay": 20, "town": 50}),  # town would tell of quay
        ({"quay": 35, "town": 65}, {"all": 100, "quay": 35, "town": 65}),
        ({"quay": 20, "town": 50}, {"all": 70, "quay": 20, "town": 50}),
        ({"quay": 9, "town": 50}, {"all": 70, "quay": 20, "town": 50}),  # who saw it go would know it for small
        ({"quay": 9, "town": 80}, {"all": 89, "quay": 20, "town": 50}),
    ],
)
def test_a_number_moves_when_enough_people_changed(later: dict[str, int], seen: dict[str, int | None]) -> None:
    [_, second] = released(tables(quay=20, town=50), tables(**later))
    assert numbers(second) == seen


def test_the_tables_move_when_a_twentieth_of_all_people_changed() -> None:
    before = tables(quay=500, town=500)
    [_, second, third] = released(before, tables(quay=520, town=530), tables(quay=520, town=540))
    assert not second.shown
    assert numbers(second) == {"all": 1000, "quay": 500, "town": 500}
    assert numbers(third) == {"all": 1060, "quay": 520, "town": 540}


def test_what_is_shown_again_does_not_tell_on_the_day_before() -> None:
    """On day 2 quay and town were 88. Were both known on day 3, quay had 22 to 31 on day 2: too narrow."""
    days = tables(quay=20, town=50, hill=300), tables(quay=23, town=65, hill=320), tables(quay=31, town=66, hill=340)
    [_, second, third] = released(*days)
    assert HILL in second.shown
    assert not second.shown & {QUAY, TOWN}
    assert HILL in third.shown
    assert not third.shown & {QUAY, TOWN}


def test_bounds_and_programs_leave_the_same_room_in_one_sum() -> None:
    """Of 50, hill has 30 to see; quay and town share 20, and town has at least 8 of them."""
    sums = Tables({EVERYBODY: 50, HILL: 30, QUAY: 5, TOWN: 15}, [Relation(EVERYBODY, (HILL, QUAY, TOWN))], {TOWN: 8})
    low, high = sums.bounds({QUAY, TOWN})
    at = sums.sums.place
    assert list(unsafe(sums.sums, low, high, [at[QUAY], at[TOWN]], 12)) == []
    assert set(unsafe(sums.sums, low, high, [at[QUAY], at[TOWN]], 13)) == {at[QUAY], at[TOWN]}
    assert not sums.sums.tighten(low, high).size
    assert (low[at[QUAY]], high[at[QUAY]], low[at[TOWN]], high[at[TOWN]]) == (0, 12, 8, 20)
    high[at[TOWN]] = 7
    assert sums.sums.tighten(low, high).size


def test_of_two_small_cells_in_a_row_none_is_known_when_their_sum_is() -> None:
    row = Relation(EVERYBODY, (HILL, QUAY, TOWN))
    values = {EVERYBODY: 50, HILL: 30, QUAY: 5, TOWN: 15}
    assert protect(Tables(values, [row]), {QUAY}, 11) == {QUAY, TOWN}
    assert protect(Tables(values, [row]), {QUAY}, 11, also={HILL}) == {QUAY, HILL}
    assert protect(Tables(values, [row], {TOWN: 14}), {QUAY}, 11) == {QUAY, HILL}  # of town 14 are known
    assert protect(Tables(values, [row]), set(), 11) == set()


# ---- what people scored


def scores(**sites: int) -> dict[Cell, Facts]:
    """So many people at these sites answered, each with a score of their own."""
    found: dict[Cell, Counter[tuple[str, ...]]] = {EVERYBODY: Counter()}
    for site, n in sites.items():
        own = Counter(
            ("answer", "phq-9", "1", "end", str(Random(f"{site} {number}").randrange(28))) for number in range(n)
        )
        found[("site", site),] = own
        found[EVERYBODY] += own
    return dict(found)


def moved(*days: Mapping[Cell, Facts], hidden: Sequence[Cell] = ()) -> list[dict[Cell, int | None]]:
    """Of each release the rows: of how many people, or None where they are hidden."""
    earlier: list[dict[Cell, Latest]] = []
    for day in days:
        earlier.append(to_move(day, earlier, hidden, RULES))
    return [{cell: row.facts and row.n for cell, row in rows.items()} for rows in earlier]


def test_a_whole_moves_with_its_parts() -> None:
    first, second = moved(scores(quay=20, town=30), scores(quay=31, town=42))
    assert first == {EVERYBODY: 50, QUAY: 20, TOWN: 30}
    assert second == {EVERYBODY: 73, QUAY: 31, TOWN: 42}


def test_ten_more_move_nothing() -> None:
    assert moved(scores(quay=20, town=30), scores(quay=20, town=40))[1] == {}


def test_where_few_changed_of_a_part_another_waits_with_it() -> None:
    second = moved(scores(quay=20, town=30, hill=40), scores(quay=23, town=45, hill=60))[1]
    assert second == {EVERYBODY: 128, HILL: 60}


def test_a_small_part_is_hidden_with_another() -> None:
    assert moved(scores(quay=4, town=30, hill=40))[0] == {EVERYBODY: 74, HILL: 40, QUAY: None, TOWN: None}
    assert moved(scores(quay=20, town=30, hill=40), hidden=[QUAY])[0][QUAY] is None


@pytest.mark.parametrize(
    "facts",
    [
        {"answer phq-9 1 end 9": 20, "answer phq-9 2 end 9": 20},
        {"week session-pulse 1 2025-w10 16": 20, "in-week session-pulse 1 2025-w10": 20},
        {"pair phq-9 1 1 baseline end 14 9": 20, "pair phq-9 1 1 baseline end 14 8": 20},
        {"pair phq-9 1 1 baseline end 14 0": 20, "pair phq-9 1 1 baseline end 12 0": 20},
        {"pair phq-9 1 1 baseline end 14 9": 20, "pair phq-9 1 1 baseline end 12 7": 20},
        {"together phq-9:a|phq-9:b|phq-9:c 14_9_8": 20, "together phq-9:a|phq-9:b|phq-9:c 12_9_7": 20},
        {"sessions session-pulse 1:9_2:12": 20, "sessions session-pulse 1:8_2:12": 20},
        {"sessions session-pulse 1:9_2:10": 20, "sessions session-pulse 1:4_2:5": 20},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_all_the_same_score_is_hidden(facts: dict[str, int]) -> None:
    same = {tuple(part.replace("_", " ") for part in fact.split()): n for fact, n in facts.items()}
    assert moved({EVERYBODY: same}) == [{EVERYBODY: None}]


def test_a_session_after_which_few_answered_hides_no_other_one() -> None:
    """Nothing is shown of that session: one person's score there is no mean of everybody."""
    courses = {("sessions", "session-pulse", course): n for course, n in (("1:9", 20), ("1:8 2:12", 20), ("3:4", 1))}
    assert moved({EVERYBODY: courses | {("sessions", "session-pulse", "1:8 2:11"): 2}}) == [{EVERYBODY: 43}]


def test_the_rests_of_two_days_do_not_differ_by_a_few() -> None:
    """Quay and town are hidden; 13 and then 3 more join there. On day 3 the rest would tell of these 3: hill waits."""
    days = [scores(quay=5, town=20, hill=40, dale=50), scores(quay=8, town=30, hill=40, dale=50)]
    third = moved(*days, scores(quay=9, town=32, hill=60, dale=70))[2]
    assert third == {EVERYBODY: 171, (("site", "dale"),): 70} or third == {EVERYBODY: 171, HILL: 60}
