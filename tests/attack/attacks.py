"""The attacks: subtraction with a pencil, bounds passed on from sum to sum and from day to day, linear programs."""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, identity
from scipy.sparse.csgraph import connected_components

from tests.attack.reader import FAR, Numbers, Sums

NEARLY = 1e-6
ROUNDS = 12
PASSES = 50
"""Bounds that still move then go round in a circle of days and sums, one person a round, and never meet."""


class Contradiction(Exception):
    """What the reader took for granted cannot be: somebody left, or a cell without a number is empty."""

    def __init__(self, cells: np.ndarray) -> None:
        super().__init__()
        self.cells = cells


def subtract(sums: Sums, known: Numbers) -> Numbers:
    """Fill in, for as long as there is one, whatever is the only number missing in a row or column (missing: NaN)."""
    found = known.copy()
    while True:
        is_missing = np.isnan(found)
        missing = np.bincount(sums.row, is_missing[sums.part], len(sums.whole)) + is_missing[sums.whole]
        rows = np.flatnonzero(missing == 1)
        if not len(rows):
            return found
        filled = np.where(is_missing, 0.0, found)
        rest = filled[sums.whole] - np.bincount(sums.row, filled[sums.part], len(sums.whole))
        wholes = rows[is_missing[sums.whole[rows]]]
        found[sums.whole[wholes]] = -rest[wholes]
        inside = np.isin(sums.row, rows) & is_missing[sums.part]
        found[sums.part[inside]] = rest[sums.row[inside]]


def narrow(sums: Sums, low: Numbers, high: Numbers) -> None:
    """Pass bounds on, on each day from parts to wholes and back, until nothing moves."""
    for _ in range(PASSES):
        before = low.sum(), high.sum()
        for day in range(len(low)):
            _narrow_once(sums, low[day], high[day])
        if (low > high).any():
            raise Contradiction(np.flatnonzero((low > high).any(axis=0)))
        if before == (low.sum(), high.sum()):
            return


def _narrow_once(sums: Sums, low: Numbers, high: Numbers) -> None:
    least, most = (np.bincount(sums.row, one[sums.part], len(sums.whole)) for one in (low, high))
    np.maximum.at(low, sums.whole, least)
    np.minimum.at(high, sums.whole, most)
    own_low, own_high = low[sums.part], high[sums.part]
    np.maximum.at(low, sums.part, low[sums.whole][sums.row] - (most[sums.row] - own_high))
    np.minimum.at(high, sums.part, high[sums.whole][sums.row] - (least[sums.row] - own_low))


def narrow_days(sums: Sums, low: Numbers, high: Numbers, joined: np.ndarray) -> None:
    """The same for all releases, of which each tells on all others, where the reader believes that people join."""
    for _ in range(PASSES):
        before = low.copy(), high.copy()
        for day in range(1, len(low)):
            low[day] = np.where(joined, np.maximum(low[day], low[day - 1]), low[day])
        for day in reversed(range(len(low) - 1)):
            high[day] = np.where(joined, np.minimum(high[day], high[day + 1]), high[day])
        if (low > high).any():
            raise Contradiction(np.flatnonzero((low > high).any(axis=0)))
        narrow(sums, low, high)
        moves = ((low != before[0]) | (high != before[1])).any(axis=0)
        if not moves.any():
            return
    raise Contradiction(np.flatnonzero(moves))


def beside(sums: Sums, cells: np.ndarray) -> np.ndarray:
    """Cells that are in one sum with one of these."""
    rows = np.union1d(sums.row[np.isin(sums.part, cells)], np.flatnonzero(np.isin(sums.whole, cells)))
    return np.union1d(sums.part[np.isin(sums.row, rows)], sums.whole[rows])


def intervals(
    sums: Sums, low: Numbers, high: Numbers, wanted: Mapping[int, float]
) -> Iterator[tuple[int, float, float]]:
    """Of the wanted cells, those whose interval by linear programs is narrower than the width beside them."""
    is_free = low < high
    _, label = _components(sums, is_free)
    for cell in wanted:
        if not is_free[cell]:
            yield cell, low[cell], high[cell]
    for one in {int(label[cell]) for cell in wanted if is_free[cell]}:
        inside = np.flatnonzero(is_free & (label == one))
        yield from _Programs(sums, low, high, inside).narrower(
            {at: w for at, w in wanted.items() if label[at] == one and is_free[at]}
        )


