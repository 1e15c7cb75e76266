"""Check-ins that staff enter or take back, and which occasions have been heard of."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from services.feedback import acts, store
from services.feedback.domain.check_in import CheckIn, EnterCheckIn, TakeBack, enter
from services.feedback.domain.scoring import points
from shared import idempotency
from shared.clock import now
from shared.doors import Db, IdempotencyKey, allow
from shared.fields import Command
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1", tags=["check-ins"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]
IDS_MAX = 1500


class ScoreShape(BaseModel):
    """A score: exactly `count` of 1/`unit` points, and the same in points."""

    instrument: str
    version: int
    count: int
    unit: int
    scale: str
    points: float


class CheckInShape(BaseModel):
    """An answered occasion."""

    occasion_id: UUID
    answered_at: datetime
    entered_by: str
    scores: list[ScoreShape]

    @classmethod
    def of(cls, check_in: CheckIn) -> "CheckInShape":
        """As other programs read it."""
        scores = [ScoreShape(**one.model_dump(), points=float(points(one.count, one.unit))) for one in check_in.scores]
        return cls(
            occasion_id=check_in.occasion_id,
            answered_at=check_in.answered_at,
            entered_by=check_in.entered_by,
            scores=scores,
        )


class TakenBackShape(BaseModel):
    """A check-in that has no answer any more."""

    occasion_id: UUID
    withdrawn_at: datetime


class OccasionIds(Command):
    """Occasions to be looked for."""

    ids: Annotated[list[UUID], Field(max_length=IDS_MAX)]


class UnknownShape(BaseModel):
    """Those that have not been heard of (yet)."""

    unknown: list[UUID]


@router.post(
    "/check-ins",
    status_code=201,
    response_model=CheckInShape,
    responses={200: {"model": CheckInShape, "description": "The same was entered before"}},
)
async def enter_check_in(command: EnterCheckIn, db: Db, who: Coordinator, key: IdempotencyKey) -> JSONResponse:
    """Enter totals, or the answers on a sheet of paper, for a participant."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        library = await store.library_of(tx)
        occasion = await store.get_occasion(tx, command.occasion_id, who.site_ids, library)
        entered = enter(occasion, command, library, moment, "staff")
        if entered:
            await acts.keep_check_in(tx, occasion, entered, library, moment, who.subject)
        shown = CheckInShape.of(entered[0] if entered else _kept(occasion.check_in)).model_dump(mode="json")
        return await idempotency.keep(tx, key, 201 if entered else 200, shown)


def _kept(check_in: CheckIn | None) -> CheckIn:
    assert check_in  # nothing new was entered, so there is an earlier one
    return check_in


@router.post("/check-ins/{occasion_id}/withdraw", response_model=TakenBackShape)
async def withdraw_check_in(
    occasion_id: UUID, command: TakeBack, db: Db, who: Coordinator, key: IdempotencyKey
) -> JSONResponse:
    """Take back what was answered: it counts nowhere any more. To correct it, enter it anew then."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        occasion = await store.get_occasion(tx, occasion_id, who.site_ids, await store.library_of(tx))
        await acts.take_back_check_in(tx, occasion, command, who, moment)
        shown = TakenBackShape(occasion_id=occasion_id, withdrawn_at=moment).model_dump(mode="json")
        return await idempotency.keep(tx, key, 200, shown)


@router.post("/occasions/known")
async def known_occasions(command: OccasionIds, db: Db, who: Coordinator) -> UnknownShape:
    """Which of these occasions have not been heard of: importers wait until there are none."""
    async with db.transaction(who.organisation_id) as tx:
        return UnknownShape(unknown=await store.unknown_occasions(tx, command.ids, who.site_ids))
