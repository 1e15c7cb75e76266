"""The list of programs, and the page of one under the headings of RE-AIM, with each of its tables as a file."""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from services.analytics import store
from services.analytics.domain import Change, change
from services.analytics.domain.definitions import BY_FIGURE, TRIALS, by_section
from services.analytics.pages.choice import Analyst, Choice, choose, chosen
from services.analytics.pages.frame import PAGES, csv_file
from services.analytics.pages.sheets import DEFINED, HIDDEN, of_versions, read_all, read_one
from services.analytics.store import Program, Seen
from shared import clock
from shared.database import Tx
from shared.doors import Db
from shared.errors import NotFound
from shared.web.filters import words

router = APIRouter()


@router.get("/")
async def programs(request: Request, who: Analyst, db: Db) -> HTMLResponse:
    """All programs, each with its latest change in one line."""
    async with db.transaction(who.organisation_id) as tx:
        seen = await store.seen_by(tx, who)
        found = await store.programs(tx, who.site_ids, seen)
        lines = [(one, await _headline(tx, seen, one)) for one in found]
    return PAGES.render(request, "programs.html", lines=lines, hidden=HIDDEN, seen=seen, now=clock.now())


@router.get("/definitions")
async def definitions(request: Request, who: Analyst) -> HTMLResponse:
    """What each figure is, its formula, and where it comes from."""
    return PAGES.render(request, "definitions.html", sections=list(by_section()))


@router.get("/programs/{code}")
async def program(request: Request, who: Analyst, db: Db, code: str) -> HTMLResponse:
    """One program: who answered, what changed for those who answered twice, for whom, where, and whether it lasts."""
    async with db.transaction(who.organisation_id) as tx:
        seen, found, choice = await chosen(tx, who, code, request.query_params)
        row = next((one for one in await choice.changes(tx) if one.asked == choice.asked), None) if choice else None
        sheets = await read_all(tx, choice) if choice and row else []
        comparison = (
            await store.find_program_code(tx, found.comparison_program_id) if found.comparison_program_id else None
        )
        labels = await choice.labels(tx) if choice else []
    if choice:
        choice.forget()
    known = choice.known if choice else {}
    return PAGES.render(
        request,
        "program.html",
        program=found,
        choice=choice,
        asked=[(code, one.title) for code, one in sorted(known.items()) if len(found.occasions(code)) > 1],
        occasions=[(one, words(one)) for one in choice.occasions] if choice else [],
        labels=[(one, words(one)) for one in labels],
        row=row,
        versions=of_versions(choice.instrument) if choice else [],
        sheets=sheets,
        defined={name: [BY_FIGURE[figure] for figure in figures] for name, figures in DEFINED.items()},
        comparison=comparison,
        trials=TRIALS,
        hidden=HIDDEN,
        seen=seen,
        now=clock.now(),
    )


@router.get("/programs/{code}/tables/{name}.csv")
async def table(request: Request, who: Analyst, db: Db, code: str, name: str) -> Response:
    """The numbers of a card in full precision. Where one is too small to be shown the row says `hidden`."""
    async with db.transaction(who.organisation_id) as tx:
        _, _, choice = await chosen(tx, who, code, request.query_params)
        sheet = await read_one(tx, choice, name) if choice else None
    if sheet is None:
        raise NotFound("table")
    return csv_file([sheet.headings, *sheet.lines], f"{code}-{name}")


async def _headline(tx: Tx, seen: Seen, program: Program) -> tuple[Choice, Change] | None:
    """The latest change of a program that is shown; where there is none, the one that is not, at the last check-in."""
    choice = choose(seen, program, await store.instruments(tx, program.program_id, seen), {})
    if choice is None:
        return None
    rows = []
    for asked in reversed(choice.course):
        rows.append(change(asked, await store.everybody(tx, program.program_id, seen, asked.facts)))
        if not rows[-1].suppressed:
            return replace(choice, later=asked.later), rows[-1]
    return choice, rows[0]
