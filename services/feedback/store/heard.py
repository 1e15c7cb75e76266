"""What feedback keeps of what it heard. Everything may come in any order, so a row may begin as a stub."""

from uuid import UUID

from shared.database import Tx
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


async def add_enrolment(tx: Tx, organisation: UUID, event: ParticipantEnrolled) -> None:
    """An enrolment; what was heard of it before stays."""
    await tx.execute(
        """insert into enrolments as e (organisation_id, enrolment_id, participant_id, short_code, taking_part,
                                        contact_after, program_id, site_id, reporting)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (enrolment_id) do update
           set short_code = excluded.short_code, taking_part = coalesce(e.taking_part, excluded.taking_part),
               contact_after = coalesce(e.contact_after, excluded.contact_after), program_id = excluded.program_id,
               site_id = excluded.site_id, reporting = coalesce(e.reporting, excluded.reporting)""",
        organisation,
        event.enrolment_id,
        event.participant_id,
        event.short_code,
        event.consents.taking_part,
        event.consents.contact_after,
        event.program_id,
        event.site_id,
        event.consents.reporting,
    )


async def save_consents(tx: Tx, organisation: UUID, event: ConsentChanged) -> None:
    """What a participant agrees to now."""
    await tx.execute(
        """insert into enrolments (organisation_id, enrolment_id, participant_id, taking_part, contact_after, reporting)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (enrolment_id) do update set taking_part = excluded.taking_part,
               contact_after = excluded.contact_after, reporting = excluded.reporting""",
        organisation,
        event.enrolment_id,
        event.participant_id,
        event.consents.taking_part,
        event.consents.contact_after,
        event.consents.reporting,
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


async def save_due(tx: Tx, organisation: UUID, due: Due) -> None:
    """An occasion that fell due; one that was cancelled stays so."""
    await tx.execute(
        """insert into occasions values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
           on conflict (occasion_id) do update
           set participant_id = excluded.participant_id, enrolment_id = excluded.enrolment_id,
               program_id = excluded.program_id, site_id = excluded.site_id, kind = excluded.kind,
               code = excluded.code, ordinal = excluded.ordinal, instruments = excluded.instruments,
               due_at = excluded.due_at, opens_at = excluded.opens_at, closes_at = excluded.closes_at,
               is_history = excluded.is_history""",
        organisation,
        due.occasion_id,
        due.participant_id,
        due.enrolment_id,
        due.program_id,
        due.site_id,
        due.kind,
        due.code,
        due.ordinal,
        due.instruments,
        due.due_at,
        due.opens_at,
        due.closes_at,
        due.is_history,
    )


async def save_cancelled(tx: Tx, organisation: UUID, event: OccasionCancelled) -> None:
    """An occasion that is not wanted any more."""
    await tx.execute(
        """insert into occasions (organisation_id, occasion_id, cancelled_for) values ($1, $2, $3)
           on conflict (occasion_id) do update set cancelled_for = excluded.cancelled_for""",
        organisation,
        event.occasion_id,
        event.reason,
    )


async def add_link(tx: Tx, organisation: UUID, event: CheckInInvited) -> None:
    """A link that works from now on, beside any older one of the occasion."""
    await tx.execute(
        "insert into machinery.links values ($1, $2, $3, $4, $5) on conflict do nothing",
        event.token_sha256,
        organisation,
        event.occasion_id,
        event.language,
        event.expires_at,
    )
