"""Who is on call at each site."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.feedback.domain.concerns import Place
from services.feedback.domain.rota import SetRota
from shared.database import Tx
from shared.errors import NotFound
from shared.timers import Timer, set_timer

ROTA_TIMER = "rota-gap"


@dataclass(frozen=True, slots=True)
class SiteRota:
    """A site with its rota, if it has one."""

    site_id: UUID
    code: str
    place: Place


_ROTAS = """
    select s.site_id, s.code, s.time_zone, r.rota from sites s left join rotas r on r.site_id = s.site_id
    where ($1::uuid[] is null or s.site_id = any ($1))"""


async def rotas(tx: Tx, site_ids: Sequence[UUID] | None) -> list[SiteRota]:
    """These sites with their rotas."""
    return [_site_rota(row) for row in await tx.fetch(f"{_ROTAS} order by s.code", site_ids)]


async def rotas_of_program(tx: Tx, program_id: UUID) -> list[SiteRota]:
    """The sites of a program with their rotas."""
    site_ids = await tx.fetchval("select site_ids from programs where program_id = $1", program_id)
    return await rotas(tx, site_ids or [])


async def rotas_where_asked(tx: Tx, instruments: Sequence[str]) -> list[SiteRota]:
    """The sites of the programs whose battery asks one of these."""
    site_ids = await tx.fetchval(
        """select array(select distinct unnest(p.site_ids) from programs p join batteries b using (program_id)
                        where exists (select from jsonb_array_elements(b.entries) e where e -> 'instruments' ?| $1))""",
        instruments,
    )
    return await rotas(tx, site_ids)


async def get_rota(tx: Tx, site_id: UUID, site_ids: Sequence[UUID] | None) -> SiteRota:
    """One of these sites, with its rota."""
    row = await tx.fetchrow(f"{_ROTAS} and s.site_id = $2", site_ids, site_id)
    if row is None:
        raise NotFound("site")
    return _site_rota(row)


async def lock_site(tx: Tx, site_id: UUID) -> None:
    """One at a time for a site: what is set is compared with what stands, and a hand-over is written into it."""
    await tx.fetchrow("select from sites where site_id = $1 for update", site_id)


def _site_rota(row: Any) -> SiteRota:
    rota = SetRota.model_validate(row["rota"]) if row["rota"] else None
    return SiteRota(row["site_id"], row["code"], Place(rota, ZoneInfo(row["time_zone"])))


async def save_rota(tx: Tx, organisation: UUID, site_id: UUID, rota: SetRota, now: datetime) -> None:
    """The rota of a site from now on; it is looked at every day, beginning now."""
    await set_timer(tx, Timer(ROTA_TIMER, str(site_id), organisation, now, {"site_id": str(site_id)}))
    await tx.execute(
        """insert into rotas values ($1, $2, $3, $4)
           on conflict (site_id) do update set rota = excluded.rota, changed_at = excluded.changed_at""",
        organisation,
        site_id,
        rota.model_dump(mode="json"),
        now,
    )
