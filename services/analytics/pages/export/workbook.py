"""A report as a workbook: what it is of, the definitions, then a sheet for each card."""

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from services.analytics.domain.definitions import DEFINITIONS
from services.analytics.pages.export.report import Report
from services.analytics.pages.sheets import Sheet

STYLES: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 14},
    "head": {"bold": True, "bottom": 1, "text_wrap": True},
    "text": {"text_wrap": True},
    "count": {"num_format": "#,##0"},
    "part": {"num_format": "#,##0"},
    "share": {"num_format": "0%"},
    "limits": {"num_format": "0%"},
    "gap": {"num_format": "+0;-0;0"},
    "change": {"num_format": "+0.00;-0.00;0.00"},
    "points": {"num_format": "#,##0.00"},
    "number": {"num_format": "#,##0.00"},
}
"""How cells look, by what is in them. A number is whole; only what is seen of it is rounded."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Line = Sequence[Any]


def write_workbook(report: Report) -> bytes:
    """The file."""
    import xlsxwriter  # for a file now and then: without it a process starts sooner

    out = io.BytesIO()
    as_they_are = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, as_they_are) as book:
        book.set_properties({"title": report.title, "created": report.data_to or EPOCH})
        styles = {name: book.add_format({"valign": "top", **style}) for name, style in STYLES.items()}
        _first(book.add_worksheet("Program"), styles, report)
        _definitions(book.add_worksheet("Definitions"), styles)
        for one in _cards(report):
            _card(book.add_worksheet(one.name.capitalize()), styles, one)
    return out.getvalue()


def _cards(report: Report) -> Iterator[Sheet]:
    for _, sheets in report.sheets:
        yield from sheets


def _first(page: Any, styles: dict[str, Any], report: Report) -> None:
    """What the figures are of, and what each sheet says in a sentence."""
    page.set_column(0, 0, 18)
    page.set_column(1, 1, 96)
    page.write(0, 0, report.title, styles["title"])
    lines: list[Line] = [*report.about, *(("To be read first", note) for note in report.notes)]
    lines += [(one.name.capitalize(), said) for one in _cards(report) for said in (one.title, *one.notes)]
    _write(page, 2, lines, [styles["text"]] * 2)


def _definitions(page: Any, styles: dict[str, Any]) -> None:
    for column, width in enumerate((16, 34, 90, 40, 40)):
        page.set_column(column, column, width)
    _head(page, ("Section", "Figure", "Formula", "Source", "Definition"), styles)
    lines = [(one.section, one.figure, one.formula, one.source, ", ".join(one.names)) for one in DEFINITIONS]
    _write(page, 1, lines, [styles["text"]] * 5)


def _card(page: Any, styles: dict[str, Any], one: Sheet) -> None:
    page.set_column(0, 0, 30)
    page.set_column(1, len(one.columns), 13)
    page.set_column(len(one.columns) + 2, len(one.columns) + 3, 26)
    _head(page, one.headings, styles)
    _write(page, 1, one.lines, [styles[kind] for kind in ("text", *_kinds(one), "count", "text", "text")])


def _kinds(one: Sheet) -> Iterator[str]:
    """How the number of each column is shown; the ends of an interval as the number in its middle."""
    around = ""
    for _, kind in one.columns:
        around = around if kind in ("low", "high") else kind
        yield around


def _head(page: Any, headings: Line, styles: dict[str, Any]) -> None:
    page.write_row(0, 0, headings, styles["head"])
    page.freeze_panes(1, 1)


def _write(page: Any, first: int, lines: Sequence[Line], formats: Sequence[Any]) -> None:
    for row, line in enumerate(lines, start=first):
        for column, value in enumerate(line):
            page.write(row, column, value, formats[column])
