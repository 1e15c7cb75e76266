"""Which cells of tables with totals stay without a number, so that nobody computes what a small one holds.

A hidden cell is safe if what is shown leaves room for it: the interval of what it may be, given all shown cells and
totals, is at least `width` people wide. Beside it others are hidden (complementary suppression): of a two-way table
three that form a rectangle with it, around whose corners people can be moved without any total telling. In the end an
audit by linear programs looks at every hidden cell and at all sums at once, and what it finds is mended.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from services.analytics.domain.audit import unsafe
from services.analytics.domain.companions import companions
from services.analytics.domain.grid import Grid, grids
from services.analytics.domain.lattice import EVERYBODY, Cell, Relation
from services.analytics.domain.tables import Tables

Way = tuple[Cell, ...]
"""Cells that, hidden beside one, give it room."""


def protect(tables: Tables, targets: Iterable[Cell], width: int, also: Iterable[Cell] = ()) -> set[Cell]:
    """All cells to hide: the targets, so that each is safe, what is hidden for their sake, and what is anyway."""
    targets = set(targets)
    given = targets.union(also)
    work = _Work(tables, width)
    work.hide(given)
    work.give_room(_narrow(tables, targets, given, width))
    work.show_what_is_not_needed(given)
    in_doubt = targets | _with_room(tables, work.hidden - given)
    while narrow := _narrow(tables, in_doubt, work.hidden, width):
        more = work.hide(companions(tables, narrow, work.hidden, width))
        if not more:
            break  # nothing is shown any more
        in_doubt = narrow | _with_room(tables, more)  # hiding more takes no room from anybody
    return work.hidden


def _narrow(tables: Tables, targets: Iterable[Cell], hidden: Collection[Cell], width: int) -> set[Cell]:
    """Those of the targets that a reader of this release can place within an interval that is narrower."""
    low, high = tables.bounds(hidden)
    tables.sums.tighten(low, high)  # nothing contradicts: the truth is within
    places = tables.sums.places(sorted(targets)).tolist()
    return {tables.sums.cells[at] for at in unsafe(tables.sums, low, high, places, width)}


class _Work:
    """A pattern in the making: what is hidden, and by what others each protected cell has room."""

    def __init__(self, tables: Tables, width: int) -> None:
        self.tables, self.width, self.grids = tables, width, grids(tables)
        self.hidden: set[Cell] = set()
        self.ways: dict[Cell, Way] = {}
        self.leaning: defaultdict[Cell, set[Cell]] = defaultdict(set)

    def grid(self, cell: Cell) -> Grid:
        """The two-way table that a cell is in."""
        return self.grids[tuple(dimension for dimension, _ in cell)]

    def hide(self, cells: Iterable[Cell]) -> set[Cell]:
        """Hide these; gives those that were shown."""
        more = set(cells) - self.hidden
        self.hidden |= more
        for cell in more:
            if len(cell) == 2:
                self.grid(cell).hide(cell)
        return more

    def give_room(self, cells: Iterable[Cell]) -> None:
        """Hide beside these, and beside those in turn, what gives each of them room at the least cost."""
        left = sorted(cells, key=lambda one: (len(one), one), reverse=True)
        while left:
            cell = left.pop()
            way = self._way(cell)
            left += sorted(self.hide(way))
            self._lean(cell, way)

    def show_what_is_not_needed(self, given: set[Cell]) -> None:
        """Others may protect by now what a cell was hidden for: the largest are tried first."""
        for cell in sorted(self.hidden - given, key=lambda one: (-self.tables.values[one], one)):
            self._show(cell)
            ways = {one: self._way(one) for one in self.leaning[cell] if one in self.hidden}
            if all(way and self.hidden.issuperset(way) for way in ways.values()):
                self._lean(cell, ())
                for one, way in ways.items():
                    self._lean(one, way)
            else:
                self.hide((cell,))

    def _show(self, cell: Cell) -> None:
        self.hidden.discard(cell)
        if len(cell) == 2:
            self.grid(cell).show(cell, self.tables.values[cell])

    def _lean(self, cell: Cell, way: Way) -> None:
        for one in self.ways.pop(cell, ()):
            self.leaning[one].discard(cell)
        self.ways[cell] = way
        for one in way:
            self.leaning[one].add(cell)

    def _way(self, cell: Cell) -> Way:
        """What to hide beside this cell, at the least cost; nothing, if nothing of the kind gives it room enough."""
        if cell == EVERYBODY:
            return ()
        if len(cell) == 2:
            return self.grid(cell).rectangle(cell, self.width)
        return min(self._swaps(cell), key=self._cost, default=())

    def _cost(self, way: Way) -> tuple[int, int]:
        more = set(way) - self.hidden
        return len(more), sum(self.tables.values[cell] for cell in more)

    def _swaps(self, cell: Cell) -> Iterable[Way]:
        """Another total of the same dimension, and in each table a column in which both have people to exchange."""
        (own,) = cell
        needed = max(0, self.width - self.tables.room(cell))
        inside = [relation for relation in self.tables.of[cell] if relation.whole == cell]
        (beside,) = (relation.parts for relation in self.tables.of[cell] if relation.whole == EVERYBODY)
        for other in beside:
            if other != cell and self.tables.room(other) >= needed:
                columns = [self._column(relation, own, other[0], needed) for relation in inside]
                if all(columns):
                    yield other, *(one for pair in columns for one in pair)

    def _column(self, relation: Relation, own: tuple[str, str], other: tuple[str, str], needed: int) -> Way:
        pairs = []
        for part in relation.parts:
            (across,) = set(part) - {own}
            beside = tuple(sorted((across, other)))
            if beside in self.tables.values and self.tables.room(beside) >= needed:
                pairs.append((part, beside))
        return min(pairs, key=self._cost, default=())


def _with_room(tables: Tables, cells: set[Cell]) -> set[Cell]:
    """Without those that are what a reader has seen already: there is nothing to protect."""
    return {cell for cell in cells if tables.room(cell)}
