"""Concerns: raising one, and each step until a second person closes it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.feedback import acts, store
from services.feedback.domain.concerns import AnswerDebrief, RaiseConcern, Tell
from services.feedback.store import Seen
from shared import idempotency
from shared.clock import now
from shared.doors import Db, IdempotencyKey, allow
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1/concerns", tags=["concerns"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]
Staff = Annotated[Who, Depends(allow("facilitator", "coordinator", "administrator"))]
SHOWN_MAX = 500


class ConcernShape(BaseModel):
    """A concern without a word of what was said. No owner: every coordinator of the site answers for it.

    `earlier` counts those about the same person before it that the reader answers for; `earlier_id` is the last one.
    """

    concern_id: UUID
    site: str
    participant_id: UUID | None
    source: str
    state: str
    raised_at: datetime
    level: int
    owner: str | None
    due_at: datetime | None
    earlier_id: UUID | None
    earlier: int
    debrief: str

    @classmethod
    def of(cls, seen: Seen) -> "ConcernShape":
        """As other programs read it."""
        one = seen.concern
        of_reader = {"site": seen.site, "earlier": seen.earlier, "earlier_id": seen.before_id}
        return cls(**of_reader, **{name: getattr(one, name) for name in cls.model_fields if name not in of_reader})


class StepShape(BaseModel):
    """What happened to a concern, with what was written."""

    at: datetime
    kind: str
    name: str | None
    text: str | None


class OpenedShape(ConcernShape):
    """A concern with everything that was said. Each reading of it is written down."""

    steps: list[StepShape]


class ConcernsShape(BaseModel):
    """Concerns by their clock, the most urgent first."""

    concerns: list[ConcernShape]


@router.get("")
async def concerns(db: Db, who: Coordinator, *, closed: bool = False) -> ConcernsShape:
    """The open concerns of the reader's sites, or those that are closed."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.concerns(tx, who.site_ids, are_open=not closed, most=SHOWN_MAX)
    return ConcernsShape(concerns=[ConcernShape.of(one) for one in found])


@router.post("", status_code=201, response_model=ConcernShape)
async def raise_one(command: RaiseConcern, db: Db, who: Staff, key: IdempotencyKey) -> object:
    """A member of staff is worried about somebody: whoever is on call is told at once."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        concern = await acts.raise_by_staff(tx, who, command)
        shown = ConcernShape.of(await store.see_concern(tx, concern.concern_id, acts.answers_at(who)))
        return await idempotency.keep(tx, key, 201, shown.model_dump(mode="json"))


@router.get("/{concern_id}")
async def concern(concern_id: UUID, db: Db, who: Coordinator) -> OpenedShape:
    """A concern with what was said. That it was read, when and by whom, is written down."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.get_concern(tx, concern_id, who.site_ids)
        await store.add_reading(tx, found, who.subject, who.name, now())
        seen, steps = await store.see_concern(tx, concern_id, acts.answers_at(who)), await store.steps(tx, concern_id)
    shown = [StepShape(at=one.at, kind=one.kind, name=one.name, text=one.text) for one in steps]
    return OpenedShape(**ConcernShape.of(seen).model_dump(), steps=shown)


@router.post("/{concern_id}/acknowledge")
async def acknowledge(concern_id: UUID, db: Db, who: Coordinator) -> ConcernShape:
    """I am on it: nobody else is called."""
    async with db.transaction(who.organisation_id) as tx:
        await acts.acknowledge(tx, who, concern_id)
        return ConcernShape.of(await store.see_concern(tx, concern_id, acts.answers_at(who)))


@router.post("/{concern_id}/actions")
async def act_on(concern_id: UUID, command: Tell, db: Db, who: Coordinator) -> ConcernShape:
    """Write down what was done."""
    async with db.transaction(who.organisation_id) as tx:
        await acts.act_on(tx, who, concern_id, command)
        return ConcernShape.of(await store.see_concern(tx, concern_id, acts.answers_at(who)))


@router.post("/{concern_id}/close")
async def close(concern_id: UUID, command: Tell, db: Db, who: Coordinator) -> ConcernShape:
    """Close it, as somebody else than who wrote down what was done."""
    async with db.transaction(who.organisation_id) as tx:
        await acts.close(tx, who, concern_id, command)
        return ConcernShape.of(await store.see_concern(tx, concern_id, acts.answers_at(who)))


@router.post("/{concern_id}/debrief")
async def debrief(concern_id: UUID, command: AnswerDebrief, db: Db, who: Staff) -> ConcernShape:
    """Who raised it wants a debrief or not; a coordinator notes that it was held."""
    async with db.transaction(who.organisation_id) as tx:
        await acts.answer_debrief(tx, who, concern_id, command)
        return ConcernShape.of(await store.see_concern(tx, concern_id, acts.answers_at(who)))
