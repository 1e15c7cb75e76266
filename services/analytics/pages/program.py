"""The list of programs, and the page of one: completeness first, then the change with its interval."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.analytics import store
from services.analytics.domain import PEOPLE_MIN, Asked, Change, Instrument, change
from services.analytics.store import Program
from shared import clock
from shared.database import Database, Tx
from shared.doors import Db, allow
from shared.errors import NotFound
from shared.security import Who
from shared.web import Pages
from shared.web.filters import words

PAGES = Pages("analytics", Path(__file__).parent.parent / "templates")
Analyst = Annotated[Who, Depends(allow("program-manager", "coordinator", "administrator"))]
router = APIRouter()
KINDS = ("enrolled", "eligible", "invited", "answer", "pair")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader wants to see of a program."""

    program: Program
    instrument: Instrument
    first: str
    later: str

    @property
    def occasions(self) -> list[str]:
        """All occasions of the instrument, in the battery's order."""
        return self.program.occasions(self.instrument.code)

    @property
    def query(self) -> str:
        """As the end of an address."""
        return f"instrument={self.instrument.code}&from={self.first}&to={self.later}"


@router.get("/")
async def programs(request: Request, who: Analyst, db: Db) -> HTMLResponse:
    """All programs, each with its latest change in one line."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.programs(tx, who.site_ids)
        lines = [(one, await _headline(tx, who, one)) for one in found]
        horizon = await store.find_horizon(tx)
    return PAGES.render(request, "programs.html", lines=lines, horizon=horizon, now=clock.now())


@router.get("/programs/{code}")
async def program(request: Request, who: Analyst, db: Db, code: str) -> HTMLResponse:
    """One program: who answered, and what changed for those who answered twice."""
    query = request.query_params
    async with db.transaction(who.organisation_id) as tx:
        found = await store.get_program(tx, who.organisation_id, code, who.site_ids)
        known = await store.instruments(tx)
        comparison = (
            await store.find_program_code(tx, found.comparison_program_id) if found.comparison_program_id else None
        )
        horizon = await store.find_horizon(tx)
        choice = choose(found, known, query.get("instrument"), query.get("from"), query.get("to"))
        rows = await _course(tx, who, choice) if choice else []
    return PAGES.render(
        request,
        "program.html",
        program=found,
        choice=choice,
        asked=[(one, known[one].title) for one in sorted(known) if len(found.occasions(one)) > 1],
        occasions=[(one, words(one)) for one in choice.occasions] if choice else [],
        row=next((row for row in rows if choice and row.asked.later == choice.later), None),
        rows=rows,
        comparison=comparison,
        horizon=horizon,
        now=clock.now(),
        people_min=PEOPLE_MIN,
    )


def choose(
    program: Program, known: dict[str, Instrument], instrument: str | None, first: str | None, later: str | None
) -> Choice | None:
    """What the address asks for; by default the first instrument that is asked twice, first to last occasion.

    Change goes forward: of two occasions the earlier one of the battery is the first.
    """
    twice = [code for code in known if len(program.occasions(code)) > 1]
    if instrument is None and not twice:
        return None
    code = instrument or twice[0]
    occasions = program.occasions(code)
    if code not in known or len(occasions) < 2:
        raise NotFound("instrument")
    first, later = first or occasions[0], later or occasions[-1]
    if first not in occasions or later not in occasions:
        raise NotFound("occasion")
    return Choice(program, known[code], *sorted((first, later), key=occasions.index))


async def course(db: Database, who: Who, choice: Choice) -> list[Change]:
    """The change since the chosen first occasion, at each later occasion."""
    async with db.transaction(who.organisation_id) as tx:
        return await _course(tx, who, choice)


async def _course(tx: Tx, who: Who, choice: Choice) -> list[Change]:
    program, instrument = choice.program, choice.instrument
    people = await store.everybody(tx, program.program_id, who.site_ids, KINDS, instrument.code)
    following = choice.occasions[choice.occasions.index(choice.first) + 1 :]
    return [change(Asked(program.code, instrument, choice.first, later), people) for later in following]


async def _headline(tx: Tx, who: Who, program: Program) -> tuple[Choice, Change] | None:
    choice = choose(program, await store.instruments(tx), None, None, None)
    return (choice, (await _course(tx, who, choice))[-1]) if choice else None
