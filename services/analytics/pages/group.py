"""How people of one group found its sessions and what changed for them, for whoever leads it: also of all their groups.

Means are of enough people, or there is a sentence instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Self

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
Facilitator = Annotated[Who, Depends(allow("facilitator"))]
BY_WEEK = ("week", "in-week")


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of some people: how they found the sessions, week by week, and what changed for them."""

    weeks: Sheet | None
    changed: Sheet | None

    @property
    def has_means(self) -> bool:
        """Whether in some week enough of them answered."""
        return bool(self.weeks and any(row.values and row.values[2] is not None for row in self.weeks.rows))


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a program that a reader sees, who leads each, and what there is to tell of them."""

    program: str
    seen: store.Seen
    known: Mapping[str, Instrument]
    instrument: Instrument | None
    choice: Choice | None
    people: Mapping[str, People]
    led: Mapping[str, str]

    @classmethod
    async def read(cls, tx: Tx, who: Who, code: str, seen: store.Seen) -> Self:
        """Of single groups there is nothing to read but as it is now."""
        program = await store.get_program(tx, who.organisation_id, code, who.site_ids, seen)
        known = await store.instruments(tx, program.program_id, seen)
        instrument, choice = asked_after_sessions(program, known), _until_the_end(choose(seen, program, known, {}))
        wanted = {*(about(instrument.code, *BY_WEEK) if instrument else ()), *(choice.facts if choice else ())}
        people = await store.by(tx, program.program_id, "group", seen, wanted) if seen.is_live else {}
        led = await store.leaders(tx, program.program_id, seen)
        return cls(code, seen, known, instrument, choice, people, led)

    def led_by(self, leader: str | None) -> list[str]:
        """The groups of which this one led the newest session."""
        return sorted(one for one in self.led if self.led[one] == leader)

    async def told(self, tx: Tx, code: str) -> Told:
        """Of one group."""
        return await self._told(tx, self.people.get(code, self.seen.nobody))

    async def together(self, tx: Tx, codes: Sequence[str]) -> Told | None:
        """Of several as one; of a single one that somebody is in there is no more to tell."""
        counts = [taken_together(self.people[one].counts, self.known) for one in codes if one in self.people]
        if not counts[1:]:
            return None
        return await self._told(tx, replace(self.seen.nobody, counts=as_one(counts, self.seen.rules.people_min)))

    async def _told(self, tx: Tx, people: People) -> Told:
        weeks = weekly(self.instrument, people) if self.instrument else None
        if not self.choice or not self.seen.is_live:
            return Told(weeks, None)
        sheet = await changed(tx, self.choice, people)
        if any(row.values and row.values[2] is None for row in sheet.rows):  # all changed alike
            rows = [
                row if row.values and row.values[2] is not None else replace(row, values=None) for row in sheet.rows
            ]
            sheet = replace(sheet, title="All changed alike: how much would be said of everybody", rows=rows)
        return Told(weeks, sheet)


@router.get("/groups")
async def own_groups(request: Request, who: Facilitator, db: Db) -> HTMLResponse:
    """The groups that the reader leads, and of several of one program all of them together."""
    async with db.transaction(who.organisation_id) as tx:
        seen, found = await store.seen_now(tx, who), []
        for program in sorted({led.program for led in await store.led_by(tx, who)}):
            groups = await Groups.read(tx, who, program, seen)
            own = groups.led_by(str(who.facilitator_id))
            found.append((groups, own, await groups.together(tx, own), await groups.told(tx, own[0])))
    return PAGES.render(request, "own-groups.html", found=found, seen=seen, now=clock.now())


@router.get("/groups/{code}")
async def group(request: Request, who: Leader, db: Db, code: Code) -> HTMLResponse:
    """What is asked after sessions, and what is asked twice, of the people who are in the group.

    Where whoever leads it leads others of the program, too, also of all of these together.
    """
    async with db.transaction(who.organisation_id) as tx:
        of = await store.find_program_of_group(tx, code, who.site_ids)
        if of is None:
            raise NotFound("group")
        leads = any(led.group == code for led in await store.led_by(tx, who))
        seen = await (store.seen_now if leads else store.seen_by)(tx, who)
        groups = await Groups.read(tx, who, of, seen)
        own = groups.led_by(groups.led.get(code))
        told, together = await groups.told(tx, code), await groups.together(tx, own)
    given: dict[str, Any] = {"groups": groups, "told": told, "own": own, "together": together, "seen": seen}
    return PAGES.render(request, "group.html", code=code, now=clock.now(), **given)


def _until_the_end(choice: Choice | None) -> Choice | None:
    """What a group has gained when it ends; whether that lasts is said of programs."""
    three = choice.program.lasting(choice.instrument.code) if choice else None
    return replace(choice, later=three[1]) if choice and three else choice
