"""Tablets at the door, who stands before one, and what is open for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.feedback.domain.kiosk import Kiosk, Visit
from shared.database import Tx, made_of
from shared.errors import NotFound

_KIOSK = """select kiosk_id, organisation_id, site_id, program_id, shows_codes, opened_at, opened_by, closes_at,
                   wrong_codes, wrong_since from kiosks"""


@dataclass(frozen=True, slots=True)
class SeenKiosk:
    """A tablet as staff see it in a list."""

    kiosk_id: UUID
    site: str
    program: str | None
    time_zone: str
    opened_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """An occasion that is open, by the short code of whoever it is for, and what it asks."""

    short_code: str
    occasion_id: UUID
    instruments: list[str]


async def add_kiosk(tx: Tx, kiosk: Kiosk, token_sha256: str, language: str) -> None:
    """The tablet, and the link that opens its page."""
    await tx.execute(
        "insert into kiosks values ($1, $2, $3, $4, $5, $6, $7, $8)",
        kiosk.organisation_id,
        kiosk.kiosk_id,
        kiosk.site_id,
        kiosk.program_id,
        kiosk.shows_codes,
        kiosk.opened_at,
        kiosk.opened_by,
        kiosk.closes_at,
    )
    await tx.execute("select add_kiosk_link($1, $2, $3, $4)", token_sha256, kiosk.kiosk_id, language, kiosk.closes_at)


async def find_kiosk(tx: Tx, kiosk_id: UUID) -> Kiosk | None:
    """A tablet, locked, if a link leads to one."""
    row = await tx.fetchrow(f"{_KIOSK} where kiosk_id = $1 for update", kiosk_id)
    return made_of(Kiosk, row) if row else None


async def kiosks(tx: Tx, site_ids: Sequence[UUID] | None, now: datetime) -> list[SeenKiosk]:
    """The tablets that stand at a door of these sites now."""
    rows = await tx.fetch(
        """select k.kiosk_id, s.code as site, p.code as program, s.time_zone, k.opened_at, k.closes_at
           from kiosks k join sites s on s.site_id = k.site_id left join programs p on p.program_id = k.program_id
           where k.closes_at > $2 and ($1::uuid[] is null or k.site_id = any ($1)) order by k.opened_at""",
        site_ids,
        now,
    )
    return [made_of(SeenKiosk, row) for row in rows]


async def close_kiosk(tx: Tx, kiosk_id: UUID, site_ids: Sequence[UUID] | None, now: datetime) -> None:
    """Nobody answers at it any more."""
    done = await tx.execute(
        """update kiosks set closes_at = least(closes_at, $3)
           where kiosk_id = $1 and ($2::uuid[] is null or site_id = any ($2))""",
        kiosk_id,
        site_ids,
        now,
    )
    if done == "UPDATE 0":
        raise NotFound("kiosk")


async def save_wrong_codes(tx: Tx, kiosk: Kiosk) -> None:
    """How often somebody has typed a code that leads nowhere."""
    await tx.execute(
        "update kiosks set wrong_codes = $2, wrong_since = $3 where kiosk_id = $1",
        kiosk.kiosk_id,
        kiosk.wrong_codes,
        kiosk.wrong_since,
    )


async def open_at_kiosk(tx: Tx, kiosk: Kiosk, now: datetime, short_code: str | None) -> list[Waiting]:
    """What is open at this tablet now, and for whom: that which closes first, first."""
    rows = await tx.fetch(
        """select e.short_code, o.occasion_id, o.instruments
           from occasions o join enrolments e on e.enrolment_id = o.enrolment_id
           where o.site_id = $1 and ($2::uuid is null or o.program_id = $2) and ($4::text is null or e.short_code = $4)
             and o.opens_at <= $3 and o.closes_at > $3 and o.cancelled_for is null and not o.is_history
             and e.short_code is not null and e.withdrawn_on is null
             and coalesce(case when o.kind = 'follow-up' then e.contact_after else e.taking_part end, true)
             and not exists (select from check_ins c where c.occasion_id = o.occasion_id)
           order by e.short_code, o.kind = 'session' desc, o.closes_at, o.occasion_id limit 500""",
        kiosk.site_id,
        kiosk.program_id,
        now,
        short_code,
    )
    return [made_of(Waiting, row) for row in rows]


async def add_visit(tx: Tx, organisation: UUID, visit: Visit) -> None:
    """Somebody stands before the tablet, unless they were erased in this moment; nobody else does any more."""
    await tx.execute("delete from kiosk_visits where kiosk_id = $1", visit.kiosk_id)
    await tx.execute(
        """insert into kiosk_visits
           select $1, $2, $3, occasion_id, $5 from occasions where occasion_id = $4 for key share""",
        organisation,
        visit.visit_id,
        visit.kiosk_id,
        visit.occasion_id,
        visit.ends_at,
    )


async def find_visit(tx: Tx, kiosk: Kiosk, visit_id: UUID) -> Visit | None:
    """Whoever stands before the tablet, if nobody else came after them and they did not go."""
    row = await tx.fetchrow(
        """select visit_id, kiosk_id, occasion_id, ends_at from kiosk_visits
           where kiosk_id = $1 and visit_id = $2""",
        kiosk.kiosk_id,
        visit_id,
    )
    return made_of(Visit, row) if row else None


async def end_visits(tx: Tx, kiosk: Kiosk) -> None:
    """Nobody stands before it."""
    await tx.execute("delete from kiosk_visits where kiosk_id = $1", kiosk.kiosk_id)
