"""The attack on figures of the same people: who answered at one occasion, at two, at three.

Whoever keeps all rows takes the scores of those who answered twice from the scores of those who answered once. What is
left is what the others scored, and it must not be of a few. How many people are in each row is known to everybody: so
where two rows have as many, they are of the same people.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations

from tests.attack.sums import Rest

Occasions = tuple[str, ...]
Scores = Counter[tuple[int, ...]]


class Reader:
    """Keeps the latest scores of each set of occasions, and all that was left after each release."""

    def __init__(self) -> None:
        self.rows: dict[Occasions, Scores] = {}
        self.days: list[dict[Occasions, Scores]] = []
        self.left: dict[str, list[Scores]] = {}
        self.moved: set[Occasions] = set()
        self.news: set[str] = set()

    def read(self, moved: Mapping[Occasions, Scores], *sizes: Mapping[Occasions, int]) -> Iterator[Rest]:
        """The rows of one release; gives what follows from them and from all before.

        `sizes`: how many people are in each row, and in each of everybody: what is so of all is so of some.
        Of how many people rows are is told when they move: of two that stay as they were nothing new is known.
        """
        self.rows.update(moved)
        self.moved, self.news = set(moved), set()
        same = [pair for one in sizes for pair in _same(one)]
        for few, many in combinations(sorted(self.rows, key=len), 2):
            for part, whole in ((few, many), (many, few)):
                if set(whole) <= _reach(part, same) and set(part) & set(whole):
                    yield from self._less(f"{whole} without {part}", [whole], [part])
        for first, second, third in combinations(sorted(self.rows), 3):
            for whole, one, other in ((first, second, third), (second, first, third), (third, first, second)):
                both = tuple(sorted({*one, *other}))
                if set(whole) <= set(one) & set(other) and both in self.rows and both not in (one, other):
                    yield from self._less(f"{whole} without {one} and {other}", [whole, both], [one, other])
        self.days.append(dict(self.rows))

    def _less(self, how: str, added: list[Occasions], taken: list[Occasions]) -> Iterator[Rest]:
        if not self.moved.intersection((*added, *taken)):
            return
        self.news.add(how)
        left = _left(added, self.rows, taken, self.rows)
        yield Rest(how, people(left))
        for day in self.days:
            for one, other, new in ((day, self.rows, taken), (self.rows, day, added)):
                if self.moved.intersection(new) and one.keys() >= set(added) and other.keys() >= set(taken):
                    yield Rest(f"{how}, the one of an earlier day", people(_left(added, one, taken, other)))
        for before in self.left.setdefault(how, []):
            yield Rest(
                f"{how}, on two days", people(Counter({key: left[key] - before[key] for key in {*left, *before}}))
            )
        self.left[how].append(left)


def _left(
    added: list[Occasions], of: Mapping[Occasions, Scores], taken: list[Occasions], less: Mapping[Occasions, Scores]
) -> Scores:
    """What some rows leave when others are taken away, at the occasions that all of them have."""
    shared = sorted(set.intersection(*map(set, (*added, *taken))))
    found: Scores = Counter()
    for sign, rows, day in ((1, added, of), (-1, taken, less)):
        for row in rows:
            for scores, n in day[row].items():
                found[tuple(scores[row.index(at)] for at in shared)] += sign * n
    return found


def _same(sizes: Mapping[Occasions, int]) -> list[tuple[set[str], set[str]]]:
    """Rows within others that have as many people."""
    return [
        (set(few), set(many)) for few in sizes for many in sizes if set(few) < set(many) and sizes[few] == sizes[many]
    ]


def _reach(row: Occasions, same: list[tuple[set[str], set[str]]]) -> set[str]:
    """Where everybody in a row is known to have answered."""
    found = set(row)
    for _ in same:
        for few, many in same:
            if few <= found:
                found |= many
    return found


def people(left: Mapping[tuple[int, ...], int]) -> int:
    """Of how many people at least it tells."""
    return max(sum(n for n in left.values() if n > 0), -sum(n for n in left.values() if n < 0))
