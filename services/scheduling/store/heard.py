"""What was heard from intake and feedback, as far as scheduling needs it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.domain.groups import Program, Site
from services.scheduling.domain.leading import Facilitator
from shared.database import Record, Tx
from shared.events import Heard
from shared.events.intake import (
    ConsentChanged,
    FacilitatorLapsed,
    FacilitatorQualified,
    ParticipantCompleted,
    ParticipantEnrolled,
    ParticipantPlaced,
    ParticipantWithdrawn,
    ProgramPublished,
    SiteChanged,
    SiteOpened,
)


async def save_site(tx: Tx, organisation: UUID, event: SiteOpened | SiteChanged) -> None:
    """A site as it is now."""
    await tx.execute(
        """insert into sites values ($2, $1, $3, $4, $5) on conflict (site_id) do update
           set time_zone = excluded.time_zone, languages = excluded.languages""",
        organisation,
        event.site_id,
        event.code,
        event.time_zone,
        event.languages,
    )


async def find_site(tx: Tx, site_id: UUID) -> Site | None:
    """A site, if it has been heard of."""
    row = await tx.fetchrow("select * from sites where site_id = $1", site_id)
    return _site(row) if row else None


async def sites(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Site]:
    """These sites; None is all of them."""
    rows = await tx.fetch("select * from sites where $1::uuid[] is null or site_id = any ($1) order by code", site_ids)
    return [_site(row) for row in rows]


def _site(row: Record) -> Site:
    return Site(row["site_id"], row["code"], ZoneInfo(row["time_zone"]))


async def save_program(tx: Tx, organisation: UUID, event: ProgramPublished) -> None:
    """A program as it is now."""
    await tx.execute(
        """insert into programs values ($2, $1, $3, $4) on conflict (program_id) do update
           set site_ids = excluded.site_ids""",
        organisation,
        event.program_id,
        event.code,
        event.site_ids,
    )


async def find_program(tx: Tx, program_id: UUID) -> Program | None:
    """A program, if it has been heard of."""
    row = await tx.fetchrow("select * from programs where program_id = $1", program_id)
    return _program(row) if row else None


async def programs(tx: Tx) -> list[Program]:
    """All programs that have been heard of."""
    return [_program(row) for row in await tx.fetch("select * from programs order by code")]


def _program(row: Record) -> Program:
    return Program(row["program_id"], row["code"], tuple(row["site_ids"]))


async def save_facilitator(tx: Tx, organisation: UUID, event: FacilitatorQualified) -> None:
    """A facilitator as they are now."""
    await tx.execute(
        """insert into facilitators values ($2, $1, $3, $4) on conflict (facilitator_id) do update
           set short_code = excluded.short_code, site_ids = excluded.site_ids""",
        organisation,
        event.facilitator_id,
        event.short_code,
        event.site_ids,
    )
    await tx.execute("delete from qualifications where facilitator_id = $1", event.facilitator_id)
    await tx.executemany(
        "insert into qualifications values ($1, $2, $3, $4) on conflict do nothing",
        [(organisation, event.facilitator_id, one.code, one.valid_until) for one in event.qualifications],
    )


async def lapse_qualification(tx: Tx, event: FacilitatorLapsed) -> None:
    """A qualification was in date until the day before at the latest."""
    await tx.execute(
        """update qualifications set valid_until = least(valid_until, $3)
           where facilitator_id = $1 and code = $2""",
        event.facilitator_id,
        event.qualification,
        event.lapsed_on - timedelta(days=1),
    )


_FACILITATORS = """
    select f.*, coalesce(jsonb_object_agg(q.code, q.valid_until) filter (where q.code is not null), '{}') as held
    from facilitators f left join qualifications q using (facilitator_id)"""


async def find_facilitator(tx: Tx, facilitator_id: UUID | None) -> Facilitator | None:
    """A facilitator, if they have been heard of."""
    if facilitator_id is None:
        return None
    row = await tx.fetchrow(f"{_FACILITATORS} where f.facilitator_id = $1 group by f.facilitator_id", facilitator_id)
    return _facilitator(row) if row else None


async def find_facilitator_by_code(tx: Tx, short_code: str) -> Facilitator | None:
    """A facilitator by their short code."""
    row = await tx.fetchrow(f"{_FACILITATORS} where f.short_code = $1 group by f.facilitator_id", short_code)
    return _facilitator(row) if row else None


async def facilitators(tx: Tx, site_ids: Sequence[UUID] | None = None) -> dict[UUID, Facilitator]:
    """The facilitators of these sites; None is all of them."""
    rows = await tx.fetch(
        f"""{_FACILITATORS} where $1::uuid[] is null or f.site_ids && $1
            group by f.facilitator_id order by f.short_code""",
        site_ids,
    )
    return {row["facilitator_id"]: _facilitator(row) for row in rows}


def _facilitator(row: Record) -> Facilitator:
    held = {code: date.fromisoformat(day) for code, day in row["held"].items()}
    return Facilitator(row["facilitator_id"], row["short_code"], tuple(row["site_ids"]), held)


async def add_enrolments(tx: Tx, told: Sequence[Heard[ParticipantEnrolled]]) -> None:
    """Participants in programs."""
    await tx.executemany(
        """insert into enrolments (enrolment_id, organisation_id, participant_id, program_id, site_id, short_code,
               enrolled_on, taking_part, contact_after, is_imported, known_at, attributes)
           values ($2, $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing""",
        [
            (
                one.organisation_id,
                one.event.enrolment_id,
                one.event.participant_id,
                one.event.program_id,
                one.event.site_id,
                one.event.short_code,
                one.event.enrolled_on,
                one.event.consents.taking_part,
                one.event.consents.contact_after,
                one.event.is_imported,
                one.happened_at,
                one.event.attributes,
            )
            for one in told
        ],
    )


async def save_consents(tx: Tx, told: Sequence[Heard[ConsentChanged]]) -> None:
    """What they agree to now; consent that was given again counts from then on."""
    await tx.executemany(
        """update enrolments set
               taking_part_since = case when $2 and not taking_part then $4 else taking_part_since end,
               contact_after_since = case when $3 and not contact_after then $4 else contact_after_since end,
               taking_part = $2, contact_after = $3
           where enrolment_id = $1""",
        [
            (
                one.event.enrolment_id,
                one.event.consents.taking_part,
                one.event.consents.contact_after,
                one.happened_at,
            )
            for one in told
        ],
    )


async def complete_enrolment(tx: Tx, event: ParticipantCompleted, at: datetime) -> None:
    """They have completed the program."""
    await tx.execute(
        """update enrolments set completed_on = $2, completion_is_imported = $3, completion_known_at = $4
           where enrolment_id = $1""",
        event.enrolment_id,
        event.completed_on,
        event.is_imported,
        at,
    )


async def withdraw_enrolment(tx: Tx, event: ParticipantWithdrawn, at: datetime) -> None:
    """They have left the program."""
    await tx.execute(
        "update enrolments set withdrawn_on = $2, withdrawal_known_at = $3 where enrolment_id = $1",
        event.enrolment_id,
        event.withdrawn_on,
        at,
    )


async def resume_enrolment(tx: Tx, enrolment_id: UUID, at: datetime) -> None:
    """They have not ended after all; how it was until now is kept, for what has closed by now."""
    await tx.execute(
        """update enrolments set
               taken_back = taken_back || jsonb_build_object(
                   'completed_on', completed_on, 'completion_is_imported', completion_is_imported,
                   'withdrawn_on', withdrawn_on,
                   'known_at', coalesce(completion_known_at, withdrawal_known_at), 'until', $2::timestamptz),
               completed_on = null, completion_is_imported = false, completion_known_at = null, withdrawn_on = null,
               withdrawal_known_at = null
           where enrolment_id = $1 and (completed_on is not null or withdrawn_on is not null)""",
        enrolment_id,
        at,
    )


async def place(tx: Tx, told: Sequence[Heard[ParticipantPlaced]]) -> None:
    """Each of these enrolments has a place in its group from its day on, and no other."""
    await end_placements(tx, [(one.event.enrolment_id, one.event.placed_on - timedelta(days=1)) for one in told])
    placed = attrgetter("enrolment_id", "group_id", "participant_id", "placed_on")
    await tx.executemany(
        """insert into placements values ($1, $2, $3, $4, $5)
           on conflict (enrolment_id, group_id, placed_on) do update set until = null""",
        [(one.organisation_id, *placed(one.event)) for one in told],
    )


async def end_placements(tx: Tx, last_days: Sequence[tuple[UUID, date]]) -> None:
    """Each of these enrolments had places until its last day and no longer."""
    await tx.executemany(
        "update placements set until = $2 where enrolment_id = $1 and (until is null or until > $2)", last_days
    )
