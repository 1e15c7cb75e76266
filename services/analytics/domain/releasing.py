"""What is released: figures move only when enough people changed, and nobody follows from the others, nor from before.

A release takes tables as they are now. Of each cell it says whether it is shown as it is now. A cell is not if it is of
too few people, or if too few of its people changed since it was last shown, or since it was hidden: whoever held two
releases side by side would see what these few did. Cells that are not shown keep what was shown before; beside them
others stay as they were or are hidden, until the audit finds all of them safe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.analytics.domain.audit import unsafe
from services.analytics.domain.lattice import Cell, Relation, Tables, links, relations
from services.analytics.domain.protecting import protect

EARLIER = 60
"""So many releases before it are looked at, when a cell is shown that was not: people have joined everywhere since."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`people_min`: cells of fewer people are hidden, and fewer changes wait; `zeros_hidden`: those of nobody, too."""

    people_min: int = 11
    zeros_hidden: bool = False

    def is_small(self, n: int) -> bool:
        """Whether a cell of so many people is hidden."""
        return n < self.people_min and (n > 0 or self.zeros_hidden)


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader knows of a cell: of how many people it was when it was last shown, if it ever was.

    Of one that never was, `n` is what it was when it was first hidden.
    """

    n: int
    was_shown: bool


@dataclass(frozen=True, slots=True)
class Release:
    """Tables as they were at one time, which cells are shown as they were then, and what a reader knows of all."""

    values: Mapping[Cell, int]
    shown: frozenset[Cell]
    known: Mapping[Cell, Known]

    def is_hidden(self, cell: Cell, rules: Rules) -> bool:
        """Whether nothing is said of it."""
        return rules.is_small(self.values[cell]) or not self.known[cell].was_shown


def release(now: Mapping[Cell, int], earlier: Sequence[Release], rules: Rules) -> Release:
    """The next release after these, the oldest first."""
    known = earlier[-1].known if earlier else {}
    values = dict.fromkeys(known, 0) | dict(now)
    small = {cell for cell, n in values.items() if rules.is_small(n)}
    waiting = {cell for cell, was in known.items() if 0 < abs(values[cell] - was.n) < rules.people_min}
    tables = Tables(values, _sums(values), _floors(values, known, rules))
    hidden = protect(tables, small | waiting, rules.people_min)
    while told := _tell_on(earlier[-EARLIER:], values, hidden, rules):
        hidden = protect(tables, told, rules.people_min, also=hidden)
    shown = frozenset(values.keys() - hidden)
    new = {cell: Known(values[cell], was_shown=cell in shown) for cell in values if cell in shown or cell not in known}
    return Release(values, shown, {**known, **new})


def _sums(found: Mapping[Cell, int]) -> list[Relation]:
    return relations({*found, *links(found)})


def _floors(found: Mapping[Cell, int], known: Mapping[Cell, Known], rules: Rules) -> dict[Cell, int]:
    """Who is named is there, and people join."""
    shown = {cell: was.n for cell, was in known.items() if was.was_shown}
    return dict.fromkeys(found, 0 if rules.zeros_hidden else 1) | shown


def _tell_on(earlier: Sequence[Release], values: Mapping[Cell, int], hidden: set[Cell], rules: Rules) -> set[Cell]:
    """Cells that would tell on an earlier release: there was room for what it keeps to itself, and would be less.

    People join, and few leave: a reader takes a cell to have been no more than it is later, and no less than before.
    """
    found: set[Cell] = set()
    later: dict[Cell, int] = {}
    now = {cell: n for cell, n in values.items() if cell not in hidden}
    for place in reversed(range(len(earlier))):
        one, known = earlier[place], earlier[place - 1].known if place else {}
        kept = one.values.keys() - one.shown
        news = {cell for cell in kept & now.keys() if now[cell] < one.values[cell] + rules.people_min}
        secret = _secret(one, known, rules)
        if news and secret:
            tables = Tables(one.values, _sums(one.values), _floors(one.values, known, rules), later)
            so_far = set(unsafe(tables, secret, kept, rules.people_min))
            tables.ceilings = _least(later, now)
            if narrow := set(unsafe(tables, secret, kept, rules.people_min)) - so_far:
                near = {other for cell in narrow for relation in tables.of[cell] for other in relation.cells}
                found |= news & near or news
        later = _least(later, {cell: one.values[cell] for cell in one.shown})
    return found


def _secret(one: Release, known: Mapping[Cell, Known], rules: Rules) -> set[Cell]:
    """What a release keeps to itself: cells of few people, and of few who changed since a reader knew them."""
    small = {cell for cell, n in one.values.items() if rules.is_small(n)}
    waiting = {cell for cell, was in known.items() if 0 < abs(one.values[cell] - was.n) < rules.people_min}
    return (small | waiting) - one.shown


def _least(one: Mapping[Cell, int], other: Mapping[Cell, int]) -> dict[Cell, int]:
    return {**one, **other, **{cell: min(one[cell], other[cell]) for cell in one.keys() & other.keys()}}
