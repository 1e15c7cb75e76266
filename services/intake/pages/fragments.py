"""Parts of pages that others put into theirs: names, and who waits for a place."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from services.intake import store
from services.intake.pages.frame import PAGES
from shared.doors import Db, Reader, allow
from shared.security import Who
from shared.web import asked

router = APIRouter(prefix="/intake", include_in_schema=False)
SEES_PARTICIPANTS = {"coordinator", "facilitator", "administrator"}
SEES_FACILITATORS = SEES_PARTICIPANTS | {"program-manager"}  # they are staff, as whoever plans with them is
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


@router.get("/names")
async def names(
    request: Request, db: Db, who: Reader, ids: Annotated[str, Query(max_length=40_000)] = ""
) -> HTMLResponse:
    """The names of the people on a page, as far as the reader may know them; the others stay codes."""
    places = asked(ids)
    known = {}
    if who.roles & SEES_FACILITATORS and places:
        people, with_participants = [place.person for place in places], bool(who.roles & SEES_PARTICIPANTS)
        async with db.transaction(who.organisation_id) as tx:
            known = await store.names(tx, who.site_ids, people, with_participants=with_participants)
    found = [(place, known[place.person]) for place in places if place.person in known]
    return PAGES.render(request, "names.html", found=found)


@router.get("/fragments/waiting")
async def waiting(request: Request, db: Db, who: Coordinator) -> HTMLResponse:
    """The groups with people who wait for a place, for the page of the day."""
    async with db.transaction(who.organisation_id) as tx:
        groups = await store.groups(tx, who.site_ids)
    lines = sorted((row for row in groups if row["waiting"]), key=lambda row: row["waiting_since"])
    return PAGES.render(request, "waiting.html", lines=lines)
