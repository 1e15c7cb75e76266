"""Check-ins as FHIR R4, for systems that speak it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from services.feedback import store
from services.feedback.domain.response import chosen, questionnaire_response
from shared.clock import now
from shared.doors import Db, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1", tags=["FHIR R4"])
Coordinator = Annotated[Who, Depends(allow("coordinator"))]
Instrument = Annotated[Code | None, Query(description="which one, if the check-in has several")]
FHIR = "application/fhir+json"


@router.get(
    "/check-ins/{occasion_id}/questionnaire-response",
    response_class=Response,
    responses={200: {"content": {FHIR: {"schema": {"type": "object"}}}, "description": "a QuestionnaireResponse"}},
)
async def get_questionnaire_response(
    occasion_id: UUID, request: Request, db: Db, who: Coordinator, instrument: Instrument = None
) -> JSONResponse:
    """Every answer to one instrument of a check-in, for coordinators of its site. Each reading is written down.

    `questionnaire` names the instrument and the version that was answered; choices are codings with their value as an
    ordinal. Where a total was entered there are no items.
    """
    async with db.transaction(who.organisation_id) as tx:
        library = await store.library_of(tx)
        occasion = await store.get_occasion(tx, occasion_id, who.site_ids, library)
        answered = await store.answers.answered(tx, occasion_id)
        if occasion.check_in is None:
            raise NotFound("check-in")
        one = chosen(answered, instrument)
        await store.answers.add_reading(tx, who.organisation_id, occasion_id, (who.subject, who.name), now())
    base = f"{request.app.state.running.settings.public_url}/feedback"
    return JSONResponse(questionnaire_response(occasion, one, library, base), media_type=FHIR)
