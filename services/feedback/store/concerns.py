"""Concerns, each step that was taken, and who has read of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.feedback.domain.concerns import SLOWEST, Concern
from shared.database import Tx, made_of, see_only
from shared.errors import NotFound
from shared.identity import new_id
from shared.timers import Timer, cancel_timer, set_timer

CLOCK_TIMER = "concern-clock"
StepKind = Literal["raised", "said-more", "escalated", "acknowledged", "acted-on", "closed"]
_COLUMNS = """concern_id, organisation_id, site_id, participant_id, source, raised_at, raised_by, state, level, owner,
              due_at, acknowledged_by, acted_by, closed_by, earlier_id, debrief"""


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to a concern: when, by whom, and what they wrote."""

    at: datetime
    kind: StepKind
    name: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """Who has read the text of a concern, and when."""

    at: datetime
    name: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A concern as a list shows it, without a word of what was said."""

    concern: Concern
    site: str
    time_zone: str
    short_code: str | None
    earlier: int  # concerns about the same person before this one, of those that the reader answers for
    before_id: UUID | None  # the last one of these


async def save_concern(tx: Tx, concern: Concern) -> None:
    """The concern as it is now, with its clock: both or neither."""
    values = [getattr(concern, name) for name in Concern.__dataclass_fields__]
    marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await tx.execute(
        f"""insert into concerns ({", ".join(Concern.__dataclass_fields__)}) values ({marks})
            on conflict (concern_id) do update
            set state = excluded.state, level = excluded.level, owner = excluded.owner, due_at = excluded.due_at,
                acknowledged_by = excluded.acknowledged_by, acted_by = excluded.acted_by,
                closed_by = excluded.closed_by, debrief = excluded.debrief""",
        *values,
    )
    key = str(concern.concern_id)
    if concern.due_at is None:
        await cancel_timer(tx, CLOCK_TIMER, key)
    else:
        await set_timer(tx, Timer(CLOCK_TIMER, key, concern.organisation_id, concern.due_at, {"concern_id": key}))


async def get_concern(tx: Tx, concern_id: UUID, site_ids: Sequence[UUID] | None) -> Concern:
    """A concern of one of these sites, locked."""
    row = await tx.fetchrow(
        f"""select {_COLUMNS} from concerns
            where concern_id = $1 and ($2::uuid[] is null or site_id = any ($2)) for update""",
        concern_id,
        site_ids,
    )
    if row is None:
        raise NotFound("concern")
    return made_of(Concern, row)


async def find_concern(tx: Tx, concern_id: UUID, *, waits: bool = True) -> Concern | None:
    """A concern, locked, if it is there. A timer does not wait for a door that has it: it comes again."""
    lock = "for update" if waits else "for update nowait"
    row = await tx.fetchrow(f"select {_COLUMNS} from concerns where concern_id = $1 {lock}", concern_id)
    return made_of(Concern, row) if row else None


async def lock_concern_id(tx: Tx, concern_id: UUID) -> None:
    """One at a time raises a concern under this id: whoever sends it a second time finds the first one."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1::text, 6))", str(concern_id))


async def said_at(tx: Tx, concern_id: UUID) -> datetime | None:
    """When whoever raised a concern has last said something of it; None where there is no such concern."""
    found: datetime | None = await tx.fetchval(
        "select max(at) from concern_steps where concern_id = $1 and kind in ('raised', 'said-more')", concern_id
    )
    return found


async def find_short_code(tx: Tx, participant_id: UUID, site_ids: Sequence[UUID] | None) -> str | None:
    """What staff call the person with this id, if there is one at these sites."""
    found: str | None = await tx.fetchval(
        """select short_code from enrolments where participant_id = $1 and short_code is not null
           and ($2::uuid[] is null or site_id = any ($2)) limit 1""",
        participant_id,
        site_ids,
    )
    return found


async def is_participant(tx: Tx, participant_id: UUID, site_id: UUID) -> bool:
    """Whether somebody of this site is known under this id, locked: nobody erases them meanwhile."""
    row = await tx.fetchrow(
        """select true from enrolments where participant_id = $1 and site_id = $2
           order by enrolment_id limit 1 for share""",
        participant_id,
        site_id,
    )
    return row is not None


async def find_latest_of(tx: Tx, participant_id: UUID) -> UUID | None:
    """The newest concern about a person."""
    found: UUID | None = await tx.fetchval(
        "select concern_id from concerns where participant_id = $1 order by raised_at desc, concern_id desc limit 1",
        participant_id,
    )
    return found


