"""A sheet: a sentence, the numbers under it, and how they are drawn. Page, chart and file are made of the same one."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

from services.analytics.domain import NOW, Cut, Estimate, Instrument, Rate
from services.analytics.domain.rates import is_short
from services.analytics.drawing import Drawing, Unit
from services.analytics.pages.choice import Choice
from services.analytics.store import Seen
from shared.database import Tx

Kind = Literal["count", "part", "points", "change", "share", "gap", "number", "limits", "low", "high"]
"""How a number is written; `low` and `high` are the ends of an interval around the number before them;
`limits` is the lower of two shares, and `high` follows it; `part` is so many people, and `high` the number they are of;
`gap` is a difference of two shares, in percentage points."""
Columns = tuple[tuple[str, Kind], ...]
GAP: tuple[str, Kind] = ("Gap, percentage points", "gap")
SHARE_AND_ENDS: Columns = (("Share", "share"), ("from", "low"), ("to", "high"))
Values = tuple[float | int | None, ...]
COLUMNS_MAX, NAMES_MAX = 4, 6
"""A table with more columns of numbers takes the whole width; of more rows without numbers not all are named."""
WEEK = "Week"


@dataclass(frozen=True, slots=True)
class Row:
    """A line: what it is of, and its numbers. Without numbers they must not be shown.

    `cut` is as of when they are; `waits` says that other numbers of the same reader are newer. `many`: of a page, how
    many lines it stands for.
    """

    label: str
    values: Values | None
    cut: Cut = NOW
    waits: bool = False
    many: int = 1

    @property
    def name(self) -> str:
        """What it is of, and of which release if that is not the newest."""
        return f"{self.label}, release {self.cut.release}" if self.waits else self.label


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on a card. `definition` is the name of its formulas, as the JSON has it, too."""

    name: str
    title: str
    head: str
    columns: Columns
    rows: Sequence[Row]
    drawing: Drawing | None = None
    notes: tuple[str, ...] = ()
    definition: str = ""

    @property
    def headings(self) -> list[str]:
        """Over the columns of a file: one for each number."""
        around = ""
        named = []
        for name, kind in self.columns:
            around = around if kind in ("low", "high") else name
            named.append(f"{around}: {name}" if kind in ("low", "high") else name)
        return [self.head, *named, "Release", "Data up to", "Definition"]

    @property
    def lines(self) -> list[tuple[float | int | str | None, ...]]:
        """Under these headings: in full precision, and `hidden` in place of each number that must not be shown."""
        kinds = [kind for _, kind in self.columns]
        hidden = ("hidden",) * len(kinds)
        return [
            (row.label, *(hidden if row.values is None else map(_written, row.values, kinds)), *dated)
            for row in self.rows
            for dated in [(*_dated(row.cut), self.definition)]
        ]

    @property
    def shown(self) -> list[tuple[str, Kind, int, bool]]:
        """Over the columns of a page: name, how it is written, its place, and whether its interval follows."""
        after = [*(kind for _, kind in self.columns[1:]), None]
        return [
            (name, kind, place, after[place] == "low")
            for place, (name, kind) in enumerate(self.columns)
            if kind not in ("low", "high")
        ]

    @property
    def is_wide(self) -> bool:
        """Whether its table takes the whole width of a page."""
        return len(self.shown) > COLUMNS_MAX

    @property
    def folded(self) -> list[Row]:
        """The rows of a page: those that follow each other without numbers are one."""
        found: list[Row] = []
        for is_hidden, rows in groupby(self.rows, lambda row: row.values is None):
            own = list(rows)
            found += [Row(self._listed([row.name for row in own]), None, many=len(own))] if is_hidden else own
        return found

    def _listed(self, names: Sequence[str]) -> str:
        if len(names) == 1:
            return names[0]
        if self.head == WEEK:
            return f"{names[0]} to {names[-1]}"
        if len(names) > NAMES_MAX:
            return f"{names[0]}, and {len(names) - 1} others"
        if any("," in name for name in names):
            return "; ".join(names)
        return f"{', '.join(names[:-1])} and {names[-1]}"


