"""Facilitators and their qualifications."""

import secrets
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.intake import store
from services.intake.api.shapes import FacilitatorShape
from services.intake.domain.contact import short_codes
from services.intake.domain.facilitators import Facilitator, QualifyFacilitator, qualify, somebody_new, zones_of
from shared import outbox
from shared.clock import now
from shared.doors import Db, allow
from shared.events.intake import Qualification
from shared.fields import Line
from shared.security import Who

router = APIRouter(prefix="/intake/api/v1", tags=["facilitators"])
Administrator = Annotated[Who, Depends(allow("administrator"))]
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


@router.get("/facilitators")
async def get_facilitators(db: Db, who: Coordinator) -> list[FacilitatorShape]:
    """The facilitators at the sites that the reader sees."""
    async with db.transaction(who.organisation_id) as tx:
        facilitators = await store.facilitators(tx, who.site_ids)
        site_codes = {site.site_id: site.code for site in await store.sites(tx)}
    return [_shown(one, site_codes) for one in facilitators]


@router.put("/facilitators/{reference}", responses={201: {"model": FacilitatorShape, "description": "Registered"}})
async def put_facilitator(
    reference: Line, command: QualifyFacilitator, db: Db, who: Administrator, response: Response
) -> FacilitatorShape:
    """Register a facilitator, or say who they are and what they may do from now on."""
    async with db.transaction(who.organisation_id) as tx:
        await store.get_organisation(tx, who.organisation_id)
        known = await store.find_facilitator(tx, reference)
        code = await store.free_short_code(tx, short_codes(secrets.randbits(32) for _ in range(20)))
        before = known or somebody_new(who.organisation_id, reference, code)
        sites = await store.sites_by_code(tx, who.site_ids)
        facilitator, event = qualify(before, known is None, command, sites)
        await store.save_facilitator(tx, facilitator)
        if event:
            await store.watch_qualifications(tx, before, facilitator, zones_of(facilitator, await store.sites(tx)))
            outbox.put(tx, event, organisation=who.organisation_id, at=now())
    response.status_code = 200 if known else 201
    return _shown(facilitator, {site.site_id: site.code for site in sites.values()})


def _shown(facilitator: Facilitator, site_codes: dict[UUID, str]) -> FacilitatorShape:
    return FacilitatorShape(
        facilitator_id=facilitator.facilitator_id,
        short_code=facilitator.short_code,
        reference=facilitator.reference,
        name=facilitator.name,
        email=facilitator.email,
        sites=[site_codes[one] for one in facilitator.site_ids if one in site_codes],
        qualifications=[
            Qualification(code=one.code, valid_until=one.valid_until) for one in facilitator.qualifications
        ],
    )
