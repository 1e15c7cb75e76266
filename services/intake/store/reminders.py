"""Reminders that are planned, and how a site writes to people. A timer each brings a reminder to be looked at."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.intake.domain.invitation import Occasion
from services.intake.domain.reminders import Pace
from shared.database import Tx, made_of
from shared.timers import Timer, cancel_timers, set_timers

REMIND_TIMER = "send-reminder"


async def plan_reminders(tx: Tx, planned: Sequence[tuple[Occasion, int, datetime]]) -> None:
    """Plan reminders, or put them off."""
    await tx.executemany(
        """insert into reminders (occasion_id, number, organisation_id, planned_at, state)
           values ($1, $2, $3, $4, 'planned') on conflict (occasion_id, number) do update
           set planned_at = excluded.planned_at where reminders.state = 'planned'""",
        [(one.occasion_id, number, one.organisation_id, at) for one, number, at in planned],
    )
    await set_timers(tx, [_timer(one.organisation_id, one.occasion_id, number, at) for one, number, at in planned])


def _timer(organisation_id: UUID, occasion_id: UUID, number: int, at: datetime) -> Timer:
    payload = {"occasion_id": str(occasion_id), "number": number}
    return Timer(REMIND_TIMER, _key(occasion_id, number), organisation_id, at, payload)


async def is_planned(tx: Tx, occasion_id: UUID, number: int) -> bool:
    """Whether this reminder still waits."""
    found: bool | None = await tx.fetchval(
        "select state = 'planned' from reminders where occasion_id = $1 and number = $2", occasion_id, number
    )
    return bool(found)


async def queue_reminder(tx: Tx, occasion_id: UUID, number: int) -> None:
    """It is a message from now on."""
    await tx.execute(
        "update reminders set state = 'queued' where occasion_id = $1 and number = $2", occasion_id, number
    )


async def cancel_reminders(tx: Tx, occasion_ids: Sequence[UUID], reason: str) -> None:
    """Nobody is reminded of these occasions any more."""
    await _cancelled(
        tx,
        await tx.fetch(
            """update reminders set state = 'cancelled', reason = $2
               where occasion_id = any($1) and state = 'planned' returning occasion_id, number""",
            occasion_ids,
            reason,
        ),
    )


async def cancel_reminders_of(tx: Tx, enrolment_id: UUID, reason: str, kinds: Sequence[str]) -> None:
    """Nobody is reminded of the occasions of these kinds of an enrolment any more.

    Its occasions are locked before their reminders, in the order of their ids, as by those who hear of them.
    """
    await tx.execute("select from occasions where enrolment_id = $1 order by occasion_id for update", enrolment_id)
    await _cancelled(
        tx,
        await tx.fetch(
            """update reminders r set state = 'cancelled', reason = $2 from occasions o
               where o.occasion_id = r.occasion_id and o.enrolment_id = $1 and o.kind = any($3) and r.state = 'planned'
               returning r.occasion_id, r.number""",
            enrolment_id,
            reason,
            kinds,
        ),
    )


async def remind_again(tx: Tx, enrolment_id: UUID, now: datetime) -> None:
    """The end of an enrolment was taken back: whoever is still asked is reminded on the days that are still to come.

    What was cancelled by now because of the end is due again when that is heard, with reminders of its own.
    """
    await tx.execute("select from occasions where enrolment_id = $1 order by occasion_id for update", enrolment_id)
    rows = await tx.fetch(
        """update reminders r set state = 'planned', reason = null from occasions o
           where o.occasion_id = r.occasion_id and o.enrolment_id = $1 and o.state = 'due' and r.state = 'cancelled'
               and r.reason in ('completed', 'withdrawn') and r.planned_at > $2
               and (o.taken_back_at is null or o.taken_back_at < o.due_at)
           returning r.occasion_id, r.number, r.organisation_id, r.planned_at""",
        enrolment_id,
        now,
    )
    await set_timers(
        tx, [_timer(row["organisation_id"], row["occasion_id"], row["number"], row["planned_at"]) for row in rows]
    )


async def forget_reminders(tx: Tx, occasion_ids: Sequence[UUID]) -> None:
    """These are asked anew after they were cancelled: their reminders are counted from the new invitation."""
    await tx.execute(
        """delete from reminders r using occasions o
           where o.occasion_id = r.occasion_id and o.occasion_id = any($1) and o.state = 'cancelled'""",
        occasion_ids,
    )


async def _cancelled(tx: Tx, rows: Sequence[Any]) -> None:
    await cancel_timers(tx, [(REMIND_TIMER, _key(row["occasion_id"], row["number"])) for row in rows])


def _key(occasion_id: UUID, number: int) -> str:
    return f"{occasion_id}:{number}"


async def hours_of(tx: Tx, occasion_ids: Sequence[UUID]) -> dict[UUID, Pace]:
    """How the sites of these occasions write to people; what else is sent today is left out."""
    rows = await tx.fetch(
        """select o.occasion_id, s.time_zone, s.quiet_from, s.quiet_until, s.messages_a_day
           from occasions o join enrolments e using (enrolment_id) join sites s on s.site_id = e.site_id
           where o.occasion_id = any($1)""",
        occasion_ids,
    )
    return {row["occasion_id"]: made_of(Pace, row, sent_today=0) for row in rows}


async def pace_of(tx: Tx, occasion_id: UUID, now: datetime, but: UUID | None = None) -> Pace:
    """How the site of an occasion writes to people, and what else its person is sent today.

    Until the end of the transaction nobody else can decide to send this person a message. One that waits for
    another day is not one of today's; nor is `but`.
    """
    row = await tx.fetchrow(
        """select s.time_zone, s.quiet_from, s.quiet_until, s.messages_a_day, e.participant_id
           from occasions o join enrolments e using (enrolment_id) join sites s on s.site_id = e.site_id
           where o.occasion_id = $1""",
        occasion_id,
    )
    assert row
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 2))", row["participant_id"])
    today = await tx.fetchval(
        """select count(*) from messages m join occasions o using (occasion_id) join enrolments e using (enrolment_id)
           where e.participant_id = $1 and m.state in ('queued', 'sent') and m.message_id is distinct from $4
               and (coalesce(m.ended_at, m.next_attempt_at) at time zone $2)::date
                   = ($3::timestamptz at time zone $2)::date""",
        row["participant_id"],
        row["time_zone"],
        now,
        but,
    )
    return made_of(Pace, row, sent_today=today)
