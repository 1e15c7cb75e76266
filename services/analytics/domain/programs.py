"""Linear programs (HiGHS): one set of sums and bounds, and one aim after another, each from the last solution."""

import numpy as np
from highspy import HighsLp, HighsModelStatus, MatrixFormat
from highspy._core import _Highs  # its wrapper greets on standard output before it can be told not to
from scipy.sparse import csr_array

from services.analytics.domain.sums import Floats

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
        self.solver = _Highs()
        for name, value in (("output_flag", False), ("presolve", "off"), ("simplex_strategy", PRIMAL), ("threads", 1)):
            self.solver.setOptionValue(name, value)
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
