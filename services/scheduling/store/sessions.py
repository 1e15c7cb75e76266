"""Sessions, their rosters and their attendance."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.scheduling.domain.sessions import Attending, Circle, Held
from services.scheduling.domain.shapes import Plan, Session
from shared.database import Record, Tx, made_of
from shared.errors import NotFound
from shared.identity import new_id
from shared.timers import Timer, set_timers

ATTENDANCE_RECORDED = "attendance-recorded"

_COLUMNS = (
    "session_id", "organisation_id", "group_id", "program_id", "site_id", "local_date", "starts_at", "minutes",
    "facilitator_id", "state", "reason", "has_own_facilitator", "has_own_time", "was_moved", "held_at",
)  # fmt: skip
_PLAN = ("icebreaker", "activities", "note")
_ALL = (*_COLUMNS, *_PLAN)
LISTED_MAX = 500


class Counts(NamedTuple):
    """How many are expected at a session, how many are recorded, and how many of these came."""

    expected: int
    recorded: int
    came: int


async def get_session(tx: Tx, session_id: UUID) -> Session:
    """A session, locked."""
    row = await tx.fetchrow("select * from sessions where session_id = $1 for update", session_id)
    if row is None:
        raise NotFound("session")
    return _session(row)


async def find_session(tx: Tx, session_id: UUID) -> Session | None:
    """A session, if there is one."""
    row = await tx.fetchrow("select * from sessions where session_id = $1", session_id)
    return _session(row) if row else None


async def sessions_of(tx: Tx, group_id: UUID, since: date) -> dict[date, Session]:
    """The sessions of a group from this day on, locked, by their day."""
    rows = await tx.fetch(
        "select * from sessions where group_id = $1 and local_date >= $2 order by local_date for update",
        group_id,
        since,
    )
    return {row["local_date"]: _session(row) for row in rows}


async def sessions(
    tx: Tx, site_ids: Sequence[UUID] | None, begin: date | None, end: date | None, group_id: UUID | None
) -> list[Session]:
    """The sessions of these sites, from a day to a day, of one group or of all."""
    rows = await tx.fetch(
        """select * from sessions where ($1::uuid[] is null or site_id = any ($1))
               and ($2::date is null or local_date >= $2) and ($3::date is null or local_date <= $3)
               and ($4::uuid is null or group_id = $4)
           order by starts_at, session_id limit $5""",
        site_ids,
        begin,
        end,
        group_id,
        LISTED_MAX,
    )
    return [_session(row) for row in rows]


async def sessions_on(tx: Tx, days: Mapping[UUID, tuple[date, date]]) -> list[Session]:
    """The sessions of sites, each from its day to its day."""
    rows = await tx.fetch(
        """select s.* from sessions s join unnest($1::uuid[], $2::date[], $3::date[]) as d (site_id, begins, ends)
               on s.site_id = d.site_id and s.local_date between d.begins and d.ends
           order by s.starts_at, s.session_id""",
        list(days),
        [begin for begin, _ in days.values()],
        [end for _, end in days.values()],
    )
    return [_session(row) for row in rows]


async def sessions_led_at_once(tx: Tx, session_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these are to be led by somebody who is to lead another session at the same time, at whatever site."""
    rows = await tx.fetch(
        """select a.session_id from sessions a
           where a.session_id = any ($1) and a.state = 'scheduled' and exists (
               select from sessions b
               where b.facilitator_id = a.facilitator_id and b.state = 'scheduled' and b.session_id <> a.session_id
                   and b.starts_at between a.starts_at - interval '1 day' and a.starts_at + interval '1 day'
                   and b.starts_at < a.starts_at + make_interval(mins => a.minutes)
                   and a.starts_at < b.starts_at + make_interval(mins => b.minutes))""",
        session_ids,
    )
    return {row["session_id"] for row in rows}


async def past_sessions(tx: Tx, group_id: UUID, before: date, at_most: int) -> list[Session]:
    """The latest sessions of a group before a day, the latest first."""
    rows = await tx.fetch(
        "select * from sessions where group_id = $1 and local_date < $2 order by local_date desc limit $3",
        group_id,
        before,
        at_most,
    )
    return [_session(row) for row in rows]


