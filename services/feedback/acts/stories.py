"""A story is shared, its uses are agreed to, and it is taken back: by its owner, or by staff on their word."""

from collections.abc import Collection
from uuid import UUID

from services.feedback import store
from services.feedback.domain import stories
from services.feedback.domain.stories import EnterStory, Shared
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.events import Event
from shared.events.feedback import StoryUse
from shared.identity import derived_id, new_id
from shared.security import Who

OWNER = "its owner"


async def share(tx: Tx, story: Shared, by: str = OWNER) -> Shared:
    """Keep a story with its uses; one that is sent twice stays as it is."""
    if known := await store.stories.find(tx, story.story_id):
        return known
    fresh, event = stories.shared(story)
    return await _save(tx, fresh, event, by)


async def enter(tx: Tx, who: Who, command: EnterStory) -> Shared:
    """A member of staff writes down what somebody told them, and how they agreed."""
    person = await store.circles.get_person(tx, command.participant_id, who.site_ids)
    story = Shared(
        story_id=new_id(),
        organisation_id=who.organisation_id,
        participant_id=person.participant_id,
        program_id=person.program_id,
        site_id=person.site_id,
        language=command.language,
        text=command.text,
        uses=tuple(command.uses),
        shared_at=now(),
        entered_by="staff",
        note=command.note,
    )
    return await share(tx, story, who.name)


async def agree(tx: Tx, story: Shared, uses: Collection[StoryUse], by: str = OWNER) -> Shared:
    """What a story may be used for from now on: every page follows at once."""
    fresh, event = stories.agreed(story, uses, now())
    return await _save(tx, fresh, event, by) if event else fresh


async def withdraw(tx: Tx, story: Shared, by: str = OWNER) -> Shared:
    """The words go, here and now."""
    fresh, event = stories.withdrawn(story, now())
    return await _save(tx, fresh, event, by) if event else fresh


async def _save(tx: Tx, story: Shared, event: Event, by: str) -> Shared:
    moment = now()
    await store.stories.save(tx, story, moment, by)
    outbox.put(tx, event, organisation=story.organisation_id, at=moment)
    return story


def story_id_of(occasion_id: UUID, key: UUID) -> UUID:
    """The id of a story that is shared at a link: a form that is sent twice is one story."""
    return derived_id(occasion_id, "story", str(key))
