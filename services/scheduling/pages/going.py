"""How a group goes, for whoever leads it: attendance, answers and changes as counts, never an answer of one person."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.scheduling import store
from services.scheduling.pages.frame import PAGES
from shared.doors import Db, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.events.ids import group_id_of
from shared.security import Who

router = APIRouter(prefix="/scheduling/groups/{code}", include_in_schema=False)
Reading = Annotated[Who, Depends(allow("administrator", "coordinator", "facilitator"))]
SESSIONS, CHANGES = 12, 6
PEOPLE_MIN = 11
"""Of fewer people than this nothing that they answered is counted here."""


@router.get("/going")
async def going_page(code: Code, request: Request, db: Db, who: Reading) -> HTMLResponse:
    """Attendance over the sessions, how many answered, and what was changed because people said it."""
    async with db.transaction(who.organisation_id) as tx:
        group = await store.find_group(tx, group_id_of(who.organisation_id, code))
        if group is None:
            raise NotFound("group")
        who.must_see(group.site_id, "group")
        came = await store.going.came(tx, group.group_id, SESSIONS)
        answering = await store.going.answering(tx, group.group_id)
        changes = await store.going.changes(tx, group, CHANGES)
    return PAGES.render(
        request,
        "going.html",
        group=group,
        came=came,
        most=max((one.of for one in came), default=1),
        answering=answering,
        has_enough=any(one.people >= PEOPLE_MIN for one in answering),
        changes=changes,
        people_min=PEOPLE_MIN,
    )
