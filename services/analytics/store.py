"""All the SQL of analytics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from services.analytics.domain import Instrument, Sums
from shared.database import Tx, made_of
from shared.errors import NotFound
from shared.events import Heard
from shared.events.feedback import BatteryActivated, CheckInSubmitted, InstrumentPublished
from shared.events.intake import (
    ConsentChanged,
    ParticipantEnrolled,
    ParticipantErased,
    ProgramPublished,
    SiteChanged,
    SiteOpened,
)
from shared.identity import derived_id

TOTAL = "total"
FACTS = ("sites", "programs", "instruments", "battery_entries", "enrolments", "scores")
"""The tables that follow from what was heard alone, and can be rebuilt from it."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program as it was published, with the occasions of its battery in order."""

    program_id: UUID
    code: str
    comparison_program_id: UUID | None
    entries: tuple[Record, ...]

    def occasions(self, instrument: str) -> list[str]:
        """The occasions at which an instrument is asked, but not every session's."""
        return [
            one["occasion"] for one in self.entries if instrument in one["instruments"] and one["kind"] != "session"
        ]


async def save_site(tx: Tx, organisation: UUID, event: SiteOpened | SiteChanged) -> None:
    """A site as it is now."""
    await tx.execute(
        """insert into sites values ($1, $2, $3, $4)
           on conflict (site_id) do update set time_zone = excluded.time_zone""",
        organisation,
        event.site_id,
        event.code,
        event.time_zone,
    )


async def save_program(tx: Tx, organisation: UUID, event: ProgramPublished) -> None:
    """A program as it is now."""
    await tx.execute(
        """insert into programs values ($1, $2, $3, $4, $5)
           on conflict (program_id) do update
           set comparison_program_id = excluded.comparison_program_id, site_ids = excluded.site_ids""",
        organisation,
        event.program_id,
        event.code,
        event.comparison_program_id,
        event.site_ids,
    )


async def add_instrument(tx: Tx, organisation: UUID, event: InstrumentPublished) -> None:
    """A version of an instrument; a published one never changes."""
    await tx.execute(
        "insert into instruments values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        organisation,
        event.code,
        event.version,
        event.unit,
        event.minimum,
        event.maximum,
        event.higher_is_better,
        event.is_validated,
        event.comparable_versions,
    )


async def save_battery(tx: Tx, organisation: UUID, event: BatteryActivated) -> None:
    """The battery of a program as it is now."""
    await tx.execute("delete from battery_entries where program_id = $1", event.program_id)
    await tx.executemany(
        "insert into battery_entries values ($1, $2, $3, $4, $5, $6, $7)",
        [
            (organisation, event.program_id, place, one.occasion, one.kind, one.instruments, one.months_after)
            for place, one in enumerate(event.entries)
        ],
    )


async def add_enrolments(tx: Tx, heard: Sequence[Heard[ParticipantEnrolled]]) -> None:
    """Participants in programs."""
    await tx.executemany(
        "insert into enrolments values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        [
            (
                one.organisation_id,
                one.event.enrolment_id,
                one.event.participant_id,
                one.event.program_id,
                one.event.site_id,
                one.event.consents.reporting,
            )
            for one in heard
        ],
    )


async def save_consents(tx: Tx, heard: Sequence[Heard[ConsentChanged]]) -> None:
    """Whether participants may be counted. Their enrolments were heard before: both are events of one participant."""
    await tx.executemany(
        "update enrolments set is_reporting = $2 where enrolment_id = $1",
        [(one.event.enrolment_id, one.event.consents.reporting) for one in heard],
    )


async def add_scores(tx: Tx, heard: Sequence[Heard[CheckInSubmitted]]) -> None:
    """The scores of check-ins: totals alone. Scores of parts are said too; no figure is made of them here."""
    await tx.executemany(
        "insert into scores values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            (
                one.organisation_id,
                one.event.occasion_id,
                score.instrument,
                score.version,
                one.event.enrolment_id,
                one.event.program_id,
                one.event.code,
                score.count,
                one.event.answered_at,
            )
            for one in heard
            for score in one.event.scores
            if score.scale == TOTAL
        ],
    )


async def erase_participant(tx: Tx, event: ParticipantErased) -> set[UUID]:
    """Remove what is known of a participant; gives the ids of their check-ins."""
    rows = await tx.fetch(
        "delete from scores where enrolment_id = any($1) or occasion_id = any($2) returning occasion_id",
        event.enrolment_ids,
        event.occasion_ids,
    )
    await tx.execute("delete from enrolments where participant_id = $1", event.participant_id)
    return {row["occasion_id"] for row in rows}


