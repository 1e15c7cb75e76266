"""A change for staff: its words as participants read them, and writing down that it was made."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.changes import DECISIONS, MakeChange
from services.feedback.domain.told import LANGUAGES
from services.feedback.pages.forms import nested
from services.feedback.pages.templates import PAGES
from services.feedback.store.changes import Seen
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, allow, form, submitted
from shared.errors import FieldError, Refusal
from shared.security import Who

router = APIRouter(prefix="/feedback/changes", include_in_schema=False)
Staff = Annotated[Who, Depends(allow("facilitator", "coordinator", "program-manager", "administrator"))]
Deciding = Annotated[Who, Depends(allow("coordinator", "program-manager", "administrator"))]


@router.get("/{change_id}")
async def change(request: Request, db: Db, who: Staff, change_id: UUID) -> HTMLResponse:
    """What participants are told, in each language; inside another page the words alone."""
    async with db.transaction(who.organisation_id) as tx:
        seen = await store.changes.get(tx, change_id, who.site_ids)
    name = "change-words.html" if "hx-request" in request.headers else "change.html"
    return PAGES.render(request, name, seen=seen, decisions=DECISIONS, languages=LANGUAGES)


@router.get("/{change_id}/make")
async def make_page(request: Request, db: Db, who: Deciding, change_id: UUID) -> HTMLResponse:
    """The form for what was changed."""
    async with db.transaction(who.organisation_id) as tx:
        seen = await store.changes.get(tx, change_id, who.site_ids)
        today = await store.changes.today_at(tx, seen.change.scope, now())
        return await _make(request, tx, seen, {"since": today.isoformat()})


@router.post("/{change_id}/make")
async def make_change(request: Request, db: Db, who: Deciding, change_id: UUID) -> Response:
    """Write it down, by the same rules as the JSON."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        seen = await store.changes.get(tx, change_id, who.site_ids)
        try:
            async with tx.savepoint():
                await acts.changes.make(tx, who, change_id, form(MakeChange, nested(fields)))
        except Refusal as refusal:
            return await _make(request, tx, seen, fields, refusal)
    return RedirectResponse("/feedback/voices?done=made", 303)


async def _make(
    request: Request, tx: Tx, seen: Seen, given: dict[str, Any], refusal: Refusal | None = None
) -> HTMLResponse:
    read = await store.changes.languages(tx, seen.change.scope)
    errors = refusal.errors if refusal else ()
    return PAGES.render(
        request,
        "make-change.html",
        refusal.status if refusal else 200,
        seen=seen,
        languages=[(code, name, code in read) for code, name in LANGUAGES.items()],
        given=given,
        errors=[
            FieldError("what.en" if one.field in ("what", "body") else one.field, one.code, one.message)
            for one in errors
        ],
        refused=refusal.message if refusal and not refusal.errors else "",
    )
