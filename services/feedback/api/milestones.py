"""Milestones, their kinds, and whether they are celebrated."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.feedback import acts, store
from services.feedback.domain.milestones import AddKind, Celebrate, Kind, Milestone, RecordMilestone, added
from shared import idempotency
from shared.clock import now
from shared.doors import Db, Doer, IdempotencyKey, allow
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1", tags=["milestones"])
Administrator = Annotated[Who, Depends(allow("administrator"))]
SHOWN_MAX = 500


class MilestoneShape(BaseModel):
    """What somebody has reached."""

    milestone_id: UUID
    participant_id: UUID
    kind: str
    reached_on: date
    recorded_by: str
    may_celebrate: bool
    is_withdrawn: bool

    @classmethod
    def of(cls, one: Milestone) -> "MilestoneShape":
        """As other programs read it."""
        same = {name: getattr(one, name) for name in cls.model_fields if name != "is_withdrawn"}
        return cls(is_withdrawn=one.withdrawn_at is not None, **same)


class MilestonesShape(BaseModel):
    """Milestones, the newest first."""

    milestones: list[MilestoneShape]


@router.get("/milestone-kinds")
async def kinds(db: Db, who: Doer) -> list[Kind]:
    """The kinds of milestones that there are, and which a rule finds by itself."""
    async with db.transaction(who.organisation_id) as tx:
        return list((await store.milestones.kinds(tx, who.organisation_id)).values())


@router.post("/milestone-kinds", status_code=201, response_model=Kind)
async def add_kind(command: AddKind, db: Db, who: Administrator, key: IdempotencyKey) -> object:
    """Add a kind of your own."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        await store.themes.lock(tx, who.organisation_id)
        kind = added(command, await store.milestones.kinds(tx, who.organisation_id))
        await store.milestones.add_kind(tx, who.organisation_id, kind, now(), who.name)
        shown = (await store.milestones.kinds(tx, who.organisation_id))[kind.code]
        return await idempotency.keep(tx, key, 201, shown.model_dump(mode="json"))


@router.get("/milestones")
async def milestones(db: Db, who: Doer, participant_id: UUID | None = None) -> MilestonesShape:
    """What people at the sites of the reader have reached."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.milestones.listed(tx, who.site_ids, participant_id, SHOWN_MAX)
    return MilestonesShape(milestones=[MilestoneShape.of(one.milestone) for one in found])


@router.post("/milestones", status_code=201, response_model=MilestoneShape)
async def record(command: RecordMilestone, db: Db, who: Doer, key: IdempotencyKey) -> object:
    """Record what somebody has reached; the same on the same day is recorded once."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        one = await acts.milestones.record(tx, who, command)
        return await idempotency.keep(tx, key, 201, MilestoneShape.of(one).model_dump(mode="json"))


@router.put("/milestones/{milestone_id}/consent")
async def agree(milestone_id: UUID, command: Celebrate, db: Db, who: Doer) -> MilestoneShape:
    """Note whether whose it is agrees that their group celebrates it."""
    async with db.transaction(who.organisation_id) as tx:
        one = await store.milestones.get(tx, milestone_id, who.site_ids)
        return MilestoneShape.of(await acts.milestones.agree(tx, one, command.may_celebrate))


@router.post("/milestones/{milestone_id}/withdraw")
async def withdraw(milestone_id: UUID, db: Db, who: Doer) -> MilestoneShape:
    """Take it back: it is shown nowhere any more."""
    async with db.transaction(who.organisation_id) as tx:
        one = await store.milestones.get(tx, milestone_id, who.site_ids)
        return MilestoneShape.of(await acts.milestones.withdraw(tx, one))
