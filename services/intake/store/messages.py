"""The queue of messages. A token is in it only until its message has been sent, has failed or was dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.intake.domain.invitation import Occasion
from shared.database import Tx, made_of
from shared.identity import new_id
from shared.mail import Refused, bring_again, brings
from shared.timers import Timer, cancel_timer, cancel_timers, set_timer, set_timers

SEND_TIMER = "send-message"


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that is about to be sent, with what its letter says."""

    token: str
    attempts: int
    name: str
    organisation: str
    time_zone: str
    reminder: int


async def add_messages(tx: Tx, messages: Sequence[tuple[Occasion, str]], now: datetime, reminder: int = 0) -> None:
    """Queue a message with this token about each of these occasions; a timer of its own brings it to the sender."""
    queued = [(new_id(), occasion, token) for occasion, token in messages]
    await set_timers(
        tx,
        [_timer(occasion.organisation_id, message_id, now) for message_id, occasion, _ in queued],
    )
    await tx.executemany(
        """insert into messages (message_id, organisation_id, occasion_id, token, state, next_attempt_at, made_at,
                                 reminder)
           values ($1, $2, $3, $4, 'queued', $5, $5, $6)""",
        [
            (message_id, occasion.organisation_id, occasion.occasion_id, token, now, reminder)
            for message_id, occasion, token in queued
        ],
    )


async def claim_message(
    tx: Tx, organisation_id: UUID, message_id: UUID, now: datetime, until: datetime
) -> Claim | None:
    """Take a message until then, so that nobody else sends it meanwhile; None if it is not to be sent now."""
    row: Any = await tx.fetchrow(
        """with claimed as (
               update messages set attempts = attempts + 1, next_attempt_at = $3
               where message_id = $1 and state = 'queued' and next_attempt_at <= $2
               returning message_id, occasion_id, organisation_id, token, attempts, reminder)
           select c.token, c.attempts, c.reminder, p.preferred_name as name, a.name as organisation,
                  s.time_zone
           from claimed c
           join occasions o using (occasion_id)
           join enrolments e using (enrolment_id)
           join participants p on p.participant_id = e.participant_id
           join sites s on s.site_id = e.site_id
           join organisations a on a.organisation_id = c.organisation_id""",
        message_id,
        now,
        until,
    )
    if row is None:
        return None
    await bring_again(tx, _timer(organisation_id, message_id, until))  # when it is free: who claimed it may have died
    return made_of(Claim, row)


async def postpone_message(
    tx: Tx, organisation_id: UUID, message_id: UUID, until: datetime, attempts_max: int, refused: Refused | None
) -> None:
    """Try again then. At most so many attempts count so far: a mail server that is away uses up none."""
    waits = await tx.fetchval(
        """update messages set next_attempt_at = $2, attempts = least(attempts, $3)
           where message_id = $1 and state = 'queued' returning true""",
        message_id,
        until,
        attempts_max,
    )
    if waits and refused:
        await bring_again(tx, _timer(organisation_id, message_id, until), refused)
    elif waits:
        await set_timer(tx, _timer(organisation_id, message_id, until))


def _timer(organisation_id: UUID, message_id: UUID, at: datetime) -> Timer:
    """What brings a message to the sender."""
    return Timer(SEND_TIMER, str(message_id), organisation_id, at, brings(message_id))


async def let_ended_message_rest(tx: Tx, message_id: UUID) -> None:
    """Cancel the timer of a message that is done with: it may have been set once more at the very end."""
    if not await tx.fetchval("select true from messages where message_id = $1 and state = 'queued'", message_id):
        await cancel_timer(tx, SEND_TIMER, str(message_id))


async def end_message(
    tx: Tx, message_id: UUID, state: Literal["sent", "failed", "dropped"], now: datetime, reason: str | None = None
) -> bool:
    """Done with it: the token goes. False if somebody else was done with it before."""
    tag = await tx.execute(  # the message first, as everywhere: two who are done with it would wait for each other
        """update messages set state = $2, ended_at = $3, reason = $4, token = null
           where message_id = $1 and state = 'queued'""",
        message_id,
        state,
        now,
        reason,
    )
    await cancel_timer(tx, SEND_TIMER, str(message_id))
    return tag == "UPDATE 1"


async def drop_messages(tx: Tx, occasion_ids: Sequence[UUID], now: datetime, reason: str) -> None:
    """What was not sent yet about these occasions is not needed any more."""
    rows = await tx.fetch(
        """update messages set state = 'dropped', ended_at = $2, reason = $3, token = null
           where occasion_id = any($1) and state = 'queued' returning message_id""",
        occasion_ids,
        now,
        reason,
    )
    await cancel_timers(tx, [(SEND_TIMER, str(row["message_id"])) for row in rows])
