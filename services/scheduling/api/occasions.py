"""Due dates as JSON, and what importers ask."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.scheduling import store
from services.scheduling.api.shapes import OccasionList, OccasionShape, StageList, StageShape
from services.scheduling.domain.occasions import OccasionState
from shared.doors import Db, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.events.ids import program_id_of, site_id_of
from shared.fields import Command
from shared.security import Who

router = APIRouter(prefix="/scheduling/api/v1", tags=["occasions"])
Coordinator = Annotated[Who, Depends(allow("administrator", "coordinator"))]


class AskParticipants(Command):
    """Participants that an importer is about to name."""

    ids: Annotated[list[UUID], Field(max_length=1500)]


class UnknownParticipants(BaseModel):
    """Those that scheduling has not heard of yet: ask again in a moment."""

    unknown: list[UUID]


class OccasionRequest(Command):
    """An occasion as an importer knows it."""

    participant_id: UUID
    program: Code
    occasion: Code


class AskOccasions(Command):
    """Occasions whose ids an importer needs."""

    requests: Annotated[list[OccasionRequest], Field(max_length=500)]


class FoundOccasion(BaseModel):
    """An occasion as it was asked for, with its id; null while there is none."""

    participant_id: UUID
    program: str
    occasion: str
    occasion_id: UUID | None
    state: OccasionState | None


class FoundOccasions(BaseModel):
    """The answers, in the order of the requests."""

    occasions: list[FoundOccasion]


@router.get("/occasions")
async def get_occasions(
    db: Db,
    who: Coordinator,
    participant_id: UUID | None = None,
    state: OccasionState | None = None,
    site: Code | None = None,
    after: UUID | None = None,
) -> OccasionList:
    """Due dates at the sites that the reader sees, 500 a page; they tell who answered, so not for facilitators."""
    site_id = site_id_of(who.organisation_id, site) if site else None
    listed = store.Listed(who.site_ids, site_id, participant_id, state, after)
    async with db.transaction(who.organisation_id) as tx:
        rows = await store.occasions(tx, listed)
    found = [OccasionShape(**{name: row[name] for name in OccasionShape.model_fields}) for row in rows]
    return OccasionList(occasions=found, next=found[-1].occasion_id if len(found) == store.PAGE else None)


@router.get("/programs/{program}/stages")
async def get_stages(program: Code, db: Db, who: Coordinator) -> StageList:
    """How many occasions of a program are due, sent, opened, begun, answered, and so on."""
    program_id = program_id_of(who.organisation_id, program)
    async with db.transaction(who.organisation_id) as tx:
        known = await store.find_program(tx, program_id)
        if known is None or not any(who.sees(site_id) for site_id in known.site_ids):
            raise NotFound("program")
        counted = await store.count_stages(tx, program_id, who.site_ids)
    return StageList(stages=[StageShape(**{name: row[name] for name in StageShape.model_fields}) for row in counted])


@router.post("/occasions/ids")
async def post_occasion_ids(command: AskOccasions, db: Db, who: Coordinator) -> FoundOccasions:
    """The ids of occasions, for importers that know participant, program and occasion."""
    asked = [
        (one.participant_id, program_id_of(who.organisation_id, one.program), one.occasion) for one in command.requests
    ]
    async with db.transaction(who.organisation_id) as tx:
        rows = await store.occasion_ids(tx, asked, who.site_ids)
    pairs = zip(command.requests, rows, strict=True)
    return FoundOccasions(
        occasions=[FoundOccasion(**one.model_dump(), **{key: row[key] for key in row.keys()}) for one, row in pairs]  # noqa: SIM118
    )


@router.post("/participants/known")
async def post_participants_known(command: AskParticipants, db: Db, who: Coordinator) -> UnknownParticipants:
    """Which of these participants scheduling has not heard of, at the sites that the reader sees."""
    async with db.transaction(who.organisation_id) as tx:
        return UnknownParticipants(unknown=await store.unknown_participants(tx, command.ids, who.site_ids))
