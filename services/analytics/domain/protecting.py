"""Which cells of tables with totals stay without a number, so that nobody computes what a small one holds.

A hidden cell is safe if what is shown leaves room for it: the interval of what it may be, given all shown cells and
totals, is at least `width` people wide. Beside it others are hidden (complementary suppression), as few as can be; an
audit by linear programs looks at every hidden cell and at all sums at once.
"""

from collections.abc import Iterable
from itertools import count

from services.analytics.domain.audit import unsafe
from services.analytics.domain.fewest import Fewest
from services.analytics.domain.lattice import Cell
from services.analytics.domain.tables import Tables

ROUNDS, WORK = 30, 10_000_000
"""After so many patterns that the audit found unsafe all that is hidden stays so, and what is lacking comes to it.
Sooner where many cells are to be audited among many: an audit costs about as much as their product."""


def protect(
    tables: Tables, targets: Iterable[Cell], width: int, also: Iterable[Cell] = (), more: Tables | None = None
) -> set[Cell]:
    """All cells to hide: the targets, so that each is safe, what is hidden for their sake, and what is anyway.

    `more`: the same tables with more of what links them, of which single sums are looked at and no programs.
    """
    targets = set(targets)
    given = targets.union(also)
    if not targets:
        return given
    fewest = Fewest(tables, targets, given, width)
    rounds = min(ROUNDS, WORK // (len(targets) * len(tables.sums.cells)))
    for number in count():
        hidden = fewest.pattern()
        guarded = targets | _with_room(tables, hidden - given)
        seen, narrow = tables, _narrow(tables, guarded, hidden, width)
        if more and not narrow:
            seen, narrow = more, _narrow_by_sums(more, guarded, hidden, width)
        if not narrow:
            return hidden
        if not fewest.learn(hidden, narrow, seen):
            break
        if number >= rounds:
            fewest.keep(hidden)
    return set(tables.values)  # nothing less is safe


def _narrow(tables: Tables, targets: Iterable[Cell], hidden: set[Cell], width: int) -> set[Cell]:
    """Those of the targets that a reader of this release can place within an interval that is narrower."""
    low, high = tables.bounds(hidden)
    tables.sums.tighten(low, high)  # nothing contradicts: the truth is within
    places = tables.sums.places(sorted(targets)).tolist()
    return {tables.sums.cells[at] for at in unsafe(tables.sums, low, high, places, width)}


def _narrow_by_sums(tables: Tables, targets: Iterable[Cell], hidden: set[Cell], width: int) -> set[Cell]:
    """The same of a reader who passes bounds on from sum to sum and knows no linear programs."""
    low, high = tables.bounds(hidden)
    tables.sums.tighten(low, high)
    return {cell for cell in targets if high[tables.sums.place[cell]] - low[tables.sums.place[cell]] < width}


def _with_room(tables: Tables, cells: set[Cell]) -> set[Cell]:
    """Without those that are what a reader has seen already: there is nothing to protect."""
    return {cell for cell in cells if tables.room(cell)}
