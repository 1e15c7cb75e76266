"""What is released: figures move only when enough people changed, and nobody follows from the others, nor from before.

A release takes tables as they are now. Of each cell it says whether it is shown as it is now. A cell is not if it is of
too few people, or if too few of its people changed since it was last shown, or since it was hidden: whoever held two
releases side by side would see what these few did. Cells that are not shown keep what was shown before; beside them
others stay as they were or are hidden, until the audit finds all of them safe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.analytics.domain.audit import unsafe
from services.analytics.domain.lattice import Cell, Tables, relations
from services.analytics.domain.protecting import protect


@dataclass(frozen=True, slots=True)
class Rules:
    """`people_min`: cells of fewer people are hidden, and fewer changes wait; `zeros_hidden`: those of nobody, too."""

    people_min: int = 11
    zeros_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Tables as they were at one time, and which cells were shown as they were then."""

    values: Mapping[Cell, int]
    shown: frozenset[Cell]


@dataclass(frozen=True, slots=True)
class Before:
    """Of a cell: how many people when it was last shown, or else when it was hidden."""

    n: int
    is_shown: bool


def release(now: Mapping[Cell, int], earlier: Sequence[Release], rules: Rules) -> Release:
    """The next release after these, the oldest first."""
    before = _before(earlier)
    values = dict.fromkeys(before, 0) | dict(now)
    small = {cell for cell, n in values.items() if _is_small(n, rules)}
    waiting = {cell for cell, was in before.items() if 0 < abs(values[cell] - was.n) < rules.people_min}
    floors = dict.fromkeys(values, 0 if rules.zeros_hidden else 1)
    floors |= {cell: was.n for cell, was in before.items() if was.is_shown}
    tables = Tables(values, relations(values), floors)
    hidden = protect(tables, small | waiting, rules.people_min)
    while told := _tell_on(earlier, values, hidden, rules):
        hidden = protect(tables, told, rules.people_min, also=hidden)
    return Release(values, frozenset(values.keys() - hidden))


def _is_small(n: int, rules: Rules) -> bool:
    return n < rules.people_min and (n > 0 or rules.zeros_hidden)


def _before(earlier: Sequence[Release]) -> dict[Cell, Before]:
    found: dict[Cell, Before] = {}
    for one in earlier:
        for cell, n in one.values.items():
            if cell in one.shown:
                found[cell] = Before(n, is_shown=True)
            elif cell not in found:
                found[cell] = Before(n, is_shown=False)
    return found


def _tell_on(earlier: Sequence[Release], values: Mapping[Cell, int], hidden: set[Cell], rules: Rules) -> set[Cell]:
    """Cells that would tell on an earlier release: there was room for a small one, and would be less.

    People join, and few leave: a reader takes a cell to have been no more than it is later, and no less than before.
    """
    found: set[Cell] = set()
    known: dict[Cell, int] = {}
    for one in earlier:
        small = {cell for cell, n in one.values.items() if _is_small(n, rules)} - one.shown
        kept = one.values.keys() - one.shown
        news = {cell for cell in kept if cell not in hidden and values[cell] < one.values[cell] + rules.people_min}
        if news and small:
            ceilings = {cell: values[cell] for cell in news}
            tables = Tables(one.values, relations(one.values), known, ceilings)
            if any(True for _ in unsafe(tables, small, kept, rules.people_min)):
                found |= news
        known |= {cell: one.values[cell] for cell in one.shown}
    return found
