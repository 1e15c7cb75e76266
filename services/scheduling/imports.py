"""Files of groups, sessions and attendance: taken in by the door for programs and by the one for people.

Each row is loaded, decided, saved and said in a transaction of its own, so a bad row leaves nothing behind. The rows
of attendance of one session stand together and are one act: a session is held once, with all who came.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import get_args
from uuid import UUID

from pydantic import ValidationError

from services.scheduling import store
from services.scheduling.domain.groups import form
from services.scheduling.domain.history import bring_in
from services.scheduling.domain.kinds import session_id_of
from services.scheduling.domain.leading import Facilitator, FlagCode
from services.scheduling.domain.rows import TABLES, AttendanceRow, GroupRow, Person, SessionRow
from services.scheduling.domain.sessions import PEOPLE_MAX, Attends, RecordAttendance, correct, hold, must_be_recordable
from services.scheduling.domain.shapes import Group, Session
from shared import outbox
from shared.clock import now
from shared.database import Database, Tx
from shared.doors.files import File, row_by_row
from shared.errors import FieldError, Refusal
from shared.events.ids import group_id_of, program_id_of, site_id_of
from shared.events.scheduling import Attendance
from shared.fields import field_errors, invalid
from shared.security import Who
from shared.tables import Outcome, RefusedRow, Report, naming, read

_OF_GROUP = {"site-not-found": "site", "program-not-found": "program", "program-not-at-site": "program"}
_OF_LEADING = dict.fromkeys(get_args(FlagCode), "facilitator")
"""The columns that refusals are about."""


async def _group(tx: Tx, who: Who, row: GroupRow) -> Outcome:
    moment, organisation_id = now(), who.organisation_id
    group_id, site_id = group_id_of(organisation_id, row.code), site_id_of(organisation_id, row.site)
    await store.alone_with(tx, group_id)
    known = await store.find_group(tx, group_id)
    if not who.sees(site_id) or (known and not who.sees(known.site_id)):
        raise invalid("site", "unknown-site", "This site is not among those that you may change.")
    program_id = program_id_of(organisation_id, row.program)
    ground = await store.ground(tx, organisation_id, site_id, program_id, None)
    sessions = await store.coming(tx, group_id, ground.site, moment)
    stays = "site" if known and known.site_id != site_id else "program"
    with naming(_OF_GROUP | {"group-stays": stays}):
        change = form(row.code, known, row.command, ground, sessions, moment)
    await store.save_change(tx, change, moment)
    for event in change.events:
        outbox.put(tx, event, organisation=organisation_id, at=moment)
    return "created" if known is None else "changed" if change.group else "unchanged"


async def _session(tx: Tx, who: Who, row: SessionRow) -> Outcome:
    moment = now()
    group = await _seen_group(tx, who, row.group)
    site = await store.find_site(tx, group.site_id)
    assert site
    facilitator = await _facilitator(tx, row.facilitator) if row.facilitator else None
    known = (await store.sessions_of(tx, group.group_id, row.date)).get(row.date)
    with naming(_OF_LEADING):
        brought = bring_in(row, group, site.zone, known, facilitator, moment)
    if brought.outcome != "unchanged":
        await store.save_sessions(tx, [brought.session])
        for event in brought.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    return brought.outcome


async def _seen_group(tx: Tx, who: Who, code: str) -> Group:
    """The group, if it is at a site that this person sees; nobody else can change it meanwhile."""
    group_id = group_id_of(who.organisation_id, code)
    await store.alone_with(tx, group_id)
    group = await store.find_group(tx, group_id)
    if group is None or not who.sees(group.site_id):
        raise invalid("group", "unknown-group", f"There is no group {code} here: import the groups first.")
    return group


async def _facilitator(tx: Tx, person: Person) -> Facilitator:
    if isinstance(person, UUID):
        found = await store.find_facilitator(tx, person)
    else:
        found = await store.find_facilitator_by_code(tx, person)
    if found is None:
        message = f"Scheduling has not heard of the facilitator {person}. They may still be on their way."
        raise invalid("facilitator", "unknown-facilitator", message)
    return found


Numbered = tuple[int, AttendanceRow]


async def _apply_attendance(db: Database, who: Who, data: bytes, first_line: int) -> Report:
    """One act for all rows of a session that stand together."""
    report, refused, rows = Report(), _Refused(), list[Numbered]()
    for line, cells in read(data, list(TABLES["attendance"].columns), first_line):
        try:
            rows.append((line, AttendanceRow.model_validate(cells)))
        except ValidationError as error:
            refused.add(line, field_errors(error.errors()))
    for _, together in groupby(rows, lambda numbered: (numbered[1].group, numbered[1].date)):
        numbered = list(together)
        try:
            async with db.transaction(who.organisation_id) as tx:
                outcomes = await _attendance(tx, who, numbered, refused)
        except Refusal as refusal:
            errors = refusal.errors or (FieldError("date", refusal.code, refusal.message),)
            for line, _ in numbered:
                refused.add(line, errors)
        else:
            for outcome in outcomes:
                report.took(outcome)
    report.refused = [one for line in sorted(refused) for one in refused[line]]
    return report


class _Refused(dict[int, list[RefusedRow]]):
    """The rows that were left out, by their lines."""

    def add(self, line: int, errors: Sequence[FieldError]) -> None:
        self[line] = [RefusedRow.of(line, one) for one in errors]


async def _attendance(tx: Tx, who: Who, rows: Sequence[Numbered], refused: _Refused) -> list[Outcome]:
    """Hold the session of these rows, or add them to its attendance; a row that is wrong is left out."""
    moment, first = now(), rows[0][1]
    group = await _seen_group(tx, who, first.group)
    session = await store.find_session(tx, session_id_of(group.group_id, first.date))
    if session is None:
        message = f"{first.group} has no session on {first.date} in the calendar: import the sessions first."
        raise invalid("date", "session-not-found", message)
    session = await store.get_session(tx, session.session_id)
    must_be_recordable(session, moment)
    said = await _people(tx, session, rows, refused)
    before, circle = await store.locked_record(tx, session, set(said))
    outcomes: list[Outcome] = [_outcome(before[one].status if one in before else None, said[one]) for one in said]
    if set(outcomes) <= {"unchanged"}:
        return outcomes
    if len(before.keys() | said.keys()) > PEOPLE_MAX:
        raise invalid("date", "too-many-people", f"Attendance speaks of {PEOPLE_MAX} people at most in one session.")
    command = RecordAttendance(attendance=[Attends(participant_id=one, status=said[one]) for one in said])
    if session.state == "held":
        held = correct(session, command, before, circle, moment, imported=True)
    else:
        held = hold(session, command, circle, moment, imported=True)
    await store.save_held(tx, held, before, moment)
    outbox.put(tx, held.event, organisation=who.organisation_id, at=moment)
    return outcomes


def _outcome(before: Attendance | None, after: Attendance) -> Outcome:
    return "created" if before is None else "unchanged" if before == after else "changed"


async def _people(tx: Tx, session: Session, rows: Sequence[Numbered], refused: _Refused) -> dict[UUID, Attendance]:
    """Who is spoken of, of those who are known at the site of the session."""
    codes = {row.participant for _, row in rows if isinstance(row.participant, str)}
    ids = {row.participant for _, row in rows if isinstance(row.participant, UUID)}
    known = await store.people_at(tx, session.site_id, codes, ids)
    said: dict[UUID, Attendance] = {}
    for line, row in rows:
        person = known.get(row.participant)
        if person is None:
            message = f"Scheduling has not heard of the participant {row.participant} at this site."
            refused.add(line, [FieldError("participant", "unknown-participant", message)])
        elif person in said:
            message = "This participant stands in another row of this session already."
            refused.add(line, [FieldError("participant", "repeated", message)])
        else:
            said[person] = row.status
    return said


_ROLES, _ABOVE = ("administrator", "coordinator"), ("Groups", "/scheduling/groups")
FILES = (
    row_by_row(TABLES["groups"], _group, _ROLES, _ABOVE, sets_what_it_says=True),
    row_by_row(TABLES["sessions"], _session, _ROLES, _ABOVE, sets_what_it_says=True),
    File(TABLES["attendance"], _apply_attendance, _ROLES, _ABOVE, sets_what_it_says=True),
)
"""The files of those who may form groups."""
