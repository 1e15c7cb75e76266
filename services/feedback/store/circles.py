"""Who takes part where, in which group they have a place, and which sessions they came to: heard from the others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from shared.database import Tx, made_of
from shared.errors import NotFound
from shared.events import Heard
from shared.events.intake import ParticipantPlaced
from shared.events.scheduling import AttendanceCorrected, Attended, GroupFormed, SessionHeld
from shared.identity import is_stranger

CAME = ("present", "late")


@dataclass(frozen=True, slots=True)
class Person:
    """A participant as staff name them, and where they take part."""

    participant_id: UUID
    short_code: str
    program_id: UUID
    site_id: UUID
    site: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group that was heard of."""

    group_id: UUID
    code: str
    program_id: UUID
    site_id: UUID


async def save_group(tx: Tx, organisation: UUID, event: GroupFormed) -> None:
    """A group as it is now."""
    await tx.execute(
        """insert into groups values ($1, $2, $3, $4, $5)
           on conflict (group_id) do update set program_id = excluded.program_id, site_id = excluded.site_id""",
        organisation,
        event.group_id,
        event.code,
        event.program_id,
        event.site_id,
    )


async def groups(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Group]:
    """The groups of these sites."""
    rows = await tx.fetch(
        """select group_id, code, program_id, site_id from groups
           where $1::uuid[] is null or site_id = any ($1) order by code""",
        site_ids,
    )
    return [made_of(Group, row) for row in rows]


async def place(tx: Tx, heard: Sequence[Heard[ParticipantPlaced]]) -> None:
    """They have their places in these groups now."""
    await tx.executemany(
        """insert into placements values ($1, $2, $3, $4, null)
           on conflict (enrolment_id) do update set group_id = excluded.group_id, left_on = null""",
        [(one.organisation_id, one.event.enrolment_id, one.event.participant_id, one.event.group_id) for one in heard],
    )


async def leave(tx: Tx, enrolment_id: UUID, left_on: date) -> None:
    """They are in their group no longer: they wait for another, or have completed the program, or left it."""
    await tx.execute(
        "update placements set left_on = $2 where enrolment_id = $1 and left_on is null", enrolment_id, left_on
    )


async def get_person(tx: Tx, participant_id: UUID, site_ids: Sequence[UUID] | None) -> Person:
    """A participant at one of these sites, locked: nobody erases them meanwhile."""
    row = await tx.fetchrow(
        """select e.participant_id, e.short_code, e.program_id, e.site_id, s.code as site, s.time_zone
           from enrolments e join sites s on s.site_id = e.site_id
           where e.participant_id = $1 and e.short_code is not null and e.program_id is not null
             and ($2::uuid[] is null or e.site_id = any ($2))
           order by e.enrolment_id desc limit 1 for update of e""",
        participant_id,
        site_ids,
    )
    if row is None:
        raise NotFound("participant")
    return made_of(Person, row)


async def find_person_id(tx: Tx, short_code: str, site_ids: Sequence[UUID] | None) -> UUID | None:
    """Whom staff call so at these sites."""
    found: UUID | None = await tx.fetchval(
        """select participant_id from enrolments
           where short_code = upper($1) and ($2::uuid[] is null or site_id = any ($2)) limit 1""",
        short_code,
        site_ids,
    )
    return found


async def save_held(tx: Tx, organisation: UUID, event: SessionHeld) -> set[UUID]:
    """Who came to a session; gives everybody whom it concerns."""
    await tx.execute(
        """insert into held_sessions values ($1, $2, $3, $4)
           on conflict (session_id) do update set starts_at = excluded.starts_at""",
        organisation,
        event.session_id,
        event.program_id,
        event.starts_at,
    )
    return await _save_attendance(tx, organisation, event.session_id, event.attendance)


async def correct_held(tx: Tx, organisation: UUID, event: AttendanceCorrected) -> set[UUID]:
    """Who came after all; gives everybody whom it concerns. Of a session that nobody knows nothing is kept."""
    if not await tx.fetchval("select true from held_sessions where session_id = $1", event.session_id):
        return set()
    return await _save_attendance(tx, organisation, event.session_id, event.attendance)


async def _save_attendance(tx: Tx, organisation: UUID, session_id: UUID, attendance: Collection[Attended]) -> set[UUID]:
    before = await tx.fetch("delete from attended where session_id = $1 returning participant_id", session_id)
    came = [one.participant_id for one in attendance if one.status in CAME and not is_stranger(one.participant_id)]
    await tx.execute(
        "insert into attended select $1, $2, one from unnest($3::uuid[]) as one on conflict do nothing",
        organisation,
        session_id,
        came,
    )
    return {row["participant_id"] for row in before} | set(came)


async def came_to(tx: Tx, session_ids: Collection[UUID]) -> set[UUID]:
    """Who came to these sessions, as far as that was heard."""
    rows = await tx.fetch("select participant_id from attended where session_id = any ($1)", session_ids)
    return {row["participant_id"] for row in rows}


async def program_of(tx: Tx, session_id: UUID) -> UUID | None:
    """The program of a held session."""
    found: UUID | None = await tx.fetchval("select program_id from held_sessions where session_id = $1", session_id)
    return found


async def sessions_of(tx: Tx, people: Collection[UUID], program_id: UUID) -> Mapping[UUID, list[date]]:
    """On which days, by the clock of their site, these people came to sessions of a program, the first first."""
    rows = await tx.fetch(
        """select a.participant_id,
                  array_agg((h.starts_at at time zone coalesce(s.time_zone, 'UTC'))::date order by h.starts_at) as came
           from attended a join held_sessions h using (session_id)
           left join enrolments e on e.participant_id = a.participant_id and e.program_id = h.program_id
           left join sites s on s.site_id = e.site_id
           where a.participant_id = any ($1) and h.program_id = $2 group by a.participant_id""",
        list(people),
        program_id,
    )
    return {row["participant_id"]: row["came"] for row in rows}


async def members(tx: Tx, group: str, site_ids: Sequence[UUID] | None) -> list[tuple[UUID, str]]:
    """Who has a place in a group at one of these sites: their ids and short codes."""
    rows = await tx.fetch(
        """select e.participant_id, e.short_code from groups g join placements l using (group_id)
           join enrolments e on e.enrolment_id = l.enrolment_id
           where g.code = $1 and e.short_code is not null and l.left_on is null
             and ($2::uuid[] is null or g.site_id = any ($2)) order by e.short_code limit 200""",
        group,
        site_ids,
    )
    return [(row["participant_id"], row["short_code"]) for row in rows]
