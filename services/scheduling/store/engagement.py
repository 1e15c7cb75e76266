"""Who stayed away from several sessions in a row."""

from collections.abc import Sequence
from uuid import UUID

from services.scheduling.domain.engagement import Disengagement, Engagement, Noticed, Recorded
from shared.database import Record, Tx, made_of


async def engagement_of(tx: Tx, enrolment_id: UUID) -> Engagement | None:
    """An enrolment with its attendance, by the time of the sessions; it is locked."""
    row = await tx.fetchrow("select * from enrolments where enrolment_id = $1 for update", enrolment_id)
    if row is None:
        return None
    recorded = await tx.fetch(
        """select a.session_id, a.status, a.is_history from attendance a join sessions s using (session_id)
           where a.participant_id = $1 and a.program_id = $2 order by s.starts_at, a.session_id""",
        row["participant_id"],
        row["program_id"],
    )
    noticed = await tx.fetch("select * from disengagements where enrolment_id = $1", enrolment_id)
    return made_of(
        Engagement,
        row,
        is_over=row["completed_on"] is not None or row["withdrawn_on"] is not None,
        sessions=[made_of(Recorded, one) for one in recorded],
        noticed=[made_of(Disengagement, one) for one in noticed],
    )


async def save_disengagements(tx: Tx, noticed: Noticed) -> None:
    """The rows of absences as they are now."""
    whose = noticed.engagement
    await tx.executemany(
        """insert into disengagements values ($1, $2, $3, $4, $5, $6, $7, $8)
           on conflict (enrolment_id, first_session_id) do update
           set last_session_id = excluded.last_session_id, absences = excluded.absences,
               ended_at = excluded.ended_at""",
        [
            (
                whose.enrolment_id,
                whose.organisation_id,
                whose.participant_id,
                one.first_session_id,
                one.last_session_id,
                one.absences,
                one.noticed_at,
                one.ended_at,
            )
            for one in noticed.changed
        ],
    )


async def disengaged(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Record]:
    """Who stays away just now, the longest first."""
    return await tx.fetch(
        """select d.enrolment_id, d.participant_id, d.absences, d.noticed_at, e.short_code, p.code as program,
                  s.code as site, s.time_zone, g.name as group_name, l.starts_at as last_missed_at
           from disengagements d
               join enrolments e using (enrolment_id)
               join sites s on s.site_id = e.site_id
               join sessions l on l.session_id = d.last_session_id
               join groups g on g.group_id = l.group_id
               left join programs p on p.program_id = e.program_id
           where d.ended_at is null and e.completed_on is null and e.withdrawn_on is null
               and ($1::uuid[] is null or e.site_id = any ($1))
           order by d.absences desc, e.short_code""",
        site_ids,
    )
