"""What to hide beside cells that have too little room: the fewest by whose numbers all of these could be more."""

from collections.abc import Collection

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack

from services.analytics.domain.lattice import Cell, Tables

NOTHING = 1e-6
TOTALS_COST = (50.0, 5.0, 1.0)
"""To hide everybody, a total, or a cell within a table."""


def companions(tables: Tables, narrow: Collection[Cell], hidden: Collection[Cell], width: int) -> set[Cell]:
    """Cells that are still shown, of other numbers in a table of other people in which all the narrow ones have more.

    The linear program moves people about: it may go above each number, and below it as far as there is room, links
    follow, and each person that a shown number is changed by has a price.
    """
    cells, links = list(tables.values), list(tables.of.keys() - tables.values.keys())
    more, less = np.full(len(cells), np.inf), np.array([tables.room(cell) for cell in cells], dtype=float)
    least = np.array([width if cell in narrow else 0 for cell in cells], dtype=float)
    less[least > 0] = 0
    price = np.array([0.0 if cell in hidden else _price(tables, cell) for cell in cells])
    sums, right = _sums(tables, cells, links)
    found = linprog(
        np.concatenate((price, price, np.zeros(len(links)))),
        A_eq=hstack((sums[:, : len(cells)], -sums[:, : len(cells)], sums[:, len(cells) :])),
        b_eq=right,
        bounds=[*zip(least, more, strict=True), *((0, most) for most in less), *((0, None) for _ in links)],
        method="highs",
    )
    assert found.x is not None, found.message  # there may be more people everywhere
    moved = found.x[: len(cells)] + found.x[len(cells) : 2 * len(cells)]
    return {cell for cell, by in zip(cells, moved, strict=True) if by > NOTHING and cell not in hidden}


def _price(tables: Tables, cell: Cell) -> float:
    return TOTALS_COST[len(cell)] * (1 + tables.values[cell] / (1 + max(tables.values.values())))


def _sums(tables: Tables, cells: list[Cell], links: list[Cell]) -> tuple[csr_array, list[int]]:
    """Changes of parts are the change of the whole; links, which have no number, add up to all of it."""
    place = {cell: at for at, cell in enumerate((*cells, *links))}
    terms = [
        (row, place[cell], -1.0 if cell == relation.whole else 1.0)
        for row, relation in enumerate(tables.relations)
        for cell in relation.cells
    ]
    rows, columns, signs = zip(*terms, strict=True)
    right = [0 if one.parts[0] in tables.values else tables.values[one.whole] for one in tables.relations]
    return csr_array((signs, (rows, columns)), shape=(len(tables.relations), len(place))), right
