"""The templates of analytics, and tables as files."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from fastapi.responses import Response

from services.analytics.pages.writing import WRITING
from shared.web import Pages

PAGES = Pages("analytics", Path(__file__).parent.parent / "templates")
PAGES.environment.filters.update(WRITING)


def csv_file(lines: Iterable[Iterable[object]], name: str) -> Response:
    """These lines under this name."""
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    named = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=named)
