"""A program to take away: as a workbook, and as one page of paper. Both say what the page says."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.analytics.pages.choice import Analyst
from services.analytics.pages.export.paper import print_report
from services.analytics.pages.export.report import read_report
from services.analytics.pages.export.workbook import write_workbook
from shared.doors import Db

router = APIRouter()
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/programs/{code}/export.xlsx")
async def workbook(request: Request, who: Analyst, db: Db, code: str) -> Response:
    """A table for each card, in full precision; the definitions stand on the second sheet."""
    async with db.transaction(who.organisation_id) as tx:
        report = await read_report(tx, who, code, request.query_params)
    return _file(await asyncio.to_thread(write_workbook, report), f"{code}.xlsx", _XLSX)


@router.get("/programs/{code}/export.pdf")
async def one_page(
    request: Request, who: Analyst, db: Db, code: str, paper: Literal["a4", "letter"] = "a4"
) -> Response:
    """One page, accessible (PDF/UA-1)."""
    async with db.transaction(who.organisation_id) as tx:
        report = await read_report(tx, who, code, request.query_params)
    return _file(await asyncio.to_thread(print_report, report, paper), f"{code}.pdf", "application/pdf")


def _file(content: bytes, name: str, media_type: str) -> Response:
    named = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=named)


__all__ = ["router"]
