"""A sheet: a sentence, the numbers under it, and how they are drawn. Page, chart and file are made of the same one."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from services.analytics.domain import Estimate
from services.analytics.pages.choice import Choice
from shared.database import Tx

Kind = Literal["count", "points", "change", "share", "number", "limits", "low", "high"]
"""How a number is written; `low` and `high` are the ends of an interval around the number before them;
`limits` is the lower of two shares, and `high` follows it."""
Unit = Literal["points", "change", "share", "people"]
Columns = tuple[tuple[str, Kind], ...]
Values = tuple[float | int | None, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A line: what it is of, and its numbers. Without numbers they are too small to be shown."""

    label: str
    values: Values | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a chart shows, and how: `intervals`, `steps` down, a `funnel`, `bars`, or `pairs` of parts of a scale."""

    kind: Literal["intervals", "steps", "funnel", "bars", "pairs"]
    axis: str
    points: Sequence[dict[str, Any]]
    unit: Unit = "share"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on a card."""

    name: str
    title: str
    head: str
    columns: Columns
    rows: Sequence[Row]
    drawing: Drawing | None = None
    notes: tuple[str, ...] = ()

    @property
    def headings(self) -> list[str]:
        """Over the columns of a file: one for each number."""
        around = ""
        named = []
        for name, kind in self.columns:
            around = around if kind in ("low", "high") else name
            named.append(f"{around}: {name}" if kind in ("low", "high") else name)
        return [self.head, *named]

    @property
    def lines(self) -> list[tuple[float | int | str | None, ...]]:
        """Under these headings: in full precision, and `hidden` in place of each number that is too small."""
        kinds = [kind for _, kind in self.columns]
        hidden = ("hidden",) * len(kinds)
        return [(row.label, *(hidden if row.values is None else map(_written, row.values, kinds))) for row in self.rows]

    @property
    def shown(self) -> list[tuple[str, Kind, int, bool]]:
        """Over the columns of a page: name, how it is written, its place, and whether its interval follows."""
        after = [*(kind for _, kind in self.columns[1:]), None]
        return [
            (name, kind, place, after[place] == "low")
            for place, (name, kind) in enumerate(self.columns)
            if kind not in ("low", "high")
        ]


def _written(value: float | str | None, kind: Kind) -> float | str | None:
    """A count always exists; other figures may not."""
    return "hidden" if value is None and kind == "count" else value


Read = Callable[[Tx, Choice], Awaitable[Sheet | None]]
"""Reads what a sheet needs. None: the program has nothing of the kind."""


def ends(one: Estimate | None) -> tuple[float | None, float | None, float | None]:
    """The value and its interval."""
    return (one.value, one.low, one.high) if one else (None, None, None)


def interval(name: str, one: Estimate, n: int | None = None) -> dict[str, Any]:
    """A point of a chart of intervals."""
    label = name if n is None else f"{name}|n {n}"
    return {"label": label, "value": one.value, "low": one.low, "high": one.high}


def drawing(axis: str, points: Sequence[dict[str, Any]], unit: Unit = "share") -> Drawing | None:
    """A chart of intervals, if there is anything to draw."""
    return Drawing("intervals", axis, points, unit) if points else None
