"""Who stayed away from several sessions in a row."""

from collections.abc import Sequence
from uuid import UUID

from services.scheduling.domain.engagement import Disengagement, Engagement, Noticed, Recorded
from services.scheduling.store.occasions import by_enrolment
from shared.database import Record, Tx, made_of


async def engagements_of(tx: Tx, enrolment_ids: Sequence[UUID]) -> list[Engagement]:
    """Enrolments with their attendance, by the time of the sessions; they are locked."""
    rows = await tx.fetch(
        "select * from enrolments where enrolment_id = any ($1) order by enrolment_id for update", enrolment_ids
    )
    recorded = by_enrolment(
        await tx.fetch(
            """select e.enrolment_id, a.session_id, a.status, a.is_history from enrolments e
                   join attendance a on a.participant_id = e.participant_id and a.program_id = e.program_id
                   join sessions s using (session_id)
               where e.enrolment_id = any ($1) and a.status is not null order by s.starts_at, a.session_id""",
            enrolment_ids,
        )
    )
    noticed = by_enrolment(await tx.fetch("select * from disengagements where enrolment_id = any ($1)", enrolment_ids))
    return [
        made_of(
            Engagement,
            row,
            is_over=row["completed_on"] is not None or row["withdrawn_on"] is not None,
            sessions=[made_of(Recorded, one) for one in recorded[row["enrolment_id"]]],
            noticed=[made_of(Disengagement, one) for one in noticed[row["enrolment_id"]]],
        )
        for row in rows
    ]


async def save_disengagements(tx: Tx, noticed: Sequence[Noticed]) -> None:
    """The rows of absences as they are now."""
    await tx.executemany(
        """insert into disengagements values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (enrolment_id, first_session_id) do update
           set last_session_id = excluded.last_session_id, absences = excluded.absences,
               ended_at = excluded.ended_at, is_said = excluded.is_said""",
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
                one.is_said,
            )
            for whose, changed in ((one.engagement, one.changed) for one in noticed)
            for one in changed
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
