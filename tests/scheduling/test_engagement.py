"""Who stays away: three absences in a row without a word, said once, whatever is corrected later."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.scheduling.domain.engagement import Disengagement, Engagement, Recorded, notice
from shared.identity import derived_id
from tests.scheduling.examples import NEW_ROOTS, OLD_TOWN, ORGANISATION, enrolment_of, person, utc

NOW = utc("2025-03-01 12:00")
LETTERS = {"p": "present", "l": "late", "e": "excused", "a": "absent"}


def session(number: int) -> UUID:
    """The session of this number."""
    return derived_id(ORGANISATION, "test-session", str(number))


def attended(marks: str, *, is_history: bool = False) -> list[Recorded]:
    """`paa` came once and was absent twice; a dot is a session that was not recorded (yet)."""
    statuses: list[tuple[int, Any]] = [(n, LETTERS[mark]) for n, mark in enumerate(marks, 1) if mark != "."]
    return [Recorded(session(number), status, is_history) for number, status in statuses]


def standing(marks: str, *noticed: Disengagement, is_over: bool = False, is_history: bool = False) -> Engagement:
    return Engagement(
        enrolment_id=enrolment_of("ana"),
        organisation_id=ORGANISATION,
        participant_id=person("ana"),
        program_id=NEW_ROOTS,
        site_id=OLD_TOWN,
        is_over=is_over,
        sessions=attended(marks, is_history=is_history),
        noticed=noticed,
    )


def a_row(first: int, last: int) -> Disengagement:
    return Disengagement(session(first), session(last), last - first + 1, utc("2025-02-20"))


@pytest.mark.parametrize(
    ("marks", "absences"),
    [
        ("", 0),
        ("aa", 0),
        ("aaa", 3),
        ("paaa", 3),
        ("aaap", 0),
        ("aaal", 0),
        ("aaae", 0),
        ("aaea", 0),
        ("aaeaaa", 3),
        ("aapaaaa", 4),
        ("a.a.a", 3),
    ],
)
def test_three_absences_in_a_row_without_a_word_are_noticed(marks: str, absences: int) -> None:
    noticed, event = notice(standing(marks), NOW)
    assert (event.absences if event else 0) == absences
    assert [one.absences for one in noticed.changed] == ([absences] if absences else [])
    if event:
        assert event.last_session_id == session(len(marks))
        assert event.key == enrolment_of("ana")


def test_a_row_that_grows_is_counted_and_not_said_again() -> None:
    noticed, event = notice(standing("aaaa", a_row(1, 3)), NOW)
    assert event is None
    (row,) = noticed.changed
    assert (row.absences, row.noticed_at, row.ended_at) == (4, utc("2025-02-20"), None)
    assert notice(standing("aaa", a_row(1, 3)), NOW) == (notice(standing("aaa", a_row(1, 3)), NOW)[0], None)
    assert notice(standing("aaa", a_row(1, 3)), NOW)[0].changed == ()


@pytest.mark.parametrize("marks", ["aaap", "aaae", "aap", "aae", "apa"])
def test_whoever_comes_or_is_excused_is_not_on_the_list_any_more(marks: str) -> None:
    noticed, event = notice(standing(marks, a_row(1, 3)), NOW)
    assert ([one.ended_at for one in noticed.changed], event) == ([NOW], None)


def test_whoever_has_left_or_completed_does_not_stay_away() -> None:
    noticed, event = notice(standing("aaaa", is_over=True), NOW)
    assert (noticed.changed, event) == ((), None)
    assert [one.ended_at for one in notice(standing("aaa", a_row(1, 3), is_over=True), NOW)[0].changed] == [NOW]


@pytest.mark.parametrize(
    ("marks", "known", "absences"),
    [
        ("aaaa", (2, 4), 4),  # the attendance of an earlier session was recorded late
        ("eaaa", (1, 4), 3),  # the first was excused after all
    ],
)
def test_a_correction_that_moves_where_it_begins_is_not_said_again(
    marks: str, known: tuple[int, int], absences: int
) -> None:
    noticed, event = notice(standing(marks, a_row(*known)), NOW)
    assert event is None
    assert [(one.ended_at, one.absences) for one in noticed.changed if one.ended_at is None] == [(None, absences)]
    assert {one.noticed_at for one in noticed.changed} == {utc("2025-02-20")}


def test_a_correction_that_is_taken_back_opens_the_same_row_again() -> None:
    ended = replace(a_row(1, 3), ended_at=utc("2025-02-25"))
    noticed, event = notice(standing("aaa", ended), NOW)
    assert event is None
    assert noticed.changed == (a_row(1, 3),)


def test_a_second_row_after_they_came_is_said() -> None:
    ended = replace(a_row(1, 3), ended_at=utc("2025-02-25"))
    _, event = notice(standing("aaapaaa", ended), NOW)
    assert event is not None
    assert event.first_session_id == session(5)


def test_history_is_noticed_and_not_said_until_it_goes_on() -> None:
    noticed, event = notice(standing("aaa", is_history=True), NOW)
    assert (len(noticed.changed), event) == (1, None)
    going_on = standing("aaa", *noticed.changed, is_history=True)
    lasting = replace(going_on, sessions=(*going_on.sessions, Recorded(session(4), "absent", is_history=False)))
    noticed, event = notice(lasting, NOW)
    assert event is not None
    assert (event.absences, event.last_session_id) == (4, session(4))
    assert notice(replace(lasting, noticed=noticed.changed), NOW)[1] is None
