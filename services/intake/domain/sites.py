"""Sites and programs: where an organisation works, and what it offers there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from services.intake.domain.kinds import ClockTime, Codes, Languages, SomeCodes, Zone
from shared.errors import NotFound, Refusal
from shared.events.base import Code
from shared.events.ids import program_id_of, site_id_of
from shared.events.intake import ProgramPublished, SiteChanged, SiteOpened
from shared.fields import Command, Line, Whole

PEOPLE_MAX = 2**31 - 1
QUIET_FROM, QUIET_UNTIL, MESSAGES_A_DAY, MESSAGES_A_DAY_MAX = "20:00", "09:00", 1, 5


class OpenSite(Command):
    """Open a site, or say how it is from now on."""

    name: Line
    time_zone: Zone
    languages: Languages
    quiet_from: ClockTime | None = Field(None, description="from then on nobody is reminded; empty: as it is, or 20:00")
    quiet_until: ClockTime | None = Field(None, description="until then nobody is reminded; empty: as it is, or 09:00")
    messages_a_day: Annotated[int, Field(ge=1, le=MESSAGES_A_DAY_MAX)] | None = Field(
        None, description="at most, to one person; empty: as it is, or 1"
    )


class PublishProgram(Command):
    """Publish a program, or publish it again with changes."""

    name: Line
    sites: SomeCodes
    objectives: Codes = Field(default_factory=list)
    comparison_program: Code | None = None
    target_population: Annotated[Whole, Field(ge=0, le=PEOPLE_MAX)] | None = None
    target_population_source: Code | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A site."""

    site_id: UUID
    organisation_id: UUID
    code: str
    name: str
    time_zone: str
    languages: tuple[str, ...]
    quiet_from: str = QUIET_FROM
    quiet_until: str = QUIET_UNTIL
    messages_a_day: int = MESSAGES_A_DAY


@dataclass(frozen=True, slots=True)
class Program:
    """A program as it is published."""

    program_id: UUID
    organisation_id: UUID
    code: str
    name: str
    site_ids: tuple[UUID, ...]
    objectives: tuple[str, ...]
    comparison_program_id: UUID | None
    target_population: int | None
    target_population_source: str | None


def today_at(site: Site | None, now: datetime) -> date:
    """The day at a site; an unknown site is refused elsewhere."""
    return now.astimezone(ZoneInfo(site.time_zone) if site else UTC).date()


def open_site(
    organisation_id: UUID, known: Site | None, code: str, command: OpenSite
) -> tuple[Site, SiteOpened | SiteChanged | None]:
    """The site from now on, and what to say. A new name, or quiet hours, concern nobody else."""
    site_id = site_id_of(organisation_id, code)
    before = known or Site(site_id, organisation_id, code, command.name, command.time_zone, tuple(command.languages))
    site = replace(
        before,
        name=command.name,
        time_zone=command.time_zone,
        languages=tuple(command.languages),
        quiet_from=command.quiet_from or before.quiet_from,
        quiet_until=command.quiet_until or before.quiet_until,
        messages_a_day=command.messages_a_day or before.messages_a_day,
    )
    if known and (known.time_zone, known.languages) == (site.time_zone, site.languages):
        return site, None
    said = SiteChanged if known else SiteOpened
    return site, said(
        organisation_id=organisation_id,
        site_id=site_id,
        code=code,
        time_zone=site.time_zone,
        languages=list(site.languages),
    )


def with_unseen(what: str, known: Sequence[UUID], named: Sequence[str], sites: dict[str, Site]) -> tuple[UUID, ...]:
    """Where something stands from now on: at the sites that somebody names, and still at those that they do not see.

    `sites` are those that they see, by code. Raises NotFound for another one, and for what stands at none of them.
    """
    if not set(named) <= set(sites):
        raise NotFound("site")
    seen = {one.site_id for one in sites.values()}
    unseen = [one for one in known if one not in seen]
    if known and len(unseen) == len(known):
        raise NotFound(what)
    return (*(sites[one].site_id for one in named), *unseen)


def published_as(program: Program, comparison: Program | None) -> dict[str, Any]:
    """What a program was published with besides its name and its sites."""
    return {
        "objectives": list(program.objectives),
        "comparison_program": comparison.code if comparison else None,
        "target_population": program.target_population,
        "target_population_source": program.target_population_source,
    }


def publish_program(
    organisation_id: UUID,
    known: Program | None,
    code: str,
    command: PublishProgram,
    sites: dict[str, Site],
    comparison: Program | None,
) -> tuple[Program, ProgramPublished | None]:
    """The program from now on, and what to say. `sites` are those that exist and that the person may use."""
    if command.comparison_program == code:
        raise Refusal("comparison-with-itself", "A program is compared with another one: choose that.")
    if command.comparison_program and comparison is None:
        raise NotFound("program")
    program = Program(
        program_id=program_id_of(organisation_id, code),
        organisation_id=organisation_id,
        code=code,
        name=command.name,
        site_ids=with_unseen("program", known.site_ids if known else (), command.sites, sites),
        objectives=tuple(command.objectives),
        comparison_program_id=comparison.program_id if comparison else None,
        target_population=command.target_population,
        target_population_source=command.target_population_source,
    )
    if known and replace(known, name=program.name) == program:
        return program, None
    return program, ProgramPublished(
        program_id=program.program_id,
        code=code,
        site_ids=list(program.site_ids),
        objectives=list(program.objectives),
        comparison_program_id=program.comparison_program_id,
        target_population=program.target_population,
        target_population_source=program.target_population_source,
    )
