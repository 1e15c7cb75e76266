"""Who is on call for concerns at each site."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.feedback import acts, store
from services.feedback.domain.rota import HandOver, SetRota, gaps, handed_over, on_call, refuse_unusable
from services.feedback.store import SiteRota
from shared import idempotency
from shared.clock import now
from shared.doors import Db, IdempotencyKey, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.events.ids import site_id_of
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1", tags=["rotas"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


class GapShape(BaseModel):
    """Nobody is on call from one moment to the other."""

    begins_at: datetime
    ends_at: datetime


class RotaShape(BaseModel):
    """The rota of a site but for what is over, who is on call now at each level, and the gaps of the next 14 days."""

    site: str
    rota: SetRota
    on_call: list[str | None]
    gaps: list[GapShape]

    @classmethod
    def of(cls, site: SiteRota, moment: datetime) -> "RotaShape":
        """As other programs read it."""
        rota, zone = site.place.rota, site.place.zone
        if rota is None:
            raise NotFound("rota")
        here = [on_call(rota, level, moment, zone) for level in range(1, rota.levels + 1)]
        found = [GapShape(begins_at=one.begins_at, ends_at=one.ends_at) for one in gaps(rota, moment, zone)]
        shown = rota.model_copy(update={"hand_overs": rota.hand_overs_ahead(moment)})
        return cls(site=site.code, rota=shown, on_call=[one and one.code for one in here], gaps=found)


@router.get("/sites/{code}/rota")
async def get_rota(code: Code, db: Db, who: Coordinator) -> RotaShape:
    """The rota of a site that the reader sees."""
    async with db.transaction(who.organisation_id) as tx:
        site = await store.get_rota(tx, site_id_of(who.organisation_id, code), who.site_ids)
    return RotaShape.of(site, now())


@router.put("/sites/{code}/rota")
async def put_rota(code: Code, command: SetRota, db: Db, who: Coordinator) -> RotaShape:
    """Set the rota of a site: the whole of it. A gap of the next 14 days is shown, not refused."""
    moment, site_id = now(), site_id_of(who.organisation_id, code)
    refuse_unusable(command)
    async with db.transaction(who.organisation_id) as tx:
        await store.get_rota(tx, site_id, who.site_ids)
        await store.lock_site(tx, site_id)
        await acts.set_rota(tx, who, await store.get_rota(tx, site_id, who.site_ids), command, moment)
        site = await store.get_rota(tx, site_id, who.site_ids)
    return RotaShape.of(site, moment)


@router.post("/sites/{code}/rota/hand-overs", status_code=201, response_model=RotaShape)
async def hand_over(code: Code, command: HandOver, db: Db, who: Coordinator, key: IdempotencyKey) -> object:
    """Put somebody else in the place of whoever is on call, for a time."""
    moment, site_id = now(), site_id_of(who.organisation_id, code)
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        await store.get_rota(tx, site_id, who.site_ids)
        await store.lock_site(tx, site_id)
        site = await store.get_rota(tx, site_id, who.site_ids)
        await acts.set_rota(tx, who, site, handed_over(site.place.rota, command, moment), moment)
        shown = RotaShape.of(await store.get_rota(tx, site_id, who.site_ids), moment)
        return await idempotency.keep(tx, key, 201, shown.model_dump(mode="json"))
