"""What happens to an enrolment: consent, a place, completion, withdrawal."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from services.intake import store
from services.intake.api.shapes import EnrolmentShape, enrolment_shape
from services.intake.domain.consent import GiveConsent
from services.intake.domain.enrolment import change_consent, complete, place, withdraw
from services.intake.domain.places import group_id_of
from services.intake.domain.shapes import CompleteEnrolment, PlaceEnrolment, WithdrawEnrolment
from services.intake.domain.sites import today_at
from shared import idempotency, outbox
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, IdempotencyKey, allow
from shared.security import Who

router = APIRouter(prefix="/intake/api/v1/participants/{participant_id}/enrolments/{enrolment_id}", tags=["enrolments"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


@router.post("/consent", response_model=EnrolmentShape)
async def post_consent(
    participant_id: UUID, enrolment_id: UUID, command: GiveConsent, db: Db, who: Coordinator, key: IdempotencyKey
) -> JSONResponse:
    """Write down what the participant agrees to from now on."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        standing, _, texts = await store.get_standing(tx, participant_id, enrolment_id, who.site_ids)
        change = change_consent(standing, command, texts)
        await store.save_change(tx, change, moment, who.subject)
        for event in change.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        return await idempotency.keep(tx, key, 200, await _shown(tx, who, participant_id, enrolment_id))


@router.post("/complete", response_model=EnrolmentShape)
async def post_complete(
    participant_id: UUID, enrolment_id: UUID, command: CompleteEnrolment, db: Db, who: Coordinator, key: IdempotencyKey
) -> JSONResponse:
    """The participant has completed the program. The first in line gets the place in the same transaction."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        standing, _, _ = await store.get_standing(tx, participant_id, enrolment_id, who.site_ids)
        change = complete(standing, command.completed_on, today_at(standing.site, moment))
        await store.save_change(tx, change, moment, who.subject)
        for event in change.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        return await idempotency.keep(tx, key, 200, await _shown(tx, who, participant_id, enrolment_id))


@router.post("/withdraw", response_model=EnrolmentShape)
async def post_withdraw(
    participant_id: UUID, enrolment_id: UUID, command: WithdrawEnrolment, db: Db, who: Coordinator, key: IdempotencyKey
) -> JSONResponse:
    """The participant has left the program. The first in line gets the place in the same transaction."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        standing, _, _ = await store.get_standing(tx, participant_id, enrolment_id, who.site_ids)
        change = withdraw(standing, command.withdrawn_on, today_at(standing.site, moment))
        await store.save_change(tx, change, moment, who.subject)
        for event in change.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        return await idempotency.keep(tx, key, 200, await _shown(tx, who, participant_id, enrolment_id))


@router.post("/place", response_model=EnrolmentShape)
async def post_place(
    participant_id: UUID, enrolment_id: UUID, command: PlaceEnrolment, db: Db, who: Coordinator, key: IdempotencyKey
) -> JSONResponse:
    """Ask for a place in a group, or in another one. A full group puts them on its waiting list."""
    moment = now()
    wanted = group_id_of(who.organisation_id, command.group)
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        standing, target, _ = await store.get_standing(tx, participant_id, enrolment_id, who.site_ids, wanted)
        change = place(standing, target, today_at(standing.site, moment))
        await store.save_change(tx, change, moment, who.subject)
        for event in change.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        return await idempotency.keep(tx, key, 200, await _shown(tx, who, participant_id, enrolment_id))


async def _shown(tx: Tx, who: Who, participant_id: UUID, enrolment_id: UUID) -> dict[str, Any]:
    rows = await store.enrolments_of(tx, [participant_id], who.site_ids)
    return next(enrolment_shape(row).model_dump(mode="json") for row in rows if row["enrolment_id"] == enrolment_id)
