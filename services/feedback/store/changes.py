"""Decisions and changes, who asked for them, who has been told, and the pulse beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from services.feedback.domain.changes import Change, Scope
from services.feedback.domain.pulse import INSTRUMENT, WINDOW
from services.feedback.domain.themes import INSTRUMENT as TEXTS
from services.feedback.domain.told import Told
from shared.database import Tx, made_of
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Seen:
    """A change with the names of where it holds, and the title of its theme."""

    change: Change
    title: Told
    site: str | None
    program: str | None
    group: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """How many have asked for a change, and how many of them have said that they read what became of it."""

    asked: int
    told: int


_CHANGES = """
    select c.change_id, c.organisation_id, c.theme, c.program_id, c.site_id, c.group_id, c.decision, c.why,
           c.decided_at, c.decided_by, c.what, c.since, c.made_at, c.made_by,
           t.title, s.code as site, p.code as program, g.code as group_code
    from changes c join themes t on t.organisation_id = c.organisation_id and t.code = c.theme
    left join sites s on s.site_id = c.site_id left join programs p on p.program_id = c.program_id
    left join groups g on g.group_id = c.group_id"""
_HOLDS = """
    (c.site_id is null or c.site_id = o.site_id) and (c.program_id is null or c.program_id = o.program_id)
    and (c.group_id is null or exists (select from placements l where l.enrolment_id = o.enrolment_id
                                                                  and l.group_id = c.group_id))"""
_ASKED = f"""
    exists (select from codings f join occasions o using (occasion_id) join check_ins k using (occasion_id)
            where f.place = 1 and f.instrument = '{TEXTS}' and c.theme = any (f.themes) and {_HOLDS}
              and k.answered_at <= coalesce(c.made_at, c.decided_at)"""


async def save(tx: Tx, change: Change) -> None:
    """A decision, and what has become of it."""
    await tx.execute(
        """insert into changes values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
           on conflict (change_id) do update set what = excluded.what, since = excluded.since,
               made_at = excluded.made_at, made_by = excluded.made_by""",
        change.organisation_id,
        change.change_id,
        change.theme,
        change.scope.program_id,
        change.scope.site_id,
        change.scope.group_id,
        change.decision,
        change.why.model_dump(),
        change.decided_at,
        change.decided_by,
        change.what.model_dump() if change.what else None,
        change.since,
        change.made_at,
        change.made_by,
    )


_AT_SITES = """
    ($1::uuid[] is null or (c.site_id is null and c.group_id is null)
     or c.site_id = any ($1) or g.site_id = any ($1))"""


async def get(tx: Tx, change_id: UUID, site_ids: Sequence[UUID] | None) -> Seen:
    """A change that holds at one of these sites, locked."""
    await tx.fetchrow("select from changes where change_id = $1 for update", change_id)
    row = await tx.fetchrow(f"{_CHANGES} where c.change_id = $2 and {_AT_SITES}", site_ids, change_id)
    if row is None:
        raise NotFound("change")
    return _seen(row)


async def listed(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Seen]:
    """Everything that was decided and holds at one of these sites, the newest first."""
    rows = await tx.fetch(f"{_CHANGES} where {_AT_SITES} order by c.decided_at desc, c.change_id", site_ids)
    return [_seen(row) for row in rows]


async def told_to(tx: Tx, participant_id: UUID) -> list[Seen]:
    """What has become of what somebody asked for; a decision that was made anew is told as it is now."""
    rows = await tx.fetch(
        f"""{_CHANGES} where {_ASKED} and o.participant_id = $1)
              and (c.made_at is not null or not exists (
                   select from changes n where n.theme = c.theme and n.decided_at > c.decided_at
                     and n.site_id is not distinct from c.site_id
                     and n.program_id is not distinct from c.program_id
                     and n.group_id is not distinct from c.group_id))
            order by coalesce(c.made_at, c.decided_at) desc, c.change_id limit 50""",
        participant_id,
    )
    return [_seen(row) for row in rows]


async def add_telling(tx: Tx, participant_id: UUID, told: Sequence[Change], now: datetime) -> None:
    """They have said that they read it."""
    await tx.executemany(
        """insert into tellings values ($1, $2, $3, $4)
           on conflict (change_id, participant_id) do update set told_at = excluded.told_at""",
        [(one.organisation_id, one.change_id, participant_id, now) for one in told],
    )


async def unread(tx: Tx, participant_id: UUID, told: Sequence[Change]) -> set[UUID]:
    """Which of these somebody has not said to have read, as they are now."""
    rows = await tx.fetch("select change_id, told_at from tellings where participant_id = $1", participant_id)
    read = {row["change_id"]: row["told_at"] for row in rows}
    return {
        one.change_id
        for one in told
        if one.change_id not in read or read[one.change_id] < (one.made_at or one.decided_at)
    }


async def asked(tx: Tx, site_ids: Sequence[UUID] | None) -> dict[UUID, Asked]:
    """For each change, how many people of these sites, who agreed to be counted, asked for it and have been told."""
    rows = await tx.fetch(
        f"""select c.change_id, count(distinct o.participant_id) as asked,
                   count(distinct o.participant_id)
                       filter (where t.told_at >= coalesce(c.made_at, c.decided_at)) as told
            from changes c join codings f on f.place = 1 and f.instrument = '{TEXTS}' and c.theme = any (f.themes)
            join occasions o using (occasion_id) join check_ins k using (occasion_id)
            join enrolments e on e.enrolment_id = o.enrolment_id and e.reporting
            left join tellings t on t.change_id = c.change_id and t.participant_id = o.participant_id
            where {_HOLDS} and k.answered_at <= coalesce(c.made_at, c.decided_at)
              and ($1::uuid[] is null or o.site_id = any ($1)) group by c.change_id""",
        site_ids,
    )
    return {row["change_id"]: made_of(Asked, row) for row in rows}


async def pulses(
    tx: Tx, change: Change, version: int, site_ids: Sequence[UUID] | None
) -> tuple[dict[str, list[Fraction]], dict[str, list[Fraction]]]:
    """What people who agreed to be counted answered before and since a change, where it holds, by person.

    Those of these sites; None is all of them. On which day that was says the clock of their site.
    """
    assert change.since
    rows = await tx.fetch(
        f"""select o.participant_id, d.answered_on >= $2 as is_after, v.count, v.unit
            from changes c, scores v join check_ins k using (occasion_id) join occasions o using (occasion_id)
            join enrolments e on e.enrolment_id = o.enrolment_id and e.reporting
            left join sites s on s.site_id = o.site_id
            cross join lateral (
                select (k.answered_at at time zone coalesce(s.time_zone, 'UTC'))::date as answered_on) d
            where c.change_id = $1 and v.instrument = $5 and v.version = $6 and v.scale = 'total'
              and d.answered_on >= $3 and d.answered_on < $4 and {_HOLDS}
              and ($7::uuid[] is null or o.site_id = any ($7))""",
        change.change_id,
        change.since,
        change.since - WINDOW,
        change.since + WINDOW,
        INSTRUMENT,
        version,
        site_ids,
    )
    found: tuple[dict[str, list[Fraction]], dict[str, list[Fraction]]] = ({}, {})
    for row in rows:
        person = str(row["participant_id"])
        found[row["is_after"]].setdefault(person, []).append(Fraction(row["count"], row["unit"]))
    return found


async def is_at(tx: Tx, program_id: UUID, site_id: UUID) -> bool:
    """Whether a program is at a site."""
    sql = "select true from programs where program_id = $1 and $2 = any (site_ids)"
    return await tx.fetchval(sql, program_id, site_id) is not None


async def languages(tx: Tx, scope: Scope) -> set[str]:
    """The languages of the sites where something holds."""
    rows = await tx.fetch(
        """select distinct unnest(s.languages) as language from sites s
           where ($1::uuid is null or s.site_id = $1)
             and ($2::uuid is null or exists (select from programs p where p.program_id = $2
                                                and s.site_id = any (p.site_ids)))
             and ($3::uuid is null or exists (select from groups g where g.group_id = $3 and g.site_id = s.site_id))""",
        scope.site_id,
        scope.program_id,
        scope.group_id,
    )
    return {row["language"] for row in rows}


async def today_at(tx: Tx, scope: Scope, now: datetime) -> date:
    """The day that it is where something holds; the latest of them if that is at many sites."""
    found: date | None = await tx.fetchval(
        "select max(($2 at time zone time_zone)::date) from sites where $1::uuid is null or site_id = $1",
        scope.site_id,
        now,
    )
    return found or now.date()


def _seen(row: Any) -> Seen:
    change = made_of(
        Change,
        row,
        scope=made_of(Scope, row),
        why=Told.model_validate(row["why"]),
        what=Told.model_validate(row["what"]) if row["what"] else None,
    )
    return Seen(change, Told.model_validate(row["title"]), row["site"], row["program"], row["group_code"])
