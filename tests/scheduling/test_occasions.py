"""What falls due when, and what becomes of it: facts decide, not the order in which they were heard."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.scheduling.domain.occasions import (
    Basis,
    Came,
    Enrolment,
    Entry,
    Occasion,
    Settled,
    entries_of,
    occasion_id_of,
    settle,
)
from services.scheduling.domain.occasions import due as said
from shared.events.scheduling import CheckInDue, FollowUpDue, OccasionCancelled
from tests.scheduling.examples import (
    MADRID,
    a_group,
    an_enrolment,
    an_entry,
    battery_activated,
    enrolment_of,
    entry,
    utc,
)

FOLLOW_UP = an_entry("follow-up", "follow-up", months_after=2)
MONTH_1 = an_entry("month-1", "monthly", months_after=1)
MONTH_2 = an_entry("month-2", "monthly", months_after=2, ordinal=2)
NOW, EVENING = utc("2025-01-07 15:01"), utc("2025-01-14 18:30")
PULSE = an_entry("pulse", "session", window_days=3)


def settled(
    enrolment: Enrolment,
    *entries: Entry,
    now: datetime = NOW,
    known: dict[Any, Occasion] | None = None,
    sessions: list[Came] | None = None,
) -> list[Settled]:
    return settle(Basis(enrolment, MADRID, entries, sessions or []), known or {}, now)


def only(found: list[Settled]) -> Occasion:
    (one,) = found
    return one.after


def local(moment: datetime | None) -> str:
    """As the clock on the wall of the site shows it."""
    assert moment
    return f"{moment.astimezone(MADRID):%Y-%m-%d %H:%M}"


def kept(found: list[Settled]) -> dict[Any, Occasion]:
    return {one.after.occasion_id: one.after for one in found}


def a_session(nth: int = 1, ends_at: datetime = EVENING, **changes: Any) -> Came:
    values: dict[str, Any] = {
        "session_id": a_group().group_id,
        "ends_at": ends_at,
        "nth": nth,
        "status": "present",
        "is_history": False,
        "recorded_at": ends_at,
    }
    return Came(**values | changes)


@pytest.mark.parametrize(
    ("enrolled_on", "months", "due_at"),
    [
        (date(2025, 1, 7), 1, "2025-02-07 09:00"),
        (date(2024, 12, 31), 2, "2025-02-28 09:00"),
        (date(2025, 1, 31), 1, "2025-02-28 09:00"),
        (date(2025, 1, 30), 2, "2025-03-30 08:00"),  # the clocks change that night
    ],
)
def test_a_monthly_check_in_is_due_calendar_months_later_at_ten_at_the_site(
    enrolled_on: date, months: int, due_at: str
) -> None:
    one = only(settled(an_enrolment(enrolled_on=enrolled_on), an_entry("m", "monthly", months_after=months)))
    assert (one.due_at, one.opens_at, one.state) == (utc(due_at), utc(due_at), "planned")
    assert local(one.closes_at) == f"{utc(due_at).date() + timedelta(days=14)} 23:59"
    assert one.occasion_id == occasion_id_of(enrolment_of("ana"), "m", 0)


def test_a_baseline_is_due_at_once() -> None:
    (one,) = settled(an_enrolment(), an_entry())
    assert (one.after.state, one.after.due_at) == ("due", utc("2025-01-07 15:00"))
    assert one.events == (said(one.after),)
    assert isinstance(one.events[0], CheckInDue)
    assert not one.events[0].is_history


def test_the_baseline_of_an_enrolment_that_begins_later_waits_for_its_day() -> None:
    assert only(settled(an_enrolment(enrolled_on=date(2025, 1, 9)), an_entry())).due_at == utc("2025-01-09 09:00")


def test_a_follow_up_waits_for_the_completion() -> None:
    assert settled(an_enrolment(), FOLLOW_UP) == []
    done = an_enrolment(completed_on=date(2025, 3, 4), completion_known_at=utc("2025-03-04 18:00"))
    one = only(settled(done, FOLLOW_UP, now=utc("2025-03-04 18:00")))
    assert one.due_at == utc("2025-05-04 08:00")
    assert (one.opens_at, one.closes_at) == (utc("2025-04-20 08:00"), utc("2025-05-18 21:59"))


def test_it_is_open_on_all_of_the_last_day_and_a_window_is_days_of_the_site() -> None:
    """The clocks change on 30 March 2025."""
    monthly = only(settled(an_enrolment(enrolled_on=date(2025, 2, 25)), MONTH_1))
    assert (local(monthly.due_at), local(monthly.closes_at)) == ("2025-03-25 10:00", "2025-04-08 23:59")
    done = an_enrolment(completed_on=date(2025, 2, 4), completion_known_at=utc("2025-02-04 18:00"))
    after = only(settled(done, FOLLOW_UP, now=utc("2025-02-04 18:00")))
    assert (local(after.opens_at), local(after.closes_at)) == ("2025-03-21 10:00", "2025-04-18 23:59")
    due = settled(done, FOLLOW_UP, now=utc("2025-04-04 08:00"))
    assert settled(done, FOLLOW_UP, now=utc("2025-04-18 21:58"), known=kept(due)) == []


def test_a_session_is_asked_about_for_so_many_hours() -> None:
    (came,) = settled(an_enrolment(), PULSE, sessions=[a_session()], now=EVENING)
    assert came.after.closes_at == came.after.due_at + timedelta(days=3)


def test_when_it_is_due_that_is_said_once() -> None:
    done = an_enrolment(completed_on=date(2025, 3, 4), completion_known_at=utc("2025-03-04 18:00"))
    before = settled(done, FOLLOW_UP, now=utc("2025-03-04 18:00"))
    (due,) = settled(done, FOLLOW_UP, now=utc("2025-05-04 08:00"), known=kept(before))
    assert isinstance(due.events[0], FollowUpDue)
    assert settled(done, FOLLOW_UP, now=utc("2025-05-05 08:00"), known=kept([due])) == []
    (closed,) = settled(done, FOLLOW_UP, now=utc("2025-05-18 21:59"), known=kept([due]))
    assert (closed.after.state, closed.events) == ("expired", ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contact_after": False}, "consent-withdrawn"),
        ({"withdrawn_on": date(2025, 5, 5)}, "withdrawn"),
    ],
)
def test_what_was_due_is_cancelled_with_a_word_and_what_was_planned_without(
    changes: dict[str, Any], reason: str
) -> None:
    done = an_enrolment(completed_on=date(2025, 3, 4), completion_known_at=utc("2025-03-04 18:00"))
    planned = settled(done, FOLLOW_UP, now=utc("2025-03-05"))
    (quiet,) = settled(replace(done, **changes), FOLLOW_UP, now=utc("2025-03-06"), known=kept(planned))
    assert (quiet.after.state, quiet.events) == ("cancelled", ())
    due = settled(done, FOLLOW_UP, now=utc("2025-05-05"), known=kept(planned))
    (told,) = settled(replace(done, **changes), FOLLOW_UP, now=utc("2025-05-06"), known=kept(due))
    assert told.after.state == "cancelled"
    assert told.events == (OccasionCancelled(occasion_id=told.after.occasion_id, reason=reason),)


def test_whoever_agrees_to_be_contacted_afterwards_is_asked_though_they_take_part_no_more() -> None:
    done = an_enrolment(completed_on=date(2025, 3, 4), completion_known_at=utc("2025-03-04 18:00"), taking_part=False)
    planned = settled(done, FOLLOW_UP, MONTH_1, now=utc("2025-03-05"))
    assert {one.after.code: one.after.state for one in planned} == {"follow-up": "planned", "month-1": "cancelled"}
    (due,) = settled(done, FOLLOW_UP, MONTH_1, now=utc("2025-05-05"), known=kept(planned))
    assert isinstance(due.events[0], FollowUpDue)


def test_without_consent_to_contact_the_check_ins_before_the_end_go_on() -> None:
    assert only(settled(an_enrolment(contact_after=False), MONTH_1)).state == "planned"


def test_consent_that_is_given_again_in_time_plans_the_follow_up_again() -> None:
    done = an_enrolment(completed_on=date(2025, 3, 4), completion_known_at=utc("2025-03-04 18:00"))
    without = kept(settled(replace(done, contact_after=False), FOLLOW_UP, now=utc("2025-03-05")))
    in_time = replace(done, contact_after_since=utc("2025-05-01"))
    assert only(settled(in_time, FOLLOW_UP, now=utc("2025-05-01"), known=without)).state == "planned"
    too_late = replace(done, contact_after_since=utc("2025-05-06"))
    assert settled(too_late, FOLLOW_UP, now=utc("2025-05-06"), known=without) == []


def test_completion_cancels_the_monthly_check_ins_after_it() -> None:
    known = kept(settled(an_enrolment(), MONTH_1, MONTH_2))
    done = an_enrolment(completed_on=date(2025, 2, 20), completion_known_at=utc("2025-02-20"))
    found = settled(done, MONTH_1, MONTH_2, now=utc("2025-02-20"), known=known)
    assert {one.after.code: one.after.state for one in found} == {"month-1": "due", "month-2": "cancelled"}


def test_a_dropout_is_asked_nothing_more() -> None:
    left = an_enrolment(withdrawn_on=date(2025, 1, 20))
    found = settled(left, an_entry(), MONTH_1, now=utc("2025-01-20"))
    assert {one.after.state for one in found} == {"cancelled"}


def test_imported_history_is_told_at_once_up_to_the_end() -> None:
    history = an_enrolment(is_imported=True, known_at=utc("2025-12-01"), withdrawn_on=date(2025, 2, 20))
    found = settled(history, an_entry(), MONTH_1, MONTH_2, now=utc("2025-12-01"))
    states = {one.after.code: (one.after.state, one.after.is_history, len(one.events)) for one in found}
    assert states["baseline"] == ("expired", True, 1)
    assert states["month-1"] == ("expired", True, 1)
    assert states["month-2"] == ("cancelled", True, 0)


def test_history_that_was_told_before_its_end_was_known_is_taken_back() -> None:
    history = an_enrolment(is_imported=True, known_at=utc("2025-12-01"))
    known = kept(settled(history, MONTH_1, MONTH_2, now=utc("2025-12-01")))
    left = replace(history, withdrawn_on=date(2025, 2, 20))
    (one,) = settled(left, MONTH_1, MONTH_2, now=utc("2025-12-01"), known=known)
    assert (one.after.code, one.after.state) == ("month-2", "cancelled")
    assert len(one.events) == 1


def test_what_falls_due_after_an_import_is_no_history() -> None:
    recent = an_enrolment(is_imported=True, known_at=utc("2025-01-20"))
    found = settled(recent, an_entry(), MONTH_1, now=utc("2025-01-20"))
    assert [(one.after.code, one.after.state, one.after.is_history) for one in found] == [
        ("baseline", "due", True),
        ("month-1", "planned", False),
    ]


def test_nobody_is_asked_for_what_had_closed_before_anybody_knew() -> None:
    late = an_enrolment(known_at=utc("2025-06-01"))
    assert settled(late, MONTH_1, now=utc("2025-06-01")) == []
    new_entry = replace(MONTH_1, since=utc("2025-06-01"))
    assert settled(an_enrolment(), new_entry, now=utc("2025-06-01")) == []


def test_a_completion_that_is_imported_brings_the_follow_up_of_the_past() -> None:
    done = an_enrolment(
        completed_on=date(2025, 3, 4), completion_is_imported=True, completion_known_at=utc("2025-12-01")
    )
    one = only(settled(done, FOLLOW_UP, now=utc("2025-12-01")))
    assert (one.state, one.is_history, one.was_said) == ("expired", True, True)


def test_an_answer_that_came_first_is_completed_and_nothing_is_said() -> None:
    stub = replace(
        only(settled(an_enrolment(), an_entry())), state="answered", due_at=None, opens_at=None, closes_at=None
    )
    (one,) = settled(an_enrolment(), an_entry(), known={stub.occasion_id: stub})
    assert (one.after.state, one.after.due_at, one.events) == ("answered", utc("2025-01-07 15:00"), ())


def test_what_is_answered_stays_answered() -> None:
    known = {one.occasion_id: replace(one, state="answered") for one in kept(settled(an_enrolment(), MONTH_1)).values()}
    assert settled(an_enrolment(withdrawn_on=date(2025, 1, 8)), MONTH_1, known=known) == []


def test_who_came_is_asked_after_the_session() -> None:
    came = a_session(3)
    one = only(settled(an_enrolment(), PULSE, sessions=[came], now=came.ends_at))
    assert (one.code, one.ordinal, one.state, one.due_at) == ("pulse-3", 3, "due", came.ends_at)


def test_who_did_not_come_after_all_is_not_asked() -> None:
    came = a_session()
    known = kept(settled(an_enrolment(), PULSE, sessions=[came], now=came.ends_at))
    (one,) = settled(an_enrolment(), PULSE, sessions=[replace(came, status="absent")], known=known, now=came.ends_at)
    assert one.after.state == "cancelled"


def test_a_session_that_was_recorded_too_late_is_not_asked_about_unless_it_is_history() -> None:
    late = a_session(recorded_at=utc("2025-03-01"))
    assert settled(an_enrolment(), PULSE, sessions=[late], now=utc("2025-03-01")) == []
    history = replace(late, is_history=True)
    one = only(settled(an_enrolment(), PULSE, sessions=[history], now=utc("2025-03-01")))
    assert (one.state, one.is_history) == ("expired", True)


def test_a_new_battery_moves_what_was_not_due_and_leaves_what_was() -> None:
    known = kept(settled(an_enrolment(), an_entry(), MONTH_1, MONTH_2))
    later = replace(MONTH_2, months_after=3, since=utc("2025-01-08"))
    found = settled(an_enrolment(), later, now=utc("2025-01-08"), known=known)
    assert {one.after.code: one.after.state for one in found} == {"month-1": "cancelled", "month-2": "planned"}
    assert not any(one.events for one in found)


def test_an_entry_that_stays_keeps_the_time_since_when_it_is_there() -> None:
    first = entries_of(battery_activated(entry("end", "end")), [], utc("2025-01-01"))
    both = battery_activated(entry("end", "end", window_days=7), entry("month-1", "monthly", months_after=1))
    second = entries_of(both, first, utc("2025-02-01"))
    assert [one.since for one in second] == [utc("2025-01-01"), utc("2025-02-01")]


def test_a_site_that_is_not_known_yet_has_no_ten_o_clock() -> None:
    assert settle(Basis(an_enrolment(), None, [MONTH_1], []), {}, utc("2025-01-08")) == []
