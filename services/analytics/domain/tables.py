"""Cells with their numbers: what adds up, and what a reader knows of those that are hidden."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.analytics.domain.lattice import Cell, Relation
from services.analytics.domain.sums import FAR, Floats, Sums


@dataclass(slots=True, eq=False)
class Tables:
    """Cells, what adds up to what, and the least that a reader knows each to be.

    Sums may be of links, too: cells without a value, which no reader sees.
    """

    values: Mapping[Cell, int]
    relations: Sequence[Relation]
    floors: Mapping[Cell, int] = field(default_factory=dict)
    sums: Sums = field(init=False)

    def __post_init__(self) -> None:
        self.sums = Sums(self.values, self.relations)

    def room(self, cell: Cell) -> int:
        """How far below its value a reader may believe it to be. Where people left, this may be not at all."""
        return max(0, self.values[cell] - self.floors.get(cell, 0))

    def bounds(self, hidden: Collection[Cell]) -> tuple[Floats, Floats]:
        """The least and the most that each cell may be, as long as nothing is added up."""
        shown = self.values.keys() - hidden
        cells = self.sums.cells
        low = [
            self.values[cell] - (0 if cell in shown else self.room(cell)) if cell in self.values else 0
            for cell in cells
        ]
        high = [self.values[cell] if cell in shown else FAR for cell in cells]
        return np.array(low, dtype=float), np.array(high, dtype=float)
