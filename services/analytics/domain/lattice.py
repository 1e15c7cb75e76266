"""Tables of people with totals: every one- and two-way table of program, site, cohort and one attribute at a time.

A cell is how many enrolments are all that it says: `(("program", "evening-circle"), ("site", "old-town"))`; `()` is all
of them. Within a program these are people; who is in two programs is twice in what spans them, as else nothing would
add up. A relation says that a whole is the sum of its parts, as every row and column of a table does.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

Cell = tuple[tuple[str, str], ...]
Joint = tuple[str, str, str, str, str]
"""Program, site, cohort, and an attribute with its value; the attribute "" counts everybody once."""
EVERYBODY: Cell = ()
LINKS_AT_MOST, SUMS_AT_MOST = 3_000, 30_000
"""Where there are more, only those of a program at a site are looked at, which tell the most: by linear programs, and
by single sums."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A whole, and the cells that it is the sum of."""

    whole: Cell
    parts: tuple[Cell, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The whole first."""
        return (self.whole, *self.parts)


@dataclass(frozen=True, slots=True)
class Several:
    """Of a cell in which somebody is several times: how many people are in it, and how often one of them at most."""

    people: int
    each: int


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


def links(found: Iterable[Cell], at_most: int) -> set[Cell]:
    """The cells of three dimensions in which somebody may be. They are in no table, but in the sums of all of them.

    A site with one program has the same people as this program has there: so the tables of both tell on each other.
    """
    pairs = {cell for cell in found if len(cell) == 2}
    beside: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for one, other in pairs:
        beside[one].add(other)
        beside[other].add(one)
    every = {_cell(*pair, third) for pair in pairs for third in beside[pair[0]] & beside[pair[1]]}
    if len(every) <= at_most:
        return every
    return {cell for cell in every if {"program", "site"} <= {dimension for dimension, _ in cell}}


def nearly_within(people: Iterable[tuple[Mapping[str, str], int]], unknown: str) -> dict[tuple[Cell, Cell], int]:
    """Cells by one label that are also in another one, by another label, but for these few: for one in ten at most.

    `people`: how many have which labels at once; who lacks one is `unknown` there.
    """
    known = list(people)
    labels = sorted({label for own, _ in known for label in own})
    sizes, both = Counter[Cell](), Counter[tuple[Cell, Cell]]()
    for own, n in known:
        every = [_cell((label, own.get(label, unknown))) for label in labels]
        sizes.update(dict.fromkeys(every, n))
        both.update(dict.fromkeys(permutations(every, 2), n))
    outside = {pair: sizes[pair[0]] - n for pair, n in both.items()}
    return {pair: n for pair, n in outside.items() if 10 * n <= sizes[pair[0]]}


def _cell(*parts: tuple[str, str]) -> Cell:
    return tuple(sorted(parts))


def relations(found: Iterable[Cell]) -> list[Relation]:
    """What adds up to what: the values of a dimension to everybody, each row and column of a table to its total."""
    parts: defaultdict[tuple[Cell, str], list[Cell]] = defaultdict(list)
    for cell in found:
        for place, (dimension, _) in enumerate(cell):
            parts[(*cell[:place], *cell[place + 1 :]), dimension].append(cell)
    return [Relation(whole, tuple(sorted(own))) for (whole, _), own in sorted(parts.items())]
