"""Groups, and the places in them."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from services.intake.domain.places import Group, Place
from shared.database import Record, Tx, made_of


async def lock_groups(tx: Tx, group_ids: Iterable[UUID]) -> dict[UUID, Group]:
    """These groups with their places, locked in the order of their ids, so that two cannot wait for each other."""
    wanted = sorted(set(group_ids))
    if not wanted:
        return {}
    rows = await tx.fetch("select * from groups where group_id = any($1) order by group_id for update", wanted)
    # Only now, behind the locks, can the places be counted.
    taken = await tx.fetch(
        "select group_id, count(*) as n from places where group_id = any($1) and state = 'placed' group by group_id",
        wanted,
    )
    waiting = await tx.fetch(
        "select * from places where group_id = any($1) and state = 'waiting' order by asked", wanted
    )
    count = {row["group_id"]: row["n"] for row in taken}
    return {
        row["group_id"]: made_of(
            Group,
            row,
            taken=count.get(row["group_id"], 0),
            line=tuple(place_of(one) for one in waiting if one["group_id"] == row["group_id"]),
        )
        for row in rows
    }


async def find_group(tx: Tx, group_id: UUID) -> Group | None:
    """The group with its places, locked."""
    return (await lock_groups(tx, [group_id])).get(group_id)


async def save_group(tx: Tx, group: Group) -> None:
    """Insert or update; places are not touched."""
    await tx.execute(
        """insert into groups (group_id, organisation_id, code, program_id, site_id, capacity)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (group_id) do update set capacity = excluded.capacity, program_id = excluded.program_id,
               site_id = excluded.site_id""",
        group.group_id,
        group.organisation_id,
        group.code,
        group.program_id,
        group.site_id,
        group.capacity,
    )


async def groups(tx: Tx, site_ids: Sequence[UUID] | None, code: str | None = None) -> list[Record]:
    """Groups with what is taken and who waits since when, for readers: nothing is locked."""
    return await tx.fetch(
        """select g.group_id, g.code, g.capacity, g.program_id, g.site_id, p.code as program, p.name as program_name,
                  s.code as site, s.name as site_name,
                  count(*) filter (where l.state = 'placed') as taken,
                  count(*) filter (where l.state = 'waiting') as waiting,
                  min(l.asked_on) filter (where l.state = 'waiting') as waiting_since
           from groups g
           join programs p using (program_id)
           join sites s on s.site_id = g.site_id
           left join places l using (group_id)
           where ($1::uuid[] is null or g.site_id = any($1)) and ($2::text is null or g.code = $2)
           group by g.group_id, p.program_id, s.site_id
           order by g.code""",
        site_ids,
        code,
    )


async def save_places(tx: Tx, places: Iterable[Place]) -> None:
    """Write places down. One that has no number yet goes to the end of the line."""
    for one in places:
        if one.asked is not None:
            await tx.execute(
                "update places set state = $2, placed_on = $3 where enrolment_id = $1",
                one.enrolment_id,
                one.state,
                one.placed_on,
            )
            continue
        await tx.execute("delete from places where enrolment_id = $1", one.enrolment_id)
        await tx.execute(
            """insert into places (enrolment_id, organisation_id, participant_id, group_id, state, asked_on, placed_on)
               values ($1, $2, $3, $4, $5, $6, $7)""",
            one.enrolment_id,
            one.organisation_id,
            one.participant_id,
            one.group_id,
            one.state,
            one.asked_on,
            one.placed_on,
        )


def place_of(row: Any) -> Place:
    """A place out of a row of its table."""
    return made_of(Place, row)