def _components(sums: Sums, is_free: np.ndarray) -> tuple[int, np.ndarray]:
    cells, rows = len(is_free), len(sums.whole)
    row = np.concatenate((sums.row, np.arange(rows)))
    cell = np.concatenate((sums.part, sums.whole))
    free = is_free[cell]
    graph = csr_array((np.ones(free.sum()), (cell[free], row[free] + cells)), shape=(cells + rows, cells + rows))
    count, label = connected_components(graph, directed=False)
    return int(count), label[:cells]


class _Programs:
    """Cells that are linked. How far each has been seen to go is kept; what goes far enough needs no look of its own.

    A program asks all that are left to go, this one up and that one down, at most as far as they need: so that one
    cell with much room does not decide for all.
    """

    def __init__(self, sums: Sums, low: Numbers, high: Numbers, inside: np.ndarray) -> None:
        self.inside = inside
        place = np.full(len(low), -1)
        place[inside] = np.arange(len(inside))
        rows = np.unique(np.concatenate((sums.row[place[sums.part] >= 0], np.flatnonzero(place[sums.whole] >= 0))))
        own = np.isin(sums.row, rows)
        at_row = np.searchsorted(rows, sums.row[own])
        fixed = np.where(place < 0, low, 0.0)
        self.right = fixed[sums.whole[rows]] - np.bincount(at_row, fixed[sums.part[own]], len(rows))
        columns = np.concatenate((place[sums.part[own]], place[sums.whole[rows]]))
        signs = np.concatenate((np.ones(own.sum()), -np.ones(len(rows))))
        free = columns >= 0
        shape = len(rows), len(inside)
        lines = np.concatenate((at_row, np.arange(len(rows))))
        self.left = csr_array((signs[free], (lines[free], columns[free])), shape=shape)
        self.bounds = np.column_stack((low[inside], high[inside]))
        self.place = place

    def narrower(self, wanted: Mapping[int, float]) -> Iterator[tuple[int, float, float]]:
        """Cells whose end is nearer than they need, with what is between."""
        first = self._solve(np.zeros(len(self.inside)))
        self.low, self.high = first.copy(), first.copy()
        chance = np.random.default_rng(len(wanted))
        needs = {int(self.place[cell]): width for cell, width in wanted.items()}
        for _ in range(ROUNDS):
            left = self._left(needs)
            if not left:
                return
            self._together(np.array(left), needs, chance.choice((-1.0, 1.0), size=len(left)))
            if len(self._left(needs)) > 0.8 * len(left):
                break
        for cell, width in wanted.items():
            at = int(self.place[cell])
            for end in (1.0, -1.0):
                if self._left({at: width}):
                    aim = np.zeros(len(self.inside))
                    aim[at] = end
                    self._note(self._solve(aim))
            if self._left({at: width}):
                yield cell, np.ceil(self.low[at] - NEARLY), np.floor(self.high[at] + NEARLY)

    def _left(self, needs: Mapping[int, float]) -> list[int]:
        """Whole people only: an end at 3.5 is one at 3."""
        width = np.floor(self.high + NEARLY) - np.ceil(self.low - NEARLY)
        return [at for at, need in needs.items() if width[at] < need]

    def _together(self, left: np.ndarray, needs: Mapping[int, float], ways: Numbers) -> None:
        """One step for each: not more than it needs, and not more than it goes this way from the other end seen."""
        cells, steps = len(self.inside), len(left)
        ends = np.where(ways > 0, self.low[left], self.high[left])
        chosen = csr_array((ways, (np.arange(steps), left)), shape=(steps, cells))
        bounds = np.vstack((self.bounds, np.column_stack((np.full(steps, -FAR), [needs[int(at)] + 1 for at in left]))))
        found = linprog(
            np.concatenate((np.zeros(cells), -np.ones(steps))),
            A_ub=hstack((-chosen, identity(steps))),
            b_ub=-ways * ends,
            A_eq=hstack((self.left, csr_array((len(self.right), steps)))),
            b_eq=self.right,
            bounds=bounds,
            method="highs",
        )
        if found.x is not None:
            self._note(found.x[:cells])

    def _note(self, found: Numbers) -> None:
        np.minimum(self.low, found, out=self.low)
        np.maximum(self.high, found, out=self.high)

    def _solve(self, aim: Numbers) -> Numbers:
        found = linprog(aim, A_eq=self.left, b_eq=self.right, bounds=self.bounds, method="highs")
        if found.x is None:
            raise Contradiction(self.inside)
        return np.asarray(found.x)
