"""Facilitators and their qualifications."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.intake.domain.facilitators import Facilitator, Held, lapses_at, to_watch
from shared.database import Tx, made_of
from shared.errors import NotFound
from shared.timers import Timer, cancel_timer, set_timer

LAPSE_TIMER = "qualification-lapses"

_WITH_QUALIFICATIONS = """
    select f.*, coalesce((select jsonb_agg(jsonb_build_array(q.code, q.valid_until, q.has_lapsed)
                                           order by q.code)
                          from qualifications q where q.facilitator_id = f.facilitator_id), '[]') as held
    from facilitators f"""


async def find_facilitator(tx: Tx, reference: str) -> Facilitator | None:
    """The facilitator with this reference, locked.

    Locked first: one statement that waited for the lock would see the qualifications as they were before.
    """
    await tx.execute("select from facilitators where reference = $1 for update", reference)
    row = await tx.fetchrow(f"{_WITH_QUALIFICATIONS} where f.reference = $1", reference)
    return _facilitator(row) if row else None


async def get_facilitator(tx: Tx, facilitator_id: UUID) -> Facilitator:
    """The facilitator, locked: first, as above."""
    await tx.execute("select from facilitators where facilitator_id = $1 for update", facilitator_id)
    row = await tx.fetchrow(f"{_WITH_QUALIFICATIONS} where f.facilitator_id = $1", facilitator_id)
    if row is None:
        raise NotFound("facilitator")
    return _facilitator(row)


async def facilitators(tx: Tx, site_ids: Sequence[UUID] | None = None) -> list[Facilitator]:
    """The facilitators of these sites, or all, by name."""
    rows = await tx.fetch(
        f"{_WITH_QUALIFICATIONS} where $1::uuid[] is null or f.site_ids && $1 order by lower(f.name), f.short_code",
        site_ids,
    )
    return [_facilitator(row) for row in rows]


async def watch_qualifications(tx: Tx, before: Facilitator, after: Facilitator, time_zones: Sequence[str]) -> None:
    """Set a timer for the end of each qualification, and cancel those that are not needed any more."""
    watched, gone = to_watch(before.qualifications, after.qualifications)
    for code in gone:
        await cancel_timer(tx, LAPSE_TIMER, f"{after.facilitator_id}:{code}")
    for one in watched:
        payload = {
            "facilitator_id": str(after.facilitator_id),
            "code": one.code,
            "valid_until": one.valid_until.isoformat(),
        }
        due_at = lapses_at(one.valid_until, time_zones)
        key = f"{after.facilitator_id}:{one.code}"
        await set_timer(tx, Timer(LAPSE_TIMER, key, after.organisation_id, due_at, payload))


async def save_facilitator(tx: Tx, facilitator: Facilitator) -> None:
    """Insert or update, with the qualifications as they are now."""
    await tx.execute(
        """insert into facilitators (facilitator_id, organisation_id, reference, short_code, name, email, site_ids)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (facilitator_id) do update
               set name = excluded.name, email = excluded.email, site_ids = excluded.site_ids""",
        facilitator.facilitator_id,
        facilitator.organisation_id,
        facilitator.reference,
        facilitator.short_code,
        facilitator.name,
        facilitator.email,
        facilitator.site_ids,
    )
    await tx.execute("delete from qualifications where facilitator_id = $1", facilitator.facilitator_id)
    await tx.executemany(
        """insert into qualifications (facilitator_id, organisation_id, code, valid_until, has_lapsed)
           values ($1, $2, $3, $4, $5)""",
        [
            (facilitator.facilitator_id, facilitator.organisation_id, one.code, one.valid_until, one.has_lapsed)
            for one in facilitator.qualifications
        ],
    )


def _facilitator(row: Any) -> Facilitator:
    held = (Held(code, date.fromisoformat(valid_until), lapsed) for code, valid_until, lapsed in row["held"])
    return made_of(Facilitator, row, site_ids=tuple(row["site_ids"]), qualifications=tuple(held))
