"""Who may lead, holding a session, correcting its attendance, cancelling it, its plan."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from services.scheduling.domain.groups import Change, FormGroup, LeadGroup, form, lead
from services.scheduling.domain.history import bring_in
from services.scheduling.domain.library import check_plan, default_plan
from services.scheduling.domain.rows import SessionRow
from services.scheduling.domain.sessions import (
    Attends,
    Circle,
    RecordAttendance,
    cancel,
    correct,
    hold,
)
from services.scheduling.domain.shapes import Plan, Session
from services.scheduling.store.library import LIBRARY, PATH, read_library
from shared.errors import Invalid, NotFound, Refusal
from shared.events.scheduling import AttendanceCorrected, GroupFormed, SessionCancelled, SessionScheduled
from shared.identity import stranger_id
from tests.scheduling.examples import (
    EVENING_CIRCLE,
    MADRID,
    NEW_ROOTS,
    OLD_TOWN,
    ORGANISATION,
    TOMASZ,
    a_facilitator,
    a_ground,
    a_group,
    form_group,
    person,
    utc,
)

NOW = utc("2025-03-04 12:00")
AFTER = utc("2025-03-04 20:00")
ANA, DEV, GUEST = person("ana"), person("dev"), person("guest")
CIRCLE = Circle(frozenset({ANA, DEV}), frozenset({ANA, DEV, GUEST}), {ANA: 4, DEV: 2, GUEST: 0})


def a_session(**changes: Any) -> Session:
    values: dict[str, Any] = {
        "session_id": person("session"),
        "organisation_id": ORGANISATION,
        "group_id": EVENING_CIRCLE,
        "program_id": NEW_ROOTS,
        "site_id": OLD_TOWN,
        "local_date": date(2025, 3, 4),
        "starts_at": utc("2025-03-04 17:00"),
        "minutes": 90,
        "facilitator_id": None,
    }
    return Session(**values | changes)


def attendance(**statuses: Any) -> RecordAttendance:
    return RecordAttendance(
        attendance=[Attends(participant_id=person(name), status=status) for name, status in statuses.items()]
    )


def refused(act: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as raised:
        act()
    return raised.value


def formed(facilitator: Any = None, known: Any = None, now: datetime = NOW, **changes: Any) -> Change:
    command = FormGroup.model_validate(form_group(**changes))
    return form("evening-circle", known, command, a_ground(facilitator=facilitator), {}, now)


def test_forming_a_group_says_so_and_plans_its_sessions() -> None:
    change = formed()
    assert change.group == a_group()
    assert isinstance(change.events[0], GroupFormed)
    assert len(change.sessions) == 8


def test_forming_it_again_as_it_is_says_nothing() -> None:
    assert formed(known=a_group()) == Change()


def test_another_name_is_nobody_elses_business() -> None:
    change = formed(known=a_group(name="Circle"))
    assert change.group
    assert not any(isinstance(one, GroupFormed) for one in change.events)


def test_who_leads_stays_when_the_group_is_formed_again_without_saying_so() -> None:
    change = formed(known=a_group(facilitator_id=TOMASZ), capacity=12)
    assert change.group
    assert change.group.facilitator_id == TOMASZ


@pytest.mark.parametrize(
    ("valid_until", "code"), [(None, "qualification-missing"), (date(2025, 3, 3), "qualification-lapsed")]
)
def test_nobody_leads_without_a_qualification_in_date(valid_until: date | None, code: str) -> None:
    refusal = refused(lambda: formed(a_facilitator(valid_until), facilitator_id=str(TOMASZ)))
    assert refusal.code == code
    assert refusal.facts == {"qualification": "peer-support", "valid_until": valid_until and valid_until.isoformat()}
    assert "on 4 March 2025" in refusal.message
    assert "the qualification peer support" in refusal.message
    assert ("from 4 March 2025 on" in refusal.message) is bool(valid_until)


def test_a_qualification_is_in_date_on_its_last_day() -> None:
    change = formed(a_facilitator(date(2025, 3, 4)), facilitator_id=str(TOMASZ))
    assert change.sessions[0].facilitator_id == TOMASZ


def test_somebody_of_another_site_does_not_lead() -> None:
    assert refused(lambda: formed(a_facilitator(site_ids=()), facilitator_id=str(TOMASZ))).code == (
        "facilitator-not-at-site"
    )


@pytest.mark.parametrize(
    ("ground", "code"),
    [
        (a_ground(site=None), "site-not-found"),
        (a_ground(program=None), "program-not-found"),
        (a_ground(program=replace(a_ground().program, site_ids=())), "program-not-at-site"),  # type: ignore[type-var]
    ],
)
def test_a_group_stands_on_what_was_heard_of(ground: Any, code: str) -> None:
    command = FormGroup.model_validate(form_group())
    assert refused(lambda: form("evening-circle", None, command, ground, {}, NOW)).code == code


def test_nobody_leads_a_group_when_that_is_asked_for() -> None:
    change = lead(a_group(facilitator_id=TOMASZ), LeadGroup(facilitator_id=None), a_ground(), {}, NOW)
    assert change.group
    assert change.group.facilitator_id is None


def test_a_session_is_held_with_everybody_on_its_roster_and_a_guest() -> None:
    held = hold(a_session(), attendance(ana="present", dev="absent", guest="late"), CIRCLE, AFTER)
    assert held.session.state == "held"
    assert {one.participant_id: one.status for one in held.event.attendance} == {
        ANA: "present",
        DEV: "absent",
        GUEST: "late",
    }
    assert {who: one.nth for who, one in held.attendance.items()} == {ANA: 5, DEV: None, GUEST: 1}


@pytest.mark.parametrize(
    ("session", "now", "code"),
    [
        (a_session(), NOW, "session-not-started"),
        (a_session(state="held"), AFTER, "session-already-held"),
        (a_session(state="cancelled"), AFTER, "session-cancelled"),
    ],
)
def test_a_session_cannot_be_held(session: Session, now: datetime, code: str) -> None:
    assert refused(lambda: hold(session, attendance(ana="present", dev="late"), CIRCLE, now)).code == code


def test_attendance_speaks_of_everybody() -> None:
    refusal = refused(lambda: hold(a_session(), attendance(ana="present"), CIRCLE, AFTER))
    assert refusal.errors[0].code == "attendance-incomplete"
    assert "1 person" in refusal.errors[0].message


def test_attendance_speaks_of_nobody_twice_and_of_nobody_unknown() -> None:
    twice = RecordAttendance(attendance=[Attends(participant_id=ANA, status="present")] * 2)
    with pytest.raises(Invalid):
        hold(a_session(), twice, CIRCLE, AFTER)
    with pytest.raises(NotFound):
        hold(a_session(), attendance(ana="present", dev="late", stranger="late"), CIRCLE, AFTER)


def test_a_correction_is_the_whole_new_attendance_and_keeps_the_numbers() -> None:
    held = hold(a_session(), attendance(ana="present", dev="absent", guest="late"), CIRCLE, AFTER)
    later = replace(CIRCLE, came={ANA: 6, DEV: 2})
    fixed = correct(held.session, attendance(ana="absent", dev="late"), held.attendance, later, AFTER)
    assert isinstance(fixed.event, AttendanceCorrected)
    assert {who: (one.status, one.nth) for who, one in fixed.attendance.items()} == {
        ANA: ("absent", 5),
        DEV: ("late", 3),
        GUEST: (None, 1),
    }
    assert GUEST not in {one.participant_id for one in fixed.event.attendance}


def test_whoever_was_erased_stays_counted_when_others_are_corrected() -> None:
    held = hold(a_session(), attendance(ana="present", dev="absent"), CIRCLE, AFTER)
    stranger = stranger_id()
    before = {**held.attendance, stranger: held.attendance[ANA]}
    fixed = correct(held.session, attendance(ana="absent", dev="absent"), before, CIRCLE, AFTER)
    assert {who: one.status for who, one in fixed.attendance.items()} == {
        ANA: "absent",
        DEV: "absent",
        stranger: "present",
    }
    assert stranger in {one.participant_id for one in fixed.event.attendance}


def test_there_must_be_something_to_correct() -> None:
    said = attendance(ana="present", dev="absent")
    held = hold(a_session(), said, CIRCLE, AFTER)
    assert refused(lambda: correct(held.session, said, held.attendance, CIRCLE, AFTER)).code == "nothing-to-correct"
    assert refused(lambda: correct(a_session(), said, {}, CIRCLE, AFTER)).code == "session-not-held"


def test_a_session_is_cancelled_once() -> None:
    session, event = cancel(a_session(), "holiday")
    assert (session.state, event.reason) == ("cancelled", "holiday")
    assert refused(lambda: cancel(session, "holiday")).code == "session-cancelled"
    assert refused(lambda: cancel(a_session(state="held"), "holiday")).code == "session-already-held"


def test_every_session_has_a_plan_that_fits() -> None:
    for number in range(-3, 60):
        plan = default_plan(LIBRARY, number, 90)
        check_plan(LIBRARY, plan)
        assert len(set(plan.activities)) == 2
    assert len(default_plan(LIBRARY, 0, 40).activities) == 1


def test_the_library_is_large_enough_and_speaks_plainly() -> None:
    assert len(LIBRARY.icebreakers) >= 8
    assert len(LIBRARY.activities) >= 14
    for one in (*LIBRARY.icebreakers, *LIBRARY.activities):
        assert 2 <= one.what_to_do.count(". ") + 1 <= 4, one.code


def test_a_plan_is_made_of_the_library() -> None:
    with pytest.raises(Invalid) as raised:
        check_plan(LIBRARY, Plan("no-such", ("small-next-step", "nor-this")))
    assert [one.field for one in raised.value.errors] == ["icebreaker", "activities.1"]


def test_a_malformed_library_stops_the_service_and_says_where(tmp_path: Any) -> None:
    path = tmp_path / "library.json"
    path.write_text(PATH.read_text().replace('"minutes": 8', '"minutes": "eight"', 1))
    with pytest.raises(RuntimeError, match=r"library\.json.*\n.*minutes"):
        read_library(path)


def a_row(**changes: Any) -> SessionRow:
    return SessionRow.model_validate({"group": "evening-circle", "date": "2025-02-25", "status": "held"} | changes)


def test_a_session_of_the_past_enters_the_calendar_led_by_anybody() -> None:
    brought = bring_in(a_row(minutes="60"), a_group(), MADRID, None, a_facilitator(None), NOW)
    assert brought.outcome == "created"
    assert (brought.session.starts_at, brought.session.minutes) == (utc("2025-02-25 17:00"), 60)
    assert brought.session.facilitator_id == TOMASZ
    assert [type(one) for one in brought.events] == [SessionScheduled]


def test_the_same_row_again_changes_nothing_held_or_not() -> None:
    row = a_row(minutes="60", facilitator="TMW-101")
    first = bring_in(row, a_group(), MADRID, None, a_facilitator(), NOW).session
    for known in (first, replace(first, state="held", held_at=NOW)):
        again = bring_in(row, a_group(), MADRID, known, a_facilitator(), NOW)
        assert (again.outcome, again.session, again.events) == ("unchanged", known, ())


def test_a_cancelled_session_of_the_past_is_told_of_first() -> None:
    brought = bring_in(a_row(status="cancelled", reason="holiday"), a_group(), MADRID, None, None, NOW)
    assert [type(one) for one in brought.events] == [SessionScheduled, SessionCancelled]
    again = bring_in(a_row(status="cancelled"), a_group(), MADRID, brought.session, None, NOW)
    assert again.outcome == "unchanged"


@pytest.mark.parametrize(
    ("row", "state", "code"),
    [
        (a_row(date="2025-03-11"), None, "session-not-started"),
        (a_row(status="cancelled"), "held", "session-already-held"),
        (a_row(minutes="30"), "held", "session-already-held"),
        (a_row(), "cancelled", "session-cancelled"),
    ],
)
def test_a_file_does_not_undo_what_is_recorded(row: SessionRow, state: Any, code: str) -> None:
    known = bring_in(a_row(), a_group(), MADRID, None, None, NOW).session
    known = replace(known, state=state) if state else known
    refusal = refused(lambda: bring_in(row, a_group(), MADRID, known if state else None, None, NOW))
    assert refusal.errors[0].code == code


def test_who_is_to_lead_a_coming_session_must_be_allowed_to() -> None:
    row = a_row(date="2025-03-11", status="scheduled", facilitator="TMW-101")
    assert refused(lambda: bring_in(row, a_group(), MADRID, None, a_facilitator(None), NOW)).code == (
        "qualification-missing"
    )
