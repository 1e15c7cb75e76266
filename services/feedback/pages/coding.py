"""Coding: one text at a time, without a name, and without what anybody else found in it."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.themes import INSTRUMENT, CodeText
from services.feedback.pages.templates import PAGES, Coordinator
from services.feedback.store.themes import Written
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, form, submitted
from shared.errors import Refusal
from shared.security import Who

router = APIRouter(prefix="/feedback/voices/coding", include_in_schema=False)


@router.get("")
async def coding(request: Request, db: Db, who: Coordinator) -> HTMLResponse:
    """The next text, with the themes to look for. That it was read is written down."""
    async with db.transaction(who.organisation_id) as tx:
        text = await store.themes.find_next(tx, who.site_ids, who.subject, await store.themes.share(tx))
        return await _page(request, tx, who, text, {})


@router.post("")
async def code_text(request: Request, db: Db, who: Coordinator) -> Response:
    """Keep what was found, and go on with the next text."""
    fields = await submitted(request)
    chosen = fields.get("themes", [])
    fields["themes"] = chosen if isinstance(chosen, list) else [chosen]
    async with db.transaction(who.organisation_id) as tx:
        try:
            async with tx.savepoint():
                await acts.themes.code_text(tx, who, form(CodeText, fields))
        except Refusal as refusal:
            text = await _same(tx, who, fields)
            return await _page(request, tx, who, text, fields, refusal)
    return RedirectResponse("/feedback/voices/coding?done=coded", 303)


async def _same(tx: Tx, who: Who, fields: dict[str, Any]) -> Written | None:
    """The text that was coded, so that nothing that was chosen is lost; the next one if it is not there."""
    try:
        occasion_id, item = UUID(str(fields.get("occasion_id"))), str(fields.get("item"))[:64]
        return await store.themes.get_written(tx, occasion_id, item, who.site_ids)
    except (ValueError, Refusal):
        return await store.themes.find_next(tx, who.site_ids, who.subject, await store.themes.share(tx))


async def _page(
    request: Request,
    tx: Tx,
    who: Who,
    text: Written | None,
    given: dict[str, Any],
    refusal: Refusal | None = None,
) -> HTMLResponse:
    themes = [one for one in await store.themes.codebook(tx) if one.retired_at is None]
    shown = text if themes else None
    if shown:
        await store.themes.add_reading(tx, who.organisation_id, shown, (who.subject, who.name), now())
    asked = next((one for one in store.library()[INSTRUMENT].items if shown and one.code == shown.item), None)
    return PAGES.render(
        request,
        "coding.html",
        refusal.status if refusal else 200,
        text=shown,
        asked=asked.text.in_("en") if asked and asked.text else "",
        themes=themes,
        progress=await store.themes.progress(tx, who.site_ids),
        given=given,
        errors=list(refusal.errors) if refusal else [],
        refused=refusal.message if refusal and not refusal.errors else "",
        flash="The text is coded." if "done" in request.query_params and not refusal else None,
    )