async def concerns(tx: Tx, site_ids: Sequence[UUID] | None, *, are_open: bool, most: int) -> list[Seen]:
    """The concerns of these sites: open ones by their clock, closed ones the newest first."""
    order = "c.due_at, c.concern_id" if are_open else "c.raised_at desc, c.concern_id"
    rows = await tx.fetch(
        f"""{_SEEN} where {_AT_SITES.format("c")} and (c.state <> 'closed') = $2
            order by {order} limit $3""",
        site_ids,
        are_open,
        most,
    )
    return [_seen(row) for row in rows]


async def concerns_raised_by(tx: Tx, subject: str, site_ids: Sequence[UUID] | None) -> list[Seen]:
    """What a member of staff, who answers for concerns of these sites, has raised, the newest first."""
    rows = await tx.fetch(f"{_SEEN} where c.raised_by = $2 order by c.raised_at desc limit 100", site_ids, subject)
    return [_seen(row) for row in rows]


async def see_concern(tx: Tx, concern_id: UUID, site_ids: Sequence[UUID] | None) -> Seen:
    """One concern as a list shows it to somebody who answers for those of these sites."""
    row = await tx.fetchrow(f"{_SEEN} where c.concern_id = $2", site_ids, concern_id)
    assert row  # whoever asks has just locked it
    return _seen(row)


async def count_overdue(tx: Tx, now: datetime) -> int:
    """How many nobody has acknowledged within the time of their site, wherever a clock runs."""
    rows = await tx.fetch("select distinct organisation_id from machinery.timers where kind = $1", CLOCK_TIMER)
    await see_only(tx, [row["organisation_id"] for row in rows])
    count: int = await tx.fetchval(
        """select count(*) from concerns c left join rotas r on r.site_id = c.site_id where c.state = 'open'
           and c.raised_at + coalesce((r.rota ->> 'acknowledge_within_minutes')::int * interval '1 minute', $2) < $1""",
        now,
        SLOWEST["open"],
    )
    return count


_AT_SITES = "($1::uuid[] is null or {}.site_id = any ($1))"
_SEEN = f"""
    select {", ".join(f"c.{name.strip()}" for name in _COLUMNS.split(","))}, s.code as site, s.time_zone,
           (select e.short_code from enrolments e where e.participant_id = c.participant_id limit 1) as short_code,
           before.earlier, before.before_id
    from concerns c join sites s on s.site_id = c.site_id
    cross join lateral (
        select count(*) as earlier,
               (array_agg(b.concern_id order by b.raised_at desc, b.concern_id desc))[1] as before_id
        from concerns b where b.participant_id = c.participant_id and b.raised_at < c.raised_at
                          and {_AT_SITES.format("b")}) before"""


def _seen(row: Any) -> Seen:
    return made_of(Seen, row, concern=made_of(Concern, row))


async def add_step(
    tx: Tx, concern: Concern, kind: StepKind, at: datetime, by: tuple[str, str] | None = None, text: str | None = None
) -> None:
    """Write down what happened; `by` is the subject and the name of a member of staff."""
    subject, name = by or (None, None)
    await tx.execute(
        "insert into concern_steps values ($1, $2, $3, $4, $5, $6, $7, $8)",
        concern.organisation_id,
        new_id(),
        concern.concern_id,
        at,
        kind,
        subject,
        name,
        text,
    )


async def steps(tx: Tx, concern_id: UUID) -> list[Step]:
    """Everything that happened to a concern, the first first."""
    rows = await tx.fetch(
        "select at, kind, name, text from concern_steps where concern_id = $1 order by at, step_id", concern_id
    )
    return [made_of(Step, row) for row in rows]


async def add_reading(tx: Tx, concern: Concern, subject: str, name: str, at: datetime) -> None:
    """Somebody reads the text of a concern."""
    await tx.execute(
        "insert into concern_readings values ($1, $2, $3, $4, $5)",
        concern.organisation_id,
        concern.concern_id,
        at,
        subject,
        name,
    )


async def has_said_more(tx: Tx, concern_id: UUID, seen_at: datetime | None, subject: str) -> bool:
    """Whether whoever raised it said more after that; if it is not known, after this person has read it last."""
    found: bool = await tx.fetchval(
        """select exists (select from concern_steps where concern_id = $1 and kind = 'said-more' and at > coalesce(
               $2, (select max(at) from concern_readings where concern_id = $1 and subject = $3), '-infinity'))""",
        concern_id,
        seen_at,
        subject,
    )
    return found


async def readings(tx: Tx, concern_id: UUID) -> list[Reading]:
    """Who has read the text of a concern, the latest first."""
    rows = await tx.fetch(
        "select at, name from concern_readings where concern_id = $1 order by at desc limit 100", concern_id
    )
    return [made_of(Reading, row) for row in rows]
