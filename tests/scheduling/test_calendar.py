"""When groups meet: the same time on the wall, eight weeks ahead, and what moves when the group changes."""

from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.scheduling.domain.calendar import Planned, replan, restored, rezoned
from services.scheduling.domain.kinds import at_local, session_id_of
from services.scheduling.domain.shapes import Group, Plan, Session
from shared.events.scheduling import SessionCancelled, SessionScheduled
from tests.scheduling.examples import EVENING_CIRCLE, MADRID, TOMASZ, a_group, utc

NOW = utc("2025-03-04 12:00")


def planned(group: Group, known: dict[date, Session] | None = None, now: Any = NOW) -> Planned:
    return replan(group, MADRID, known or {}, now)


def by_day(found: Planned) -> dict[date, Session]:
    return {one.local_date: one for one in found.sessions}


@pytest.mark.parametrize(
    ("day", "clock_time", "expected"),
    [
        ("2025-03-25", "18:00", "2025-03-25 17:00"),
        ("2025-04-01", "18:00", "2025-04-01 16:00"),
        ("2025-03-30", "02:30", "2025-03-30 01:30"),  # left out that night: half past three by the new clock
        ("2025-10-26", "02:30", "2025-10-26 00:30"),  # comes twice: the first
        ("2025-10-28", "18:00", "2025-10-28 17:00"),
    ],
)
def test_a_time_on_the_wall_stays_the_same_across_a_clock_change(day: str, clock_time: str, expected: str) -> None:
    assert at_local(date.fromisoformat(day), clock_time, MADRID) == utc(expected)


def test_sessions_are_planned_eight_weeks_ahead() -> None:
    found = planned(a_group())
    assert [one.local_date.isoformat() for one in found.sessions] == [
        "2025-03-04", "2025-03-11", "2025-03-18", "2025-03-25", "2025-04-01", "2025-04-08", "2025-04-15", "2025-04-22",
    ]  # fmt: skip
    assert [one.starts_at for one in found.sessions[3:5]] == [utc("2025-03-25 17:00"), utc("2025-04-01 16:00")]
    assert all(isinstance(event, SessionScheduled) for event in found.events)
    assert found.sessions[0].session_id == session_id_of(EVENING_CIRCLE, date(2025, 3, 4))


def test_a_group_that_begins_later_is_planned_from_its_first_day_on() -> None:
    found = planned(a_group(first_on=date(2025, 9, 1)))
    assert [one.local_date for one in found.sessions][::7] == [date(2025, 9, 2), date(2025, 10, 21)]


def test_what_has_begun_today_is_not_planned_any_more() -> None:
    assert min(by_day(planned(a_group(), now=utc("2025-03-04 17:00")))) == date(2025, 3, 11)


def test_planning_again_changes_nothing() -> None:
    assert planned(a_group(), by_day(planned(a_group()))) == Planned((), ())


def test_a_week_later_one_session_more_is_there() -> None:
    later = planned(a_group(), by_day(planned(a_group())), utc("2025-03-11 12:00"))
    assert [one.local_date for one in later.sessions] == [date(2025, 4, 29)]


def test_another_time_of_the_day_moves_the_sessions() -> None:
    found = planned(a_group(starts_at_local="19:30"), by_day(planned(a_group())))
    assert len(found.sessions) == 8
    assert {type(event) for event in found.events} == {SessionScheduled}
    assert found.sessions[0].starts_at == utc("2025-03-04 18:30")


def test_what_has_begun_today_stays_when_the_group_meets_later_from_now_on() -> None:
    known = by_day(planned(a_group()))
    found = planned(a_group(starts_at_local="21:30"), known, utc("2025-03-04 19:00"))
    assert min(by_day(found)) == date(2025, 3, 11)


