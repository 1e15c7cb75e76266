"""Ends that are taken back: what is open or to come is asked as if there had been none, the rest stays as it was."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from shared.events.scheduling import CheckInDue, FollowUpDue, OccasionCancelled
from tests.doors import bearer
from tests.scheduling.conftest import Told
from tests.scheduling.examples import (
    answered,
    battery_activated,
    completed,
    enrolled,
    enrolment_of,
    person,
    placed,
    resumed,
    taken_back,
    utc,
    withdrawn,
)

At = Callable[[datetime], None]
ANA = enrolment_of("ana")


async def clocks(told: Told) -> list[tuple[Any, ...]]:
    rows = await told.rows("select kind, key, due_at from machinery.timers order by kind, due_at, key")
    return [tuple(row) for row in rows]


async def said(told: Told) -> list[tuple[str, str]]:
    """What was said of occasions, with the code or the reason."""
    kinds = (CheckInDue, FollowUpDue, OccasionCancelled)
    return [(one.wire, getattr(one, "code", None) or one.reason) for one in await told.said(*kinds)]


async def test_who_was_written_down_as_left_by_a_slip_is_asked_as_if_nothing_had_been(at_site: Told, at: At) -> None:
    at(utc("2025-01-07 15:00"))
    await at_site.tell(battery_activated(), enrolled("ana"), placed("ana"))
    before = await at_site.occasions(ANA), await clocks(at_site)
    assert before[0] == {"baseline": "due", "month-1": "planned", "month-2": "planned"}
    at(utc("2025-01-10 12:00"))
    await at_site.tell(withdrawn("ana", date(2025, 1, 10)))
    assert (set((await at_site.occasions(ANA)).values()), await clocks(at_site)) == ({"cancelled"}, [])
    at(utc("2025-01-11 12:00"))
    await at_site.tell(resumed("ana"))
    assert (await at_site.occasions(ANA), await clocks(at_site)) == before
    first, again = await at_site.said(CheckInDue)
    assert first == again
    at(utc("2025-02-07 09:00"))
    await at_site.ring()
    due, cancelled = "check-in-due", "occasion-cancelled"
    assert await said(at_site) == [(due, "baseline"), (cancelled, "withdrawn"), (due, "baseline"), (due, "month-1")]


async def test_what_closed_while_they_were_away_stays_cancelled(at_site: Told, at: At) -> None:
    at(utc("2025-01-07 15:00"))
    await at_site.tell(battery_activated(), enrolled("ana"), withdrawn("ana", date(2025, 1, 10)))
    at(utc("2025-02-15 12:00"))
    await at_site.tell(resumed("ana"))
    states = {"baseline": "cancelled", "month-1": "due", "month-2": "planned"}
    assert await at_site.occasions(ANA) == states
    await at_site.tell(resumed("ana"))  # once more is once
    assert await at_site.occasions(ANA) == states
    at(utc("2025-02-16 12:00"))
    await at_site.tell(withdrawn("ana", date(2025, 2, 16)), resumed("ana"))  # what closed in the first absence, too
    assert await at_site.occasions(ANA) == states
    assert [one.code for one in await at_site.said(CheckInDue)] == ["baseline", "month-1", "month-1"]


async def test_what_closed_before_anybody_knew_of_an_end_was_silent_and_is_again(at_site: Told, at: At) -> None:
    """A completion with the wrong month, corrected a minute later: who did not answer is not forgotten for it."""
    at(utc("2025-01-07 15:00"))
    await at_site.tell(battery_activated(), enrolled("ana"))
    at(utc("2025-02-28 12:00"))
    await at_site.ring()
    before = await at_site.occasions(ANA)
    assert before == {"baseline": "expired", "month-1": "expired", "month-2": "planned"}
    await at_site.tell(completed("ana", date(2025, 1, 20)))
    assert (await at_site.occasions(ANA))["month-1"] == "cancelled"
    at(utc("2025-02-28 12:01"))
    await at_site.tell(resumed("ana"))
    assert {code: state for code, state in (await at_site.occasions(ANA)).items() if code in before} == before
    assert ("check-in-due", "month-1") in (await said(at_site))[-3:]


async def test_what_a_completion_had_brought_goes_with_it_and_comes_with_the_next_one(at_site: Told, at: At) -> None:
    at(utc("2025-01-07 15:00"))
    await at_site.tell(battery_activated(), enrolled("ana"), placed("ana"), answered("ana", "baseline"))
    at(utc("2025-02-28 18:00"))
    await at_site.ring()
    await at_site.tell(completed("ana", date(2025, 2, 28)))
    at(utc("2025-03-05 12:00"))
    await at_site.tell(resumed("ana"))
    expected = {"baseline": "answered", "month-1": "expired", "month-2": "planned"}
    assert await at_site.occasions(ANA) == expected | {"end": "cancelled", "follow-up": "cancelled"}
    assert (await said(at_site))[-2:] == [("check-in-due", "end"), ("occasion-cancelled", "completed")]
    assert [kind for kind, *_ in await clocks(at_site)] == ["occasion-due"]  # of the second month
    at(utc("2025-03-20 18:00"))
    await at_site.ring()
    await at_site.tell(completed("ana", date(2025, 3, 20)))
    expected |= {"month-2": "due", "end": "due", "follow-up": "planned"}
    assert await at_site.occasions(ANA) == expected
    first, again = [one for one in await at_site.said(CheckInDue) if one.code == "end"]
    assert first.occasion_id == again.occasion_id
    assert (first.due_at, again.due_at) == (utc("2025-02-28 09:00"), utc("2025-03-20 09:00"))
    at(utc("2025-05-20 08:00"))
    await at_site.ring()
    assert [one.due_at for one in await at_site.said(FollowUpDue)] == [utc("2025-05-20 08:00")]


async def test_an_end_that_closed_without_an_answer_is_not_counted_as_a_silent_one(at_site: Told, at: At) -> None:
    at(utc("2025-01-07 15:00"))
    await at_site.tell(battery_activated(), enrolled("ana"), completed("ana", date(2025, 1, 7)))
    at(utc("2025-02-15 12:00"))
    await at_site.ring()
    assert (await at_site.occasions(ANA))["end"] == "expired"
    await at_site.tell(resumed("ana"))
    assert (await at_site.occasions(ANA))["end"] == "cancelled"
    assert [one.reason for one in await at_site.said(OccasionCancelled)] == ["completed"]


async def test_what_was_answered_at_the_end_stays(at_site: Told, at: At) -> None:
    at(utc("2025-02-28 18:00"))
    await at_site.tell(battery_activated(), enrolled("ana", date(2025, 2, 25)), completed("ana", date(2025, 2, 28)))
    await at_site.tell(answered("ana", "end", "end"), resumed("ana"))
    assert (await at_site.occasions(ANA))["end"] == "answered"
    await at_site.tell(completed("ana", date(2025, 2, 28)))
    states = await at_site.occasions(ANA)
    assert (states["end"], states["follow-up"]) == ("answered", "planned")
    assert await at_site.said(OccasionCancelled) == []


async def test_an_answer_that_was_on_its_way_when_they_left_can_be_given_anew_once_it_is_taken_back(
    at_site: Told, at: At
) -> None:
    """Others heard last that it is not wanted: it is said to be due again, when it waits for an answer again."""
    at(utc("2025-01-10 12:00"))
    await at_site.tell(battery_activated(), enrolled("ana"), withdrawn("ana", date(2025, 1, 10)))
    await at_site.tell(answered("ana", "baseline"), resumed("ana"))
    assert await said(at_site) == [("check-in-due", "baseline"), ("occasion-cancelled", "withdrawn")]
    for _ in range(2):
        await at_site.tell(taken_back("ana", "baseline"))
        assert (await at_site.occasions(ANA))["baseline"] == "due"
        assert [code for _, code in await said(at_site)] == ["baseline", "withdrawn", "baseline"]


async def test_what_was_cancelled_by_an_earlier_version_is_due_again_as_well(at_site: Told, at: At) -> None:
    at(utc("2025-01-10 12:00"))
    await at_site.tell(battery_activated(), enrolled("ana"), withdrawn("ana", date(2025, 1, 10)))
    await at_site.rows("update occasions set was_cancelled = false returning 1")
    await at_site.tell(resumed("ana"))
    assert [code for _, code in await said(at_site)] == ["baseline", "withdrawn", "baseline"]


async def test_they_are_on_a_roster_from_the_day_on_which_they_are_placed_again(at_site: Told, at: At) -> None:
    at(utc("2025-01-20 12:00"))
    await at_site.tell(enrolled("ana"), placed("ana"), withdrawn("ana", date(2025, 1, 10)), resumed("ana"))
    stays = "select placed_on, until from placements order by placed_on"
    assert [tuple(row) for row in await at_site.rows(stays)] == [(date(2025, 1, 7), date(2025, 1, 10))]
    await at_site.tell(placed("ana", date(2025, 1, 20)))
    assert [tuple(row) for row in await at_site.rows(stays)][1:] == [(date(2025, 1, 20), None)]


async def test_the_page_says_why_what_the_end_had_brought_is_not_asked(at_site: Told, client: Any, at: At) -> None:
    at(utc("2025-02-28 18:00"))
    await at_site.tell(battery_activated(), enrolled("ana", date(2025, 2, 25)), completed("ana", date(2025, 2, 28)))
    await at_site.tell(resumed("ana"))
    page = await client.get(f"/scheduling/participants/{person('ana')}", headers=bearer("coordinator", "old-town"))
    assert (page.status_code, "they go on in the program" in page.text) == (200, True)
