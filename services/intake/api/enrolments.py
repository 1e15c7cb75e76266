"""What happens to an enrolment: consent, corrected attributes, a place, completion, withdrawal, an end taken back."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from services.intake import store
from services.intake.api.shapes import EnrolmentShape, enrolment_shape
from services.intake.domain.consent import GiveConsent
from services.intake.domain.enrolment import change
from services.intake.domain.shapes import (
    ChangeEnrolment,
    CompleteEnrolment,
    CorrectAttributes,
    GiveUpPlace,
    PlaceEnrolment,
    ResumeEnrolment,
    WithdrawEnrolment,
)
from services.intake.domain.sites import today_at
from shared import idempotency, outbox
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, IdempotencyKey, allow
from shared.events.ids import group_id_of
from shared.security import Who

router = APIRouter(prefix="/intake/api/v1/participants/{participant_id}/enrolments/{enrolment_id}", tags=["enrolments"])


@dataclass(frozen=True, slots=True)
class Door:
    """Which enrolment this is about, and who asks for something to be done to it."""

    participant_id: UUID
    enrolment_id: UUID
    db: Db
    who: Annotated[Who, Depends(allow("coordinator", "administrator"))]
    key: IdempotencyKey


At = Annotated[Door, Depends()]


@router.post("/consent", response_model=EnrolmentShape)
async def post_consent(at: At, command: GiveConsent) -> JSONResponse:
    """Write down what the participant agrees to from now on."""
    return await _change(at, command)


@router.post("/attributes", response_model=EnrolmentShape)
async def post_attributes(at: At, command: CorrectAttributes) -> JSONResponse:
    """Correct what is known about the participant, also after the end. Figures follow."""
    return await _change(at, command)


@router.post("/complete", response_model=EnrolmentShape)
async def post_complete(at: At, command: CompleteEnrolment) -> JSONResponse:
    """The participant has completed the program. The first in line gets the place in the same transaction."""
    return await _change(at, command)


@router.post("/withdraw", response_model=EnrolmentShape)
async def post_withdraw(at: At, command: WithdrawEnrolment) -> JSONResponse:
    """The participant has left the program. The first in line gets the place in the same transaction."""
    return await _change(at, command)


@router.post("/resume", response_model=EnrolmentShape)
async def post_resume(at: At) -> JSONResponse:
    """Take back the completion or the withdrawal. They go on as if it had not been, but without a place in a group."""
    return await _change(at, ResumeEnrolment())


@router.post("/place", response_model=EnrolmentShape)
async def post_place(at: At, command: PlaceEnrolment) -> JSONResponse:
    """Ask for a place in a group, or in another one. A full group puts them on its waiting list."""
    return await _change(at, command)


@router.post("/give-up-place", response_model=EnrolmentShape)
async def post_give_up_place(at: At, command: GiveUpPlace) -> JSONResponse:
    """They leave a group, or its line, and stay in the program. The first in line gets the place at once."""
    return await _change(at, command)


async def _change(at: Door, command: ChangeEnrolment) -> JSONResponse:
    moment, who, ids = now(), at.who, (at.participant_id, at.enrolment_id)
    wanted = group_id_of(who.organisation_id, command.group) if isinstance(command, PlaceEnrolment) else None
    async with at.db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, at.key):
            return first
        standing = await store.get_standing(tx, *ids, who.site_ids, wanted)
        decided = change(standing, command, today_at(standing.site, moment))
        await store.save_change(tx, decided, moment, who.subject)
        for event in decided.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        return await idempotency.keep(tx, at.key, 200, await _shown(tx, who, *ids))


async def _shown(tx: Tx, who: Who, participant_id: UUID, enrolment_id: UUID) -> dict[str, Any]:
    rows = await store.enrolments_of(tx, [participant_id], who.site_ids)
    return next(enrolment_shape(row).model_dump(mode="json") for row in rows if row["enrolment_id"] == enrolment_id)
