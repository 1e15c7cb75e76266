"""Linear programs (HiGHS): one set of sums and bounds, and one aim after another, each from the last solution."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from highspy import HighsLp, HighsModelStatus, HighsVarType, MatrixFormat, kHighsInf
from highspy._core import _Highs  # its wrapper greets on standard output before it can be told not to
from scipy.sparse import csr_array

from services.analytics.domain.sums import Floats, Places

HALF = 0.5
PRIMAL = 4  # what was a solution is one, whatever is aimed at


class Programs:
    """Sums that hold, `sums @ x == right`."""

    def __init__(self, sums: csr_array, right: Floats) -> None:
        columns = sums.tocsc()
        program = HighsLp()
        program.num_row_, program.num_col_ = sums.shape
        program.col_cost_ = np.zeros(sums.shape[1])
        program.col_lower_ = program.col_upper_ = np.zeros(sums.shape[1])
        program.row_lower_ = program.row_upper_ = right
        program.a_matrix_.format_ = MatrixFormat.kColwise
        program.a_matrix_.start_, program.a_matrix_.index_ = columns.indptr, columns.indices
        program.a_matrix_.value_ = columns.data
        self.solver = _quiet(presolve="off", simplex_strategy=PRIMAL)
        self.solver.passModel(program)

    def least(self, aim: Floats, low: Floats, high: Floats) -> Floats | None:
        """Where the aim is least between these bounds; None, if sums and bounds contradict each other."""
        every = np.arange(len(aim), dtype=np.int32)
        self.solver.changeColsBounds(len(aim), every, low, high)
        self.solver.changeColsCost(len(aim), every, aim)
        self.solver.run()
        if self.solver.getModelStatus() != HighsModelStatus.kOptimal:
            return None
        return np.array(self.solver.getSolution().col_value)

    def prices(self) -> Floats:
        """By how much the least that was found last changes with each one's bound, for one more."""
        return np.array(self.solver.getSolution().col_dual)


class Choices:
    """Which of many to choose, at the least cost: each sum that is added holds of those that are chosen."""

    def __init__(self, cost: Floats, *, nodes_max: int, gap: float) -> None:
        program, many = HighsLp(), len(cost)
        program.num_col_, program.num_row_ = many, 0
        program.col_cost_ = cost
        program.col_lower_, program.col_upper_ = np.zeros(many), np.ones(many)
        program.integrality_ = [HighsVarType.kInteger] * many
        program.a_matrix_.format_ = MatrixFormat.kColwise
        program.a_matrix_.start_ = np.zeros(many + 1, dtype=np.int32)
        self.solver = _quiet(mip_max_nodes=nodes_max, mip_rel_gap=gap)
        self.solver.passModel(program)

    def add(self, least: float, places: Sequence[int], shares: Sequence[float]) -> None:
        """The chosen ones' shares come to this at least."""
        self.solver.addRow(least, kHighsInf, len(places), np.array(places, dtype=np.int32), np.array(shares))

    def take(self, place: int) -> None:
        """This one is chosen in any case."""
        self.solver.changeColBounds(place, 1, 1)

    def best(self) -> Places:
        """The cheapest choice that was found."""
        self.solver.run()
        found = self.solver.getSolution()
        assert found.value_valid  # whoever chooses everything meets every sum
        chosen: Places = np.flatnonzero(np.array(found.col_value) > HALF)
        return chosen


def _quiet(**options: Any) -> Any:
    solver = _Highs()
    for name, value in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(name, value)
    return solver
