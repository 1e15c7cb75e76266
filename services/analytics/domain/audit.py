"""The audit: how much room the shown cells leave for a hidden one, by linear programs (HiGHS)."""

from collections.abc import Collection, Iterator
from math import inf, nan

import numpy as np
from highspy import HighsLp, HighsModelStatus, MatrixFormat
from highspy._core import _Highs  # its wrapper greets on standard output before it can be told not to
from scipy.sparse import csr_array

from services.analytics.domain.lattice import Cell, Relation, Tables

TOLERANCE = 1e-6
PRIMAL = 4  # what was a solution is one, whatever is aimed at
AT_ONCE, WORTH_IT = 4, 0.93
"""Cells are first looked at together, at random upwards or downwards, for as long as that shows room for enough."""
Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


def unsafe(tables: Tables, targets: Collection[Cell], hidden: Collection[Cell], width: int) -> Iterator[Cell]:
    """Those of the targets that a reader can place within an interval that is narrower."""
    for variables, around in _linked(tables, hidden):
        wanted = [cell for cell in variables if cell in targets]
        if not wanted:
            continue
        if len(around) == 1:
            yield from (cell for cell in wanted if _room_in(tables, around[0], variables, cell) < width)
        elif around:
            yield from _Programs(tables, variables, around).narrower(wanted, width)


def _linked(tables: Tables, hidden: Collection[Cell]) -> Iterator[tuple[list[Cell], list[Relation]]]:
    """Hidden cells that some chain of totals links, with the links between them, and these totals."""
    left = tables.of.keys() - tables.values.keys() | set(hidden)
    for start in sorted(hidden):
        if start not in left:
            continue
        left.discard(start)
        found, reached = [start], [start]
        around: dict[Relation, None] = {}
        while reached:
            for relation in tables.of[reached.pop()]:
                if relation not in around:
                    around[relation] = None
                    near = [cell for cell in relation.cells if cell in left]
                    left.difference_update(near)
                    found += near
                    reached += near
        yield found, list(around)


def _room_in(tables: Tables, only: Relation, variables: list[Cell], cell: Cell) -> float:
    """In a single sum: what is hidden beside a cell can be less or more by as much as that can."""
    signs = {one: -1 if one == only.whole else 1 for one in variables}
    less = {one: tables.room(one) for one in variables}
    more = {one: tables.ceilings.get(one, inf) - tables.values[one] for one in variables}
    up = sum((less if signs[one] == signs[cell] else more)[one] for one in variables if one != cell)
    down = sum((more if signs[one] == signs[cell] else less)[one] for one in variables if one != cell)
    return min(more[cell], up) + min(less[cell], down)


def _total(tables: Tables, relation: Relation, hidden: Collection[Cell]) -> int:
    """What a reader knows that the hidden parts of a sum add up to, less its whole if that is hidden."""
    if relation.parts[0] in tables.values:
        less = tables.values[relation.whole] if relation.whole in hidden else 0
        return sum(tables.values[cell] for cell in relation.parts if cell in hidden) - less
    return 0 if relation.whole in hidden else tables.values[relation.whole]


class _Programs:
    """The linear programs over hidden cells that are linked: the same constraints, an aim for each cell and end.

    Each solution is one way how things may be, for all cells at once, so it is noted how far each has been seen to go;
    a cell that has been seen to have room enough needs no program of its own.
    """

    def __init__(self, tables: Tables, variables: list[Cell], around: list[Relation]) -> None:
        place = {cell: at for at, cell in enumerate(variables)}
        terms = [
            (row, place[cell], -1.0 if cell == relation.whole else 1.0)
            for row, relation in enumerate(around)
            for cell in relation.cells
            if cell in place
        ]
        rows, columns, signs = zip(*terms, strict=True)
        self.place, self.sums = place, csr_array((signs, (rows, columns)), shape=(len(around), len(variables)))
        self.totals = np.array([_total(tables, relation, place) for relation in around], dtype=float)
        self.floors = np.array([tables.floor(cell) for cell in variables], dtype=float)
        truth = np.array([tables.values.get(cell, nan) for cell in variables], dtype=float)
        far = 10 * (float(np.nansum(truth)) + 1)  # farther than any hidden cell needs to be followed
        ceilings = [tables.ceilings.get(cell, far if cell in tables.values else inf) for cell in variables]
        self.ceilings = np.fmax(ceilings, truth)
        self.low, self.high = truth.copy(), truth.copy()
        self.solver = self._solver()

    def narrower(self, wanted: list[Cell], width: int) -> Iterator[Cell]:
        """Of these cells, those with less room."""
        self.width = width - TOLERANCE
        chance = np.random.default_rng(len(wanted))
        left = self._narrow([self.place[cell] for cell in wanted])
        while len(left) > AT_ONCE:
            aim = np.zeros(len(self.low))
            aim[left] = chance.choice((-1.0, 1.0), size=len(left))
            self._solve(aim)
            before, left = left, self._narrow(left)
            if len(left) > WORTH_IT * len(before):
                break
        for cell in wanted:
            for end in (-1.0, 1.0):
                if self._narrow([self.place[cell]]):
                    aim = np.zeros(len(self.low))
                    aim[self.place[cell]] = end
                    self._solve(aim)
            if self._narrow([self.place[cell]]):
                yield cell

    def _narrow(self, places: list[int]) -> list[int]:
        return [at for at in places if self.high[at] - self.low[at] < self.width]

    def _solver(self) -> _Highs:
        """HiGHS, which goes on from the last solution when only the aim is another."""
        columns = self.sums.tocsc()
        program = HighsLp()
        program.num_col_, program.num_row_ = len(self.low), len(self.totals)
        program.col_cost_ = np.zeros(len(self.low))
        program.col_lower_, program.col_upper_ = self.floors, self.ceilings
        program.row_lower_ = program.row_upper_ = self.totals
        program.a_matrix_.format_ = MatrixFormat.kColwise
        program.a_matrix_.start_, program.a_matrix_.index_ = columns.indptr, columns.indices
        program.a_matrix_.value_ = columns.data
        solver = _Highs()
        for name, value in (("output_flag", False), ("presolve", "off"), ("simplex_strategy", PRIMAL), ("threads", 1)):
            solver.setOptionValue(name, value)
        solver.passModel(program)
        return solver

    def _solve(self, aim: Floats) -> None:
        """Note one more way how things may be."""
        self.solver.changeColsCost(len(aim), np.arange(len(aim), dtype=np.int32), aim)
        self.solver.run()
        assert self.solver.getModelStatus() == HighsModelStatus.kOptimal  # the truth is a solution
        way = np.array(self.solver.getSolution().col_value)
        np.fmin(self.low, way, out=self.low)
        np.fmax(self.high, way, out=self.high)
