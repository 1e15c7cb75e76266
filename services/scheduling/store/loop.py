"""What a group is told and celebrates in its next session: heard from feedback, as ids and codes alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.scheduling.domain.shapes import Session
from shared.database import Tx, made_of
from shared.events.feedback import ChangeMade, MilestoneReached


@dataclass(frozen=True, slots=True)
class ChangeToTell:
    """A change that the group is told of; feedback has its words."""

    change_id: UUID
    theme: str


@dataclass(frozen=True, slots=True)
class Celebration:
    """A milestone that its owner agreed to celebrate with the group."""

    milestone_id: UUID
    participant_id: UUID
    short_code: str
    kind: str


async def add_change(tx: Tx, organisation: UUID, event: ChangeMade, at: datetime) -> None:
    """Groups where it holds are told in their next session."""
    await tx.execute(
        "insert into changes_made values ($1, $2, $3, $4, $5, $6, $7) on conflict (change_id) do nothing",
        organisation,
        event.change_id,
        event.theme,
        event.program_id,
        event.site_id,
        event.group_id,
        at,
    )


async def add_celebration(tx: Tx, organisation: UUID, event: MilestoneReached, at: datetime) -> None:
    """A milestone, celebrated from now on if its owner agrees."""
    await tx.execute(
        """insert into celebrations values ($1, $2, $3, $4, $5)
           on conflict (milestone_id) do update set since = excluded.since""",
        organisation,
        event.milestone_id,
        event.participant_id,
        event.kind,
        at if event.may_celebrate else None,
    )


async def agree_celebration(tx: Tx, milestone_id: UUID, since: datetime | None) -> None:
    """It may be celebrated from now on, or not any more.

    Whose it is stays known, also when it was taken back: they may be erased.
    """
    await tx.execute("update celebrations set since = $2 where milestone_id = $1", milestone_id, since)


_FIRST_SINCE = """
    not exists (select from sessions n where n.group_id = $1 and n.state <> 'cancelled'
                  and n.starts_at > {since} and n.starts_at < $2)"""


async def to_tell(tx: Tx, session: Session) -> Sequence[ChangeToTell]:
    """The changes of which the group hears in this session: it is the next one after they were made."""
    rows = await tx.fetch(
        f"""select c.change_id, c.theme from changes_made c
            where c.made_at < $2 and (c.group_id is null or c.group_id = $1)
              and (c.site_id is null or c.site_id = $3) and (c.program_id is null or c.program_id = $4)
              and {_FIRST_SINCE.format(since="c.made_at")}
            order by c.made_at, c.change_id""",
        session.group_id,
        session.starts_at,
        session.site_id,
        session.program_id,
    )
    return [made_of(ChangeToTell, row) for row in rows]


async def to_celebrate(tx: Tx, session: Session) -> Sequence[Celebration]:
    """What members of the group have reached and agree to celebrate: in the next session after they agreed."""
    rows = await tx.fetch(
        f"""select distinct on (m.since, m.milestone_id) m.milestone_id, m.participant_id, e.short_code, m.kind
            from celebrations m
            join placements l on l.participant_id = m.participant_id and l.group_id = $1 and l.placed_on <= $3
                and (l.until is null or l.until >= $3)
            join enrolments e on e.enrolment_id = l.enrolment_id
            where m.since < $2 and {_FIRST_SINCE.format(since="m.since")}
            order by m.since, m.milestone_id""",
        session.group_id,
        session.starts_at,
        session.local_date,
    )
    return [made_of(Celebration, row) for row in rows]
