"""Of a whole and its parts, with what people scored: no row, and no rest of a whole, is of a few people."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from services.analytics.domain.bases import Latest, to_move
from services.analytics.domain.rules import Rules
from tests.attack.sums import Cell, Reader, Rest, Scores, few

RULES = Rules()
Person = tuple[int, int, int]


def days(seed: int) -> Iterator[list[Person]]:
    """Everybody's site, age band and score, day by day; some join, now and then somebody leaves."""
    chance = np.random.default_rng(seed)
    sizes = chance.pareto(1.2, size=int(chance.integers(2, 7))) + 0.1
    people: list[Person] = []
    joining = int(chance.integers(30, 400))
    for _ in range(int(chance.integers(3, 11))):
        sites = chance.choice(len(sizes), size=joining, p=sizes / sizes.sum())
        people += [(int(site), int(chance.integers(3)), int(chance.integers(28))) for site in sites]
        yield people
        joining = (int(chance.integers(1, 11)), len(people) // 10 + 1, len(people) // 4 + 1)[int(chance.integers(3))]
        if chance.random() < 0.2:
            people.pop(int(chance.integers(len(people))))


def facts(people: list[Person]) -> dict[Cell, Scores]:
    found: dict[Cell, Scores] = {}
    for site, age, score in people:
        for cell in ((), (("site", f"s{site}"),), (("age", f"a{age}"),)):
            found.setdefault(cell, Counter())[("answer", "phq-9", "1", "end", str(score))] += 1
    return found


def read(seed: int) -> Iterator[Rest]:
    earlier: list[dict[Cell, Latest]] = []
    reader = Reader()
    for people in days(seed):
        rows = to_move(facts(people), earlier, (), RULES)
        earlier.append(rows)
        shown = {cell: None if row.facts is None else Counter(row.facts) for cell, row in rows.items()}
        yield from few(reader.read(shown), RULES.people_min)


def test_no_row_and_no_rest_of_a_whole_is_of_a_few() -> None:
    assert not [one for seed in range(50) for one in read(seed)]
