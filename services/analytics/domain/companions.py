"""What to hide beside cells that have too little room: the fewest by whose numbers all of these could be more."""

from collections.abc import Collection

import numpy as np
from scipy.sparse import hstack

from services.analytics.domain.lattice import Cell
from services.analytics.domain.programs import Programs
from services.analytics.domain.sums import FAR
from services.analytics.domain.tables import Tables

NOTHING = 1e-6
TOTALS_COST = (50.0, 5.0, 1.0)
"""To hide everybody, a total, or a cell within a table."""


def companions(tables: Tables, narrow: Collection[Cell], hidden: Collection[Cell], width: int) -> set[Cell]:
    """Cells that are still shown, of other numbers in a table of other people in which all the narrow ones have more.

    The linear program moves people about: it may go above each number, and below it as far as there is room, links
    follow, and each person that a shown number is changed by has a price.
    """
    sums, shown = tables.sums, tables.values.keys() - hidden
    moved = np.array([cell in narrow for cell in sums.cells])
    price = np.array([_price(tables, cell) if cell in shown else 0.0 for cell in sums.cells])
    less = np.array([tables.room(cell) if cell in tables.values else 0.0 for cell in sums.cells])
    less[moved] = 0
    numbers = np.array([tables.values.get(cell, 0.0) for cell in sums.cells])
    found = Programs(hstack((sums.balance, -sums.balance)), -(sums.balance @ numbers)).least(
        np.concatenate((price, price)),
        np.concatenate((np.where(moved, width, 0.0), np.zeros(len(less)))),
        np.concatenate((np.full(len(less), FAR), less)),
    )
    assert found is not None  # there may be more people everywhere
    by = found[: len(less)] + found[len(less) :]
    return {sums.cells[at] for at in np.flatnonzero(by > NOTHING)} & shown


def _price(tables: Tables, cell: Cell) -> float:
    return TOTALS_COST[len(cell)] * (1 + tables.values[cell] / (1 + max(tables.values.values())))