def test_another_weekday_cancels_the_old_days_and_schedules_the_new_ones() -> None:
    known = by_day(planned(a_group()))
    found = planned(a_group(weekday=4), known)
    assert sum(isinstance(event, SessionCancelled) for event in found.events) == 8
    assert sum(isinstance(event, SessionScheduled) for event in found.events) == 8
    back = planned(a_group(), known | by_day(found))
    assert {one.local_date.isoweekday() for one in back.sessions if one.state == "scheduled"} == {2}


def test_what_somebody_has_touched_stays_on_its_day() -> None:
    known = by_day(planned(a_group()))
    own = Plan("weather-inside", ("small-next-step",))
    known[date(2025, 3, 11)] = replace(known[date(2025, 3, 11)], plan=own)
    known[date(2025, 3, 18)] = replace(known[date(2025, 3, 18)], state="cancelled", reason="holiday")
    found = by_day(planned(a_group(weekday=4), known))
    assert date(2025, 3, 11) not in found
    assert date(2025, 3, 18) not in found
    assert found[date(2025, 3, 25)].state == "cancelled"


def test_what_a_person_cancelled_is_not_revived() -> None:
    known = by_day(planned(a_group()))
    known[date(2025, 3, 18)] = replace(known[date(2025, 3, 18)], state="cancelled", reason="holiday")
    assert planned(a_group(), known) == Planned((), ())


def test_a_cancelled_session_that_takes_place_after_all_is_as_its_group_meets_by_now() -> None:
    cancelled = replace(by_day(planned(a_group()))[date(2025, 3, 18)], state="cancelled", reason="holiday")
    later = a_group(starts_at_local="19:30", minutes=60, facilitator_id=TOMASZ)
    found = restored(later, MADRID, cancelled, NOW)
    assert (found.state, found.reason, found.minutes, found.facilitator_id) == ("scheduled", None, 60, TOMASZ)
    assert found.starts_at == utc("2025-03-18 18:30")
    own = replace(cancelled, starts_at=utc("2025-03-18 16:00"), has_own_time=True)
    assert restored(later, MADRID, own, NOW).starts_at == utc("2025-03-18 16:00")
    begun = restored(later, MADRID, cancelled, utc("2025-03-18 20:00"))
    assert begun == replace(cancelled, state="scheduled", reason=None)


def test_it_stays_on_its_day_when_its_group_meets_on_another() -> None:
    known = by_day(planned(a_group()))
    known[date(2025, 3, 18)] = replace(known[date(2025, 3, 18)], state="cancelled", reason="holiday")
    friday = a_group(weekday=5)
    back = restored(friday, MADRID, known[date(2025, 3, 18)], NOW)
    assert back.starts_at == utc("2025-03-18 17:00")
    assert date(2025, 3, 18) not in by_day(planned(friday, known | {date(2025, 3, 18): back}))


def test_only_a_coming_session_with_a_time_of_its_own_keeps_its_time_on_another_wall() -> None:
    known = by_day(planned(a_group()))
    for day, state in ((11, "scheduled"), (18, "cancelled")):
        on = date(2025, 3, day)
        known[on] = replace(known[on], starts_at=at_local(on, "19:30", MADRID), has_own_time=True, state=state)
    found = rezoned(known, MADRID, ZoneInfo("Atlantic/Canary"), NOW)
    assert [one.starts_at for one in found.sessions] == [utc("2025-03-11 19:30"), utc("2025-03-18 19:30")]
    assert [type(event) for event in found.events] == [SessionScheduled]
    assert rezoned(known, MADRID, MADRID, NOW) == Planned((), ())
    assert rezoned(known, MADRID, ZoneInfo("Atlantic/Canary"), utc("2025-03-19 12:00")) == Planned((), ())


def test_who_leads_the_group_leads_the_sessions_for_which_nobody_else_was_chosen() -> None:
    known = by_day(planned(a_group()))
    known[date(2025, 3, 11)] = replace(known[date(2025, 3, 11)], has_own_facilitator=True)
    found = by_day(planned(a_group(facilitator_id=TOMASZ), known))
    assert len(found) == 7
    assert date(2025, 3, 11) not in found
    assert {one.facilitator_id for one in found.values()} == {TOMASZ}
