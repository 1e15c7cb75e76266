"""Erasing a participant: a page of its own, because it cannot be undone."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import store
from services.intake.domain.erasing import EraseParticipant, erase
from services.intake.pages.forms import only, shown
from shared import erasing, outbox
from shared.clock import now
from shared.database import Database
from shared.doors import Db, allow, form, submitted
from shared.errors import Refusal
from shared.identity import new_id
from shared.security import Who

router = APIRouter(prefix="/intake/participants/{participant_id}/erase", include_in_schema=False)
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]
REASONS = [
    ("asked-by-participant", "They asked for it"),
    ("kept-long-enough", "It has been kept for as long as it may be"),
    ("entered-by-mistake", "It was entered by mistake"),
]


@router.get("")
async def erase_page(participant_id: UUID, request: Request, db: Db, who: Coordinator) -> Response:
    """What will be gone, and a form to order it."""
    return await _shown(participant_id, request, db, who)


@router.post("")
async def erase_form(participant_id: UUID, request: Request, db: Db, who: Coordinator) -> Response:
    """Erase them in all services, for good."""
    fields = await submitted(request)
    try:
        command = form(EraseParticipant, only(fields, *EraseParticipant.model_fields))
        async with db.transaction(who.organisation_id) as tx:
            await erasing.alone(tx)
            traces = await store.get_traces(tx, participant_id, who.site_ids)
            change, erasure = erase(traces, command, new_id(), who.subject, now())
            await store.remove_traces(tx, traces, change, erasure)
            for event in change.events:
                outbox.put(tx, event, organisation=who.organisation_id, at=erasure.ordered_at)
            await erasing.erase(tx, who.organisation_id, traces.ids, erasure.ordered_at)
    except Refusal as refusal:
        return await _shown(participant_id, request, db, who, refusal, fields)
    return RedirectResponse("/intake/participants?done=erased", 303)


async def _shown(
    participant_id: UUID,
    request: Request,
    db: Database,
    who: Who,
    refusal: Refusal | None = None,
    fields: dict[str, Any] | None = None,
) -> Response:
    async with db.transaction(who.organisation_id) as tx:
        participant = await store.get_erasable(tx, participant_id, who.site_ids)
    return shown(request, "erase.html", fields or {}, refusal, person=participant, reasons=REASONS)
