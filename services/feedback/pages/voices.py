"""Voices: the loop at one sight, the codebook, and deciding what becomes of a theme."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.changes import DECISIONS, Decide, Scope
from services.feedback.domain.themes import ShareOut, Theme, WriteTheme
from services.feedback.domain.told import LANGUAGES
from services.feedback.pages.forms import nested
from services.feedback.pages.templates import PAGES, Administrator, Coordinator
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, allow, form, submitted
from shared.errors import FieldError, Refusal
from shared.events.base import Code
from shared.security import Who
from shared.web.filters import words

router = APIRouter(prefix="/feedback/voices", include_in_schema=False)
Deciding = Annotated[Who, Depends(allow("coordinator", "program-manager", "administrator"))]
READINGS_SHOWN = 20
FLASHES = {
    "decided": "It is decided. Those who asked read it on their page.",
    "made": "It is written down. Those who asked read it on their page, and groups hear of it in their next session.",
    "theme": "The theme is in the codebook.",
    "retired": "It is not looked for any more. What was found stays.",
    "share": "The share is set.",
}


@router.get("")
async def voices(request: Request, db: Db, who: Deciding) -> HTMLResponse:
    """Theme, decision, change, told, next pulse."""
    async with db.transaction(who.organisation_id) as tx:
        found = await acts.voices.voices(tx, who)
    return PAGES.render(
        request,
        "voices.html",
        found=found,
        decisions=DECISIONS,
        may_make=partial(acts.changes.may_make, who),
        may_code=bool(who.roles & {"coordinator", "administrator"}),
        flash=_flash(request),
    )


@router.get("/themes")
async def codebook(request: Request, db: Db, who: Coordinator) -> HTMLResponse:
    """The codebook, and who has read texts."""
    async with db.transaction(who.organisation_id) as tx:
        return await _codebook(request, tx, who, {})


@router.post("/themes")
async def write_theme(request: Request, db: Db, who: Coordinator) -> Response:
    """Add a theme, by the same rules as the JSON."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        try:
            async with tx.savepoint():
                await acts.themes.write_theme(tx, who, form(WriteTheme, nested(fields)))
        except Refusal as refusal:
            return await _codebook(request, tx, who, fields, refusal)
    return RedirectResponse("/feedback/voices/themes?done=theme", 303)


@router.post("/themes/{code}/retire")
async def retire_theme(db: Db, who: Coordinator, code: Code) -> Response:
    """Look for it no more."""
    async with db.transaction(who.organisation_id) as tx:
        await store.themes.lock(tx, who.organisation_id)
        await store.themes.get_theme(tx, code)
        await store.themes.retire(tx, code, now())
    return RedirectResponse("/feedback/voices/themes?done=retired", 303)


@router.post("/share")
async def share_out(request: Request, db: Db, who: Administrator) -> Response:
    """Set the share that a second person codes."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        try:
            command = form(ShareOut, fields)
        except Refusal as refusal:
            return await _codebook(request, tx, who, fields, refusal)
        await store.themes.save_share(tx, who.organisation_id, command.percent, now(), who.name)
    return RedirectResponse("/feedback/voices/themes?done=share", 303)


async def _codebook(
    request: Request, tx: Tx, who: Who, given: dict[str, Any], refusal: Refusal | None = None
) -> HTMLResponse:
    languages = await store.changes.languages(tx, Scope())
    return PAGES.render(
        request,
        "codebook.html",
        refusal.status if refusal else 200,
        themes=await store.themes.codebook(tx),
        share=await store.themes.share(tx),
        readings=await store.themes.readings(tx, who.site_ids, READINGS_SHOWN),
        languages=[(code, name, code in languages) for code, name in LANGUAGES.items()],
        may_share="administrator" in who.roles,
        given=given,
        errors=_at_fields(refusal, "title"),
        refused=refusal.message if refusal and not refusal.errors else "",
        flash=_flash(request),
    )


@router.get("/themes/{code}/decide")
async def decide_page(request: Request, db: Db, who: Deciding, code: Code) -> HTMLResponse:
    """The form for a decision."""
    async with db.transaction(who.organisation_id) as tx:
        return await _decide(request, tx, who, await store.themes.get_theme(tx, code), {})


@router.post("/themes/{code}/decide")
async def decide(request: Request, db: Db, who: Deciding, code: Code) -> Response:
    """Decide, by the same rules as the JSON."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        theme = await store.themes.get_theme(tx, code)
        try:
            async with tx.savepoint():
                await acts.changes.decide(tx, who, code, form(Decide, nested(fields)))
        except Refusal as refusal:
            return await _decide(request, tx, who, theme, fields, refusal)
    return RedirectResponse("/feedback/voices?done=decided", 303)


async def _decide(
    request: Request, tx: Tx, who: Who, theme: Theme, given: dict[str, Any], refusal: Refusal | None = None
) -> HTMLResponse:
    sites = await store.sites(tx, who.site_ids)
    programs = await store.batteries(tx, who.site_ids)
    return PAGES.render(
        request,
        "decide.html",
        refusal.status if refusal else 200,
        theme=theme,
        decisions=list(DECISIONS.items()),
        sites=[(one.code, words(one.code)) for one in sites],
        programs=[(one.program.code, words(one.program.code)) for one in programs],
        groups=[(one.group_id, words(one.code)) for one in await store.circles.groups(tx, who.site_ids)],
        must_choose_site=who.site_ids is not None,
        languages=_read_in({language for site in sites for language in site.languages}),
        given=given,
        errors=_at_fields(refusal, "why"),
        refused=refusal.message if refusal and not refusal.errors else "",
    )


def _read_in(languages: set[str]) -> list[tuple[str, str, bool]]:
    return [(code, name, code in languages) for code, name in LANGUAGES.items()]


def _at_fields(refusal: Refusal | None, told: str) -> list[FieldError]:
    """An error of the words as a whole stands at the first language."""
    return [
        FieldError(f"{told}.en" if one.field in (told, "body") else one.field, one.code, one.message)
        for one in (refusal.errors if refusal else ())
    ]


def _flash(request: Request) -> str | None:
    return FLASHES.get(request.query_params.get("done", ""))
