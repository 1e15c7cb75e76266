"""Which cells to hide beside those that must be: the fewest, as an integer program that learns from the audit.

What follows from each sum alone is known from the beginning: a hidden cell is not alone in it, and the others leave it
room. For what else the audit finds too narrow, the duals of linear programs say how much hiding others could add to its
interval at most, whichever they are. So each round rules out a pattern that was found unsafe and all that fail like it
(Benders 1962; for tables Fischetti and Salazar 2001).
"""

from collections.abc import Collection, Iterator, Mapping, Set

import numpy as np

from services.analytics.domain.lattice import Cell, Relation
from services.analytics.domain.programs import Choices, Programs
from services.analytics.domain.sums import Floats
from services.analytics.domain.tables import Tables

NOTHING = 1e-6
NODES_MAX, GAP = 100, 0.05
"""How long is looked for a better pattern, and how much better it would be at most."""
COST = (50.0, 2.0, 1.0)
"""To hide everybody, a total, or a cell within a table. Of two patterns with as many cells, the one of fewer people."""


class Fewest:
    """What is known of the patterns that are safe, and the least costly of those that are not ruled out."""

    def __init__(self, tables: Tables, targets: Collection[Cell], given: Collection[Cell], width: int) -> None:
        self.tables, self.given, self.width = tables, frozenset(given), width
        self.cells = sorted(tables.values)
        self.place = {cell: at for at, cell in enumerate(self.cells)}
        self.audits: dict[Tables, _Audit] = {}
        most = (1 + max(tables.values.values())) * len(self.cells)
        cost = np.array([COST[len(cell)] + tables.values[cell] / most for cell in self.cells])
        self.choices = Choices(cost, nodes_max=NODES_MAX, gap=GAP)
        self.keep(given)
        for cell, wider in self._of_sums({cell for cell in tables.values if cell in targets or self._is_free(cell)}):
            self._need(cell, wider)

    def keep(self, hidden: Collection[Cell]) -> None:
        """From here on these are hidden in any case."""
        for cell in hidden:
            self.choices.take(self.place[cell])

    def pattern(self) -> set[Cell]:
        """What to hide: the least costly that is not ruled out, or nearly so."""
        return {self.cells[at] for at in self.choices.best()}

    def learn(self, hidden: Set[Cell], narrow: Collection[Cell], tables: Tables) -> bool:
        """From a pattern that leaves these too narrow in tables like ours, however many links they have.

        False if nothing follows for other patterns.
        """
        if tables not in self.audits:
            self.audits[tables] = _Audit(tables)
        audit = self.audits[tables]
        low, high = tables.bounds(hidden)
        return any([self._need(cell, self._by_hiding(cell, low, high, audit), hidden) for cell in sorted(narrow)])

    def _is_free(self, cell: Cell) -> bool:
        """Whether it may be hidden for others' sake, and then needs room itself."""
        return cell not in self.given and self.tables.room(cell) > 0

    def _by_hiding(self, cell: Cell, low: Floats, high: Floats, audit: "_Audit") -> dict[Cell, float]:
        """By how much each cell, where it is hidden, widens the interval of this one at most."""
        cells, wider, aim = audit.sums.cells, np.zeros(len(low)), np.zeros(len(low))
        for way in (-1.0, 1.0):
            aim[audit.sums.place[cell]] = way
            audit.programs.least(aim, low, high)
            prices = audit.programs.prices()
            wider += np.where(prices < -NOTHING, self.width, 0.0)  # it could be any more
            wider += np.maximum(prices, 0) * audit.room
        return {cells[at]: float(wider[at]) for at in np.flatnonzero(wider > NOTHING) if cells[at] in self.place}

    def _of_sums(self, guarded: Collection[Cell]) -> Iterator[tuple[Cell, dict[Cell, float]]]:
        """The same from each sum alone."""
        for relation in self.tables.relations:
            if self.place.keys() >= set(relation.cells):
                for cell in relation.cells:
                    if cell in guarded:
                        yield cell, self._beside(cell, relation)

    def _beside(self, cell: Cell, relation: Relation) -> dict[Cell, float]:
        """A part may be as much more as others may be less; but of one with room enough all that is known is that it is
        not alone."""
        room = self.tables.room(cell)
        if cell == relation.whole or room >= self.width:
            return dict.fromkeys(relation.cells, float(self.width)) | {cell: 0.0}
        others = {part: float(self.tables.room(part)) for part in relation.parts}
        return others | {relation.whole: float(self.width)}

    def _need(self, cell: Cell, wider: Mapping[Cell, float], hidden: Set[Cell] = frozenset()) -> bool:
        """Where this cell is hidden, so are others that make it wide enough; False if nothing has to be for that.

        These did not: where they would if people came in parts, it takes another one.
        """
        anyway = {one for one in wider if one == cell or one in self.given}
        needed = self.width - sum(width for one, width in wider.items() if one in anyway)
        others = {one: min(width, needed) for one, width in wider.items() if one not in anyway}
        if hidden and sum(width for one, width in others.items() if one in hidden) > needed - NOTHING:
            needed, others = 1.0, {one: 1.0 for one in others if one not in hidden}
        if needed <= NOTHING or not others:
            return False
        if cell not in self.given:
            others[cell] = -needed
        self.choices.add(
            needed if cell in self.given else 0.0, [self.place[one] for one in others], list(others.values())
        )
        return True


class _Audit:
    """Tables as linear programs, and how far below its value a reader may believe each cell to be."""

    def __init__(self, tables: Tables) -> None:
        self.sums = tables.sums
        self.programs = Programs(tables.sums.balance, np.zeros(tables.sums.balance.shape[0]))
        self.room = np.array([tables.room(cell) if cell in tables.values else 0 for cell in tables.sums.cells])
