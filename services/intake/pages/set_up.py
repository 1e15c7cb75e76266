"""The set-up: what is done, and what comes next."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.intake import store
from services.intake.pages.frame import PAGES
from shared.doors import Db, allow
from shared.security import Who

router = APIRouter(prefix="/intake/set-up", include_in_schema=False)
Viewer = Annotated[Who, Depends(allow("administrator", "operator"))]


@router.get("")
async def set_up(request: Request, db: Db, who: Viewer) -> HTMLResponse:
    """The steps in order."""
    async with db.transaction(who.organisation_id) as tx:
        counts = await store.set_up_counts(tx)
        organisation = await store.find_organisation(tx, who.organisation_id)
    done = [name for name in ("organisations", "sites", "programs", "facilitators", "groups") if counts[name]]
    return PAGES.render(
        request,
        "set-up.html",
        counts=counts,
        organisation=organisation,
        done=done,
        may_change="administrator" in who.roles,
    )
