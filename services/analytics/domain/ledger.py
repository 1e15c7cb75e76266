"""The ledger: what a reader of all releases takes each cell to be on each day, if people only join.

Bounds are passed on between the sums of a day and between days. Where that leads to what cannot be, somebody left: of
the cells where it shows the reader no longer believes that people only join.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from services.analytics.domain.audit import unsafe
from services.analytics.domain.lattice import LINKS_AT_MOST, Cell, links, relations
from services.analytics.domain.sums import FAR, Floats, Places, Sums, Truths

TRIES = 12
"""A reader who has been wrong so often believes nothing of other days."""
PASSES = 50
"""Bounds that still move after so many passes go round in a circle, one person a round: what leads there cannot be."""


@dataclass(frozen=True, slots=True)
class Day:
    """A release: its cells as they were, which of them it shows, and which it keeps to itself, and how wide.

    `least`: so many people are in each cell that it names without a number.
    """

    values: Mapping[Cell, int]
    shown: frozenset[Cell]
    secret: frozenset[Cell]
    width: int
    least: int


class Ledger:
    """Releases up to one that is being made, of which nothing is shown yet."""

    def __init__(self, days: Sequence[Day]) -> None:
        self.days, self.least = days, np.array([day.least for day in days])
        named = {cell for day in days for cell in day.values}
        self.sums = Sums(named, relations({*named, *links(named, LINKS_AT_MOST)}))
        self.true = np.full((len(self.sums.cells), len(days)), np.nan)
        self.known = self.true.copy()
        dimensions = [{dimension for cell in day.values for dimension, _ in cell} for day in days]
        for cell in named:
            at, own = self.sums.place[cell], {dimension for dimension, _ in cell}
            for number, day in enumerate(days):
                if own <= dimensions[number]:  # what a day does not name is nobody, if it has the table
                    self.true[at, number] = day.values.get(cell, 0)
                    is_told = cell in day.shown or cell not in day.values
                    self.known[at, number] = self.true[at, number] if is_told else np.nan
        left: Truths = np.asarray((np.diff(self.true, axis=1) < 0).any(axis=1))
        self.joins: list[Truths] = [np.ones_like(left), ~left] if left.any() else [~left]
        self.beliefs = self._beliefs(self.known)

    def floors(self) -> dict[Cell, int]:
        """The least that a reader knows each cell to be on the newest day, before anything is shown of it."""
        return {cell: int(n) for cell, n in zip(self.sums.cells, self.beliefs[-1][0][:, -1], strict=True)}

    def told_by(self, shown: set[Cell]) -> set[Cell]:
        """Of the cells that the newest release would show, those that tell what some release keeps to itself.

        That is also of how many people exactly a cell is that the newest one hides for another one's sake.
        """
        known = self.known.copy()
        now = self.sums.places(shown)
        known[now, -1] = self.true[now, -1]
        found: set[Cell] = set()
        for before, after in zip(self.beliefs, self._beliefs(known), strict=True):
            for number, day in enumerate(self.days):
                if any((one[:, number] != other[:, number]).any() for one, other in zip(before, after, strict=True)):
                    is_new = number == len(self.days) - 1
                    secret, beside = day.secret, set[Cell]()
                    if is_new:
                        secret, beside = day.secret - shown, day.values.keys() - day.secret - shown
                    narrow = self._narrow(number, secret, beside, *after)
                    if narrow := narrow and narrow - self._narrow(number, secret, beside, *before):
                        found |= self._nearest(narrow, shown - day.shown or shown)
        return found

    def _narrow(self, number: int, secret: Set[Cell], beside: Set[Cell], low: Floats, high: Floats) -> set[int]:
        """What a day keeps to itself, or hides beside it, and a reader of these bounds knows too well."""
        found: set[int] = set()
        for cells, width in ((secret, self.days[number].width), (beside, 1)):
            places = self.sums.places(sorted(cells)).tolist()
            found |= set(unsafe(self.sums, low[:, number], high[:, number], places, width))
        return found

    def _nearest(self, narrow: set[int], news: set[Cell]) -> set[Cell]:
        """Of the news, those that the fewest sums away tell of these cells."""
        near, fresh = np.array(sorted(narrow)), self.sums.places(sorted(news))
        while not np.isin(fresh, near).any():
            wider = self.sums.beside(near)
            if len(wider) == len(near):
                return news
            near = wider
        return {self.sums.cells[at] for at in np.intersect1d(fresh, near)}

    def _beliefs(self, known: Floats) -> list[tuple[Floats, Floats]]:
        """Bounds of each cell on each day: of a reader who knows nothing of who left, and of one who knows of which."""
        return [self._believed(known, joins.copy()) for joins in self.joins]

    def _believed(self, known: Floats, joins: Truths) -> tuple[Floats, Floats]:
        is_open = np.isnan(known)
        named = is_open & ~np.isnan(self.true)
        for _ in range(TRIES):
            low = np.where(is_open, np.where(named & joins[:, None], self.least, 0), known).astype(float)
            high = np.where(is_open, FAR, known)
            wrong = self._pass_on(low, high, joins)
            if not wrong.size:
                return low, high
            joins[wrong if joins[wrong].any() else self.sums.beside(wrong)] = False
        low, high = np.where(is_open, 0.0, known), np.where(is_open, FAR, known)
        self.sums.tighten(low, high)
        return low, high

    def _pass_on(self, low: Floats, high: Floats, joins: Truths) -> Places:
        """Until nothing moves, in place; gives the cells of which nothing can be true, if there are any."""
        for _ in range(PASSES):
            before = low.copy(), high.copy()
            low[joins] = np.maximum.accumulate(low[joins], axis=1)
            high[joins] = np.minimum.accumulate(high[joins][:, ::-1], axis=1)[:, ::-1]
            if (low > high).any():
                return np.flatnonzero((low > high).any(axis=1))
            wrong = self.sums.tighten(low, high)
            moves = ((low != before[0]) | (high != before[1])).any(axis=1)
            if wrong.size or not moves.any():
                return wrong
        return np.flatnonzero(moves)
