"""Rows out of CSV files as people have them: each row is checked and applied by itself.

UTF-8 with or without BOM, comma or semicolon, CRLF or LF. An empty cell is a missing value; a formula is text.
"""

import csv
import io
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from shared.errors import FieldError, Invalid, Refusal
from shared.fields import field_errors, invalid

R = TypeVar("R", bound=BaseModel)
Outcome = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """A kind of file: its name, the model of a row (a column a field), and one example row."""

    name: str
    row: type[R]
    example: dict[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """Each column with what stands in it."""
        return {name: info.description or "" for name, info in self.row.model_fields.items()}

    def template(self) -> str:
        """An empty file with its header and the example row."""
        out = io.StringIO()
        writer = csv.DictWriter(out, list(self.columns), lineterminator="\n")
        writer.writeheader()
        writer.writerow(self.example)
        return out.getvalue()


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was left out: where, what is wrong, and what would be right."""

    line: int
    column: str
    code: str
    message: str

    @classmethod
    def of(cls, line: int, error: FieldError) -> Self:
        """A field of a row that cannot be accepted."""
        return cls(line, error.field.partition(".")[0], error.code, error.message)


class Report(BaseModel):
    """What became of a file."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[RefusedRow] = []

    @computed_field  # type: ignore[prop-decorator]  # mypy cannot decorate a property
    @property
    def rows(self) -> int:
        """How many rows were read."""
        return self.created + self.changed + self.unchanged + self.rows_refused

    @property
    def rows_refused(self) -> int:
        """How many rows were left out; one row may have several mistakes."""
        return len({one.line for one in self.refused})

    def took(self, outcome: Outcome, rows: int = 1) -> None:
        """So many rows went in, or were in before."""
        setattr(self, outcome, getattr(self, outcome) + rows)


def read(data: bytes, columns: Sequence[str], first_line: int = 1) -> list[tuple[int, dict[str, str]]]:
    """The rows with the line number at which each begins, of a file that can be read to its end.

    `first_line` is that of the header in the whole file.
    """
    return [(line, _filled(cells)) for line, cells in read_cells(data, columns, first_line)]


def read_cells(data: bytes, columns: Sequence[str], first_line: int = 1) -> list[tuple[int, dict[str, str]]]:
    """The same with the empty cells, too: every row has all columns of the file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unusable("not-utf-8", "Save the file as UTF-8.") from None
    if "\x00" in text:
        raise _unusable("control-character", "The file has NUL characters: save it as UTF-8 text.")
    header = text.split("\n", 1)[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, line = [], first_line
    try:
        names = _trimmed(next(reader, []))
        _check_header(names, columns)
        line = first_line + reader.line_num
        for row in reader:
            cells = _trimmed(row)
            if len(cells) > len(names):
                found = f"Line {line} has {len(cells)} cells, the header {len(names)}"
                raise _unusable("too-many-cells", f"{found}: put quotes around text that has a {delimiter!r}.")
            if cells:
                rows.append((line, dict(zip_longest(names, cells, fillvalue=""))))
            line = first_line + reader.line_num  # at which the next one begins: a cell may have several lines
    except csv.Error as error:
        raise _unusable("not-csv", f"Line {line}: {error}.") from None
    return rows


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Without spaces around them, and without the empty ones at the end that spreadsheets add."""
    kept = [cell.strip() for cell in cells]
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _check_header(names: Sequence[str], columns: Sequence[str]) -> None:
    unknown = [name for name in names if name not in columns]
    if unknown or not names:
        sentence = f"Unknown column {', '.join(unknown)!r}. Columns are: {', '.join(columns)}."
        raise _unusable("unknown-column", sentence)
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise _unusable("column-repeated", f"Two columns are called {twice[0]}: keep one of them.")


async def apply_rows(
    table: Table[R], data: bytes, act: Callable[[R], Awaitable[Outcome]], first_line: int = 1
) -> Report:
    """Apply each row by itself: a bad one is reported and leaves nothing behind, good ones go in.

    A row's `model_fields_set` are the columns that the file has, whether or not anything stands in them.
    """
    report = Report()
    for line, cells in read_cells(data, list(table.columns), first_line):
        try:
            row = table.row.model_validate(_filled(cells))
            outcome = await act(row.model_copy(update={name: getattr(row, name) for name in cells}))
        except ValidationError as error:
            report.refused += [RefusedRow.of(line, one) for one in field_errors(error.errors())]
        except Refusal as refusal:
            errors = refusal.errors or (FieldError("", refusal.code, refusal.message),)
            report.refused += [RefusedRow.of(line, one) for one in errors]
        else:
            report.took(outcome)
    return report


@contextmanager
def naming(columns: Mapping[str, str]) -> Iterator[None]:
    """What is refused with one of these codes, and names no field, is said of this column of a row."""
    try:
        yield
    except Refusal as refusal:
        if refusal.errors or refusal.code not in columns:
            raise
        raise invalid(columns[refusal.code], refusal.code, refusal.message) from None


def _filled(cells: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in cells.items() if value}


def _unusable(code: str, message: str) -> Invalid:
    return Invalid(FieldError("file", code, message), message="This file cannot be read.")
