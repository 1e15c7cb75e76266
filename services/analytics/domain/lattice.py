"""Tables of people with totals: every one- and two-way table of program, site, cohort and one attribute at a time.

A cell is how many people are all that it says: `(("program", "evening-circle"), ("site", "old-town"))`; `()` is
everybody. A relation says that a whole is the sum of its parts, as every row and column of a table does.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

Cell = tuple[tuple[str, str], ...]
Joint = tuple[str, str, str, str, str]
"""Program, site, cohort, and an attribute with its value; the attribute "" counts everybody once."""
EVERYBODY: Cell = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """A whole, and the cells that it is the sum of."""

    whole: Cell
    parts: tuple[Cell, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The whole first."""
        return (self.whole, *self.parts)


@dataclass(slots=True)
class Tables:
    """Cells, what adds up to what, and the least and most that a reader knows each to be, where it is named.

    Sums may be of links, too: cells without a value, which no reader sees.
    """

    values: Mapping[Cell, int]
    relations: list[Relation]
    floors: Mapping[Cell, int] = field(default_factory=dict)
    ceilings: Mapping[Cell, int] = field(default_factory=dict)
    of: dict[Cell, list[Relation]] = field(init=False)

    def __post_init__(self) -> None:
        self.of = defaultdict(list)
        for relation in self.relations:
            for cell in relation.cells:
                self.of[cell].append(relation)

    def floor(self, cell: Cell) -> int:
        """A reader knows that it is not less."""
        return min(self.floors.get(cell, 0), self.values.get(cell, 0))

    def room(self, cell: Cell) -> int:
        """How far below its value a reader may believe it to be."""
        return self.values[cell] - self.floor(cell)


def cells(joint: Mapping[Joint, int]) -> dict[Cell, int]:
    """All cells of the lattice in which there is anybody, from how many people are what at once."""
    found: Counter[Cell] = Counter()
    for (program, site, cohort, attribute, value), n in joint.items():
        fixed = (("cohort", cohort), ("program", program), ("site", site))
        if attribute:
            own = (attribute, value)
            found.update({_cell(own): n, **{_cell(own, one): n for one in fixed}})
        else:
            found.update({EVERYBODY: n, **{_cell(one): n for one in fixed}})
            found.update({_cell(*pair): n for pair in combinations(fixed, 2)})
    return {cell: n for cell, n in found.items() if n}


def with_empty(found: Mapping[Cell, int]) -> dict[Cell, int]:
    """The same, with the cells of two-way tables in which there is nobody."""
    tables = {tuple(dimension for dimension, _ in cell) for cell in found if len(cell) == 2}
    values: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for cell in found:
        if len(cell) == 1:
            values[cell[0][0]].append(cell[0])
    empty = {_cell(one, other): 0 for first, second in tables for one in values[first] for other in values[second]}
    return empty | dict(found)


def links(found: Iterable[Cell]) -> set[Cell]:
    """The cells of a program, a site and anything else in which somebody may be. They are in no table, but in its sums.

    A site with one program has the same people as this program has there: so the tables of both tell on each other.
    """
    pairs = {cell for cell in found if len(cell) == 2}
    beside: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for one, other in pairs:
        beside[one].add(other)
        beside[other].add(one)
    courses = [pair for pair in pairs if (pair[0][0], pair[1][0]) == ("program", "site")]
    return {_cell(*pair, third) for pair in courses for third in beside[pair[0]] & beside[pair[1]]}


def _cell(*parts: tuple[str, str]) -> Cell:
    return tuple(sorted(parts))


def relations(found: Iterable[Cell]) -> list[Relation]:
    """What adds up to what: the values of a dimension to everybody, each row and column of a table to its total."""
    parts: defaultdict[tuple[Cell, str], list[Cell]] = defaultdict(list)
    for cell in found:
        for place, (dimension, _) in enumerate(cell):
            parts[(*cell[:place], *cell[place + 1 :]), dimension].append(cell)
    return [Relation(whole, tuple(sorted(own))) for (whole, _), own in sorted(parts.items())]
