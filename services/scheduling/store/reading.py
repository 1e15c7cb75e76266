"""What people and programs read of due dates and participants."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from shared.database import Record, Tx

PAGE = 500
Row = Record
"""A row as it was read: its columns by their names."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Which occasions are asked for; None is any."""

    site_ids: Sequence[UUID] | None
    site_id: UUID | None = None
    participant_id: UUID | None = None
    state: str | None = None
    after: UUID | None = None


async def occasions(tx: Tx, listed: Listed) -> list[Record]:
    """Occasions with the codes of their program and site, a page of them."""
    return await tx.fetch(
        """select o.*, p.code as program, s.code as site from occasions o
               left join programs p using (program_id) left join sites s on s.site_id = o.site_id
           where ($1::uuid[] is null or o.site_id = any ($1)) and ($2::uuid is null or o.site_id = $2)
               and ($3::uuid is null or o.participant_id = $3) and ($4::text is null or o.state = $4)
               and ($5::uuid is null or o.occasion_id > $5)
           order by o.occasion_id limit $6""",
        listed.site_ids,
        listed.site_id,
        listed.participant_id,
        listed.state,
        listed.after,
        PAGE,
    )


async def open_occasions(
    tx: Tx, site_ids: Sequence[UUID] | None, kinds: Sequence[str], before: datetime, *, with_history: bool = False
) -> list[Record]:
    """What has fallen due before a time, is not answered and still open, the oldest first."""
    return await tx.fetch(
        """select o.*, e.short_code, e.completed_on, p.code as program, s.code as site, s.time_zone,
                  (select g.name from placements l join groups g using (group_id)
                   where l.enrolment_id = o.enrolment_id order by l.placed_on desc, l.until desc limit 1) as group_name
           from occasions o join enrolments e using (enrolment_id) join sites s on s.site_id = o.site_id
               left join programs p on p.program_id = o.program_id
           where o.state = 'due' and (not o.is_history or $4) and o.kind = any ($2) and o.due_at <= $3
               and ($1::uuid[] is null or o.site_id = any ($1))
           order by o.due_at, e.short_code""",
        site_ids,
        kinds,
        before,
        with_history,
    )


async def course_of(tx: Tx, participant_id: UUID, site_ids: Sequence[UUID] | None) -> list[Record]:
    """The occasions of a participant at these sites, the newest first; what waits for its date comes before."""
    return await tx.fetch(
        """select o.*, p.code as program, coalesce(s.time_zone, 'UTC') as time_zone from occasions o
               left join programs p using (program_id) left join sites s on s.site_id = o.site_id
           where o.participant_id = $1 and ($2::uuid[] is null or o.site_id = any ($2))
           order by o.due_at desc nulls first, o.code""",
        participant_id,
        site_ids,
    )


async def find_short_code(tx: Tx, participant_id: UUID, site_ids: Sequence[UUID] | None) -> str | None:
    """What the pages call a participant of these sites."""
    found: str | None = await tx.fetchval(
        """select short_code from enrolments where participant_id = $1 and ($2::uuid[] is null or site_id = any ($2))
           limit 1""",
        participant_id,
        site_ids,
    )
    return found


async def count_month(tx: Tx, site_ids: Sequence[UUID] | None, today: date) -> tuple[int, int]:
    """How many check-ins fell due since the month began at their sites, and how many of them are answered.

    Of history nobody was asked.
    """
    row = await tx.fetchrow(
        """select count(*) as due, count(*) filter (where o.state = 'answered') as answered
           from occasions o join sites s on s.site_id = o.site_id
           where o.was_said and o.state in ('due', 'answered', 'expired') and not o.is_history
               and date_trunc('month', o.due_at at time zone s.time_zone) = date_trunc('month', $2::date::timestamp)
               and ($1::uuid[] is null or o.site_id = any ($1))""",
        site_ids,
        today,
    )
    assert row
    return row["due"], row["answered"]


async def unknown_participants(tx: Tx, ids: Sequence[UUID], site_ids: Sequence[UUID] | None) -> list[UUID]:
    """Which of these have not been heard of, at these sites."""
    rows = await tx.fetch(
        """select distinct id from unnest($1::uuid[]) as asked (id)
           where not exists (select from enrolments e where e.participant_id = id
                             and ($2::uuid[] is null or e.site_id = any ($2)))
           order by id""",
        ids,
        site_ids,
    )
    return [row["id"] for row in rows]


async def occasion_ids(
    tx: Tx, requests: Sequence[tuple[UUID, UUID, str]], site_ids: Sequence[UUID] | None
) -> list[Record]:
    """The occasion of each (participant, program, code), in order; empty where there is none (yet)."""
    return await tx.fetch(
        """select o.occasion_id, o.state
           from unnest($1::uuid[], $2::uuid[], $3::text[]) with ordinality
                    as a (participant_id, program_id, code, place)
           left join lateral (
               select * from occasions o where o.participant_id = a.participant_id and o.program_id = a.program_id
                   and o.code = a.code and ($4::uuid[] is null or o.site_id = any ($4))
               order by o.ordinal limit 1
           ) o on true
           order by a.place""",
        [participant for participant, _, _ in requests],
        [program for _, program, _ in requests],
        [code for _, _, code in requests],
        site_ids,
    )


async def people_at(tx: Tx, site_id: UUID, codes: Collection[str], ids: Collection[UUID]) -> dict[str | UUID, UUID]:
    """The participants of a site by their short codes and by their ids, of those that are named."""
    rows = await tx.fetch(
        """select distinct participant_id, short_code from enrolments
           where site_id = $1 and (short_code = any ($2) or participant_id = any ($3))""",
        site_id,
        list(codes),
        list(ids),
    )
    by_code: dict[str | UUID, UUID] = {row["short_code"]: row["participant_id"] for row in rows}
    return by_code | {row["participant_id"]: row["participant_id"] for row in rows}
