"""What feedback keeps of what it heard. Everything may come in any order, so a row may begin as a stub."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from shared.database import Tx
from shared.events import Heard
from shared.events.intake import (
    CheckInInvited,
    ConsentChanged,
    ParticipantEnrolled,
    ParticipantWithdrawn,
    ProgramPublished,
    SiteChanged,
    SiteOpened,
)
from shared.events.scheduling import Due, OccasionCancelled

_columns_of_due = attrgetter(
    "occasion_id",
    "participant_id",
    "enrolment_id",
    "program_id",
    "site_id",
    "kind",
    "code",
    "ordinal",
    "instruments",
    "due_at",
    "opens_at",
    "closes_at",
    "is_history",
)


async def save_site(tx: Tx, organisation: UUID, event: SiteOpened | SiteChanged) -> None:
    """A site as it is now."""
    await tx.execute(
        """insert into sites values ($1, $2, $3, $4, $5)
           on conflict (site_id) do update set time_zone = excluded.time_zone, languages = excluded.languages""",
        organisation,
        event.site_id,
        event.code,
        event.time_zone,
        event.languages,
    )


async def save_program(tx: Tx, organisation: UUID, event: ProgramPublished) -> None:
    """A program as it is now."""
    await tx.execute(
        """insert into programs values ($1, $2, $3, $4)
           on conflict (program_id) do update set site_ids = excluded.site_ids""",
        organisation,
        event.program_id,
        event.code,
        event.site_ids,
    )


async def add_enrolments(tx: Tx, heard: Sequence[Heard[ParticipantEnrolled]]) -> None:
    """Enrolments; what was heard of one before stays."""
    await tx.executemany(
        """insert into enrolments as e (organisation_id, enrolment_id, participant_id, short_code, taking_part,
                                        contact_after, program_id, site_id, reporting)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (enrolment_id) do update
           set short_code = excluded.short_code, taking_part = coalesce(e.taking_part, excluded.taking_part),
               contact_after = coalesce(e.contact_after, excluded.contact_after), program_id = excluded.program_id,
               site_id = excluded.site_id, reporting = coalesce(e.reporting, excluded.reporting)""",
        [
            (
                one.organisation_id,
                one.event.enrolment_id,
                one.event.participant_id,
                one.event.short_code,
                one.event.consents.taking_part,
                one.event.consents.contact_after,
                one.event.program_id,
                one.event.site_id,
                one.event.consents.reporting,
            )
            for one in heard
        ],
    )


async def save_consents(tx: Tx, heard: Sequence[Heard[ConsentChanged]]) -> None:
    """What participants agree to now."""
    await tx.executemany(
        """insert into enrolments (organisation_id, enrolment_id, participant_id, taking_part, contact_after, reporting)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (enrolment_id) do update set taking_part = excluded.taking_part,
               contact_after = excluded.contact_after, reporting = excluded.reporting""",
        [
            (
                one.organisation_id,
                one.event.enrolment_id,
                one.event.participant_id,
                one.event.consents.taking_part,
                one.event.consents.contact_after,
                one.event.consents.reporting,
            )
            for one in heard
        ],
    )


async def save_withdrawn(tx: Tx, organisation: UUID, event: ParticipantWithdrawn) -> None:
    """A participant has left."""
    await tx.execute(
        """insert into enrolments (organisation_id, enrolment_id, participant_id, withdrawn_on) values ($1, $2, $3, $4)
           on conflict (enrolment_id) do update set withdrawn_on = excluded.withdrawn_on""",
        organisation,
        event.enrolment_id,
        event.participant_id,
        event.withdrawn_on,
    )


async def resume(tx: Tx, enrolment_id: UUID, at: datetime) -> None:
    """A participant has not left after all."""
    await tx.execute(
        "update enrolments set withdrawn_on = null, resumed_at = $2 where enrolment_id = $1", enrolment_id, at
    )


async def save_due(tx: Tx, heard: Sequence[Heard[Due]]) -> None:
    """Occasions that fell due. One that was cancelled stays so, unless it was due before that: then it is due again."""
    await tx.executemany(
        """insert into occasions as o values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
           on conflict (occasion_id) do update
           set participant_id = excluded.participant_id, enrolment_id = excluded.enrolment_id,
               program_id = excluded.program_id, site_id = excluded.site_id, kind = excluded.kind,
               code = excluded.code, ordinal = excluded.ordinal, instruments = excluded.instruments,
               due_at = excluded.due_at, opens_at = excluded.opens_at, closes_at = excluded.closes_at,
               is_history = excluded.is_history,
               cancelled_for = case when o.due_at is null then o.cancelled_for end,
               expired_at = case when o.cancelled_for is null then o.expired_at end""",
        [(one.organisation_id, *_columns_of_due(one.event)) for one in heard],
    )


async def save_cancelled(tx: Tx, heard: Sequence[Heard[OccasionCancelled]]) -> None:
    """Occasions that are not wanted any more."""
    await tx.executemany(
        """insert into occasions (organisation_id, occasion_id, cancelled_for) values ($1, $2, $3)
           on conflict (occasion_id) do update set cancelled_for = excluded.cancelled_for""",
        [(one.organisation_id, one.event.occasion_id, one.event.reason) for one in heard],
    )


async def add_links(tx: Tx, heard: Sequence[Heard[CheckInInvited]]) -> None:
    """Links that work from now on, beside any older one of their occasion."""
    await tx.executemany(
        "insert into machinery.links values ($1, $2, $3, $4, $5) on conflict do nothing",
        [
            (
                one.event.token_sha256,
                one.organisation_id,
                one.event.occasion_id,
                one.event.language,
                one.event.expires_at,
            )
            for one in heard
        ],
    )
