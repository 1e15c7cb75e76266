"""Concerns, each step that was taken, who has read of it, and the mail to those who answer for it."""

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
ALERT_TIMER = "concern-alert"
StepKind = Literal["raised", "escalated", "acknowledged", "acted-on", "closed"]
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
    earlier: int  # concerns about the same person before this one


@dataclass(frozen=True, slots=True)
class Alert:
    """A message to a responder that is about to be sent."""

    alert_id: UUID
    concern_id: UUID | None
    email: str
    name: str
    site: str
    time_zone: str
    due_at: datetime
    attempts: int


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


async def find_concern(tx: Tx, concern_id: UUID) -> Concern | None:
    """A concern, locked, if it is there. A timer does not wait for a door that has it: it comes again."""
    row = await tx.fetchrow(f"select {_COLUMNS} from concerns where concern_id = $1 for update nowait", concern_id)
    return made_of(Concern, row) if row else None


async def find_short_code(tx: Tx, participant_id: UUID) -> str | None:
    """What staff call the person with this id, if there is one."""
    found: str | None = await tx.fetchval(
        "select short_code from enrolments where participant_id = $1 and short_code is not null limit 1",
        participant_id,
    )
    return found


async def is_participant(tx: Tx, participant_id: UUID) -> bool:
    """Whether somebody of this organisation is known under this id, locked: nobody erases them meanwhile."""
    row = await tx.fetchrow(
        "select true from enrolments where participant_id = $1 order by enrolment_id limit 1 for share", participant_id
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
        f"""{_SEEN} where ($1::uuid[] is null or c.site_id = any ($1)) and (c.state <> 'closed') = $2
            order by {order} limit $3""",
        site_ids,
        are_open,
        most,
    )
    return [_seen(row) for row in rows]


async def concerns_raised_by(tx: Tx, subject: str) -> list[Seen]:
    """What a member of staff has raised, the newest first."""
    rows = await tx.fetch(f"{_SEEN} where c.raised_by = $1 order by c.raised_at desc limit 100", subject)
    return [_seen(row) for row in rows]


async def see_concern(tx: Tx, concern_id: UUID) -> Seen:
    """One concern as a list shows it."""
    row = await tx.fetchrow(f"{_SEEN} where c.concern_id = $1", concern_id)
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


_SEEN = f"""
    select {", ".join(f"c.{name.strip()}" for name in _COLUMNS.split(","))}, s.code as site, s.time_zone,
           (select e.short_code from enrolments e where e.participant_id = c.participant_id limit 1) as short_code,
           (select count(*) from concerns b where b.participant_id = c.participant_id and b.raised_at < c.raised_at)
               as earlier
    from concerns c join sites s on s.site_id = c.site_id"""


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


async def readings(tx: Tx, concern_id: UUID) -> list[Reading]:
    """Who has read the text of a concern, the latest first."""
    rows = await tx.fetch(
        "select at, name from concern_readings where concern_id = $1 order by at desc limit 100", concern_id
    )
    return [made_of(Reading, row) for row in rows]


async def add_alert(
    tx: Tx, site: tuple[UUID, UUID], concern_id: UUID | None, to: tuple[str, str], due_at: datetime, at: datetime
) -> None:
    """Queue a message to somebody on the rota of a site (organisation, site); `to` is their address and name."""
    organisation, site_id = site
    alert_id = new_id()
    await tx.execute(
        """insert into alerts (organisation_id, alert_id, site_id, concern_id, email, name, due_at, state,
                               next_attempt_at, made_at)
           values ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $8)""",
        organisation,
        alert_id,
        site_id,
        concern_id,
        *to,
        due_at,
        at,
    )
    await _due(tx, organisation, alert_id, at)


async def claim_alert(tx: Tx, organisation: UUID, alert_id: UUID, now: datetime, until: datetime) -> Alert | None:
    """Take a message until then; None if it is not to be sent now, or not at all, as somebody has done what it asks."""
    row = await tx.fetchrow(
        """with claimed as (
               update alerts set attempts = attempts + 1, next_attempt_at = $3
               where alert_id = $1 and state = 'queued' and next_attempt_at <= $2
               returning alert_id, concern_id, site_id, email, name, due_at, attempts, made_at)
           select c.alert_id, c.concern_id, c.email, c.name, c.due_at, c.attempts, s.code as site, s.time_zone,
                  exists (select from concern_steps t where t.concern_id = c.concern_id and t.at > c.made_at
                              and t.kind in ('acknowledged', 'acted-on', 'closed')) as is_over
           from claimed c join sites s on s.site_id = c.site_id""",
        alert_id,
        now,
        until,
    )
    if row is None:
        return None
    if row["is_over"]:
        await end_alert(tx, alert_id, "dropped")
        return None
    await _due(tx, organisation, alert_id, until)  # as soon as it is free: whoever claimed it may have died
    return made_of(Alert, row)


async def end_alert(tx: Tx, alert_id: UUID, state: Literal["sent", "failed", "dropped"]) -> None:
    """Done with it."""
    await tx.execute("update alerts set state = $2 where alert_id = $1 and state = 'queued'", alert_id, state)
    await cancel_timer(tx, ALERT_TIMER, str(alert_id))


async def let_ended_alert_rest(tx: Tx, alert_id: UUID) -> None:
    """Cancel the timer of a message that is done with: it may have been set once more at the very end."""
    if not await tx.fetchval("select true from alerts where alert_id = $1 and state = 'queued'", alert_id):
        await cancel_timer(tx, ALERT_TIMER, str(alert_id))


async def postpone_alert(tx: Tx, organisation: UUID, alert_id: UUID, until: datetime, attempts_max: int) -> None:
    """Try again then; a mail server that is away never uses up the last attempt."""
    await tx.execute(
        """update alerts set next_attempt_at = $2, attempts = least(attempts, $3)
           where alert_id = $1 and state = 'queued'""",
        alert_id,
        until,
        attempts_max,
    )
    await _due(tx, organisation, alert_id, until)


async def _due(tx: Tx, organisation: UUID, alert_id: UUID, at: datetime) -> None:
    """Set the timer that brings a message to the sender."""
    await set_timer(tx, Timer(ALERT_TIMER, str(alert_id), organisation, at, {"message_id": str(alert_id)}))
