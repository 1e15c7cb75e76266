"""Stories for staff: by use, only what its owner agreed to; and noting what owners agree to."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.stories import SEEN_BY, USES, Agree, EnterStory
from services.feedback.pages.templates import PAGES, Coordinator
from services.feedback.store.stories import Seen
from shared.database import Tx
from shared.doors import Db, allow, form, mark, refuse_stale, submitted
from shared.errors import FieldError, NotFound, Refusal
from shared.events.feedback import StoryUse
from shared.security import Who

router = APIRouter(prefix="/feedback/stories", include_in_schema=False)
Staff = Annotated[Who, Depends(allow("facilitator", "coordinator", "program-manager", "administrator"))]
TITLES: dict[StoryUse, str] = {
    "within-program": "Within the program",
    "report-to-funders": "In reports to funders",
    "public-page": "On a public page",
}
FLASHES = {
    "entered": "The story is kept, for the uses that were agreed to and for no other.",
    "agreed": "It is noted. Every page follows at once.",
    "withdrawn": "The story was taken back. Its words are gone from every page.",
}
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@router.get("")
async def stories(request: Request, db: Db, who: Staff) -> HTMLResponse:
    """The stories of one use; for coordinators also what each owner agrees to."""
    async with db.transaction(who.organisation_id) as tx:
        return await _stories(request, tx, who)


async def _stories(request: Request, tx: Tx, who: Who, refusal: Refusal | None = None) -> HTMLResponse:
    mine = [use for use in USES if who.roles & SEEN_BY[use]]
    use = _use(request, mine)
    may_note = bool(who.roles & {"coordinator", "administrator"})
    found = await store.stories.for_use(tx, who.site_ids, use)
    kept = await store.stories.kept(tx, who.site_ids) if may_note else []
    return PAGES.render(
        request,
        "stories.html",
        refusal.status if refusal else 200,
        use=use,
        uses=[(one, TITLES[one]) for one in mine],
        titles=TITLES,
        stories=found,
        kept=kept,
        may_note=may_note,
        mark=mark,
        refused=refusal.message if refusal else None,
        flash=FLASHES.get(request.query_params.get("done", "")),
    )


@router.get("/export")
async def export(request: Request, db: Db, who: Staff) -> Response:
    """The stories of one use as a file: quotes for which there is consent to that use, and no other."""
    asked = request.query_params.get("use")
    use = next((one for one in USES if one == asked), None)
    if use is None:
        raise NotFound("use")
    who.must_be(*sorted(SEEN_BY[use] - {"facilitator"}))
    async with db.transaction(who.organisation_id) as tx:
        found = await store.stories.for_use(tx, who.site_ids, use)
    headers = {"Content-Disposition": f'attachment; filename="stories-{use}.csv"', "Cache-Control": "no-store"}
    return Response(_as_csv(found, use), media_type="text/csv; charset=utf-8", headers=headers)


def _as_csv(found: Sequence[Seen], use: StoryUse) -> str:
    """A row a story. What a table would run as a formula is made plain text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("use", "site", "program", "language", "shared_on", "text"))
    for one in found:
        text = one.story.text or ""
        plain = f"'{text}" if text.startswith(DANGEROUS) else text
        day = one.story.shared_at.astimezone(ZoneInfo(one.time_zone)).date().isoformat()
        writer.writerow((use, one.site, one.program, one.story.language, day, plain))
    return out.getvalue()


@router.get("/enter")
async def enter_page(request: Request, db: Db, who: Coordinator) -> HTMLResponse:
    """The form for a story that somebody has told."""
    async with db.transaction(who.organisation_id) as tx:
        return await _enter(request, tx, who, {"short_code": request.query_params.get("short_code", "")[:20]})


@router.post("/enter")
async def enter_story(request: Request, db: Db, who: Coordinator) -> Response:
    """Keep it, by the same rules as the JSON."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        person = await store.circles.find_person_id(tx, str(fields.get("short_code", "")).strip(), who.site_ids)
        body = {name: value for name, value in fields.items() if name != "short_code"}
        body |= {"participant_id": person} if person else {}
        try:
            async with tx.savepoint():
                await acts.stories.enter(tx, who, form(EnterStory, body))
        except Refusal as refusal:
            return await _enter(request, tx, who, fields, refusal)
    return RedirectResponse("/feedback/stories?done=entered", 303)


@router.post("/{story_id}/uses")
async def agree(request: Request, db: Db, who: Coordinator, story_id: UUID) -> Response:
    """Note what its owner agrees to now."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        story = await store.stories.get(tx, story_id, who.site_ids)
        uses = form(Agree, {name: value for name, value in fields.items() if name != "was"}).uses
        try:
            refuse_stale(fields, story.uses)
            await acts.stories.agree(tx, story, uses, who.name)
        except Refusal as refusal:  # it was taken back, or its owner has agreed to something else meanwhile
            return await _stories(request, tx, who, refusal)
    return RedirectResponse("/feedback/stories?done=agreed", 303)


@router.post("/{story_id}/withdraw")
async def withdraw(db: Db, who: Coordinator, story_id: UUID) -> Response:
    """Take it back for its owner."""
    async with db.transaction(who.organisation_id) as tx:
        story = await store.stories.get(tx, story_id, who.site_ids)
        await acts.stories.withdraw(tx, story, who.name)
    return RedirectResponse("/feedback/stories?done=withdrawn", 303)


def _use(request: Request, mine: Sequence[StoryUse]) -> StoryUse:
    asked = request.query_params.get("use")
    return next((one for one in mine if one == asked), mine[0])


async def _enter(
    request: Request, tx: Tx, who: Who, given: dict[str, Any], refusal: Refusal | None = None
) -> HTMLResponse:
    errors = [_at_a_field(one) for one in refusal.errors] if refusal else []
    if refusal and not errors:
        errors = [FieldError("short_code", refusal.code, "Nobody is called so at your sites: check the short code.")]
    return PAGES.render(
        request,
        "enter-story.html",
        refusal.status if refusal else 200,
        uses=[(one, TITLES[one]) for one in USES],
        given=given,
        errors=errors,
    )


def _at_a_field(error: FieldError) -> FieldError:
    if error.field == "participant_id":
        return FieldError("short_code", "participant-not-found", "Nobody is called so at your sites: check the code.")
    return FieldError(error.field.partition(".")[0], error.code, error.message)
