"""Occasions: the course of those of one participant, and how many of a program stand where."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from services.scheduling import store
from services.scheduling.domain.course import STAGES, WORDS, Stage, stage_of, steps_of, why_of
from services.scheduling.pages.frame import PAGES
from shared.doors import Db, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.events.ids import program_id_of
from shared.security import Who

router = APIRouter(prefix="/scheduling", include_in_schema=False)
Counting = Annotated[Who, Depends(allow("administrator", "coordinator"))]
COLUMNS: tuple[tuple[str, tuple[Stage, ...]], ...] = (
    ("Planned", ("planned",)),
    ("Due", ("due", "invited")),
    ("Sent", ("sent",)),
    ("Opened", ("opened",)),
    ("Begun", ("begun",)),
    ("Answered", ("answered",)),
    ("Closed", ("expired",)),
    ("Cancelled", ("cancelled",)),
    ("Not asked", ("not-asked",)),
)
RARE = ("Planned", "Cancelled", "Not asked")  # no column of nothing but noughts


@router.get("/participants/{participant_id}")
async def participant_page(participant_id: UUID, request: Request, db: Db, who: Counting) -> HTMLResponse:
    """What fell due for somebody, and how far each of it has come: not for whoever leads their group."""
    async with db.transaction(who.organisation_id) as tx:
        short_code = await store.find_short_code(tx, participant_id, who.site_ids)
        if short_code is None:
            raise NotFound("participant")
        rows = await store.course_of(tx, participant_id, who.site_ids)
    return PAGES.render(
        request,
        "participant.html",
        participant_id=participant_id,
        short_code=short_code,
        rows=rows,
        stage_of=stage_of,
        steps_of=steps_of,
        why_of=why_of,
        words=WORDS,
    )


@router.get("/programs/{code}")
async def program_page(code: Code, request: Request, db: Db, who: Counting) -> HTMLResponse:
    """How many check-ins of a program stand where, by occasion."""
    program_id = program_id_of(who.organisation_id, code)
    async with db.transaction(who.organisation_id) as tx:
        program = await store.find_program(tx, program_id)
        if program is None or not any(who.sees(site_id) for site_id in program.site_ids):
            raise NotFound("program")
        counted = await store.count_stages(tx, program_id, who.site_ids)
    by_code: dict[str, dict[str, int]] = {}
    for row in counted:
        by_code.setdefault(row["code"], dict.fromkeys(STAGES, 0))[row["stage"]] = row["many"]
    used = {stage for counts in by_code.values() for stage, many in counts.items() if many}
    columns = [(heading, stages) for heading, stages in COLUMNS if heading not in RARE or used.intersection(stages)]
    table = [
        (code, [(heading, sum(counts[stage] for stage in stages)) for heading, stages in columns])
        for code, counts in by_code.items()
    ]
    return PAGES.render(
        request, "program.html", program=program, table=table, headings=[heading for heading, _ in columns]
    )
