"""The scores of one person as FHIR R4, for systems that speak it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from services.analytics import store
from services.analytics.domain.observations import bundle
from shared.doors import Db, allow
from shared.security import Who

router = APIRouter(tags=["FHIR R4"])
Coordinator = Annotated[Who, Depends(allow("coordinator"))]
Participant = Annotated[UUID, Query(description="id of a participant")]
FHIR = "application/fhir+json"


@router.get(
    "/observations",
    response_class=Response,
    responses={200: {"content": {FHIR: {"schema": {"type": "object"}}}, "description": "a Bundle of Observations"}},
)
async def observations(request: Request, who: Coordinator, db: Db, participant: Participant) -> JSONResponse:
    """Every total of a participant, for coordinators of their site: an Observation each, its unit points.

    Its code is that of the instrument, with the version that was answered. Only of those who agreed to be counted in
    reports; anybody else is not found. A follow-up that was answered outside of its window is not among them, as no
    figure is made of it: feedback has it, as a QuestionnaireResponse.
    """
    async with db.transaction(who.organisation_id) as tx:
        found = await store.scores_of(tx, participant, who.site_ids)
    return JSONResponse(
        bundle(participant, found, f"{request.app.state.running.settings.public_url}/feedback"), media_type=FHIR
    )
