"""Taking back what was answered to a check-in: it was entered wrongly, or they do not want it to be kept."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.check_in import Occasion, TakeBack
from services.feedback.pages.templates import PAGES, Coordinator
from shared.clock import now
from shared.doors import Db, form, mark, refuse_stale, submitted
from shared.errors import NotFound, Refusal
from shared.security import Who

router = APIRouter(prefix="/feedback/occasions/{occasion_id}/take-back", include_in_schema=False)


@router.get("")
async def page(request: Request, db: Db, who: Coordinator, occasion_id: UUID) -> HTMLResponse:
    """Why, and what follows from it."""
    return await _shown(request, db, who, occasion_id)


@router.post("")
async def take_back(request: Request, db: Db, who: Coordinator, occasion_id: UUID) -> Response:
    """Take it back, unless it is another answer by now; what was entered wrongly is entered anew next."""
    fields = await submitted(request)
    try:
        async with db.transaction(who.organisation_id) as tx:
            occasion = await store.get_occasion(tx, occasion_id, who.site_ids, await store.library_of(tx))
            refuse_stale(fields, _answered(occasion))
            command = form(TakeBack, {"reason": fields.get("reason", "")})
            await acts.take_back_check_in(tx, occasion, command, who, now())
    except Refusal as refusal:
        return await _shown(request, db, who, occasion_id, fields, refusal)
    again = command.reason == "entered-wrongly"
    return RedirectResponse(
        f"/feedback/occasions/{occasion_id}/enter" if again else "/feedback/?need=answered&taken-back", 303
    )


async def _shown(
    request: Request,
    db: Db,
    who: Who,
    occasion_id: UUID,
    fields: dict[str, Any] | None = None,
    refusal: Refusal | None = None,
) -> HTMLResponse:
    async with db.transaction(who.organisation_id) as tx:
        occasion = await store.get_occasion(tx, occasion_id, who.site_ids, await store.library_of(tx))
    if occasion.check_in is None:
        raise NotFound("check-in")
    return PAGES.render(
        request,
        "take-back.html",
        refusal.status if refusal else 200,
        occasion=occasion,
        was=mark(_answered(occasion)),
        given=fields or {},
        errors=list(refusal.errors) if refusal else [],
        refused=refusal.message if refusal and not refusal.errors else "",
    )


def _answered(occasion: Occasion) -> Any:
    """What would be taken back."""
    kept = occasion.check_in
    return (kept.answered_at, kept.entered_by) if kept else None
