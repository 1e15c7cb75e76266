"""Due dates, and everything that they follow from."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.domain.occasions import Basis, Came, Enrolment, Entry, Occasion, Scored, Settled
from services.scheduling.store.batteries import find_battery
from shared.database import Record, Tx, made_of
from shared.events.feedback import CheckInSubmitted
from shared.timers import Timer, cancel_timer, set_timer

OCCASION_DUE, OCCASION_CLOSES = "occasion-due", "occasion-closes"
_COLUMNS = tuple(Occasion.__dataclass_fields__)


async def enrolments_in(tx: Tx, program_id: UUID) -> list[UUID]:
    """The enrolments in a program, in a fixed order."""
    rows = await tx.fetch("select enrolment_id from enrolments where program_id = $1 order by 1", program_id)
    return [row["enrolment_id"] for row in rows]


async def enrolments_at(tx: Tx, site_id: UUID) -> list[UUID]:
    """The enrolments at a site, in a fixed order."""
    rows = await tx.fetch("select enrolment_id from enrolments where site_id = $1 order by 1", site_id)
    return [row["enrolment_id"] for row in rows]


async def enrolments_of(tx: Tx, participants: Sequence[UUID], program_id: UUID) -> list[UUID]:
    """The enrolments of these participants in a program, in a fixed order."""
    rows = await tx.fetch(
        "select enrolment_id from enrolments where participant_id = any ($1) and program_id = $2 order by 1",
        participants,
        program_id,
    )
    return [row["enrolment_id"] for row in rows]


async def people_of(tx: Tx, occasion_ids: Collection[UUID]) -> set[UUID]:
    """Whose occasions these are, as far as they are known."""
    rows = await tx.fetch("select participant_id from occasions where occasion_id = any ($1)", occasion_ids)
    return {row["participant_id"] for row in rows}


async def basis_of(tx: Tx, enrolment_id: UUID) -> Basis | None:
    """Everything that the occasions of an enrolment follow from; the enrolment is locked."""
    row = await tx.fetchrow(
        """select e.*, (select time_zone from sites s where s.site_id = e.site_id) as time_zone
           from enrolments e where e.enrolment_id = $1 for update of e""",
        enrolment_id,
    )
    if row is None:
        return None
    came = await tx.fetch(
        """select a.session_id, a.nth, a.status, a.is_history, a.recorded_at,
                  s.starts_at + make_interval(mins => s.minutes) as ends_at
           from attendance a join sessions s using (session_id)
           where a.participant_id = $1 and a.program_id = $2 and a.nth is not null order by a.nth""",
        row["participant_id"],
        row["program_id"],
    )
    entries = await find_battery(tx, row["program_id"])
    return Basis(
        made_of(Enrolment, row),
        ZoneInfo(row["time_zone"]) if row["time_zone"] else None,
        entries,
        [made_of(Came, one) for one in came],
        await _scores(tx, enrolment_id, entries),
    )


async def _scores(tx: Tx, enrolment_id: UUID, entries: Sequence[Entry]) -> list[Scored]:
    """The scores that a condition may look at; most batteries have none."""
    if not any(one.only_score for one in entries):
        return []
    return [
        made_of(Scored, row) for row in await tx.fetch("select * from scores where enrolment_id = $1", enrolment_id)
    ]


async def known_occasions(tx: Tx, enrolment_id: UUID) -> dict[UUID, Occasion]:
    """The occasions of an enrolment as they are kept, locked."""
    rows = await tx.fetch("select * from occasions where enrolment_id = $1 for update", enrolment_id)
    return {row["occasion_id"]: _occasion(row) for row in rows}


async def save_occasions(tx: Tx, settled: Sequence[Settled]) -> None:
    """Occasions as they are now, and the clocks that they wait for."""
    if not settled:
        return
    places = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
    update = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
    await tx.executemany(
        f"""insert into occasions ({", ".join(_COLUMNS)}) values ({places})
            on conflict (occasion_id) do update set {update}""",
        [_values(one.after) for one in settled],
    )
    for one in settled:
        await _set_clocks(tx, one.before, one.after)


async def _set_clocks(tx: Tx, before: Occasion | None, after: Occasion) -> None:
    waits_before, waits = before and _clock(before), _clock(after)
    if waits == waits_before:
        return
    if waits_before and (waits is None or waits[0] != waits_before[0]):
        await cancel_timer(tx, waits_before[0], str(after.occasion_id))
    if waits:
        payload = {"enrolment_id": str(after.enrolment_id)}
        await set_timer(tx, Timer(waits[0], str(after.occasion_id), after.organisation_id, waits[1], payload))


def _clock(occasion: Occasion) -> tuple[str, datetime] | None:
    """The clock that an occasion waits for."""
    if occasion.state == "planned" and occasion.due_at:
        return OCCASION_DUE, occasion.due_at
    if occasion.state == "due" and occasion.closes_at:
        return OCCASION_CLOSES, occasion.closes_at
    return None


async def answer(tx: Tx, organisation: UUID, event: CheckInSubmitted) -> None:
    """The check-in of an occasion was answered; it may not be known yet. Nothing is waited for any more."""
    await tx.execute("select from enrolments where enrolment_id = $1 for update", event.enrolment_id)
    await tx.execute(
        """insert into occasions (occasion_id, organisation_id, participant_id, enrolment_id, program_id, site_id,
               kind, code, ordinal, instruments, is_history, state, was_said, answered_at)
           values ($2, $1, $3, $4, $5, $6, $7, $8, $9, '{}', false, 'answered', false, $10)
           on conflict (occasion_id) do update set state = 'answered', why = null,
               answered_at = excluded.answered_at""",
        organisation,
        event.occasion_id,
        event.participant_id,
        event.enrolment_id,
        event.program_id,
        event.site_id,
        event.kind,
        event.code,
        event.ordinal,
        event.answered_at,
    )
    await tx.executemany(
        "insert into scores values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        [
            (
                organisation,
                event.occasion_id,
                event.enrolment_id,
                event.participant_id,
                event.code,
                one.instrument,
                one.scale,
                one.count,
                event.answered_at,
            )
            for one in event.scores
        ],
    )
    for kind in (OCCASION_DUE, OCCASION_CLOSES):
        await cancel_timer(tx, kind, str(event.occasion_id))


def _values(occasion: Occasion) -> list[Any]:
    values = (getattr(occasion, name) for name in _COLUMNS)
    return [list(value) if isinstance(value, tuple) else value for value in values]


def _occasion(row: Record) -> Occasion:
    return made_of(Occasion, row, instruments=tuple(row["instruments"]), reminders=tuple(row["reminders"]))
