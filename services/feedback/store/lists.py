"""Check-ins as staff look through them: by what they need, at their sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from services.feedback.domain.check_in import PATIENCE
from shared.database import Tx, made_of

Need = Literal["overdue", "due", "missed", "answered", "history"]
LATELY = timedelta(days=60)  # how far back missed and answered check-ins are listed


@dataclass(frozen=True, slots=True)
class Asked:
    """Which check-ins somebody wants to look through."""

    site_ids: Sequence[UUID] | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One check-in in the list."""

    occasion_id: UUID
    participant_id: UUID
    short_code: str | None
    program: str | None
    site: str | None
    time_zone: str
    code: str
    instruments: list[str]
    due_at: datetime
    closes_at: datetime
    answered_at: datetime | None
    entered_by: str | None
    scores: list[dict[str, Any]]


_LISTED = """
    with listed as (
        select o.*, c.answered_at, c.entered_by,
               case when c.answered_at is not null then 'answered'
                    when o.is_history then 'history'
                    when o.closes_at <= $2 then 'missed'
                    when o.due_at <= $3 then 'overdue'
                    else 'due' end as need
        from occasions o left join check_ins c on c.occasion_id = o.occasion_id
        where o.due_at is not null and ($1::uuid[] is null or o.site_id = any ($1))
          and (c.answered_at is not null or o.cancelled_for is null)
          and (c.answered_at is null or c.answered_at > $4)
          and (c.answered_at is not null or o.is_history or o.closes_at > $4)
    )"""


def _given(asked: Asked) -> tuple[Any, ...]:
    return asked.site_ids, asked.now, asked.now - PATIENCE, asked.now - LATELY


async def counts(tx: Tx, asked: Asked) -> dict[str, int]:
    """How many check-ins there are of each need."""
    rows = await tx.fetch(f"{_LISTED} select need, count(*) as many from listed group by need", *_given(asked))
    return {row["need"]: row["many"] for row in rows}


async def lines(tx: Tx, asked: Asked, need: Need, offset: int, limit: int) -> list[Line]:
    """The check-ins of one need: what is open by what closes first, what is past by what is newest."""
    rows = await tx.fetch(
        f"""{_LISTED}
            select l.occasion_id, l.participant_id, e.short_code, p.code as program, s.code as site,
                   coalesce(s.time_zone, 'UTC') as time_zone, l.code, l.instruments, l.due_at, l.closes_at,
                   l.answered_at, l.entered_by,
                   coalesce((select json_agg(json_build_object('instrument', instrument, 'count', count, 'unit', unit,
                                                               'scale', scale)
                                             order by instrument, scale)
                             from scores where occasion_id = l.occasion_id), '[]'::json) as scores
            from listed l
            left join enrolments e on e.enrolment_id = l.enrolment_id
            left join programs p on p.program_id = l.program_id
            left join sites s on s.site_id = l.site_id
            where need = $5
            order by case when need in ('due', 'overdue') then l.closes_at end,
                     coalesce(l.answered_at, l.closes_at) desc, l.occasion_id
            offset $6 limit $7""",
        *_given(asked),
        need,
        offset,
        limit,
    )
    return [made_of(Line, row) for row in rows]
