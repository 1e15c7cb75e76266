"""Tablets at the door for staff: putting one there for a session, and closing it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from services.feedback import acts, store
from services.feedback.domain.kiosk import OpenKiosk
from services.feedback.pages.templates import PAGES
from shared.clock import now
from shared.database import Database
from shared.doors import Db, allow, form, submitted
from shared.errors import FieldError, Invalid
from shared.security import Who

router = APIRouter(prefix="/feedback/kiosks", include_in_schema=False)
AtTheDoor = Annotated[Who, Depends(allow("coordinator", "facilitator", "administrator"))]
_FIELDS = ("site", "program", "ends_at", "shows_codes")


@router.get("")
async def kiosks(request: Request, db: Db, who: AtTheDoor) -> HTMLResponse:
    """The tablets that stand somewhere now, and the form for another one, filled in by whoever leads here."""
    given = {name: request.query_params[name] for name in _FIELDS if name in request.query_params}
    flash = "The tablet is closed. Its page says so to whoever opens it." if "closed" in request.query_params else None
    return await _page(request, db, who, given, flash=flash)


@router.post("")
async def open_kiosk(request: Request, db: Db, who: AtTheDoor) -> HTMLResponse:
    """Its link is shown once: nothing but its SHA-256 is kept."""
    fields = await submitted(request)
    given = {name: fields[name] for name in _FIELDS if name in fields}
    try:
        command = form(OpenKiosk, given)
        async with db.transaction(who.organisation_id) as tx:
            kiosk, site, path = await acts.open_kiosk(tx, who, command)
    except Invalid as invalid:
        return await _page(request, db, who, given, invalid.errors)
    address = f"{request.app.state.running.settings.public_url}{path}"
    return await _page(request, db, who, {}, opened=address, zone=site.time_zone, closes_at=kiosk.closes_at)


@router.post("/{kiosk_id}/close")
async def close_kiosk(db: Db, who: AtTheDoor, kiosk_id: UUID) -> RedirectResponse:
    """Nobody answers at it any more."""
    async with db.transaction(who.organisation_id) as tx:
        await store.close_kiosk(tx, kiosk_id, who.site_ids, now())
    return RedirectResponse("/feedback/kiosks?closed", 303)


async def _page(
    request: Request,
    db: Database,
    who: Who,
    given: dict[str, Any],
    errors: tuple[FieldError, ...] | list[FieldError] = (),
    **more: Any,
) -> HTMLResponse:
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        sites = await store.sites(tx, who.site_ids)
        programs = await store.batteries(tx, who.site_ids)
        standing = await store.kiosks(tx, who.site_ids, moment)
    return PAGES.render(
        request,
        "kiosks.html",
        422 if errors else 200,
        sites=[site.code for site in sites],
        programs=[one.program.code for one in programs],
        standing=standing,
        given=given,
        errors=errors,
        **{"flash": None, "opened": "", "zone": "UTC", "closes_at": None} | more,
    )
