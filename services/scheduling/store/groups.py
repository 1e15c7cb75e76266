"""Groups and who is in them."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from services.scheduling.domain.calendar import RENEWED_AFTER
from services.scheduling.domain.groups import Change, Ground, Site
from services.scheduling.domain.shapes import Group, Session
from services.scheduling.store.heard import find_facilitator, find_program, find_site
from services.scheduling.store.sessions import save_sessions, sessions_of
from shared.database import Record, Tx, made_of
from shared.errors import NotFound
from shared.events.ids import group_id_of
from shared.timers import Timer, set_timer

PLAN_SESSIONS = "plan-sessions"


async def alone_with(tx: Tx, group_id: UUID) -> None:
    """Wait until nobody else changes this group, also one that does not exist yet."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", str(group_id))


async def find_group(tx: Tx, group_id: UUID) -> Group | None:
    """A group, if there is one."""
    row = await tx.fetchrow("select * from groups where group_id = $1", group_id)
    return _group(row) if row else None


async def get_group(tx: Tx, organisation_id: UUID, code: str) -> Group:
    """A group by its code; nobody else can change it meanwhile."""
    group_id = group_id_of(organisation_id, code)
    await alone_with(tx, group_id)
    group = await find_group(tx, group_id)
    if group is None:
        raise NotFound("group")
    return group


async def groups(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Group]:
    """The groups of these sites; None is all of them."""
    rows = await tx.fetch("select * from groups where $1::uuid[] is null or site_id = any ($1) order by code", site_ids)
    return [_group(row) for row in rows]


async def groups_at(tx: Tx, site_id: UUID) -> list[UUID]:
    """The ids of the groups of a site, in a fixed order."""
    rows = await tx.fetch("select group_id from groups where site_id = $1 order by group_id", site_id)
    return [row["group_id"] for row in rows]


async def save_change(tx: Tx, change: Change, now: datetime) -> None:
    """A group and its sessions as they are now; in a week its calendar is renewed."""
    if change.group:
        await _save_group(tx, change.group)
        await save_sessions(tx, change.sessions)
        group = change.group
        await set_timer(tx, Timer(PLAN_SESSIONS, str(group.group_id), group.organisation_id, now + RENEWED_AFTER, {}))


async def _save_group(tx: Tx, group: Group) -> None:
    values = {name: getattr(group, name) for name in Group.__dataclass_fields__}
    names = ", ".join(values)
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    update = ", ".join(f"{name} = excluded.{name}" for name in values)
    await tx.execute(
        f"insert into groups ({names}) values ({places}) on conflict (group_id) do update set {update}",
        *values.values(),
    )


async def members_of(tx: Tx, group_id: UUID, on: date) -> list[Record]:
    """Who has a place in a group on a day."""
    return await tx.fetch(
        """select p.participant_id, p.enrolment_id, p.placed_on, p.until, e.short_code
           from placements p join enrolments e using (enrolment_id)
           where p.group_id = $1 and p.placed_on <= $2 and (p.until is null or p.until >= $2)
           order by e.short_code""",
        group_id,
        on,
    )


async def places_taken(tx: Tx, group_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many places of each group are taken. Whoever completes today gave theirs up, though they may come tonight."""
    rows = await tx.fetch(
        """select group_id, count(*) as taken from placements
           where group_id = any ($1) and until is null group by group_id""",
        group_ids,
    )
    return {row["group_id"]: row["taken"] for row in rows}


def _group(row: Record) -> Group:
    return made_of(Group, row)


async def ground(tx: Tx, organisation_id: UUID, site_id: UUID, program_id: UUID, facilitator_id: UUID | None) -> Ground:
    """What forming a group stands on, as far as it has been heard of."""
    return Ground(
        organisation_id,
        await find_site(tx, site_id),
        await find_program(tx, program_id),
        await find_facilitator(tx, facilitator_id),
    )


async def coming(tx: Tx, group_id: UUID, site: Site | None, now: datetime) -> dict[date, Session]:
    """The sessions of a group from today on, locked, by their day."""
    return await sessions_of(tx, group_id, now.astimezone(site.zone).date()) if site else {}
