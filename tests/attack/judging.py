"""The judge knows the truth: which of the attacker's numbers and intervals tell about fewer people than they may."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from tests.attack.attacks import Contradiction, beside, intervals, narrow, narrow_days, subtract
from tests.attack.reader import FAR, Cell, Numbers, Published, Sums, sums_of

TRIES = 12
Truth = Mapping[Cell, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """A cell of a release, and what the attacker says of it."""

    kind: str
    cell: Cell
    day: int
    low: float
    high: float
    truth: int
    was: int | None


def findings(
    releases: Sequence[Published], truths: Sequence[Truth], people_min: int, zeros_hidden: bool = False
) -> Iterator[Finding]:
    """All that any attack tells after each release, from what was out until then."""
    seen: dict[int, bytes] = {}
    for end in range(1, len(releases) + 1):
        yield from Judge(releases[:end], truths[:end], people_min, zeros_hidden).findings(seen)


@dataclass(slots=True)
class Judge:
    """Releases up to the newest one: what the reader holds, and what is true."""

    releases: Sequence[Published]
    truths: Sequence[Truth]
    people_min: int
    zeros_hidden: bool = False
    sums: Sums = field(init=False)
    true: Numbers = field(init=False)
    known: Numbers = field(init=False)
    was: Numbers = field(init=False)
    gone: Numbers = field(init=False)

    def __post_init__(self) -> None:
        named = {cell for one in self.releases for cell in (*one.numbers, *one.without)}
        self.sums = sums_of(named, linked=True)
        cells, days = self.sums.cells, len(self.releases)
        self.true, self.known = np.full((days, len(cells)), np.nan), np.full((days, len(cells)), np.nan)
        self.was, self.gone = np.full((days, len(cells)), np.nan), np.full((days, len(cells)), FAR)
        last, told = np.full(len(cells), np.nan), set[Cell]()
        for day, (seen, truth) in enumerate(zip(self.releases, self.truths, strict=True)):
            dimensions = seen.dimensions
            for at, cell in enumerate(cells):
                if cell in named and {one for one, _ in cell} <= dimensions:
                    self.true[day, at] = truth.get(cell, 0)
                    self.known[day, at] = seen.numbers.get(cell, np.nan if cell in seen.without else 0)
                if cell in seen.hidden & told:  # a number that was there and goes has become small
                    self.gone[day, at] = self.people_min - 1
            told |= seen.numbers.keys()
            self.was[day] = last
            last = np.where(np.isnan(self.known[day]), last, self.known[day])

    def findings(self, seen: dict[int, bytes]) -> Iterator[Finding]:
        """All that any attack tells once the newest release is out, but of days of which it says nothing new."""
        newest = len(self.releases) - 1
        yield from self._changes(newest)
        yield from self._pencil(newest)
        low, high = self._believed()
        for day in range(newest + 1):
            bounds = repr(self.sums.cells).encode() + low[day].tobytes() + high[day].tobytes()
            if seen.get(day) != bounds:
                seen[day] = bounds
                yield from self._intervals("as people join", day, low[day], high[day], is_later=day < newest)
        is_misled = (self.true[newest] < low[newest]) | (self.true[newest] > high[newest])
        if is_misled.any():
            yield from self._intervals("on its own", newest, *self._bounds(newest))

    def _changes(self, day: int) -> Iterator[Finding]:
        """Two numbers of one cell side by side."""
        change = abs(self.known[day] - self.was[day])
        for at in np.flatnonzero((change > 0) & (change < self.people_min)):
            n = self.known[day, at]
            yield self._finding("side by side", day, int(at), n, n)

    def _pencil(self, day: int) -> Iterator[Finding]:
        found = subtract(self.sums, self.known[day])
        for at in self._needs(day):
            if found[at] == self.true[day, at]:
                yield self._finding("subtraction", day, at, found[at], found[at])

    def _intervals(self, kind: str, day: int, low: Numbers, high: Numbers, is_later: bool = False) -> Iterator[Finding]:
        needs = {at: width for at, width in self._needs(day).items() if width > 1 or not is_later}
        by_bounds = {at for at, width in needs.items() if high[at] - low[at] < width}
        found = [(at, low[at], high[at]) for at in by_bounds]
        with suppress(Contradiction):
            found += intervals(self.sums, low, high, {at: needs[at] for at in needs.keys() - by_bounds})
        for at, least, most in found:
            if least <= self.true[day, at] <= most:
                yield self._finding(f"{'bounds' if at in by_bounds else 'programs'}, {kind}", day, at, least, most)

    def _bounds(self, day: int) -> tuple[Numbers, Numbers]:
        """What a release says of itself."""
        known = self.known[day : day + 1]
        low, high = np.where(np.isnan(known), 0.0, known), np.where(np.isnan(known), self.gone[day], known)
        narrow(self.sums, low, high)
        return low[0], high[0]

    def _believed(self) -> tuple[Numbers, Numbers]:
        """What all releases say together: people only join, and in a cell that is named without a number is somebody.

        Where that cannot be, somebody left: of the cells where it shows, and if it is not believed of these, of those
        in sums with them, the reader does not believe it any more.
        """
        known = self.known
        named = np.isnan(known) & ~np.isnan(self.true) & (not self.zeros_hidden)
        joined = np.ones(len(self.sums.cells), dtype=bool)
        for _ in range(TRIES):
            low = np.where(np.isnan(known), np.where(named & joined, 1.0, 0.0), known)
            high = np.where(np.isnan(known), self.gone, known)
            try:
                narrow_days(self.sums, low, high, joined)
            except Contradiction as wrong:
                joined[wrong.cells if joined[wrong.cells].any() else beside(self.sums, wrong.cells)] = False
            else:
                return low, high
        low, high = (np.array(one) for one in zip(*map(self._bounds, range(len(known))), strict=True))
        return low, high

    def _needs(self, day: int) -> dict[int, float]:
        """How wide the interval of a cell without a number has to be."""
        found: dict[int, float] = {}
        for at in np.flatnonzero(np.isnan(self.known[day]) & ~np.isnan(self.true[day])):
            n, was = self.true[day, at], self.was[day, at]
            is_small = n < self.people_min and (n > 0 or self.zeros_hidden)
            if is_small or 0 < abs(n - was) < self.people_min:
                found[int(at)] = self.people_min
            elif n != was:
                found[int(at)] = 1
        return found

    def _finding(self, kind: str, day: int, at: int, low: float, high: float) -> Finding:
        was = self.was[day, at]
        return Finding(
            kind, self.sums.cells[at], day, low, high, int(self.true[day, at]), None if np.isnan(was) else int(was)
        )
