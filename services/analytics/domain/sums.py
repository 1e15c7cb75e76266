"""What adds up to what, as arrays: bounds are passed on between wholes and their parts, on many days at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from scipy.sparse import csr_array

from services.analytics.domain.lattice import Cell, Relation

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Truths = np.ndarray[tuple[int, ...], np.dtype[np.bool]]
Places = np.ndarray[tuple[int], np.dtype[np.int64]]
FAR = 1e7
"""More people than there are."""
ROUNDS = 50
NOBODY_WRONG: Places = np.array([], dtype=np.int64)


class Sums:
    """Cells by their places, and sums of them. Bounds have a row for each cell and a column for each day."""

    def __init__(self, cells: Collection[Cell], relations: Sequence[Relation]) -> None:
        self.cells = sorted({*cells, *(cell for one in relations for cell in one.cells)})
        self.place = {cell: at for at, cell in enumerate(self.cells)}
        self.whole = self.places(one.whole for one in relations)
        rows = np.repeat(np.arange(len(relations)), [len(one.parts) for one in relations])
        parts = self.places(cell for one in relations for cell in one.parts)
        shape = len(relations), len(self.cells)
        self.adding = csr_array((np.ones(len(parts)), (rows, parts)), shape=shape)
        self.balance = self.adding - csr_array((np.ones(shape[0]), (np.arange(shape[0]), self.whole)), shape=shape)
        self._wholes = [(at, self.whole[at]) for at in _turns(self.whole)]
        self._parts = [(rows[at], parts[at]) for at in _turns(parts)]

    def places(self, cells: Iterable[Cell]) -> Places:
        """Where these cells are."""
        return np.array([self.place[cell] for cell in cells], dtype=np.int64)

    def beside(self, places: Places) -> Places:
        """These, and the cells that are in one sum with one of them."""
        is_one = np.zeros(len(self.cells))
        is_one[places] = 1
        return np.flatnonzero(is_one + abs(self.balance).T @ (abs(self.balance) @ is_one))

    def tighten(self, low: Floats, high: Floats) -> Places:
        """Pass bounds on in place until nothing moves; gives the cells for which nothing is left, if there are any.

        Where no people can be as these bounds say, they may close in on each other by one person a round: for so long
        nobody waits, and what was passed on holds all the same.
        """
        for _ in range(ROUNDS):
            before = low.sum(), high.sum()
            least, most = self.adding @ low, self.adding @ high
            for rows, wholes in self._wholes:
                low[wholes] = np.maximum(low[wholes], least[rows])
                high[wholes] = np.minimum(high[wholes], most[rows])
            own = low.copy(), high.copy()
            for rows, parts in self._parts:
                wholes = self.whole[rows]
                low[parts] = np.maximum(low[parts], own[0][wholes] - most[rows] + own[1][parts])
                high[parts] = np.minimum(high[parts], own[1][wholes] - least[rows] + own[0][parts])
            if (low > high).any():
                return np.flatnonzero((low > high).reshape(len(low), -1).any(axis=1))
            if before == (low.sum(), high.sum()):
                break
        return NOBODY_WRONG


def _turns(places: Places) -> list[Places]:
    """Where each place is named for the first time, for the second, and so on: within a turn none is named twice."""
    turns: defaultdict[int, list[int]] = defaultdict(list)
    seen: defaultdict[int, int] = defaultdict(int)
    for at, place in enumerate(places.tolist()):
        turns[seen[place]].append(at)
        seen[place] += 1
    return [np.array(own, dtype=np.int64) for own in turns.values()]
