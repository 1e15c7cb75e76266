"""What a reader of releases holds: numbers as of each release, cells without one, and what adds up to what.

Cells that a table does not name are of nobody. Beside the cells of the tables there are those that no table shows,
such as how many people of a program, at a site, are of an attribute: they are sums' parts all the same, and link them.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Cell = tuple[tuple[str, str], ...]
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
FAR = 1e7
LINKS_AT_MOST = 30_000


@dataclass(frozen=True, slots=True)
class Published:
    """One release: the numbers that are as of it, the cells that are named without one, and those of which nothing is
    said: not even an earlier number.
    """

    numbers: Mapping[Cell, int]
    without: frozenset[Cell]
    hidden: frozenset[Cell] = frozenset()

    @property
    def dimensions(self) -> set[str]:
        """Of the tables that it has; a cell of these that is not there is of nobody."""
        return {dimension for one in (*self.numbers, *self.without) for dimension, _ in one}


@dataclass(frozen=True, slots=True)
class Sums:
    """Wholes and their parts, as places of cells; one row for each whole and dimension."""

    cells: list[Cell]
    whole: np.ndarray[tuple[int], np.dtype[np.int64]]
    row: np.ndarray[tuple[int], np.dtype[np.int64]]
    part: np.ndarray[tuple[int], np.dtype[np.int64]]


def sums_of(named: set[Cell], linked: bool = False) -> Sums:
    """Everything that adds up; if linked, also through the cells of three dimensions."""
    cells = sorted(named | _between(named) if linked else named, key=lambda one: (len(one), one))
    place = {cell: at for at, cell in enumerate(cells)}
    parts: defaultdict[tuple[Cell, str], list[int]] = defaultdict(list)
    for cell in cells:
        for at in range(len(cell)):
            parts[cell[:at] + cell[at + 1 :], cell[at][0]].append(place[cell])
    rows = [(place[whole], own) for (whole, _), own in parts.items()]
    return Sums(
        cells,
        np.array([whole for whole, _ in rows], dtype=np.int64),
        np.repeat(np.arange(len(rows)), [len(own) for _, own in rows]),
        np.array([one for _, own in rows for one in own], dtype=np.int64),
    )


def _between(named: set[Cell]) -> set[Cell]:
    """Cells of three dimensions in which somebody may be: each two of these have a cell in a table."""
    ends: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    pairs = [cell for cell in named if len(cell) == 2]
    for one, other in pairs:
        ends[one].add(other)
        ends[other].add(one)
    found = {tuple(sorted((*pair, third))) for pair in pairs for third in ends[pair[0]] & ends[pair[1]]}
    if len(found) > LINKS_AT_MOST:
        found = {cell for cell in found if {"program", "site"} <= {dimension for dimension, _ in cell}}
    return found
