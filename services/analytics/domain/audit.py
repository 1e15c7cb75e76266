"""The audit: how much room what is shown leaves for a hidden cell, by bounds and by linear programs."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array

from services.analytics.domain.programs import Programs
from services.analytics.domain.sums import Floats, Places, Sums, Truths

TOLERANCE = 1e-6
ROUNDS = 8
"""So often all are asked together, at random to go upwards or downwards."""


def unsafe(sums: Sums, low: Floats, high: Floats, wanted: Iterable[int], width: int) -> Iterator[int]:
    """Those of the wanted places that a reader of these bounds can put within an interval that is narrower."""
    is_free = low < high
    label = _linked(sums, is_free)
    left = []
    for at in wanted:
        if high[at] - low[at] < width:
            yield at
        else:
            left.append(at)
    for one in sorted({int(label[at]) for at in left}):
        inside = np.flatnonzero(is_free & (label == one))
        yield from _Room(sums, low, high, inside).narrower([at for at in left if label[at] == one], width)


def _linked(sums: Sums, is_free: Truths) -> Places:
    """A label for each cell: of cells without a number that some chain of sums links it is the same."""
    from scipy.sparse.csgraph import connected_components  # brings half of scipy: a process starts sooner without it

    terms = sums.balance.tocoo()
    free = is_free[terms.col]
    many, cells = len(sums.whole) + len(is_free), len(is_free)
    graph = csr_array((np.ones(free.sum()), (terms.col[free], terms.row[free] + cells)), shape=(many, many))
    label: Places = connected_components(graph, directed=False)[1]
    return label[:cells]


class _Room:
    """Cells that are linked, and how far each has been seen to go.

    Each solution is one way how things may be, for all of them at once; a cell that has been seen to have room enough
    needs no program of its own. Many are asked at once to go, each as far as it needs and no farther.
    """

    def __init__(self, sums: Sums, low: Floats, high: Floats, inside: Places) -> None:
        own = sums.balance[:, inside]
        rows = np.flatnonzero(np.diff(own.indptr))
        fixed = low.copy()
        fixed[inside] = 0
        self.inside, self.place = inside, {int(cell): at for at, cell in enumerate(inside)}
        self.programs = Programs(own[rows], -(sums.balance[rows] @ fixed))
        self.bounds = low[inside], high[inside]
        self.chance = np.random.default_rng(len(inside))

    def narrower(self, wanted: Sequence[int], width: int) -> Iterator[int]:
        """Of these places, those with less room. None, where the bounds contradict the sums: nothing follows then."""
        first = self.programs.least(np.zeros(len(self.inside)), *self.bounds)
        if first is None:
            return
        self.low, self.high = first, first
        left = np.array([self.place[at] for at in wanted])
        for _ in range(ROUNDS):
            self._look(left, self.chance.choice((-1.0, 1.0), size=len(left)), width)
            left = self._narrow(left, width)
        for at in left:
            one = np.array([at])
            for way in (-1.0, 1.0):
                if self._narrow(one, width).size:
                    self._look(one, np.array([way]), width)
            if self._narrow(one, width).size:
                yield int(self.inside[at])

    def _narrow(self, places: Places, width: int) -> Places:
        """Whole people only: an end at 3.5 is one at 3."""
        room = np.floor(self.high[places] + TOLERANCE) - np.ceil(self.low[places] - TOLERANCE)
        return places[room < width]

    def _look(self, places: Places, ways: Floats, width: int) -> None:
        """Let these go up (1) or down (-1)."""
        if not places.size:
            return
        (low, high), aim = (one.copy() for one in self.bounds), np.zeros(len(self.inside))
        up, down = places[ways > 0], places[ways < 0]
        high[up] = np.minimum(high[up], np.ceil(self.low[up] - TOLERANCE) + width)
        low[down] = np.maximum(low[down], np.floor(self.high[down] + TOLERANCE) - width)
        aim[places] = -ways
        way = self.programs.least(aim, low, high)
        if way is not None:
            self.low, self.high = np.fmin(self.low, way), np.fmax(self.high, way)
