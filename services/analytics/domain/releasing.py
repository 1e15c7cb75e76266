"""What is released: figures move only when enough people changed, and nobody follows from the others, nor from before.

A release takes tables as they are now. Of each cell it says whether it is shown as it is now. A cell is not if it is of
too few people, or if too few of its people changed since it was last shown, or since it was hidden: whoever held two
releases side by side would see what these few did. Cells that are not shown keep what was shown before; beside them
others stay as they were or are hidden, until the audit finds all of them safe.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.analytics.domain.lattice import EVERYBODY, LINKS_AT_MOST, SUMS_AT_MOST, Cell, Several, links, relations
from services.analytics.domain.ledger import Day, Ledger
from services.analytics.domain.protecting import protect
from services.analytics.domain.rules import Rules
from services.analytics.domain.tables import Tables

EARLIER = 60
"""So many releases before it are looked at, when a cell is shown that was not: people have joined everywhere since."""
EDITION = 0.05
"""The tables of people move when of so many of them something changed: then most cells can, and few others wait."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader knows of a cell: of how many people it was when it was last shown, if it ever was.

    Of one that never was, `n` is what it was when it was first hidden. `several`: who they were; None: a release of an
    earlier version of Kith did not say.
    """

    n: int
    was_shown: bool
    several: Several | None = None

    @property
    def people(self) -> int:
        """How many people these were."""
        return self.several.people if self.several else self.n


@dataclass(frozen=True, slots=True)
class Counts:
    """Tables as they are at one time, and of the cells in which somebody is several times, who they are."""

    values: Mapping[Cell, int]
    several: Mapping[Cell, Several] = field(default_factory=dict)

    def small(self, rules: Rules) -> set[Cell]:
        """Cells of few people."""
        return {cell for cell in self.values if rules.is_small(self.who(cell).people)}

    def changed(self, cell: Cell, was: Known) -> int:
        """Of how many people at least something changed since a reader knew a cell; 0 if its number is the same."""
        n = self.values.get(cell, 0)
        if n == was.n:
            return 0
        now, then = self.who(cell), was.several
        at_least = math.ceil(abs(n - was.n) / max(now.each, then.each if then else 1))
        return max(at_least, abs(now.people - then.people)) if then else at_least

    def who(self, cell: Cell) -> Several:
        """Who is in a cell: of most, each of them once."""
        return self.several.get(cell) or Several(self.values.get(cell, 0), 1)


@dataclass(frozen=True, slots=True)
class Release:
    """Tables as they were at one time, which cells are shown as they were then, what a reader knows of all, and why."""

    counts: Counts
    shown: frozenset[Cell]
    known: Mapping[Cell, Known]
    rules: Rules

    @property
    def values(self) -> Mapping[Cell, int]:
        """The numbers in the tables."""
        return self.counts.values

    def is_hidden(self, cell: Cell) -> bool:
        """Whether nothing is said of it. What has become small keeps its earlier number, as others do that wait.

        Whoever saw that number go would know why it went.
        """
        return not self.known[cell].was_shown


def release(now: Counts, earlier: Sequence[Release], rules: Rules) -> Release:
    """The next release after these, the oldest first. Where no number may be new, no cell is named that was not.

    If the last one was made by other rules, what a first release by these would hide is hidden, though it was shown.
    """
    moves = [one for place, one in enumerate(earlier) if one.shown or place == 0]
    known = earlier[-1].known if earlier else {}
    counts = replace(now, values=dict.fromkeys(known, 0) | dict(now.values))
    shown, anew = frozenset[Cell](), is_anew(earlier, rules)
    beside = _small_anew(counts, known, rules) if anew else set[Cell]()
    if not moves or anew or _is_due(now.values, moves[-1].values, rules):
        shown = _shown(counts, moves, known, rules, beside)
    if earlier and not shown:
        counts = earlier[-1].counts
        beside = _small_anew(counts, known, rules) if anew else beside
    new = {
        cell: Known(n, cell in shown, counts.who(cell))
        for cell, n in counts.values.items()
        if cell in shown or cell not in known
    }
    gone = {
        cell: replace(was, was_shown=False)
        for cell, was in known.items()
        if cell not in shown and anew and (cell in beside or rules.is_small(was.people))
    }
    return Release(counts, shown, {**known, **new, **gone}, rules)


def is_anew(earlier: Sequence[Release], rules: Rules) -> bool:
    """Whether the last of these was made by other rules."""
    return bool(earlier) and earlier[-1].rules != rules


def _is_due(now: Mapping[Cell, int], was: Mapping[Cell, int], rules: Rules) -> bool:
    """Whether of so many people something changed that most cells may move."""
    places = {cell for cell in {*now, *was} if [dimension for dimension, _ in cell] == ["program", "site"]}
    changed = sum(abs(now.get(cell, 0) - was.get(cell, 0)) for cell in places)
    return changed >= max(rules.people_min, EDITION * now.get(EVERYBODY, 0))


def _shown(
    counts: Counts,
    earlier: Sequence[Release],
    known: Mapping[Cell, Known],
    rules: Rules,
    also: Collection[Cell] = (),
) -> frozenset[Cell]:
    """Which cells may be shown as they are now, without these."""
    values, secret = counts.values, _secret(counts, known, rules)
    today = Day(values, frozenset(), _kept(counts, known, rules), rules.people_min, rules.least)
    ledger = Ledger([*_days(earlier, rules), today])
    tables, more = _tables(values, ledger.floors())
    hidden = protect(tables, secret, rules.people_min, also, more)
    while told := ledger.told_by(values.keys() - hidden):
        hidden = protect(tables, told, rules.people_min, hidden, more)
    return frozenset(values.keys() - hidden)


def _tables(values: Mapping[Cell, int], floors: Mapping[Cell, int]) -> tuple[Tables, Tables | None]:
    """The cells with what links them, and with more of it, where that is too much for linear programs."""
    some, every = links(values, LINKS_AT_MOST), links(values, SUMS_AT_MOST)
    tables = Tables(values, relations({*values, *some}), floors)
    return tables, Tables(values, relations({*values, *every}), floors) if len(every) > len(some) else None


def _small_anew(counts: Counts, known: Mapping[Cell, Known], rules: Rules) -> set[Cell]:
    """What is small by these rules, or waits with a number that is, and what a first release would hide beside it."""
    was_small = {cell: was for cell, was in known.items() if rules.is_small(was.people)}
    return set(counts.values.keys() - _shown(counts, (), was_small, rules))


def _days(earlier: Sequence[Release], rules: Rules) -> list[Day]:
    """What each of them kept to itself by its own rules, and these do, too."""
    before: list[Mapping[Cell, Known]] = [{}, *(one.known for one in earlier)]
    both = [one.rules.milder(rules) for one in earlier]
    return [
        Day(one.values, one.shown, _kept(one.counts, known, mild) - one.shown, mild.people_min, one.rules.least)
        for one, known, mild in zip(earlier, before, both, strict=False)
    ][-EARLIER:]


def _secret(counts: Counts, known: Mapping[Cell, Known], rules: Rules) -> set[Cell]:
    """What a release keeps to itself: cells of few people, and of few who changed since a reader knew them."""
    return counts.small(rules) | {
        cell for cell, was in known.items() if 0 < counts.changed(cell, was) < rules.people_min
    }


def _kept(counts: Counts, known: Mapping[Cell, Known], rules: Rules) -> frozenset[Cell]:
    """The same, and cells of which nothing has changed: between two releases something may have."""
    return frozenset(counts.small(rules)) | {
        cell for cell, was in known.items() if counts.changed(cell, was) < rules.people_min
    }
