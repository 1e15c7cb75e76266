"""Sheets of paper on their way in: what was entered once, and twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.feedback.domain.check_in import AFTER_AN_END, OF_AN_END
from services.feedback.domain.paper import EnterSheet, Entry
from shared.database import Tx, made_of


@dataclass(frozen=True, slots=True)
class Begun:
    """A sheet that has been entered, and is no check-in yet."""

    occasion_id: UUID
    participant_id: UUID
    short_code: str | None
    code: str
    passes: int
    entered_at: datetime


async def occasions_between(tx: Tx, ids: tuple[UUID, UUID], site_ids: Sequence[UUID] | None) -> list[UUID]:
    """The occasions at these sites whose ids are in this range: the one of a sheet."""
    rows = await tx.fetch(
        """select occasion_id from occasions
           where occasion_id between $1 and $2 and due_at is not null and ($3::uuid[] is null or site_id = any ($3))""",
        *ids,
        site_ids,
    )
    return [row["occasion_id"] for row in rows]


async def entries(tx: Tx, occasion_id: UUID) -> list[Entry]:
    """What has been entered of a sheet so far, in order."""
    rows = await tx.fetch(
        """select answered_on, answers, texts, entered_by as subject, name from paper_entries
           where occasion_id = $1 order by pass""",
        occasion_id,
    )
    return [made_of(Entry, row) for row in rows]


async def add_entry(
    tx: Tx, organisation: UUID, occasion_id: UUID, number: int, entry: EnterSheet, by: tuple[str, str], now: datetime
) -> None:
    """Keep an entry, the first one or the second. `by` is the subject and the name of whoever made it."""
    subject, name = by
    await tx.execute(
        "insert into paper_entries values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        organisation,
        occasion_id,
        number,
        entry.answered_on,
        {code: dict(own) for code, own in entry.answers.items()},
        {code: dict(own) for code, own in entry.texts.items()},
        now,
        subject,
        name,
    )


async def remove_entries(tx: Tx, occasion_id: UUID) -> None:
    """There is a check-in, or somebody begins again."""
    await tx.execute("delete from paper_entries where occasion_id = $1", occasion_id)


async def sheets_begun(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Begun]:
    """Sheets that wait for their second entry, or to be settled, the oldest first."""
    rows = await tx.fetch(
        """select o.occasion_id, o.participant_id, e.short_code, o.code, count(*) as passes,
                  min(p.entered_at) as entered_at
           from paper_entries p join occasions o on o.occasion_id = p.occasion_id
           left join enrolments e on e.enrolment_id = o.enrolment_id
           where ($1::uuid[] is null or o.site_id = any ($1))
               and (o.cancelled_for is null
                    or o.cancelled_for = any ($2) and o.kind <> all ($3) and o.closes_at <= e.resumed_at
                       and e.withdrawn_on is null)
           group by o.occasion_id, o.participant_id, e.short_code, o.code order by min(p.entered_at) limit 100""",
        site_ids,
        OF_AN_END,
        AFTER_AN_END,
    )
    return [
        Begun(
            row["occasion_id"],
            row["participant_id"],
            row["short_code"],
            row["code"],
            row["passes"],
            row["entered_at"],
        )
        for row in rows
    ]
