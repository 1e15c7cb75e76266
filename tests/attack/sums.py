"""The attack on figures: a whole and its parts, each with what its people scored, as rows that move now and then.

Whoever keeps all rows subtracts: a row from the one before it, all parts that have a number from their whole, and one
such rest from the rest of another day. What is left is what some people scored; it must not be of a few.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

Cell = tuple[tuple[str, str], ...]
Scores = Counter[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rest:
    """What a subtraction left, of how many people at least."""

    how: str
    people: int


def _people(left: Mapping[tuple[str, ...], int]) -> int:
    more = sum(n for n in left.values() if n > 0)
    return max(more, more - sum(left.values()))


class Reader:
    """Keeps the latest row of each cell, and what was left in each label on the days before."""

    def __init__(self) -> None:
        self.rows: dict[Cell, Scores | None] = {}
        self.left: dict[str, list[Scores]] = {}

    def read(self, moved: Mapping[Cell, Scores | None]) -> Iterator[Rest]:
        """The rows of one release; gives what follows from them and from all before."""
        for cell, scores in moved.items():
            was = self.rows.get(cell)
            if scores is not None and was is not None:
                yield Rest(f"a row and the one before it: {cell}", _people(_less(scores, was)))
            if scores is not None or cell not in self.rows:
                self.rows[cell] = scores
        for label in {cell[0][0] for cell in self.rows if cell}:
            yield from self._parts(label)

    def _parts(self, label: str) -> Iterator[Rest]:
        whole = self.rows.get(())
        if whole is None:
            return
        left = Counter(whole)
        for cell, scores in self.rows.items():
            if cell and cell[0][0] == label and scores is not None:
                left.subtract(scores)
        yield Rest(f"the whole without its parts by {label}", _people(left))
        for before in self.left.setdefault(label, []):
            yield Rest(f"what the whole left by {label}, on two days", _people(_less(left, before)))
        self.left[label].append(left)


def _less(one: Scores, other: Scores) -> Scores:
    found = Counter(one)
    found.subtract(other)
    return found


def few(rests: Iterable[Rest], people_min: int) -> list[Rest]:
    """Those of somebody, but of too few."""
    return [one for one in rests if 0 < one.people < people_min]
