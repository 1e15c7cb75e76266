"""Facts as they were heard. Nothing is computed here, and nothing is kept that was not heard."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from shared.database import Tx
from shared.events import Heard
from shared.events.feedback import BatteryActivated, CheckInOpened, CheckInSubmitted, InstrumentPublished
from shared.events.intake import (
    AttributesCorrected,
    CheckInInvited,
    ConsentChanged,
    ParticipantCompleted,
    ParticipantEnrolled,
    ParticipantResumed,
    ParticipantWithdrawn,
    ProgramPublished,
    SiteChanged,
    SiteOpened,
)
from shared.events.scheduling import AttendanceCorrected, Due, GroupFormed, OccasionCancelled, SessionHeld
from shared.identity import is_stranger

TOTAL = "total"
_OF_ENTRY = ("occasion", "kind", "instruments", "months_after", "repeats_months")
FACTS = (
    "sites",
    "programs",
    "instruments",
    "battery_entries",
    "enrolments",
    "groups",
    "sessions",
    "attendance",
    "occasions",
    "invitations",
    "openings",
    "scores",
    "unscored",
)
"""The tables that follow from what was heard alone, and can be rebuilt from it."""


async def save_site(tx: Tx, organisation: UUID, event: SiteOpened | SiteChanged) -> None:
    """A site as it is now. A clock that PostgreSQL does not know is taken for UTC: nobody could be counted by it."""
    await tx.execute(
        """insert into sites
           values ($1, $2, $3, coalesce((select name from pg_timezone_names where name = $4), 'UTC'))
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
    """A version of an instrument. It never changes; the figures that others published of it may come later."""
    await tx.execute(
        """insert into instruments values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           on conflict (organisation_id, code, version) do update
           set reliable_change = excluded.reliable_change, caseness = excluded.caseness""",
        organisation,
        event.code,
        event.version,
        event.unit,
        event.minimum,
        event.maximum,
        event.higher_is_better,
        event.is_validated,
        event.comparable_versions,
        event.reliable_change,
        event.caseness,
    )


async def save_battery(tx: Tx, organisation: UUID, event: BatteryActivated) -> None:
    """The battery of a program as it is now."""
    await tx.execute("delete from battery_entries where program_id = $1", event.program_id)
    await tx.executemany(
        "insert into battery_entries values ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            (organisation, event.program_id, place, *attrgetter(*_OF_ENTRY)(one))
            for place, one in enumerate(event.entries)
        ],
    )


