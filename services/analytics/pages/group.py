"""How people of one group found its sessions and what changed for them, for whoever leads it: also of all their groups.

Means are of enough people, or there is a sentence instead.
"""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.analytics import store
from services.analytics.domain import Instrument, People, about
from services.analytics.domain.bases import as_one
from services.analytics.domain.people import taken_together
from services.analytics.pages.choice import Choice, asked_after_sessions, choose
from services.analytics.pages.frame import PAGES
from services.analytics.pages.sheets import Sheet, changed, weekly
from shared import clock
from shared.database import Tx
from shared.doors import Db, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.security import Who

router = APIRouter()
Leader = Annotated[Who, Depends(allow("facilitator", "coordinator", "administrator"))]
BY_WEEK = ("week", "in-week")
LEADING = frozenset({"facilitator", "coordinator"})
"""Who sees a group as it is now."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of some people: how they found the sessions, week by week, and what changed for them."""

    weeks: Sheet | None
    changed: Sheet | None

    @property
    def has_means(self) -> bool:
        """Whether in some week enough of them answered."""
        return bool(self.weeks and any(row.values and row.values[2] is not None for row in self.weeks.rows))


@router.get("/groups/{code}")
async def group(request: Request, who: Leader, db: Db, code: Code) -> HTMLResponse:
    """What is asked after sessions, and what is asked twice, of the people who are in the group.

    Where whoever leads it leads others of the program, too, also of all of these together.
    """
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
        led = await store.leaders(tx, program.program_id, seen) if seen.is_live else {}
        own = sorted(one for one in led if one in groups and led[one] == led.get(code))
        facts = as_one([taken_together(groups[one].counts, known) for one in own], seen.rules.people_min)
        told = await _told(tx, instrument, choice, groups.get(code, seen.nobody))
        together = await _told(tx, instrument, choice, replace(seen.nobody, counts=facts)) if own[1:] else None
    return PAGES.render(
        request,
        "group.html",
        code=code,
        instrument=instrument,
        choice=choice,
        told=told,
        own=own,
        together=together,
        seen=seen,
        now=clock.now(),
    )


async def _told(tx: Tx, instrument: Instrument | None, choice: Choice | None, people: People) -> Told:
    weeks = weekly(instrument, people) if instrument else None
    if not choice or not choice.seen.is_live:
        return Told(weeks, None)
    sheet = await changed(tx, choice, people)
    if any(row.values and row.values[2] is None for row in sheet.rows):  # all changed alike
        rows = [row if row.values and row.values[2] is not None else replace(row, values=None) for row in sheet.rows]
        sheet = replace(sheet, title="All changed alike: how much would be said of everybody", rows=rows)
    return Told(weeks, sheet)


def _until_the_end(choice: Choice | None) -> Choice | None:
    """What a group has gained when it ends; whether that lasts is said of programs."""
    three = choice.program.lasting(choice.instrument.code) if choice else None
    return replace(choice, later=three[1]) if choice and three else choice
