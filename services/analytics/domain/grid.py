"""A two-way table as arrays, in which rectangles of cells are looked for."""

from collections.abc import Iterable
from itertools import groupby

import numpy as np

from services.analytics.domain.lattice import Cell
from services.analytics.domain.tables import Tables

Whole = np.ndarray[tuple[int, int], np.dtype[np.int64]]
FAR = 1 << 40


class Grid:
    """Of each cell: how many people, how far below that it may be believed to be, and whether it is hidden.

    A cell that does not exist is shown and has no room.
    """

    def __init__(self, tables: Tables, cells: Iterable[Cell]) -> None:
        cells = list(cells)
        rows, columns = (
            {value: at for at, value in enumerate(sorted({one[side] for one in cells}))} for side in (0, 1)
        )
        self.places = {cell: (rows[cell[0]], columns[cell[1]]) for cell in cells}
        self.cells = {place: cell for cell, place in self.places.items()}
        self.room: Whole = np.zeros((len(rows), len(columns)), dtype=np.int64)
        self.cost: Whole = np.full((len(rows), len(columns)), FAR, dtype=np.int64)
        for cell, place in self.places.items():
            self.room[place] = tables.room(cell)
            self.show(cell, tables.values[cell])

    def show(self, cell: Cell, n: int) -> None:
        """To hide it costs: first that it is one more, then how many people it is of."""
        self.cost[self.places[cell]] = (1 << 24) + n

    def hide(self, cell: Cell) -> None:
        """It costs nothing any more."""
        self.cost[self.places[cell]] = 0

    def rectangle(self, cell: Cell, width: int) -> tuple[Cell, ...]:
        """The cheapest three cells beside this one: it can be more by what two can be less, and less likewise."""
        row, column = self.places[cell]
        more = np.minimum(self.room[row, :][None, :], self.room[:, column][:, None])
        less = np.minimum(self.room[row, column], self.room)
        cost = self.cost[row, :][None, :] + self.cost[:, column][:, None] + self.cost
        cost[more + less < width] = FAR
        cost[row, :] = FAR
        cost[:, column] = FAR
        down, across = np.unravel_index(int(cost.argmin()), cost.shape)
        if cost[down, across] >= FAR:
            return ()
        places = (row, int(across)), (int(down), column), (int(down), int(across))
        return tuple(self.cells[one] for one in places)


def grids(tables: Tables) -> dict[tuple[str, ...], Grid]:
    """All two-way tables, by their dimensions."""
    return {
        dimensions: Grid(tables, own)
        for dimensions, own in groupby(sorted(filter(_is_two_way, tables.values), key=_dimensions), key=_dimensions)
    }


def _is_two_way(cell: Cell) -> bool:
    return len(cell) == 2


def _dimensions(cell: Cell) -> tuple[str, ...]:
    return tuple(dimension for dimension, _ in cell)
