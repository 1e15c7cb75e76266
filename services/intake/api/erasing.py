"""Erasing a participant, and the list of what was erased by whose order."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.intake import store
from services.intake.domain.erasing import EraseParticipant, Erasure, Reason, erase
from shared import erasing, idempotency, outbox
from shared.clock import now
from shared.doors import Db, IdempotencyKey, allow
from shared.identity import new_id
from shared.security import Who

router = APIRouter(prefix="/intake/api/v1", tags=["erasures"])


class ErasureShape(BaseModel):
    """An erasure as it is kept: of the person no more than the SHA-256 of the id."""

    erasure_id: UUID
    digest: str
    reason: Reason
    ordered_by: str
    ordered_at: datetime


@router.post("/participants/{participant_id}/erase", response_model=ErasureShape)
async def post_erase(
    participant_id: UUID,
    command: EraseParticipant,
    db: Db,
    who: Annotated[Who, Depends(allow("coordinator", "administrator"))],
    key: IdempotencyKey,
) -> JSONResponse:
    """Erase a participant in all services, for good."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        await erasing.alone(tx)
        traces = await store.get_traces(tx, participant_id, who.site_ids)
        change, erasure = erase(traces, command, new_id(), who.subject, now())
        await store.remove_traces(tx, traces, change, erasure)
        for event in change.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=erasure.ordered_at)
        await erasing.erase(tx, who.organisation_id, traces.ids, erasure.ordered_at)
        return await idempotency.keep(tx, key, 200, _shape(erasure).model_dump(mode="json"))


@router.get("/erasures")
async def get_erasures(db: Db, who: Annotated[Who, Depends(allow("administrator"))]) -> dict[str, list[ErasureShape]]:
    """The newest 1,000 erasures of the organisation."""
    async with db.transaction(who.organisation_id) as tx:
        return {"erasures": [_shape(row) for row in await store.erasures(tx)]}


def _shape(one: Erasure) -> ErasureShape:
    return ErasureShape(
        erasure_id=one.erasure_id,
        digest=one.digest.hex(),
        reason=one.reason,
        ordered_by=one.ordered_by,
        ordered_at=one.ordered_at,
    )
