"""Charts as SVG, drawn by a process of their own that is started when the first one is wanted."""

import asyncio
import ctypes
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.analytics import store
from services.analytics.domain import Change
from services.analytics.pages.program import Analyst, choose, course
from shared.doors import Db
from shared.errors import NotFound
from shared.web.filters import words

router = APIRouter()
DRAWINGS_KEPT = 200
_drawn: dict[str, bytes] = {}


@router.get("/programs/{code}/chart.svg")
async def chart(request: Request, who: Analyst, db: Db, code: str) -> Response:
    """Mean change since the first occasion at each later one, with its 95 % interval."""
    query = request.query_params
    async with db.transaction(who.organisation_id) as tx:
        found = await store.get_program(tx, who.organisation_id, code, who.site_ids)
        choice = choose(found, await store.instruments(tx), query.get("instrument"), query.get("from"), query.get("to"))
    if choice is None:
        raise NotFound("chart")
    points = [_point(row) for row in await course(db, who, choice) if row.mean]
    if not points:
        raise NotFound("chart")
    svg = await _drawing(points, f"Points since {words(choice.first).lower()}, more is better")
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "private, no-cache"})


def _point(row: Change) -> dict[str, Any]:
    """What the chart shows of a row; the same numbers stand in the table under it."""
    assert row.mean
    name = f"{words(row.asked.later)}|n {row.n.paired}"
    return {"occasion": name, "change": row.mean.value, "low": row.mean.low, "high": row.mean.high}


async def _drawing(points: list[dict[str, Any]], axis: str) -> bytes:
    """The chart of these points, drawn once for the same data."""
    key = repr((points, axis))
    if key not in _drawn:
        if len(_drawn) >= DRAWINGS_KEPT:
            _drawn.clear()
        _drawn[key] = await asyncio.get_running_loop().run_in_executor(_worker(), draw, points, axis)
    return _drawn[key]


@cache
def _worker() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """A parent that is killed must not leave its worker behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def draw(points: list[dict[str, Any]], axis: str) -> bytes:
    """Draw in the worker: the libraries are loaded there and nowhere else."""
    import altair
    import vl_convert

    data = altair.InlineData(values=points)
    order = [point["occasion"] for point in points]
    x = altair.X(
        "occasion:N",
        sort=order,
        title=None,
        axis=altair.Axis(labelAngle=0, labelExpr="split(datum.value, '|')", ticks=False, domain=False),
    )
    base = altair.Chart(data).encode(x=x)
    interval = base.mark_rule(strokeWidth=3, color="#0b6560").encode(
        y=altair.Y(
            "low:Q", title=axis, axis=altair.Axis(tickCount=6, gridColor="#e3ded5"), scale=altair.Scale(padding=16)
        ),
        y2="high:Q",
    )
    mean = base.mark_point(size=140, filled=True, color="#0b6560", opacity=1).encode(y="change:Q")
    none = altair.Chart(altair.InlineData(values=[{"zero": 0}])).mark_rule(color="#55606d", strokeDash=[5, 4])
    layers = altair.layer(none.encode(y="zero:Q"), interval, mean).properties(width=380, height=220)
    styled = layers.configure(background="#ffffff", font="sans-serif", padding=8).configure_view(stroke=None)
    styled = styled.configure_axis(labelFontSize=13, titleFontSize=13, titleFontWeight="normal", titlePadding=10)
    svg: str = vl_convert.vegalite_to_svg(styled.to_dict(), allowed_base_urls=[])
    return svg.encode()
