"""What somebody has done on the page of a check-in before they answered it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Tx, made_of
from shared.events import Heard
from shared.events.scheduling import Due
from shared.timers import Timer, set_timers

EXPIRES_TIMER = "check-in-closes"


@dataclass(frozen=True, slots=True)
class Acting:
    """An occasion that fell due, whose it is, and what was done on its page so far."""

    occasion_id: UUID
    organisation_id: UUID
    participant_id: UUID
    enrolment_id: UUID
    program_id: UUID
    site_id: UUID
    opened_at: datetime | None
    begun_at: datetime | None


@dataclass(frozen=True, slots=True)
class Closing:
    """An occasion that has fallen due, and what stands against saying that nobody answered it."""

    acting: Acting
    closes_at: datetime
    is_done_with: bool  # answered, cancelled, or said before


async def watch_close(tx: Tx, heard: Sequence[Heard[Due]]) -> None:
    """When they close they are looked at once more. Of history nobody is asked, so nothing of it can run out."""
    await set_timers(
        tx,
        [
            Timer(EXPIRES_TIMER, str(one.event.occasion_id), one.organisation_id, one.event.closes_at, {})
            for one in heard
            if not one.event.is_history
        ],
    )


async def get_closing(tx: Tx, occasion_id: UUID) -> Closing | None:
    """An occasion and whether it is done with; it is locked."""
    acting = await get_acting(tx, occasion_id)
    if acting is None:
        return None
    row = await tx.fetchrow(
        """select closes_at, cancelled_for is not null or expired_at is not null
                  or exists (select from check_ins c where c.occasion_id = o.occasion_id) as is_done_with
           from occasions o where occasion_id = $1""",
        occasion_id,
    )
    return made_of(Closing, row, acting=acting) if row else None


async def save_expired(tx: Tx, occasion_id: UUID, at: datetime) -> None:
    """It closed, and nobody had answered it."""
    await tx.execute("update occasions set expired_at = $2 where occasion_id = $1", occasion_id, at)


async def get_acting(tx: Tx, occasion_id: UUID) -> Acting | None:
    """What was done on the page of an occasion; the occasion is locked."""
    row = await tx.fetchrow(
        "select * from occasions where occasion_id = $1 and due_at is not null for update", occasion_id
    )
    return made_of(Acting, row) if row else None


async def save_acting(tx: Tx, occasion_id: UUID, opened_at: datetime | None, begun_at: datetime | None) -> None:
    """What was done on it by now."""
    await tx.execute(
        "update occasions set opened_at = $2, begun_at = $3 where occasion_id = $1", occasion_id, opened_at, begun_at
    )
