"""How people of one group found its sessions and what changed for them, for whoever leads it.

Means are of enough people, or there is a sentence instead.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.analytics import store
from services.analytics.domain import about
from services.analytics.pages.choice import Choice, asked_after_sessions, choose
from services.analytics.pages.frame import PAGES
from services.analytics.pages.sheets import changed, weekly
from shared import clock
from shared.doors import Db, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.security import Who

router = APIRouter()
Leader = Annotated[Who, Depends(allow("facilitator", "coordinator", "administrator"))]
BY_WEEK = ("week", "in-week")
LEADING = frozenset({"facilitator", "coordinator"})
"""Who sees a group as it is now."""


@router.get("/groups/{code}")
async def group(request: Request, who: Leader, db: Db, code: Code) -> HTMLResponse:
    """What is asked after sessions, and what is asked twice, of the people who are in the group."""
    async with db.transaction(who.organisation_id) as tx:
        of = await store.find_program_of_group(tx, code, who.site_ids)
        if of is None:
            raise NotFound("group")
        seen = await (store.seen_now if LEADING & who.roles else store.seen_by)(tx, who)
        program = await store.get_program(tx, who.organisation_id, of, who.site_ids, seen)
        known = await store.instruments(tx)
        instrument, choice = asked_after_sessions(program, known), _until_the_end(choose(seen, program, known, {}))
        wanted = {*(about(instrument.code, *BY_WEEK) if instrument else ()), *(choice.facts if choice else ())}
        groups = await store.by(tx, program.program_id, "group", seen, wanted) if seen.is_live else {}
        people = groups.get(code, seen.nobody)
        change = await changed(tx, choice, people) if choice and seen.is_live else None
    sheet = weekly(instrument, people) if instrument else None
    return PAGES.render(
        request,
        "group.html",
        code=code,
        instrument=instrument,
        sheet=sheet,
        choice=choice,
        changed=change,
        has_means=bool(sheet and any(row.values and row.values[2] is not None for row in sheet.rows)),
        seen=seen,
        now=clock.now(),
    )


def _until_the_end(choice: Choice | None) -> Choice | None:
    """What a group has gained when it ends; whether that lasts is said of programs."""
    three = choice.program.lasting(choice.instrument.code) if choice else None
    return replace(choice, later=three[1]) if choice and three else choice
