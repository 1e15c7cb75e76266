"""Due dates, and everything that they follow from."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from services.scheduling.domain.occasions import Basis, Came, Enrolment, Entry, Occasion, Scored, Settled, TakenBack
from services.scheduling.store.batteries import find_battery
from shared.database import Record, Tx, made_of
from shared.events import Heard
from shared.events.feedback import CheckInSubmitted, CheckInWithdrawn
from shared.timers import Timer, cancel_timers, set_timers

OCCASION_DUE, OCCASION_CLOSES = "occasion-due", "occasion-closes"
_TAKEN_BACK = TypeAdapter(tuple[TakenBack, ...])
_COLUMNS = tuple(Occasion.__dataclass_fields__)
_OF_ANSWER = (
    "occasion_id", "participant_id", "enrolment_id", "program_id", "site_id", "kind", "code", "ordinal", "answered_at",
)  # fmt: skip


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


async def bases_of(tx: Tx, enrolment_ids: Sequence[UUID]) -> dict[UUID, Basis]:
    """Everything that the occasions of these enrolments follow from; the enrolments are locked."""
    rows = await tx.fetch(
        """select e.*, (select time_zone from sites s where s.site_id = e.site_id) as time_zone
           from enrolments e where e.enrolment_id = any ($1) order by e.enrolment_id for update of e""",
        enrolment_ids,
    )
    came = await tx.fetch(
        """select e.enrolment_id, a.session_id, a.nth, a.status, a.is_history, a.recorded_at,
                  s.starts_at + make_interval(mins => s.minutes) as ends_at
           from enrolments e
               join attendance a on a.participant_id = e.participant_id and a.program_id = e.program_id
               join sessions s using (session_id)
           where e.enrolment_id = any ($1) and a.nth is not null order by a.nth""",
        enrolment_ids,
    )
    batteries = {one: await find_battery(tx, one) for one in {row["program_id"] for row in rows}}
    sessions, scores = by_enrolment(came), by_enrolment(await _scores(tx, enrolment_ids, batteries.values()))
    return {
        row["enrolment_id"]: Basis(
            made_of(Enrolment, row, taken_back=_TAKEN_BACK.validate_python(row["taken_back"])),
            ZoneInfo(row["time_zone"]) if row["time_zone"] else None,
            batteries[row["program_id"]],
            [made_of(Came, one) for one in sessions[row["enrolment_id"]]],
            [made_of(Scored, one) for one in scores[row["enrolment_id"]]],
        )
        for row in rows
    }


async def _scores(tx: Tx, enrolment_ids: Sequence[UUID], batteries: Iterable[Sequence[Entry]]) -> list[Record]:
    """The scores that a condition may look at; most batteries have none."""
    if not any(one.only_score for entries in batteries for one in entries):
        return []
    return await tx.fetch("select * from scores where enrolment_id = any ($1)", enrolment_ids)


async def known_occasions(tx: Tx, enrolment_ids: Sequence[UUID]) -> dict[UUID, dict[UUID, Occasion]]:
    """The occasions of each of these enrolments as they are kept, locked."""
    rows = await tx.fetch(
        "select * from occasions where enrolment_id = any ($1) order by occasion_id for update", enrolment_ids
    )
    found = by_enrolment(rows)
    return {one: {row["occasion_id"]: _occasion(row) for row in found[one]} for one in enrolment_ids}


def by_enrolment(rows: Iterable[Record]) -> defaultdict[UUID, list[Record]]:
    """Rows by whose they are, in their order."""
    found: defaultdict[UUID, list[Record]] = defaultdict(list)
    for row in rows:
        found[row["enrolment_id"]].append(row)
    return found


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
    clocks = [(one.after, _clock(one.before) if one.before else None, _clock(one.after)) for one in settled]
    await cancel_timers(
        tx, [(was[0], str(one.occasion_id)) for one, was, now in clocks if was and (now is None or now[0] != was[0])]
    )
    await set_timers(tx, [_timer(one, *now) for one, was, now in clocks if now and now != was])


def _timer(occasion: Occasion, kind: str, at: datetime) -> Timer:
    payload = {"enrolment_id": str(occasion.enrolment_id)}
    return Timer(kind, str(occasion.occasion_id), occasion.organisation_id, at, payload)


def _clock(occasion: Occasion) -> tuple[str, datetime] | None:
    """The clock that an occasion waits for."""
    if occasion.state == "planned" and occasion.due_at:
        return OCCASION_DUE, occasion.due_at
    if occasion.state == "due" and occasion.closes_at:
        return OCCASION_CLOSES, occasion.closes_at
    return None


async def answer(tx: Tx, told: Sequence[Heard[CheckInSubmitted]]) -> None:
    """The check-ins of occasions were answered; these may not be known yet. Nothing is waited for any more."""
    await _lock_enrolments(tx, [one.event.enrolment_id for one in told])
    of_answer = attrgetter(*_OF_ANSWER)
    await tx.executemany(
        """insert into occasions (organisation_id, occasion_id, participant_id, enrolment_id, program_id, site_id,
               kind, code, ordinal, answered_at, instruments, is_history, state, was_said)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '{}', false, 'answered', false)
           on conflict (occasion_id) do update set state = 'answered', why = null,
               answered_at = excluded.answered_at""",
        [(one.organisation_id, *of_answer(one.event)) for one in told],
    )
    of_score = attrgetter("occasion_id", "enrolment_id", "participant_id", "code")
    await tx.executemany(
        "insert into scores values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        [
            (
                one.organisation_id,
                *of_score(one.event),
                score.instrument,
                score.scale,
                score.count,
                one.event.answered_at,
            )
            for one in told
            for score in one.event.scores
        ],
    )
    kinds = (OCCASION_DUE, OCCASION_CLOSES)
    await cancel_timers(tx, [(kind, str(one.event.occasion_id)) for one in told for kind in kinds])


async def unanswer(tx: Tx, told: Sequence[Heard[CheckInWithdrawn]]) -> None:
    """The answers of occasions were taken back: they wait for one again, as long as they are open."""
    await _lock_enrolments(tx, [one.event.enrolment_id for one in told])
    ids = [one.event.occasion_id for one in told]
    await tx.execute("delete from scores where occasion_id = any ($1)", ids)
    rows = await tx.fetch(
        """update occasions set state = case when was_said then 'due' else 'planned' end, answered_at = null
           where occasion_id = any ($1) and state = 'answered' returning *""",
        ids,
    )
    waiting = [(one, _clock(one)) for one in map(_occasion, rows)]
    await set_timers(tx, [_timer(one, *clock) for one, clock in waiting if clock])


async def _lock_enrolments(tx: Tx, enrolment_ids: Sequence[UUID]) -> None:
    await tx.execute(
        "select from enrolments where enrolment_id = any ($1) order by enrolment_id for update", enrolment_ids
    )


def _values(occasion: Occasion) -> list[Any]:
    values = (getattr(occasion, name) for name in _COLUMNS)
    return [list(value) if isinstance(value, tuple) else value for value in values]


def _occasion(row: Record) -> Occasion:
    return made_of(Occasion, row, instruments=tuple(row["instruments"]), reminders=tuple(row["reminders"]))