async def session_counts(tx: Tx, session_ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """The numbers of each session."""
    rows = await tx.fetch(
        """select s.session_id,
                  (select count(*) from placements p where p.group_id = s.group_id and p.placed_on <= s.local_date
                       and (p.until is null or p.until >= s.local_date)) as expected,
                  (select count(a.status) from attendance a where a.session_id = s.session_id) as recorded,
                  (select count(*) from attendance a where a.session_id = s.session_id
                       and a.status in ('present', 'late')) as came
           from sessions s where s.session_id = any ($1)""",
        session_ids,
    )
    return {row["session_id"]: Counts(row["expected"], row["recorded"], row["came"]) for row in rows}


async def save_sessions(tx: Tx, changed: Sequence[Session]) -> None:
    """Sessions as they are now."""
    if not changed:
        return
    names, places = ", ".join(_ALL), ", ".join(f"${place}" for place in range(1, len(_ALL) + 1))
    update = ", ".join(f"{name} = excluded.{name}" for name in _ALL)
    await tx.executemany(
        f"insert into sessions ({names}) values ({places}) on conflict (session_id) do update set {update}",
        [_values(one) for one in changed],
    )


def _values(session: Session) -> tuple[Any, ...]:
    plan = session.plan
    own = (plan.icebreaker, list(plan.activities), plan.note) if plan else (None, None, None)
    return (*(getattr(session, name) for name in _COLUMNS), *own)


def _session(row: Record) -> Session:
    plan = Plan(row["icebreaker"], tuple(row["activities"]), row["note"]) if row["icebreaker"] else None
    return made_of(Session, row, plan=plan)


async def roster_of(tx: Tx, session: Session) -> list[Record]:
    """Everybody who is expected, and everybody whose attendance is recorded: code, status, whether they are guests."""
    return await tx.fetch(
        """with expected as (
               select participant_id from placements where group_id = $2 and placed_on <= $3
                   and (until is null or until >= $3)
           ), recorded as (
               select participant_id, status from attendance where session_id = $1 and status is not null
           ), codes as (
               select distinct on (participant_id) participant_id, short_code from enrolments
               where participant_id in (select participant_id from expected union select participant_id from recorded)
               order by participant_id, known_at
           )
           select c.participant_id, c.short_code, r.status, e.participant_id is null as is_guest
           from codes c left join recorded r using (participant_id) left join expected e using (participant_id)
           order by c.short_code""",
        session.session_id,
        session.group_id,
        session.local_date,
    )


async def lock_attendance(tx: Tx, people: Collection[UUID]) -> None:
    """Nobody else gives these people a number for a session meanwhile, or erases them."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(person::text, 1)) from unnest($1::uuid[]) as person",
        sorted(people),
    )


async def locked_record(tx: Tx, session: Session, named: Collection[UUID]) -> tuple[dict[UUID, Attending], Circle]:
    """What is recorded of a session that is locked, and the people around it.

    Whoever is named or recorded is locked, and the record read again then: an erasure may just have re-keyed it.
    """
    await lock_attendance(tx, {*named, *await attendance_of(tx, session.session_id)})
    return await attendance_of(tx, session.session_id), await _circle_of(tx, session, named)


async def _circle_of(tx: Tx, session: Session, named: Collection[UUID]) -> Circle:
    """The people around a session; of those who are named, it is told who is known and how often they came."""
    expected = await tx.fetch(
        """select participant_id from placements where group_id = $1 and placed_on <= $2
               and (until is null or until >= $2)""",
        session.group_id,
        session.local_date,
    )
    known = await tx.fetch(
        """select p.participant_id,
                  (select max(nth) from attendance a
                   where a.participant_id = p.participant_id and a.program_id = $3) as came
           from (select distinct participant_id from enrolments where participant_id = any ($1) and site_id = $2) p""",
        sorted(named),
        session.site_id,
        session.program_id,
    )
    return Circle(
        frozenset(row["participant_id"] for row in expected),
        frozenset(row["participant_id"] for row in known),
        {row["participant_id"]: row["came"] or 0 for row in known},
    )


async def attendance_of(tx: Tx, session_id: UUID) -> dict[UUID, Attending]:
    """What is recorded of a session, and who was taken out of it."""
    rows = await tx.fetch("select * from attendance where session_id = $1 order by participant_id", session_id)
    return {
        row["participant_id"]: Attending(row["status"], row["nth"], row["is_history"], row["recorded_at"])
        for row in rows
    }


async def save_held(tx: Tx, held: Held, before: Mapping[UUID, Attending], now: datetime) -> None:
    """A held session with its attendance; for everybody of whom something else is known than before a clock rings.

    A clock of its own each time: a door that moved the one that is ringing just now would wait for whom it waits for.
    And one for each of them: it goes with whoever is erased, and with nobody else.
    """
    session, attendance = held.session, held.attendance
    await save_sessions(tx, [session])
    changed = {who: one for who, one in attendance.items() if before.get(who) != one}
    whose = [{"program_id": str(session.program_id), "participants": [str(who)]} for who in sorted(changed)]
    await set_timers(
        tx, [Timer(ATTENDANCE_RECORDED, str(new_id()), session.organisation_id, now, one) for one in whose]
    )
    await tx.executemany(
        """insert into attendance values ($1, $2, $3, $4, $5, $6, $7, $8)
           on conflict (session_id, participant_id) do update
           set status = excluded.status, nth = excluded.nth, recorded_at = excluded.recorded_at,
               is_history = excluded.is_history""",
        [
            (
                session.organisation_id,
                session.session_id,
                who,
                session.program_id,
                one.status,
                one.nth,
                one.is_history,
                one.recorded_at,
            )
            for who, one in changed.items()
        ],
    )
