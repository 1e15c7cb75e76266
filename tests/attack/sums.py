"""The attack on figures: a whole and its parts, each with what its people scored, as rows that move now and then.

Whoever keeps all rows subtracts: a row from the one before it, all parts that have a number from their whole, and one
such rest from the rest of another day. What is left is what some people scored; it must not be of a few.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

Cell = tuple[tuple[str, str], ...]
Scores = Counter[tuple[str, ...]]
Rows = Mapping[Cell, Scores | None]


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

    def __init__(self, *, across: bool = True) -> None:
        self.across = across  # of mere numbers of people another day tells nothing: they may be of quite other people
        self.rows: dict[Cell, Scores | None] = {}
        self.left: dict[str, list[Scores]] = {}
        self.days: list[dict[Cell, Scores | None]] = []

    def read(self, moved: Mapping[Cell, Scores | None], within: Iterable[tuple[Cell, Cell]] = ()) -> Iterator[Rest]:
        """The rows of one release; gives what follows from them and from all before.

        `within`: parts by different labels of which the tables of people say that the one is within the other.
        """
        for cell, scores in moved.items():
            was = self.rows.get(cell)
            if scores is not None and was is not None:
                yield Rest(f"a row and the one before it: {cell}", _people(_less(scores, was)))
            if scores is not None or cell not in self.rows:
                self.rows[cell] = scores
        for label in {cell[0][0] for cell in self.rows if cell}:
            yield from self._parts(label)
            for day in self.days if self.across else ():
                yield from _across(label, day, self.rows)
                yield from _across(label, self.rows, day)
        for part, whole in within:
            if moved.get(part) is not None or moved.get(whole) is not None:
                yield from self._two_labels(part, whole)
        self.days.append(dict(self.rows))

    def _two_labels(self, part: Cell, whole: Cell) -> Iterator[Rest]:
        for when, one, other in (
            ("", self.rows, self.rows),
            *((" of another day", *days) for day in self.days for days in ((day, self.rows), (self.rows, day))),
        ):
            if (own := one.get(whole)) is not None and (less := other.get(part)) is not None:
                yield Rest(f"{whole} without {part}{when}", _people(_less(own, less)))

    def _parts(self, label: str) -> Iterator[Rest]:
        whole = self.rows.get(())
        if whole is None:
            return
        left = _without(whole, _parts_of(label, self.rows))
        yield Rest(f"the whole without its parts by {label}", _people(left))
        for before in self.left.setdefault(label, []):
            yield Rest(f"what the whole left by {label}, on two days", _people(_less(left, before)))
        self.left[label].append(left)


def _across(label: str, day: Rows, other: Rows) -> Iterator[Rest]:
    """What the whole of one day leaves without the parts of another one, all of them or one."""
    if (whole := day.get(())) is not None:
        parts = _parts_of(label, other)
        yield Rest(f"the whole without its parts by {label} of another day", _people(_without(whole, parts)))
        for part in parts:
            yield Rest(f"the whole without a part by {label} of another day", _people(_less(whole, part)))


def _parts_of(label: str, rows: Rows) -> list[Scores]:
    return [scores for cell, scores in rows.items() if cell and cell[0][0] == label and scores is not None]


def _without(whole: Scores, parts: Iterable[Scores]) -> Scores:
    found = Counter(whole)
    for part in parts:
        found.subtract(part)
    return found


def _less(one: Scores, other: Scores) -> Scores:
    found = Counter(one)
    found.subtract(other)
    return found


def few(rests: Iterable[Rest], people_min: int) -> list[Rest]:
    """Those of somebody, but of too few."""
    return [one for one in rests if 0 < one.people < people_min]
