"""Stories by what they may be used for, and what their owners agree to."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.feedback import acts, store
from services.feedback.domain.stories import SEEN_BY, Agree, EnterStory, Shared
from services.feedback.store.stories import Seen
from shared import idempotency
from shared.doors import Db, IdempotencyKey, allow
from shared.events.feedback import StoryUse
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1/stories", tags=["stories"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]
Staff = Annotated[Who, Depends(allow("facilitator", "coordinator", "program-manager", "administrator"))]


class QuoteShape(BaseModel):
    """A story that may be used so. Whose it is is not told."""

    story_id: UUID
    site: str | None
    program: str | None
    language: str
    text: str
    shared_at: datetime

    @classmethod
    def of(cls, seen: Seen) -> "QuoteShape":
        """As other programs read it."""
        one = seen.story
        same = {name: getattr(one, name) for name in ("story_id", "language", "shared_at")}
        return cls(site=seen.site, program=seen.program, text=one.text or "", **same)


class QuotesShape(BaseModel):
    """The stories that may be used so."""

    use: StoryUse
    stories: list[QuoteShape]


class StoryShape(BaseModel):
    """What a story may be used for, without its words."""

    story_id: UUID
    participant_id: UUID
    uses: list[StoryUse]
    shared_at: datetime
    entered_by: str
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, story: Shared) -> "StoryShape":
        """As other programs read it."""
        same = {name: getattr(story, name) for name in cls.model_fields if name != "uses"}
        return cls(uses=list(story.uses), **same)


@router.get("")
async def stories(use: StoryUse, db: Db, who: Staff) -> QuotesShape:
    """The stories whose owners agree to this use, and no other."""
    who.must_be(*sorted(SEEN_BY[use]))
    async with db.transaction(who.organisation_id) as tx:
        found = await store.stories.for_use(tx, who.site_ids, use)
    return QuotesShape(use=use, stories=[QuoteShape.of(one) for one in found])


@router.post("", status_code=201, response_model=StoryShape)
async def enter_story(command: EnterStory, db: Db, who: Coordinator, key: IdempotencyKey) -> object:
    """Write down what somebody told, with what they agree to and how they said so."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        story = await acts.stories.enter(tx, who, command)
        return await idempotency.keep(tx, key, 201, StoryShape.of(story).model_dump(mode="json"))


@router.put("/{story_id}/uses")
async def agree(story_id: UUID, command: Agree, db: Db, who: Coordinator) -> StoryShape:
    """Note what its owner agrees to now: the whole list."""
    async with db.transaction(who.organisation_id) as tx:
        story = await store.stories.get(tx, story_id, who.site_ids)
        return StoryShape.of(await acts.stories.agree(tx, story, command.uses, who.name))


@router.post("/{story_id}/withdraw")
async def withdraw(story_id: UUID, db: Db, who: Coordinator) -> StoryShape:
    """Take it back for its owner: its words go from every page at once."""
    async with db.transaction(who.organisation_id) as tx:
        story = await store.stories.get(tx, story_id, who.site_ids)
        return StoryShape.of(await acts.stories.withdraw(tx, story, who.name))
