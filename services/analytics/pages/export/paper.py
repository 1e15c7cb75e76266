"""A report as one page of paper, PDF/UA-1."""

import json
from pathlib import Path
from typing import Any, Literal

import typst
from jinja2.runtime import Context

from services.analytics.domain.definitions import BY_FIGURE
from services.analytics.pages.export.report import Report
from services.analytics.pages.frame import PAGES
from services.analytics.pages.sheets import DEFINED, Sheet, Values
from services.analytics.pages.writing import interval, written

Paper = Literal["a4", "letter"]
ROWS_MAX = 6
LATEST = ("staying", "weeks")
"""Of these the last rows are printed where there are too many, else the first."""
_TEMPLATE = Path(__file__).parents[2] / "templates" / "program.typ"


def print_report(report: Report, paper: Paper) -> bytes:
    """The page, its type as large as all of it allows."""
    content = {
        "paper": "a4" if paper == "a4" else "us-letter",
        "title": report.title,
        "about": report.about,
        "notes": report.notes,
        "hides": report.hides,
        "sections": [
            {"heading": heading, "cards": [_card(one) for one in sheets]} for heading, sheets in report.sheets if sheets
        ],
    }
    pdf: bytes = typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        ignore_system_fonts=True,  # the same page on every machine
        sys_inputs={"report": json.dumps(content)},
        pdf_standards=["ua-1"],
    )
    return pdf


def _card(one: Sheet) -> dict[str, Any]:
    rows = one.folded[-ROWS_MAX:] if one.name in LATEST else one.folded[:ROWS_MAX]
    context = PAGES.environment.get_template("figures.html").new_context({"lang": "en"})
    defined = [BY_FIGURE[figure] for figure in DEFINED[one.name]]
    return {
        "title": one.title,
        "is_wide": one.is_wide,
        "headings": [one.head, *(name for name, *_ in one.shown)],
        "rows": [{"name": row.name, "cells": row.values and _cells(one, row.values, context)} for row in rows],
        "left_out": len(one.rows) - sum(row.many for row in rows),
        "notes": one.notes,
        "definition": one.definition,
        "defined": "; ".join(f"{definition.figure} ({definition.source})" for definition in defined),
    }


def _cells(one: Sheet, values: Values, context: Context) -> list[str]:
    """The numbers of a row, written as on the page."""
    found = []
    for _, kind, place, has_interval in one.shown:
        three = values[place : place + 3]
        around = interval(context, three, kind) if has_interval else ""
        found.append(f"{written(context, three, kind)} {around}".strip())
    return found
