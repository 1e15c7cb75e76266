"""Sites and programs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from services.intake.domain.sites import Program, Site
from shared.database import Tx, made_of


async def find_site(tx: Tx, site_id: UUID) -> Site | None:
    """The site, if it is open."""
    row = await tx.fetchrow("select * from sites where site_id = $1", site_id)
    return _site(row) if row else None


async def sites(tx: Tx, site_ids: Sequence[UUID] | None = None) -> list[Site]:
    """These sites, or all, by name."""
    rows = await tx.fetch(
        "select * from sites where $1::uuid[] is null or site_id = any($1) order by lower(name), code", site_ids
    )
    return [_site(row) for row in rows]


async def sites_by_code(tx: Tx, site_ids: Sequence[UUID] | None = None) -> dict[str, Site]:
    """The same by their codes."""
    return {site.code: site for site in await sites(tx, site_ids)}


async def save_site(tx: Tx, site: Site) -> None:
    """Insert or update."""
    await tx.execute(
        """insert into sites (site_id, organisation_id, code, name, time_zone, languages, quiet_from, quiet_until,
                              messages_a_day)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (site_id) do update
               set name = excluded.name, time_zone = excluded.time_zone, languages = excluded.languages,
                   quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,
                   messages_a_day = excluded.messages_a_day""",
        *asdict(site).values(),
    )


async def find_program(tx: Tx, program_id: UUID) -> Program | None:
    """The program, if it is published."""
    row = await tx.fetchrow("select * from programs where program_id = $1", program_id)
    return _program(row) if row else None


async def programs(tx: Tx, site_ids: Sequence[UUID] | None = None) -> list[Program]:
    """The programs at these sites, or all, by name."""
    rows = await tx.fetch(
        "select * from programs where $1::uuid[] is null or site_ids && $1 order by lower(name), code", site_ids
    )
    return [_program(row) for row in rows]


async def save_program(tx: Tx, program: Program) -> None:
    """Insert or update."""
    await tx.execute(
        """insert into programs (program_id, organisation_id, code, name, site_ids, objectives,
                                 comparison_program_id, target_population, target_population_source)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (program_id) do update
               set name = excluded.name, site_ids = excluded.site_ids, objectives = excluded.objectives,
                   comparison_program_id = excluded.comparison_program_id,
                   target_population = excluded.target_population,
                   target_population_source = excluded.target_population_source""",
        *asdict(program).values(),
    )


def _site(row: Any) -> Site:
    return made_of(Site, row, languages=tuple(row["languages"]))


def _program(row: Any) -> Program:
    return made_of(Program, row, site_ids=tuple(row["site_ids"]), objectives=tuple(row["objectives"]))
