"""How a group goes: who came to its sessions, how many answered, what was changed. Counts, and nobody by name."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.scheduling.domain.shapes import Group
from shared.database import Tx, made_of


@dataclass(frozen=True, slots=True)
class Came:
    """One session that was held: how many were what."""

    session_id: UUID
    local_date: date
    present: int
    late: int
    excused: int
    absent: int

    @property
    def came(self) -> int:
        """On time, or late."""
        return self.present + self.late

    @property
    def of(self) -> int:
        """Everybody who was spoken of."""
        return self.came + self.excused + self.absent


@dataclass(frozen=True, slots=True)
class Answering:
    """Check-ins of one kind: of how many people they were wanted, how many were, and how many were answered."""

    kind: str
    people: int
    asked: int
    answered: int


@dataclass(frozen=True, slots=True)
class Change:
    """What was made because people said it."""

    change_id: UUID
    theme: str
    made_at: datetime


async def came(tx: Tx, group_id: UUID, at_most: int) -> list[Came]:
    """The latest sessions with their attendance, the latest first."""
    rows = await tx.fetch(
        """select s.session_id, s.local_date,
                  count(*) filter (where a.status = 'present') as present,
                  count(*) filter (where a.status = 'late') as late,
                  count(*) filter (where a.status = 'excused') as excused,
                  count(*) filter (where a.status = 'absent') as absent
           from sessions s join attendance a using (session_id)
           where s.group_id = $1 and s.state = 'held'
           group by s.session_id, s.local_date order by s.local_date desc limit $2""",
        group_id,
        at_most,
    )
    return [made_of(Came, row) for row in rows]


async def answering(tx: Tx, group_id: UUID) -> list[Answering]:
    """What fell due for people while they were in the group, by the days of the site.

    Not what was imported: nobody was asked.
    """
    rows = await tx.fetch(
        """select o.kind, count(distinct o.participant_id) as people, count(*) as asked,
                  count(*) filter (where o.state = 'answered') as answered
           from occasions o join sites s on s.site_id = o.site_id
               cross join lateral (select (o.due_at at time zone s.time_zone)::date as due_on) d
           where o.state in ('due', 'answered', 'expired') and not o.is_history and exists (
               select from placements p where p.enrolment_id = o.enrolment_id and p.group_id = $1
                   and p.placed_on <= d.due_on and (p.until is null or p.until >= d.due_on))
           group by o.kind order by min(o.ordinal), o.kind""",
        group_id,
    )
    return [made_of(Answering, row) for row in rows]


async def changes(tx: Tx, group: Group, at_most: int) -> list[Change]:
    """What was changed and holds for this group, the latest first."""
    rows = await tx.fetch(
        """select change_id, theme, made_at from changes_made
           where (group_id is null or group_id = $1) and (site_id is null or site_id = $2)
             and (program_id is null or program_id = $3)
           order by made_at desc, change_id limit $4""",
        group.group_id,
        group.site_id,
        group.program_id,
        at_most,
    )
    return [made_of(Change, row) for row in rows]
