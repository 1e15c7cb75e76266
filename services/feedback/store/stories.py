"""Stories, and what each may be used for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.feedback.domain.stories import Shared
from shared.database import Tx, made_of
from shared.errors import NotFound
from shared.events.feedback import StoryUse


@dataclass(frozen=True, slots=True)
class Seen:
    """A story with the names of where it was shared."""

    story: Shared
    short_code: str | None
    site: str | None
    time_zone: str
    program: str | None


_COLUMNS = """t.story_id, t.organisation_id, t.participant_id, t.program_id, t.site_id, t.language, t.text, t.uses,
              t.shared_at, t.entered_by, t.note, t.withdrawn_at"""
_STORIES = f"""
    select {_COLUMNS}, s.code as site, coalesce(s.time_zone, 'UTC') as time_zone, p.code as program,
           (select e.short_code from enrolments e where e.participant_id = t.participant_id
              and e.short_code is not null limit 1) as short_code
    from stories t left join sites s on s.site_id = t.site_id left join programs p on p.program_id = t.program_id
    where ($1::uuid[] is null or t.site_id = any ($1))"""


async def save(tx: Tx, story: Shared, at: datetime, by: str) -> None:
    """A story as it is now, and through whom it was agreed to."""
    await tx.execute(
        """insert into stories values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           on conflict (story_id) do update
           set text = excluded.text, uses = excluded.uses, note = excluded.note,
               withdrawn_at = excluded.withdrawn_at""",
        story.organisation_id,
        story.story_id,
        story.participant_id,
        story.program_id,
        story.site_id,
        story.language,
        story.text,
        list(story.uses),
        story.shared_at,
        story.entered_by,
        story.note,
        story.withdrawn_at,
    )
    await tx.execute(
        "insert into story_consents values ($1, $2, $3, $4, $5)",
        story.organisation_id,
        story.story_id,
        at,
        list(story.uses),
        by,
    )


async def find(tx: Tx, story_id: UUID) -> Shared | None:
    """A story, locked, if it is there."""
    row = await tx.fetchrow(f"select {_COLUMNS} from stories t where t.story_id = $1 for update", story_id)
    return _story(row) if row else None


async def get(tx: Tx, story_id: UUID, site_ids: Sequence[UUID] | None) -> Shared:
    """A story of one of these sites, locked."""
    found = await find(tx, story_id)
    if found is None or (site_ids is not None and found.site_id not in site_ids):
        raise NotFound("story")
    return found


async def get_own(tx: Tx, story_id: UUID, participant_id: UUID) -> Shared:
    """A story of this person, locked."""
    found = await find(tx, story_id)
    if found is None or found.participant_id != participant_id:
        raise NotFound("story")
    return found


async def for_use(tx: Tx, site_ids: Sequence[UUID] | None, use: StoryUse) -> list[Seen]:
    """The stories of these sites that may be used so, the newest first. All others are not there."""
    rows = await tx.fetch(
        f"{_STORIES} and $2 = any (t.uses) and t.withdrawn_at is null order by t.shared_at desc, t.story_id limit 500",
        site_ids,
        use,
    )
    return [_seen(row) for row in rows]


async def kept(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Seen]:
    """Every story of these sites that was not taken back, for whoever notes what its owner agrees to."""
    rows = await tx.fetch(
        f"{_STORIES} and t.withdrawn_at is null order by t.shared_at desc, t.story_id limit 500", site_ids
    )
    return [_seen(row) for row in rows]


async def own(tx: Tx, participant_id: UUID) -> list[Shared]:
    """The stories that somebody has shared and not taken back, the newest first."""
    rows = await tx.fetch(
        f"""select {_COLUMNS} from stories t where t.participant_id = $1 and t.withdrawn_at is null
            order by t.shared_at desc, t.story_id""",
        participant_id,
    )
    return [_story(row) for row in rows]


def _seen(row: Any) -> Seen:
    return made_of(Seen, row, story=_story(row))


def _story(row: Any) -> Shared:
    return made_of(Shared, row, uses=tuple(row["uses"]))
