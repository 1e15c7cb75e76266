"""Stories: free text under its own consent, use by use. Nothing is agreed to by silence, and all can be taken back."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import BeforeValidator, Field

from shared.errors import Refusal
from shared.events.feedback import StoryConsentChanged, StoryShared, StoryUse, StoryWithdrawn
from shared.fields import Command, Text

USES: tuple[StoryUse, ...] = get_args(StoryUse)
EnteredBy = Literal["participant", "staff"]
SEEN_BY: dict[StoryUse, frozenset[str]] = {
    "within-program": frozenset({"facilitator", "coordinator", "program-manager", "administrator"}),
    "report-to-funders": frozenset({"coordinator", "program-manager", "administrator"}),
    "public-page": frozenset({"coordinator", "program-manager", "administrator"}),
}
"""Who sees what was agreed to be used so."""
Story = Annotated[Text, Field(min_length=1)]
Uses = Annotated[list[StoryUse], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class ShareStory(Command):
    """A story, and what it may be used for; by default for nothing."""

    text: Story
    uses: Annotated[Uses, Field(max_length=10)] = Field(default_factory=list)


class EnterStory(ShareStory):
    """A story that somebody told a member of staff; the note says how they agreed."""

    participant_id: UUID
    language: Annotated[str, Field(pattern="^(en|es)$")] = "en"
    note: Annotated[Text, Field(min_length=1)] = Field(description="when and how they agreed to these uses")


class Agree(Command):
    """What a story may be used for from now on: the whole list."""

    uses: Annotated[Uses, Field(max_length=10)] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shared:
    """A story as it stands. One that was taken back has no words."""

    story_id: UUID
    organisation_id: UUID
    participant_id: UUID
    program_id: UUID
    site_id: UUID
    language: str
    text: str | None
    uses: tuple[StoryUse, ...]
    shared_at: datetime
    entered_by: EnteredBy
    note: str | None = None
    withdrawn_at: datetime | None = None


def shared(story: Shared) -> tuple[Shared, StoryShared]:
    """A new story."""
    fresh = replace(story, uses=_in_order(story.uses))
    event = StoryShared(
        story_id=fresh.story_id,
        participant_id=fresh.participant_id,
        program_id=fresh.program_id,
        site_id=fresh.site_id,
        uses=list(fresh.uses),
        shared_at=fresh.shared_at,
        entered_by=fresh.entered_by,
    )
    return fresh, event


def agreed(story: Shared, uses: Collection[StoryUse], now: datetime) -> tuple[Shared, StoryConsentChanged | None]:
    """The story with what it may be used for now; the same again is no news."""
    if story.withdrawn_at:
        raise Refusal("story-withdrawn", "This story was taken back: its words are not here any more.")
    fresh = replace(story, uses=_in_order(uses))
    if fresh.uses == story.uses:
        return story, None
    event = StoryConsentChanged(
        story_id=story.story_id, participant_id=story.participant_id, uses=list(fresh.uses), changed_at=now
    )
    return fresh, event


def withdrawn(story: Shared, now: datetime) -> tuple[Shared, StoryWithdrawn | None]:
    """The story without its words; taken back twice is taken back once."""
    if story.withdrawn_at:
        return story, None
    fresh = replace(story, text=None, uses=(), note=None, withdrawn_at=now)
    return fresh, StoryWithdrawn(story_id=story.story_id, participant_id=story.participant_id, withdrawn_at=now)


def _in_order(uses: Collection[StoryUse]) -> tuple[StoryUse, ...]:
    return tuple(one for one in USES if one in uses)
