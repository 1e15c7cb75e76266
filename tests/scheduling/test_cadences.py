"""Cadences as data: when each falls due, of whom it is asked, and that only facts decide, in whatever order."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduling.domain.occasions import (
    Basis,
    Came,
    Enrolment,
    Entry,
    Occasion,
    Scored,
    Settled,
    ended_of,
    entries_of,
    occasion_id_of,
    settle,
)
from shared.events.feedback import AttributeIs, BatteryActivated, ScoreWas
from shared.events.scheduling import OccasionCancelled
from tests.scheduling.examples import MADRID, an_enrolment, an_entry, battery_activated, enrolment_of, entry, utc

LONG_AGO = utc("2020-01-01")


def settled(basis: Basis, now: str, known: dict[Any, Occasion] | None = None) -> list[Settled]:
    return settle(basis, known or {}, utc(now))


def basis(*entries: Entry, **changes: Any) -> Basis:
    values: dict[str, Any] = {"enrolment": an_enrolment(), "zone": MADRID, "entries": entries, "sessions": []}
    return Basis(**values | changes)


def states(found: list[Settled]) -> dict[str, str]:
    return {one.after.code: one.after.state for one in found}


def sessions(count: int, **changes: dict[str, Any]) -> list[Came]:
    """So many weekly sessions that they came to; `s2=...` changes the second."""
    found = []
    for nth in range(1, count + 1):
        ends_at = utc("2025-01-07 18:30") + timedelta(weeks=nth)
        values: dict[str, Any] = {
            "session_id": enrolment_of(f"session {nth}"),
            "ends_at": ends_at,
            "nth": nth,
            "status": "present",
            "is_history": False,
            "recorded_at": ends_at + timedelta(hours=1),
        }
        found.append(Came(**values | changes.get(f"s{nth}", {})))
    return found


@pytest.mark.parametrize(
    ("kind", "months", "days", "due_on"),
    [
        ("monthly", 0, 15, "2025-01-15"),
        ("monthly", 0, 30, "2025-01-30"),
        ("monthly", 0, 60, "2025-03-01"),
        ("monthly", 0, 90, "2025-03-31"),
        ("monthly", 2, 0, "2025-02-28"),
        ("monthly", 2, 1, "2025-03-01"),
        ("monthly", 14, 0, "2026-02-28"),
        ("follow-up", 2, 0, "2025-02-28"),
        ("follow-up", 0, 60, "2025-03-01"),
        ("end", 0, 3, "2025-01-03"),
    ],
)
def test_whole_months_and_days_on_the_wall_of_the_site(kind: str, months: int, days: int, due_on: str) -> None:
    enrolment = an_enrolment(
        enrolled_on=date(2024, 12, 31), completed_on=date(2024, 12, 31), known_at=utc("2024-12-31 12:00")
    )
    if kind == "monthly":
        enrolment = replace(enrolment, completed_on=None)
    one = an_entry("x", kind, months_after=months, days_after=days, since=LONG_AGO)
    (found,) = settled(basis(one, enrolment=enrolment), "2024-12-31 12:01")
    assert found.after.due_at
    local = found.after.due_at.astimezone(MADRID)
    assert (local.date().isoformat(), local.hour, local.minute) == (due_on, 10, 0)
    assert found.after.opens_at == found.after.due_at - timedelta(days=14 if kind == "follow-up" else 0)


def test_every_nth_session_is_asked_about_and_no_other() -> None:
    every = an_entry("deep", "session", every=3, window_days=3, since=LONG_AGO)
    found = settled(basis(every, sessions=sessions(7)), "2025-03-01")
    assert set(states(found)) == {"deep-3", "deep-6"}
    both = basis(every, an_entry("pulse", "session", window_days=3), sessions=sessions(3))
    assert set(states(settled(both, "2025-01-28 19:00"))) == {"pulse-1", "pulse-2", "pulse-3", "deep-3"}


def test_what_repeats_is_planned_one_ahead_and_never_creeps_from_the_last_of_the_month() -> None:
    monthly = an_entry("month", "monthly", repeats_months=1, since=LONG_AGO)
    enrolment = an_enrolment(enrolled_on=date(2025, 1, 31), known_at=utc("2025-01-31 09:00"))
    begun = settled(basis(monthly, enrolment=enrolment), "2025-02-01")
    assert states(begun) == {"month-1": "planned"}
    later = settled(basis(monthly, enrolment=enrolment), "2025-05-02")
    assert [one.after.due_at.astimezone(MADRID).date().isoformat() for one in later if one.after.due_at] == [
        "2025-02-28",
        "2025-03-31",
        "2025-04-30",
        "2025-05-31",
    ]
    assert [one.after.ordinal for one in later] == [1, 2, 3, 4]
    assert later[3].after.state == "planned"


def test_what_repeats_ends_after_so_many_times_or_with_the_enrolment() -> None:
    twice = an_entry("m", "monthly", months_after=1, repeats_months=2, times=2, since=LONG_AGO)
    assert set(states(settled(basis(twice), "2026-01-01"))) == {"m-1", "m-2"}
    monthly = an_entry("month", "monthly", repeats_months=1, since=LONG_AGO)
    known = {one.after.occasion_id: one.after for one in settled(basis(monthly), "2025-03-08")}
    done = an_enrolment(completed_on=date(2025, 3, 20), completion_known_at=utc("2025-03-20"))
    found = settled(basis(monthly, enrolment=done), "2025-03-20 12:00", known)
    assert states(found)["month-3"] == "cancelled"
    assert {one.after.why for one in found if one.after.state == "cancelled"} == {"completed"}
    assert "month-4" not in states(settled(basis(monthly, enrolment=done), "2026-01-01"))


def test_half_way_is_when_they_came_to_half_of_the_sessions_whatever_the_date() -> None:
    half = an_entry("half-way", "monthly", after_sessions=3, since=LONG_AGO)
    assert settled(basis(half, sessions=sessions(2)), "2025-02-01") == []
    came = sessions(4, s2={"status": "absent"})
    (found,) = settled(basis(half, sessions=came), "2025-02-05")
    assert (found.after.code, found.after.state) == ("half-way", "due")
    assert found.after.due_at == came[3].ends_at


def test_half_way_that_a_correction_takes_back_is_cancelled_with_a_word() -> None:
    half = an_entry("half-way", "monthly", after_sessions=2, since=LONG_AGO)
    known = {one.after.occasion_id: one.after for one in settled(basis(half, sessions=sessions(2)), "2025-01-22")}
    corrected = sessions(2, s2={"status": "excused"})
    (found,) = settled(basis(half, sessions=corrected), "2025-01-22", known)
    assert (found.after.state, found.after.why) == ("cancelled", "attendance-corrected")
    assert [type(one) for one in found.events] == [OccasionCancelled]


AGE = AttributeIs(attribute="age-band", equals="18-25")
LOW = ScoreWas(occasion="baseline", instrument="belonging", at_most=10)
SCORED = Scored("baseline", "belonging", "total", 8, utc("2025-01-07 16:00"))


@pytest.mark.parametrize(
    ("attributes", "scores", "asked"),
    [
        ({}, [SCORED], False),
        ({"age-band": "26-40"}, [SCORED], False),
        ({"age-band": "18-25"}, [SCORED], True),
        ({"age-band": "18-25"}, [], False),
        ({"age-band": "18-25"}, [replace(SCORED, count=10)], True),
        ({"age-band": "18-25"}, [replace(SCORED, count=11)], False),
        ({"age-band": "18-25"}, [replace(SCORED, instrument="phq-4")], False),
        ({"age-band": "18-25"}, [replace(SCORED, scale="part")], False),
        ({"age-band": "18-25"}, [replace(SCORED, code="end")], False),
        ({"age-band": "18-25"}, [replace(SCORED, answered_at=utc("2025-02-07 09:01"))], False),
        ({"age-band": "18-25"}, [SCORED, replace(SCORED, count=20, answered_at=utc("2025-02-01"))], False),
    ],
)
def test_a_condition_is_looked_at_for_the_moment_of_the_due_date(
    attributes: dict[str, str], scores: list[Scored], asked: bool
) -> None:
    month = an_entry("month-1", "monthly", months_after=1, only_attribute=AGE, only_score=LOW, since=LONG_AGO)
    stands = basis(month, enrolment=an_enrolment(attributes=attributes), scores=scores)
    assert states(settled(stands, "2025-02-07 08:59")) == {"month-1": "planned"}
    (one,) = settled(stands, "2025-02-07 09:00")
    assert (one.after.state, one.after.why) == (("due", None) if asked else ("not-asked", "condition"))
    assert len(one.events) == asked, "what is not asked is said to nobody, so nobody counts it as unanswered"


def test_a_score_that_is_heard_late_still_brings_what_it_should_have_brought() -> None:
    month = an_entry("month-1", "monthly", months_after=1, only_score=LOW, since=LONG_AGO)
    known = {one.after.occasion_id: one.after for one in settled(basis(month), "2025-02-07 10:00")}
    (one,) = settled(basis(month, scores=[SCORED]), "2025-02-07 10:05", known)
    assert (one.after.state, one.after.why, len(one.events)) == ("due", None, 1)


def test_a_changed_cadence_plans_anew_what_was_not_said_and_leaves_what_was() -> None:
    first = entries_of(battery_activated(entry("m", "monthly", months_after=1)), [], utc("2025-01-01"))
    known = {one.after.occasion_id: one.after for one in settled(basis(*first), "2025-02-07 09:00")}
    event, at = battery_activated(entry("m", "monthly", months_after=3)), utc("2025-02-10")
    second = [*entries_of(event, first, at), *ended_of(entries_of(event, first, at), first, at)]
    assert settled(basis(*second), "2025-02-10", known) == [], "it was said: it stays as it was"
    unsaid = {one.after.occasion_id: one.after for one in settled(basis(*first), "2025-01-08")}
    early = utc("2025-01-20")
    moved = [*entries_of(event, first, early), *ended_of(entries_of(event, first, early), first, early)]
    (one,) = settled(basis(*moved), "2025-01-20", unsaid)
    assert (one.after.state, one.after.due_at, one.events) == ("planned", utc("2025-04-07 08:00"), ())


# ---- any order of the same facts ----

BEFORE = [
    entry("baseline", "baseline"),
    entry("pulse", "session", window_days=3),
    entry("month", "monthly", repeats_months=1),
    entry("half-way", "monthly", after_sessions=2, ordinal=7),
    entry("extra", "monthly", days_after=45, only_score=LOW),
    entry("follow-up", "follow-up", days_after=30),
]
AFTER = [
    entry("baseline", "baseline"),
    entry("pulse", "session", every=2, window_days=5),
    entry("month", "monthly", repeats_months=2, reminders=[3, 7]),
    entry("follow-up", "follow-up", months_after=1, instruments=["phq-4"]),
]


@dataclass
class World:
    """What scheduling knows, fact by fact, as its store would have it."""

    now: datetime
    enrolment: Enrolment | None = None
    entries: list[Entry] = field(default_factory=list)
    sessions: dict[int, Came] = field(default_factory=dict)
    scores: list[Scored] = field(default_factory=list)
    known: dict[Any, Occasion] = field(default_factory=dict)
    said: list[Any] = field(default_factory=list)

    def hear(self, fact: Callable[["World"], None]) -> None:
        """Take in a fact, and bring the occasions up to date."""
        fact(self)
        if self.enrolment:
            came = [self.sessions[nth] for nth in sorted(self.sessions)]
            found = settle(Basis(self.enrolment, MADRID, self.entries, came, self.scores), self.known, self.now)
            self.known |= {one.after.occasion_id: one.after for one in found}
            self.said += [event for one in found for event in one.events]

    @property
    def outcome(self) -> dict[str, Any]:
        """What has become of everything; what was cancelled may never have been planned in another order."""
        return {
            one.code: (one.state, one.due_at, one.opens_at, one.closes_at, one.instruments, one.reminders, one.why)
            for one in self.known.values()
            if one.state != "cancelled"
        }


def enrols(world: World) -> None:
    world.enrolment = world.enrolment or an_enrolment()


def ends(**changes: Any) -> Callable[[World], None]:
    def end(world: World) -> None:
        assert world.enrolment
        world.enrolment = replace(world.enrolment, **changes)

    return end


def sets(event: BatteryActivated, at: datetime) -> Callable[[World], None]:
    def set_battery(world: World) -> None:
        entries = entries_of(event, world.entries, at)
        world.entries = [*entries, *(one for one in world.entries if one.until), *ended_of(entries, world.entries, at)]

    return set_battery


def attends(came: Came) -> Callable[[World], None]:
    return lambda world: world.sessions.update({came.nth: came})


def answers(code: str, ordinal: int) -> Callable[[World], None]:
    def answer(world: World) -> None:
        at, whose = utc("2025-01-08 12:00"), enrolment_of("ana")
        occasion_id = occasion_id_of(whose, code, ordinal)
        dates: tuple[None, None, None] = (None, None, None)
        stub = Occasion(
            occasion_id, whose, whose, whose, whose, whose, "baseline", code, ordinal, (), *dates, False, "answered"
        )
        before = world.known.get(occasion_id, stub)
        world.known[occasion_id] = replace(before, state="answered", answered_at=at, why=None)
        world.scores = [*world.scores, Scored(code, "belonging", "total", 8, at)]

    return answer


def an_end(data: st.DataObject, now: datetime) -> list[Callable[[World], None]]:
    """Perhaps they have completed or left by now; that is written down some days later."""
    on = data.draw(st.integers(0, (now - utc("2025-01-07 15:00")).days)) if data.draw(st.booleans()) else None
    if on is None:
        return []
    day, known_at = date(2025, 1, 7) + timedelta(on), min(now, utc("2025-01-10") + timedelta(on))
    if data.draw(st.booleans()):
        return [ends(completed_on=day, completion_known_at=known_at)]
    return [ends(withdrawn_on=day, withdrawal_known_at=known_at)]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_order_of_the_same_facts_gives_the_same_occasions(data: st.DataObject) -> None:
    """Batteries change just now: what fell due before that was said, and stays whatever is heard of it later."""
    now = utc("2025-01-09 11:30") + timedelta(days=data.draw(st.integers(0, 160)))
    came = [one for one in sessions(data.draw(st.integers(0, 6))) if one.recorded_at < now]
    corrected = [replace(came[-1], status="absent")] if len(came) > 2 and data.draw(st.booleans()) else []
    batteries = [sets(battery_activated(*BEFORE), utc("2025-01-01"))]
    for number in range(data.draw(st.integers(0, 2))):
        at = now - timedelta(minutes=20 - number)
        batteries.append(sets(battery_activated(*(BEFORE if number % 2 else AFTER)), at))
    answered = data.draw(st.sampled_from([[], [answers("baseline", 0)]]))
    streams = [batteries, [enrols, *an_end(data, now)], [*map(attends, [*came, *corrected])], answered]
    first = World(now)
    for fact in [one for stream in streams for one in stream]:
        first.hear(fact)
    for _ in range(3):
        other, left = World(now), [list(stream) for stream in streams if stream]
        while left:
            stream = data.draw(st.sampled_from(left))
            fact = stream.pop(0)
            other.hear(fact)
            if data.draw(st.booleans()) and fact not in batteries:
                other.hear(fact)  # delivered twice
            left = [one for one in left if one]
        assert other.outcome == first.outcome
        due = [one.occasion_id for one in other.said if not isinstance(one, OccasionCancelled)]
        assert len(due) == len(set(due)), "each is said to be due once"
