"""Charts as SVG, drawn by a process of their own that is started when the first one is wanted."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.analytics.drawing import Drawing, draw, end_with_parent
from services.analytics.pages.choice import Analyst, chosen
from services.analytics.pages.sheets import read_one
from shared.doors import Db
from shared.errors import NotFound

router = APIRouter()
DRAWINGS_KEPT = 200
_drawn: dict[str, bytes] = {}


@router.get("/programs/{code}/charts/{name}.svg")
async def chart(request: Request, who: Analyst, db: Db, code: str, name: str) -> Response:
    """What a card shows as a picture; the same numbers stand in the table under it."""
    async with db.transaction(who.organisation_id) as tx:
        _, _, choice = await chosen(tx, who, code, request.query_params)
        sheet = await read_one(tx, choice, name) if choice else None
    if sheet is None or sheet.drawing is None:
        raise NotFound("chart")
    svg = await _drawing(sheet.drawing)
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "private, no-cache"})


async def _drawing(what: Drawing) -> bytes:
    """The chart of these points, drawn once for the same data."""
    key = repr(what)
    if key not in _drawn:
        if len(_drawn) >= DRAWINGS_KEPT:
            _drawn.clear()
        _drawn[key] = await asyncio.get_running_loop().run_in_executor(_worker(), draw, what)
    return _drawn[key]


@cache
def _worker() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=end_with_parent)