async def move_horizon(tx: Tx, organisation: UUID, newest: datetime) -> None:
    """The data of an organisation reach at least so far."""
    await tx.execute(
        """insert into horizons as h values ($1, $2) on conflict (organisation_id) do update
           set newest_event_at = greatest(h.newest_event_at, excluded.newest_event_at)""",
        organisation,
        newest,
    )


async def find_horizon(tx: Tx) -> datetime | None:
    """How far the data of the organisation reach."""
    newest: datetime | None = await tx.fetchval("select newest_event_at from horizons")
    return newest


async def programs(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Program]:
    """The programs at these sites; None is all of them."""
    rows = await tx.fetch("select * from programs where $1::uuid[] is null or site_ids && $1 order by code", site_ids)
    entries = await tx.fetch("select * from battery_entries order by program_id, place")
    return [_program(row, entries) for row in rows]


async def get_program(tx: Tx, organisation: UUID, code: str, site_ids: Sequence[UUID] | None) -> Program:
    """A program by its code, if it is at one of these sites."""
    program_id = derived_id(organisation, "program", code)
    row = await tx.fetchrow(
        "select * from programs where program_id = $1 and ($2::uuid[] is null or site_ids && $2)", program_id, site_ids
    )
    if row is None:
        raise NotFound("program")
    return _program(
        row, await tx.fetch("select * from battery_entries where program_id = $1 order by place", program_id)
    )


def _program(row: Record, entries: Sequence[Record]) -> Program:
    own = tuple(one for one in entries if one["program_id"] == row["program_id"])
    return Program(row["program_id"], row["code"], row["comparison_program_id"], own)


async def find_program_code(tx: Tx, program_id: UUID) -> str | None:
    """The code of a program, if it has been heard of."""
    code: str | None = await tx.fetchval("select code from programs where program_id = $1", program_id)
    return code


async def instruments(tx: Tx) -> dict[str, Instrument]:
    """The newest version of each instrument."""
    rows = await tx.fetch("select distinct on (code) * from instruments order by code, version desc")
    return {row["code"]: _instrument(row) for row in rows}


async def get_instrument(tx: Tx, code: str) -> Instrument:
    """The newest version of an instrument."""
    row = await tx.fetchrow("select * from instruments where code = $1 order by version desc limit 1", code)
    if row is None:
        raise NotFound("instrument")
    return _instrument(row)


def _instrument(row: Record) -> Instrument:
    return made_of(Instrument, row, comparable_versions=tuple(row["comparable_versions"]))


_SUMS = """
    with people as (
        select enrolment_id from enrolments
        where program_id = $1 and is_reporting and ($6::uuid[] is null or site_id = any ($6))
    ), answers as (
        select enrolment_id,
               max(count) filter (where occasion = $4) as first,
               max(count) filter (where occasion = $5) as later
        from scores join people using (enrolment_id)
        where program_id = $1 and instrument = $2 and occasion in ($4, $5)
          and (version = $3 or version in (select version from instruments
                                           where code = $2 and version = any ($7) and unit = $8))
        group by enrolment_id
    ), paired as (
        select first::bigint, later::bigint, (later - first)::bigint as change
        from answers where first is not null and later is not null
    )
    select (select count(*) from people) as n_enrolled,
           (select count(first) from answers) as n_first,
           (select count(later) from answers) as n_later,
           count(*) as n_paired,
           coalesce(sum(first), 0)::bigint as first,
           coalesce(sum(later), 0)::bigint as later,
           coalesce(sum(change), 0)::bigint as change,
           coalesce(sum(change * change), 0)::bigint as change_squared
    from paired"""


async def sums(
    tx: Tx, program: UUID, instrument: Instrument, occasions: tuple[str, str], site_ids: Sequence[UUID] | None
) -> Sums:
    """Exact sums over those who agreed to be counted.

    Scores of one version are paired, and of an earlier one that it calls comparable, if both count the same unit.
    """
    row = await tx.fetchrow(
        _SUMS,
        program,
        instrument.code,
        instrument.version,
        *occasions,
        site_ids,
        instrument.comparable_versions,
        instrument.unit,
    )
    assert row
    return made_of(Sums, row)