async def add_enrolments(tx: Tx, heard: Sequence[Heard[ParticipantEnrolled]]) -> None:
    """Participants in programs."""
    await tx.executemany(
        """insert into enrolments (organisation_id, enrolment_id, participant_id, program_id, site_id, is_reporting,
                                   enrolled_on, attributes)
           values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing""",
        [
            (
                one.organisation_id,
                one.event.enrolment_id,
                one.event.participant_id,
                one.event.program_id,
                one.event.site_id,
                one.event.consents.reporting,
                one.event.enrolled_on,
                one.event.attributes,
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


async def save_attributes(tx: Tx, event: AttributesCorrected) -> None:
    """What is known about somebody now."""
    await tx.execute(
        "update enrolments set attributes = $2 where enrolment_id = $1", event.enrolment_id, event.attributes
    )


async def place(tx: Tx, enrolment_id: UUID, group_id: UUID | None) -> None:
    """The group that somebody meets in; None while they wait for a place."""
    await tx.execute("update enrolments set group_id = $2 where enrolment_id = $1", enrolment_id, group_id)


async def complete(tx: Tx, event: ParticipantCompleted) -> None:
    """Somebody has completed the program."""
    await tx.execute(
        "update enrolments set completed_on = $2 where enrolment_id = $1", event.enrolment_id, event.completed_on
    )


async def withdraw(tx: Tx, event: ParticipantWithdrawn) -> None:
    """Somebody has left before the end."""
    await tx.execute(
        "update enrolments set withdrawn_on = $2 where enrolment_id = $1", event.enrolment_id, event.withdrawn_on
    )


async def resume(tx: Tx, event: ParticipantResumed) -> None:
    """Somebody goes on as if they had not ended."""
    await tx.execute(
        "update enrolments set completed_on = null, withdrawn_on = null where enrolment_id = $1", event.enrolment_id
    )


async def save_group(tx: Tx, organisation: UUID, event: GroupFormed) -> None:
    """A group as it is now."""
    await tx.execute(
        """insert into groups values ($1, $2, $3, $4, $5) on conflict (group_id) do update set code = excluded.code""",
        organisation,
        event.group_id,
        event.code,
        event.program_id,
        event.site_id,
    )


async def save_session(tx: Tx, organisation: UUID, event: SessionHeld) -> None:
    """A session that was held."""
    await tx.execute(
        """insert into sessions values ($1, $2, $3, $4, $5, $6) on conflict (session_id) do update
           set facilitator_id = excluded.facilitator_id""",
        organisation,
        event.session_id,
        event.program_id,
        event.group_id,
        event.facilitator_id,
        event.starts_at,
    )


async def save_attendance(tx: Tx, organisation: UUID, event: SessionHeld | AttendanceCorrected) -> None:
    """Who came, as it is now known. Whoever is not named any more stays, without a status: they are counted again."""
    await tx.execute(
        "update attendance set status = '' where session_id = $1 and participant_id <> all ($2)",
        event.session_id,
        [one.participant_id for one in event.attendance],
    )
    await tx.executemany(
        """insert into attendance values ($1, $2, $3, $4)
           on conflict (session_id, participant_id) do update set status = excluded.status""",
        [
            (organisation, event.session_id, one.participant_id, one.status)
            for one in event.attendance
            if not is_stranger(one.participant_id)
        ],
    )


async def add_due(tx: Tx, heard: Sequence[Heard[Due]]) -> None:
    """Occasions at which somebody was to be asked; or is, once more, after they were cancelled."""
    await tx.executemany(
        """insert into occasions values ($1, $2, $3, $4, $5, false) on conflict (occasion_id) do update
           set is_cancelled = false, cancelled_for = null""",
        [
            (one.organisation_id, one.event.occasion_id, one.event.enrolment_id, one.event.kind, one.event.code)
            for one in heard
        ],
    )


async def cancel(tx: Tx, heard: Sequence[Heard[OccasionCancelled]]) -> None:
    """Occasions at which somebody is not to be asked any more, and why not."""
    await tx.executemany(
        "update occasions set is_cancelled = true, cancelled_for = $2 where occasion_id = $1",
        [(one.event.occasion_id, one.event.reason) for one in heard],
    )


async def add_invited(tx: Tx, heard: Sequence[Heard[CheckInInvited]]) -> None:
    """Occasions to which somebody was invited."""
    await tx.executemany(
        "insert into invitations values ($1, $2) on conflict do nothing",
        [(one.organisation_id, one.event.occasion_id) for one in heard],
    )


async def add_reached(tx: Tx, heard: Sequence[Heard[CheckInOpened]]) -> None:
    """Occasions at which somebody acted on the page."""
    await tx.executemany(
        "insert into openings values ($1, $2) on conflict do nothing",
        [(one.organisation_id, one.event.occasion_id) for one in heard],
    )


async def add_scores(tx: Tx, heard: Sequence[Heard[CheckInSubmitted]]) -> None:
    """The scores of check-ins: totals alone. Scores of parts are said too; no figure is made of them here."""
    await tx.executemany(
        "insert into scores values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
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
                one.event.kind,
            )
            for one in heard
            for score in one.event.scores
            if score.scale == TOTAL
        ],
    )


async def add_unscored(tx: Tx, heard: Sequence[Heard[CheckInSubmitted]]) -> None:
    """Check-ins that were answered with too many items left out for any total."""
    without = [one for one in heard if not any(score.scale == TOTAL for score in one.event.scores)]
    if without:
        await tx.executemany(
            "insert into unscored values ($1, $2) on conflict do nothing",
            [(one.organisation_id, one.event.occasion_id) for one in without],
        )


async def remove_answers(tx: Tx, occasions: Sequence[UUID]) -> None:
    """Nothing was answered at these occasions after all."""
    for table in ("scores", "unscored"):
        await tx.execute(f"delete from {table} where occasion_id = any($1)", occasions)


async def move_horizon(tx: Tx, organisation: UUID, newest: datetime) -> None:
    """The data of an organisation reach at least so far."""
    await tx.execute(
        """insert into horizons as h values ($1, $2) on conflict (organisation_id) do update
           set newest_event_at = greatest(h.newest_event_at, excluded.newest_event_at)""",
        organisation,
        newest,
    )
