"""Milestones, and the kinds of them that there are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.feedback.domain.instruments import Words
from services.feedback.domain.milestones import AddKind, Kind, Kinds, Milestone
from shared.database import Tx, made_of
from shared.errors import NotFound

FILE = Path(__file__).parent.parent / "milestones.json"


@dataclass(frozen=True, slots=True)
class Seen:
    """A milestone with what staff call its owner, and where they take part."""

    milestone: Milestone
    short_code: str
    site: str | None


_COLUMNS = """m.milestone_id, m.organisation_id, m.participant_id, m.kind, m.reached_on, m.recorded_by,
              m.recorded_at, m.may_celebrate, m.withdrawn_at"""


@cache
def shipped() -> Kinds:
    """The kinds that ship."""
    found = TypeAdapter(list[Kind]).validate_json(FILE.read_bytes())
    return {one.code: one for one in found}


async def kinds(tx: Tx, organisation: UUID) -> Kinds:
    """Every kind: those that ship, and those of the organisation itself. A batch that is heard sees those of many."""
    rows = await tx.fetch(
        "select code, title, after_sessions from milestone_kinds where organisation_id = $1 order by code", organisation
    )
    own = [Kind(code=r["code"], title=Words(**r["title"]), after_sessions=r["after_sessions"]) for r in rows]
    return {one.code: one for one in own} | dict(shipped())


async def add_kind(tx: Tx, organisation: UUID, command: AddKind, now: datetime, by: str) -> None:
    """A kind of the organisation's own."""
    await tx.execute(
        "insert into milestone_kinds values ($1, $2, $3, $4, $5, $6)",
        organisation,
        command.code,
        command.title.model_dump(),
        command.after_sessions,
        now,
        by,
    )


async def save(tx: Tx, milestones: Sequence[Milestone]) -> None:
    """Milestones as they are now."""
    await tx.executemany(
        """insert into milestones values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (milestone_id) do update
           set may_celebrate = excluded.may_celebrate, withdrawn_at = excluded.withdrawn_at""",
        [
            (
                one.organisation_id,
                one.milestone_id,
                one.participant_id,
                one.kind,
                one.reached_on,
                one.recorded_by,
                one.recorded_at,
                one.may_celebrate,
                one.withdrawn_at,
            )
            for one in milestones
        ],
    )


async def remove(tx: Tx, milestone_ids: Collection[UUID]) -> list[Milestone]:
    """A rule takes these back, and may give them once more; gives those that stood until now."""
    rows = await tx.fetch(
        f"delete from milestones m where m.milestone_id = any ($1) and m.withdrawn_at is null returning {_COLUMNS}",
        milestone_ids,
    )
    return [made_of(Milestone, row) for row in rows]


async def standing(tx: Tx, milestone_ids: Collection[UUID]) -> dict[UUID, str]:
    """Which of these are there, standing or withdrawn."""
    rows = await tx.fetch(
        """select milestone_id, case when withdrawn_at is null then 'standing' else 'withdrawn' end as state
           from milestones where milestone_id = any ($1)""",
        list(milestone_ids),
    )
    return {row["milestone_id"]: row["state"] for row in rows}


async def find(tx: Tx, milestone_id: UUID) -> Milestone | None:
    """A milestone, locked, if it is there."""
    row = await tx.fetchrow(f"select {_COLUMNS} from milestones m where m.milestone_id = $1 for update", milestone_id)
    return made_of(Milestone, row) if row else None


async def get(tx: Tx, milestone_id: UUID, site_ids: Sequence[UUID] | None) -> Milestone:
    """A milestone of somebody at one of these sites, locked."""
    found = await find(tx, milestone_id)
    here = found and await tx.fetchval(
        "select true from enrolments where participant_id = $1 and ($2::uuid[] is null or site_id = any ($2)) limit 1",
        found.participant_id,
        site_ids,
    )
    if found is None or not here:
        raise NotFound("milestone")
    return found


async def get_own(tx: Tx, milestone_id: UUID, participant_id: UUID) -> Milestone:
    """A milestone of this person, locked."""
    found = await find(tx, milestone_id)
    if found is None or found.participant_id != participant_id:
        raise NotFound("milestone")
    return found


async def own(tx: Tx, participant_id: UUID) -> list[Milestone]:
    """What somebody has reached, the newest first."""
    rows = await tx.fetch(
        f"""select {_COLUMNS} from milestones m where m.participant_id = $1 and m.withdrawn_at is null
            order by m.reached_on desc, m.milestone_id""",
        participant_id,
    )
    return [made_of(Milestone, row) for row in rows]


async def listed(tx: Tx, site_ids: Sequence[UUID] | None, participant_id: UUID | None, most: int) -> list[Seen]:
    """What people at these sites have reached, the newest first."""
    rows = await tx.fetch(
        f"""select distinct on (m.reached_on, m.milestone_id) {_COLUMNS}, e.short_code, s.code as site
            from milestones m join enrolments e on e.participant_id = m.participant_id and e.short_code is not null
            left join sites s on s.site_id = e.site_id
            where m.withdrawn_at is null and ($1::uuid[] is null or e.site_id = any ($1))
              and ($2::uuid is null or m.participant_id = $2)
            order by m.reached_on desc, m.milestone_id limit $3""",
        site_ids,
        participant_id,
        most,
    )
    return [_seen(row) for row in rows]


def _seen(row: Any) -> Seen:
    return made_of(Seen, row, milestone=made_of(Milestone, row))
