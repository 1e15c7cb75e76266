"""The set-up of programs."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import store
from services.intake.domain.organisation import code_of
from services.intake.domain.sites import Program, PublishProgram, publish_program
from services.intake.pages.forms import check_code, new_code, only, several, shown
from shared import outbox
from shared.clock import now
from shared.database import Database, Tx
from shared.doors import Db, allow, form, mark, refuse_stale, submitted
from shared.errors import NotFound, Refusal
from shared.events.base import Code
from shared.events.ids import program_id_of
from shared.fields import invalid
from shared.security import Who

router = APIRouter(prefix="/intake/set-up/programs", include_in_schema=False)
Administrator = Annotated[Who, Depends(allow("administrator"))]
Viewer = Annotated[Who, Depends(allow("administrator", "operator"))]


@router.get("")
async def programs_page(request: Request, db: Db, who: Viewer) -> Response:
    """The programs, and a form for one more."""
    return await _shown(request, db, who, {}, None)


@router.post("")
async def new_program_form(request: Request, db: Db, who: Administrator) -> Response:
    """Publish a program. Its code is made of its name unless one is given."""
    fields = await submitted(request)
    return await _save(request, db, who, new_code(fields), fields, None)


@router.get("/{code}")
async def program_page(code: Code, request: Request, db: Db, who: Administrator) -> Response:
    """The form for one program."""
    program = await _get(db, who, code)
    async with db.transaction(who.organisation_id) as tx:
        sites = {one.site_id: one.code for one in await store.sites(tx)}
        others = {one.program_id: one.code for one in await store.programs(tx)}
    fields = {
        "name": program.name,
        "code": code,
        "sites": [sites[one] for one in program.site_ids if one in sites],
        "objectives": ", ".join(one.replace("-", " ") for one in program.objectives),
        "comparison_program": others.get(program.comparison_program_id) if program.comparison_program_id else None,
        "target_population": program.target_population,
        "target_population_source": program.target_population_source,
        "was": mark(program),
    }
    return await _shown(request, db, who, fields, None, program)


@router.post("/{code}")
async def program_form(code: Code, request: Request, db: Db, who: Administrator) -> Response:
    """Publish a program again with changes."""
    program = await _get(db, who, code)
    return await _save(request, db, who, code, await submitted(request), program)


async def _get(db: Database, who: Who, code: str) -> Program:
    async with db.transaction(who.organisation_id) as tx:
        program = await store.find_program(tx, program_id_of(who.organisation_id, code))
    if program is None or not any(who.sees(one) for one in program.site_ids):
        raise NotFound("program")
    return program


def _as_command(fields: dict[str, Any]) -> dict[str, Any]:
    """The form as the same command that programs send. Objectives are written in words, with commas between them."""
    written = re.split(r"[,\n]", str(fields.get("objectives", "")))
    source = fields.get("target_population_source")
    return only(fields, "name", "comparison_program", "target_population") | {
        "sites": several(fields, "sites"),
        "objectives": [code for code in map(code_of, written) if code],
        "target_population_source": (code_of(str(source)) or None) if source else None,
    }


async def _save(
    request: Request, db: Database, who: Who, code: str, fields: dict[str, Any], program: Program | None
) -> Response:
    try:
        check_code(code, "new-roots")
        command = form(PublishProgram, _as_command(fields))
        async with db.transaction(who.organisation_id) as tx:
            await store.get_organisation(tx, who.organisation_id)
            known = await store.find_program(tx, program_id_of(who.organisation_id, code))
            if known and program is None:
                raise invalid("code", "code-taken", "There is a program with this code: choose another.")
            refuse_stale(fields, known)
            sites = await store.sites_by_code(tx, who.site_ids)
            other = command.comparison_program
            comparison = await store.find_program(tx, program_id_of(who.organisation_id, other)) if other else None
            published, event = publish_program(who.organisation_id, known, code, command, sites, comparison)
            await store.save_program(tx, published)
            if event:
                outbox.put(tx, event, organisation=who.organisation_id, at=now())
    except Refusal as refusal:
        return await _shown(request, db, who, fields, refusal, program)
    return RedirectResponse("/intake/set-up/programs?done=1", 303)


async def _shown(
    request: Request,
    db: Database,
    who: Who,
    fields: dict[str, Any],
    refusal: Refusal | None,
    program: Program | None = None,
) -> Response:
    async with db.transaction(who.organisation_id) as tx:
        programs, sites = await store.programs(tx, who.site_ids), await store.sites(tx, who.site_ids)
        others = await _others(tx, programs, program)
    return shown(
        request,
        "programs.html",
        fields,
        refusal,
        programs=programs,
        program=program,
        site_names={one.site_id: one.name for one in sites},
        sites=[(one.code, one.name) for one in sites],
        others=[(one.code, one.name) for one in others],
        names={one.program_id: one.name for one in programs},
        chosen=several(fields, "sites"),
        may_change="administrator" in who.roles,
        flash="Published." if request.query_params.get("done") else None,
    )


async def _others(tx: Tx, programs: list[Program], program: Program | None) -> list[Program]:
    """What a program can be compared with; the present comparison stays a choice, also for who does not see it."""
    others = [one for one in programs if program is None or one.program_id != program.program_id]
    compared = program.comparison_program_id if program else None
    if compared is None or compared in {one.program_id for one in others}:
        return others
    unseen = await store.find_program(tx, compared)
    return [*others, unseen] if unseen else others
