"""Releases: what was released when, the tables of people, and how small a number is hidden."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.analytics import store
from services.analytics.acts import SmallNumbers, make_release, set_small_numbers
from services.analytics.domain.arranging import Shown, arranged, names
from services.analytics.domain.lattice import Cell
from services.analytics.pages.choice import Analyst
from services.analytics.pages.frame import PAGES, csv_file
from shared.clock import now
from shared.database import Database, Tx
from shared.doors import Db, allow, form, submitted
from shared.errors import NotFound, Refusal
from shared.security import Who
from shared.web.filters import words

router = APIRouter()
Administrator = Annotated[Who, Depends(allow("administrator"))]
SHOWN = 20


@router.get("/releases")
async def releases(request: Request, who: Analyst, db: Db) -> Response:
    """The newest releases, and one of the tables of people."""
    return await _page(request, db, who, {}, None)


@router.post("/releases")
async def release(who: Administrator, db: Db) -> Response:
    """Make a release now."""
    async with db.transaction(who.organisation_id) as tx:
        made = await make_release(tx, who.organisation_id, now())
    return RedirectResponse(f"/analytics/releases?{'made' if made.release else 'kept'}=1", 303)


@router.post("/small-numbers")
async def small_numbers(request: Request, who: Administrator, db: Db) -> Response:
    """Set how small a number is hidden."""
    fields = await submitted(request)
    try:
        command = form(SmallNumbers, {name: value for name, value in fields.items() if value})
        async with db.transaction(who.organisation_id) as tx:
            await set_small_numbers(tx, who, command)
    except Refusal as refusal:
        return await _page(request, db, who, fields, refusal)
    return RedirectResponse("/analytics/releases?saved=1", 303)


@router.get("/tables/{name}.csv")
async def table(who: Analyst, db: Db, name: str) -> Response:
    """A table of people as a file."""
    async with db.transaction(who.organisation_id) as tx:
        number, cells = await _cells(tx, who)
    known = {f"{down}-by-{across}": (down, across) for down, across in names(cells)}
    if name not in known:
        raise NotFound("table")
    found = arranged(cells, *known[name])
    columns = [one or "all" for one in found.columns]
    lines = (
        [row or "all", *("hidden" if one.n is None else one.n for one in shown), number, _earlier(columns, shown)]
        for row, shown in found.rows
    )
    return csv_file([[f"{found.down} / {found.across}", *columns, "release", "earlier"], *lines], name)


def _earlier(columns: Sequence[str], shown: Sequence[Shown]) -> str:
    """The columns of a row whose numbers are as of an earlier release."""
    return " ".join(name for name, one in zip(columns, shown, strict=True) if one.n is not None and not one.is_current)


async def _cells(tx: Tx, who: Who) -> tuple[int, dict[Cell, Shown]]:
    number, rows = await store.find_tables(tx, who.sites)
    return number, {cell: Shown(n, is_current) for cell, n, is_current in rows}


async def _page(request: Request, db: Database, who: Who, given: dict[str, Any], refusal: Refusal | None) -> Response:
    async with db.transaction(who.organisation_id) as tx:
        rules = await store.find_rules(tx)
        asked = {"answered_min": await store.find_answered_min(tx)}
        rows = await store.release_list(tx)
        number, cells = await _cells(tx, who)
    pairs = {f"{down}-by-{across}": (down, across) for down, across in names(cells)}
    chosen = request.query_params.get("table", next(iter(pairs), ""))
    if pairs and chosen not in pairs:
        raise NotFound("table")
    return PAGES.render(
        request,
        "releases.html",
        refusal.status if refusal else 200,
        errors=refusal.errors if refusal else [],
        given={"people_min": "", "decision": "", "decided_on": "", "zeros_hidden": "", "answered_min": ""}
        | (given if refusal else {"people_min": rules.people_min, "zeros_hidden": rules.zeros_hidden} | asked),
        rules=rules,
        rows=rows[:SHOWN],
        number=number,
        shown_from=rows[0]["people_min"] if rows else rules.people_min,
        table=arranged(cells, *pairs[chosen]) if pairs else None,
        tables=[(name, f"{words(down)} by {words(across).lower()}") for name, (down, across) in pairs.items()],
        may_release="administrator" in who.roles,
        said=next((one for one in ("made", "kept", "saved") if one in request.query_params), ""),
    )
