"""Sites and programs."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.intake import store
from services.intake.api.shapes import ProgramShape, SiteShape
from services.intake.domain.sites import OpenSite, Program, PublishProgram, open_site, publish_program
from shared import outbox
from shared.clock import now
from shared.doors import Db, Reader, allow
from shared.events.base import Code
from shared.events.ids import program_id_of, site_id_of
from shared.security import Who

router = APIRouter(prefix="/intake/api/v1", tags=["sites and programs"])
Administrator = Annotated[Who, Depends(allow("administrator"))]


@router.get("/sites")
async def get_sites(db: Db, who: Reader) -> list[SiteShape]:
    """The sites that the reader sees."""
    async with db.transaction(who.organisation_id) as tx:
        return [SiteShape.model_validate(asdict(site)) for site in await store.sites(tx, who.site_ids)]


@router.put("/sites/{code}", responses={201: {"model": SiteShape, "description": "Opened"}})
async def put_site(code: Code, command: OpenSite, db: Db, who: Administrator, response: Response) -> SiteShape:
    """Open a site, or change it."""
    site_id = site_id_of(who.organisation_id, code)
    who.must_see(site_id, "site")
    async with db.transaction(who.organisation_id) as tx:
        await store.get_organisation(tx, who.organisation_id)
        known = await store.find_site(tx, site_id)
        site, event = open_site(who.organisation_id, known, code, command)
        await store.save_site(tx, site)
        if event:
            outbox.put(tx, event, organisation=who.organisation_id, at=now())
    response.status_code = 200 if known else 201
    return SiteShape.model_validate(asdict(site))


@router.get("/programs")
async def get_programs(db: Db, who: Reader) -> list[ProgramShape]:
    """The programs at the sites that the reader sees."""
    async with db.transaction(who.organisation_id) as tx:
        programs = await store.programs(tx, who.site_ids)
        site_codes = {site.site_id: site.code for site in await store.sites(tx)}
        program_codes = {one.program_id: one.code for one in await store.programs(tx)}
    return [_shown(program, site_codes, program_codes) for program in programs]


@router.put("/programs/{code}", responses={201: {"model": ProgramShape, "description": "Published"}})
async def put_program(
    code: Code, command: PublishProgram, db: Db, who: Administrator, response: Response
) -> ProgramShape:
    """Publish a program, or publish it again with changes."""
    async with db.transaction(who.organisation_id) as tx:
        await store.get_organisation(tx, who.organisation_id)
        known = await store.find_program(tx, program_id_of(who.organisation_id, code))
        sites = await store.sites_by_code(tx, who.site_ids)
        other = command.comparison_program
        comparison = await store.find_program(tx, program_id_of(who.organisation_id, other)) if other else None
        program, event = publish_program(who.organisation_id, known, code, command, sites, comparison)
        await store.save_program(tx, program)
        if event:
            outbox.put(tx, event, organisation=who.organisation_id, at=now())
    response.status_code = 200 if known else 201
    site_codes = {site.site_id: site.code for site in sites.values()}
    return _shown(program, site_codes, {comparison.program_id: comparison.code} if comparison else {})


def _shown(program: Program, site_codes: dict[UUID, str], program_codes: dict[UUID, str]) -> ProgramShape:
    other = program.comparison_program_id
    return ProgramShape(
        **{name: getattr(program, name) for name in ProgramShape.model_fields if hasattr(program, name)},
        sites=[site_codes[one] for one in program.site_ids if one in site_codes],
        comparison_program=program_codes.get(other) if other else None,
    )
