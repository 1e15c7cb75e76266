"""What was heard of the course of occasions, and of concerns as far as a debrief follows from them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from shared.database import Record, Tx
from shared.events import Heard
from shared.events.feedback import CheckInBegun, CheckInOpened, ConcernClosed, ConcernRaised
from shared.events.intake import CheckInInvited, InvitationFailed, InvitationSent
from shared.events.scheduling import OccasionKind


async def _alone_with(tx: Tx, told: Sequence[Heard[Any]]) -> None:
    """The enrolments are locked before their occasions, as by everybody who changes one."""
    await tx.execute(
        """select from enrolments
           where enrolment_id in (select enrolment_id from occasions where occasion_id = any ($1))
           order by enrolment_id for update""",
        [one.event.occasion_id for one in told],
    )


async def note_invited(tx: Tx, told: Sequence[Heard[CheckInInvited]]) -> None:
    """Links were made."""
    await _alone_with(tx, told)
    await tx.executemany(
        "update occasions set invited_at = least(invited_at, $2), failed = null where occasion_id = $1",
        [(one.event.occasion_id, one.happened_at) for one in told],
    )


async def note_sent(tx: Tx, told: Sequence[Heard[InvitationSent]]) -> None:
    """Messages have gone out: an invitation, or a reminder of it."""
    await _alone_with(tx, told)
    await tx.executemany(
        """update occasions set
               sent_at = case when $3 = 0 then least(sent_at, $2) else sent_at end,
               reminders_sent = greatest(reminders_sent, $3),
               reminded_at = case when $3 > 0 then greatest(reminded_at, $2) else reminded_at end
           where occasion_id = $1""",
        [(one.event.occasion_id, one.event.sent_at, one.event.reminder) for one in told],
    )


async def note_failed(tx: Tx, told: Sequence[Heard[InvitationFailed]]) -> None:
    """Messages could not be sent."""
    await _alone_with(tx, told)
    await tx.executemany(
        "update occasions set failed = $2 where occasion_id = $1",
        [(one.event.occasion_id, one.event.reason) for one in told],
    )


async def note_opened(tx: Tx, told: Sequence[Heard[CheckInOpened]]) -> None:
    """People acted on their pages."""
    await _alone_with(tx, told)
    await tx.executemany(
        "update occasions set opened_at = least(opened_at, $2) where occasion_id = $1",
        [(one.event.occasion_id, one.event.opened_at) for one in told],
    )


async def note_begun(tx: Tx, told: Sequence[Heard[CheckInBegun]]) -> None:
    """First answers were chosen."""
    await _alone_with(tx, told)
    await tx.executemany(
        "update occasions set begun_at = least(begun_at, $2) where occasion_id = $1",
        [(one.event.occasion_id, one.event.begun_at) for one in told],
    )


async def add_concern(tx: Tx, organisation: UUID, event: ConcernRaised) -> None:
    """A concern, as far as where it was raised, when, and by whom in general."""
    await tx.execute(
        """insert into concerns (concern_id, organisation_id, site_id, participant_id, source, raised_at)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (concern_id) do update set site_id = excluded.site_id, participant_id = excluded.participant_id,
               source = excluded.source, raised_at = excluded.raised_at""",
        event.concern_id,
        organisation,
        event.site_id,
        event.participant_id,
        event.source,
        event.raised_at,
    )


async def close_concern(tx: Tx, organisation: UUID, event: ConcernClosed) -> None:
    """It is closed, and whoever raised it may be offered a debrief."""
    await tx.execute(
        """insert into concerns (concern_id, organisation_id, closed_at, debrief_offered) values ($1, $2, $3, $4)
           on conflict (concern_id) do update
           set closed_at = excluded.closed_at, debrief_offered = excluded.debrief_offered""",
        event.concern_id,
        organisation,
        event.closed_at,
        event.debrief_offered,
    )


async def debriefs(tx: Tx, site_ids: Sequence[UUID] | None, since: datetime) -> list[Record]:
    """Debriefs that were offered to facilitators since then: where, and on which day the concern was raised."""
    return await tx.fetch(
        """select c.site_id, c.raised_at, c.closed_at, s.code as site, s.time_zone
           from concerns c join sites s using (site_id)
           where c.debrief_offered and c.source = 'facilitator' and c.closed_at > $2
               and ($1::uuid[] is null or c.site_id = any ($1))
           order by c.closed_at desc""",
        site_ids,
        since,
    )


async def count_stages(tx: Tx, program_id: UUID, site_ids: Sequence[UUID] | None) -> list[Record]:
    """How many occasions of a program, of each code, stand where. History was asked of nobody and is left out."""
    return await tx.fetch(
        """select code, min(kind) as kind, stage, count(*) as many, min(ordinal) as ordinal
           from (
               select o.kind, o.ordinal, o.code,
                      case when o.state <> 'due' then o.state
                           when o.begun_at is not null then 'begun' when o.opened_at is not null then 'opened'
                           when o.sent_at is not null then 'sent' when o.invited_at is not null then 'invited'
                           else 'due' end as stage
               from occasions o
               where o.program_id = $1 and not o.is_history and ($2::uuid[] is null or o.site_id = any ($2))
           ) counted
           group by code, stage
           order by array_position($3::text[], min(kind)), min(ordinal), code""",
        program_id,
        site_ids,
        list(get_args(OccasionKind)),
    )