def as_of(one: Sheet, seen: Seen) -> Sheet:
    """The same, with a mark and a note where a row waits with what an earlier release said."""
    waiting = [row.values is not None and row.cut.release not in (None, seen.release) for row in one.rows]
    if not any(waiting):
        return one
    rows = [replace(row, waits=waits) for row, waits in zip(one.rows, waiting, strict=True)]
    cuts = sorted({(row.cut.release, _day(row.cut)) for row in rows if row.waits})
    ends = " and ".join(f"release {release} up to {day}" for release, day in dict.fromkeys((cuts[0], cuts[-1])))
    note = f"Where a release is named, nothing has moved since: the data of {ends}."
    return replace(one, rows=rows, notes=(*one.notes, note))


def _day(cut: Cut) -> str:
    return f"{cut.data_through:%d %B %Y, %H:%M} UTC" if cut.data_through else "nothing"


def _dated(cut: Cut) -> tuple[int | None, str | None]:
    return cut.release, cut.data_through.isoformat() if cut.data_through else None


def _written(value: float | str | None, kind: Kind) -> float | str | None:
    """A count always exists; other figures may not."""
    return "hidden" if value is None and kind == "count" else value


Read = Callable[[Tx, Choice], Awaitable[Sheet | None]]
"""Reads what a sheet needs. None: the program has nothing of the kind."""


HIDDEN = "Hidden: of too few people, or because a small number would follow from it, or not released yet"


def unsaid(seen: Seen, why: str) -> str:
    """The sentence where numbers are hidden. Readers of releases are told no reason: each would say something."""
    return why if seen.is_live else HIDDEN


def of_versions(one: Instrument) -> list[str]:
    """What must be known where answers to another version of an instrument may be missed."""
    others = " and ".join(map(str, one.other_versions))
    why = (
        f"Answers to version {others} of {one.title} cannot be compared with those to version {one.version}: they are "
        "in none of these figures."
    )
    return [why] if others else []


def of_few(shares: Iterable[tuple[int, int]]) -> list[str]:
    """What must be known where an interval of some of these shares falls short of its name."""
    return [SHORT] if any(is_short(some, of) for some, of in shares) else []


def of_too_few(seen: Seen, *, is_any: bool) -> list[str]:
    """What must be known where some of the counts have no rate."""
    why = (
        f"Fewer than {seen.answered_min} % of those who were to be asked have answered these questions each time, or "
        "who was asked is shown of other people than who answered: no rates are given, only counts."
    )
    return [why] if is_any else []


def of_rates(seen: Seen, rates: Iterable[Rate | None]) -> list[str]:
    """What must be known where there are no rates, or intervals that fall short of their name."""
    known = [one for one in rates if one]
    without = of_too_few(seen, is_any=any(one.estimate is None for one in known))
    return without + of_few((one.some, one.of) for one in known if one.estimate)


SHORT = "Where there are fewer than five people of one kind, an interval is narrower than its 95 % say."


def ends(one: Estimate | None) -> tuple[float | None, float | None, float | None]:
    """The value and its interval."""
    return (one.value, one.low, one.high) if one else (None, None, None)


def of_gap(one: Estimate | None) -> tuple[float | None, ...]:
    """The same of a difference of two shares, in percentage points."""
    return tuple(None if end is None else 100 * end for end in ends(one))


def in_points(value: float, digits: int) -> str:
    """Without a sign. What is not nothing is never written as if it were: it has as many digits as that takes."""
    while value and not round(abs(value), digits):
        digits += 1
    return f"{abs(value):.{digits}f}"


def interval(name: str, one: Estimate, n: int | None = None) -> dict[str, Any]:
    """A point of a chart of intervals."""
    label = name if n is None else f"{name}|n {n}"
    return {"label": label, "value": one.value, "low": one.low, "high": one.high}


def drawing(axis: str, points: Sequence[dict[str, Any]], unit: Unit = "share") -> Drawing | None:
    """A chart of intervals, if there is anything to draw."""
    return Drawing("intervals", axis, points, unit) if points else None
