"""The tables of people as they are laid out: a dimension down, another across, and totals at the ends."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.analytics.domain.lattice import Cell

ACROSS = ("program", "cohort", "site")
TOTAL = ""
"""In place of a value: all of them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as a reader sees it: its people (None: hidden), and whether as of now or of an earlier release."""

    n: int | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One dimension down, one across. A cell that is not there is of nobody."""

    down: str
    across: str
    columns: list[str]
    rows: list[tuple[str, list[Shown]]]

    @property
    def name(self) -> str:
        """As in an address."""
        return f"{self.down}-by-{self.across}"


NOBODY = Shown(0, is_current=True)


def names(cells: Mapping[Cell, Shown]) -> list[tuple[str, str]]:
    """The dimensions of all tables: programs, cohorts and sites across, everything else down."""
    pairs = {tuple(dimension for dimension, _ in cell) for cell in cells if len(cell) == 2}
    found = [tuple(sorted(pair, key=_rank)) for pair in pairs]
    return sorted((down, across) for across, down in found)


def _rank(dimension: str) -> int:
    return ACROSS.index(dimension) if dimension in ACROSS else len(ACROSS)


def arranged(cells: Mapping[Cell, Shown], down: str, across: str) -> Table:
    """One table with its totals. Whoever sees no totals has none in it."""
    values = {
        dimension: sorted({value for cell in cells for name, value in cell if name == dimension and len(cell) == 2})
        for dimension in (down, across)
    }
    ends = [TOTAL] if () in cells else []

    def at(row: str, column: str) -> Shown:
        own = [(name, value) for name, value in ((down, row), (across, column)) if value != TOTAL]
        return cells.get(tuple(sorted(own)), NOBODY)

    columns, lines = [*values[across], *ends], [*values[down], *ends]
    return Table(down, across, columns, [(row, [at(row, column) for column in columns]) for row in lines])
