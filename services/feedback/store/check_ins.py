"""Occasions and what was answered to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.feedback.domain.check_in import CheckIn, Occasion, TakenBack, TakenBackFor
from services.feedback.domain.instruments import Library
from services.feedback.domain.rows import CheckInRow, one_of
from services.feedback.store.paper import remove_entries
from shared.database import Record, Tx, made_of
from shared.errors import NotFound
from shared.events.feedback import Score
from shared.events.ids import program_id_of


@dataclass(frozen=True, slots=True)
class Link:
    """What a link's token stands for."""

    organisation_id: UUID
    occasion_id: UUID
    language: str
    expires_at: datetime


async def find_link(tx: Tx, token_sha256: str) -> Link | None:
    """The link of a token, of whatever organisation: the one thing that is looked up before its tenant is known."""
    row = await tx.fetchrow("select * from find_link($1)", token_sha256)
    return made_of(Link, row) if row else None


async def get_occasion(tx: Tx, occasion_id: UUID, site_ids: Sequence[UUID] | None, library: Library) -> Occasion:
    """An occasion that fell due at one of these sites, locked; of what it asks, that which is known."""
    # Locked by a statement of its own: the next one then sees what whoever held the lock has written.
    await tx.fetchrow("select from occasions where occasion_id = $1 for update", occasion_id)
    row = await tx.fetchrow(
        """select o.organisation_id, o.occasion_id, o.participant_id, o.enrolment_id, o.program_id, o.site_id, o.kind,
                  o.code, o.ordinal, o.instruments, o.due_at, o.opens_at, o.closes_at, o.is_history,
                  o.cancelled_for, coalesce(e.taking_part, true) as taking_part,
                  coalesce(e.contact_after, true) as contact_after, e.withdrawn_on is not null as has_withdrawn,
                  e.resumed_at,
                  e.short_code, s.code as site, coalesce(s.time_zone, 'UTC') as time_zone,
                  c.answered_at, c.entered_by, w.times, w.at as taken_back_at, w.reason as taken_back_for
           from occasions o
           left join enrolments e on e.enrolment_id = o.enrolment_id
           left join sites s on s.site_id = o.site_id
           left join check_ins c on c.occasion_id = o.occasion_id
           left join lateral (
               select count(*) as times, max(w.at) as at, (array_agg(w.reason order by w.at desc))[1] as reason
               from check_in_withdrawals w where w.occasion_id = o.occasion_id
           ) w on true
           where o.occasion_id = $1 and o.due_at is not null and ($2::uuid[] is null or o.site_id = any ($2))""",
        occasion_id,
        site_ids,
    )
    if row is None:
        raise NotFound("occasion")
    instruments = tuple(code for code in row["instruments"] if code in library)
    check_in = await _check_in(tx, occasion_id, row) if row["answered_at"] else None
    taken_back = TakenBack(row["times"], row["taken_back_at"], row["taken_back_for"]) if row["times"] else None
    return made_of(Occasion, row, instruments=instruments, check_in=check_in, taken_back=taken_back)


async def _check_in(tx: Tx, occasion_id: UUID, row: Record) -> CheckIn:
    scored = await tx.fetch(
        "select instrument, version, count, unit, scale from scores where occasion_id = $1 order by instrument, scale",
        occasion_id,
    )
    chosen = await tx.fetch("select instrument, item, value from answers where occasion_id = $1", occasion_id)
    written = await tx.fetch("select instrument, item, text as value from texts where occasion_id = $1", occasion_id)
    scores = tuple(Score.model_validate(dict(one)) for one in scored)
    return CheckIn(occasion_id, row["answered_at"], row["entered_by"], scores, _by_item(chosen), _by_item(written))


def _by_item(rows: Sequence[Record]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in rows:
        found.setdefault(one["instrument"], {})[one["item"]] = one["value"]
    return found


async def add_check_in(
    tx: Tx,
    organisation: UUID,
    check_in: CheckIn,
    definitions: Library,
    now: datetime,
    subject: str | None = None,
) -> None:
    """Keep what was answered, with the answers to single items, which never leave this store.

    What was entered of its sheet so far is not needed any more, whichever way the answer came.
    """
    await remove_entries(tx, check_in.occasion_id)
    await tx.execute(
        "insert into check_ins values ($1, $2, $3, $4, $5, $6)",
        organisation,
        check_in.occasion_id,
        check_in.answered_at,
        now,
        check_in.entered_by,
        subject,
    )
    await tx.executemany(
        "insert into scores values ($1, $2, $3, $4, $5, $6, $7)",
        [
            (organisation, check_in.occasion_id, one.instrument, one.version, one.count, one.unit, one.scale)
            for one in check_in.scores
        ],
    )
    for table, said in (("answers", check_in.answers), ("texts", check_in.texts)):
        rows = [
            (organisation, check_in.occasion_id, code, definitions[code].version, item, value)
            for code, items in said.items()
            for item, value in items.items()
        ]
        if rows:
            await tx.executemany(f"insert into {table} values ($1, $2, $3, $4, $5, $6)", rows)


async def remove_check_in(
    tx: Tx, organisation: UUID, occasion_id: UUID, reason: TakenBackFor, by: tuple[str, str], now: datetime
) -> None:
    """Remove what was answered, and write down that it was; `by` is the subject and the name of whoever did it."""
    for table in ("answers", "texts", "scores", "check_ins"):
        await tx.execute(f"delete from {table} where occasion_id = $1", occasion_id)
    await tx.execute(
        "insert into check_in_withdrawals values ($1, $2, $3, $4, $5, $6)", organisation, occasion_id, now, reason, *by
    )


async def unknown_occasions(tx: Tx, ids: Sequence[UUID], site_ids: Sequence[UUID] | None) -> list[UUID]:
    """Which of these have not fallen due at these sites, as far as we have heard."""
    rows = await tx.fetch(
        """select asked.id from unnest($1::uuid[]) as asked (id)
           where not exists (select from occasions o where o.occasion_id = asked.id and o.due_at is not null
                             and ($2::uuid[] is null or o.site_id = any ($2)))""",
        ids,
        site_ids,
    )
    return [row["id"] for row in rows]


async def get_occasion_of(
    tx: Tx, organisation: UUID, row: CheckInRow, site_ids: Sequence[UUID] | None, library: Library
) -> Occasion:
    """The occasion that a row of a file names: by its id, or by participant, program and code. Locked."""
    if row.occasion_id:
        return await get_occasion(tx, row.occasion_id, site_ids, library)
    rows = await tx.fetch(
        """select o.occasion_id from occasions o join enrolments e on e.enrolment_id = o.enrolment_id
           where e.short_code = $1 and o.program_id = $2 and o.code = $3 and o.due_at is not null
             and ($4::uuid[] is null or o.site_id = any ($4))""",
        row.participant,
        program_id_of(organisation, row.program or ""),
        row.occasion,
        site_ids,
    )
    return await get_occasion(tx, one_of([one["occasion_id"] for one in rows]), site_ids, library)
