"""What scheduling hears, against a real PostgreSQL: the same result in whatever order the topics arrive."""

import random
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from services.scheduling.domain.kinds import session_id_of
from shared.events import Event
from shared.events.intake import FacilitatorLapsed, SiteChanged
from shared.events.scheduling import CheckInDue, FollowUpDue, OccasionCancelled
from tests.doors import bearer
from tests.scheduling.conftest import Told, another, shuffled
from tests.scheduling.examples import (
    EVENING_CIRCLE,
    OLD_TOWN,
    ORGANISATION,
    TOMASZ,
    answered,
    battery_activated,
    completed,
    consent_changed,
    enrolled,
    enrolment_of,
    entry,
    facilitator_qualified,
    form_group,
    person,
    placed,
    program_published,
    resumed,
    site_opened,
    taken_back,
    unplaced,
    utc,
    waitlisted,
    withdrawn,
)

At = Callable[[datetime], None]
HISTORY = date(2025, 1, 7)


def streams() -> list[list[Event]]:
    """One topic each; what happened to one participant keeps its order."""
    return [
        [site_opened(), SiteChanged(**site_opened().model_dump() | {"languages": ["es"]})],
        [program_published()],
        [battery_activated()],
        [
            enrolled("ana", is_imported=True),
            placed("ana"),
            consent_changed("ana", contact_after=False),
            completed("ana", date(2025, 2, 20), is_imported=True),
            consent_changed("ana", contact_after=True),
        ],
        [enrolled("dev", is_imported=True), placed("dev"), withdrawn("dev", date(2025, 2, 20))],
        [enrolled("ines", date(2025, 11, 30)), consent_changed("ines", taking_part=False)],
        [enrolled("noor", date(2025, 11, 30)), withdrawn("noor", date(2025, 12, 1))],
        [enrolled("omar", date(2025, 11, 30)), placed("omar")],
        [enrolled("rui", date(2025, 11, 30)), withdrawn("rui", date(2025, 12, 1)), resumed("rui")],
        [enrolled("eva", is_imported=True), withdrawn("eva", date(2025, 2, 20)), resumed("eva")],
        [
            enrolled("sol", is_imported=True),
            placed("sol"),
            completed("sol", date(2025, 2, 20), is_imported=True),
            resumed("sol"),
        ],
        [
            enrolled("teo", is_imported=True),
            completed("teo", date(2025, 2, 20), is_imported=True),
            resumed("teo"),
            completed("teo", date(2025, 11, 20)),
        ],
        [enrolled("pia"), placed("pia"), waitlisted("pia", date(2025, 2, 1), person("another group"))],
        [enrolled("kai"), placed("kai"), unplaced("kai", date(2025, 2, 1))],
        [answered("ana", "baseline"), answered("ana", "month-1", "monthly"), taken_back("ana", "month-1")],
        [answered("omar", "baseline"), taken_back("omar", "baseline")],
        [answered("sol", "end", "end")],
        [answered("noor", "baseline"), taken_back("noor", "baseline"), answered("noor", "baseline")],
        [facilitator_qualified(), FacilitatorLapsed(facilitator_id=TOMASZ, qualification="x", lapsed_on=HISTORY)],
    ]


async def outcome(told: Told) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the events lead to, but not what was said on the way."""
    tables = {
        "occasions": "enrolment_id, code, ordinal, kind, state, due_at, opens_at, closes_at, is_history, instruments",
        "enrolments": "enrolment_id, taking_part, contact_after, completed_on, withdrawn_on",
        "placements": "enrolment_id, group_id, placed_on, until",
        "sites": "site_id, time_zone",
        "battery_entries": "program_id, place, occasion",
        "qualifications": "facilitator_id, code, valid_until",
    }
    found = {}
    for name, columns in tables.items():
        found[name] = sorted((tuple(row) for row in await told.rows(f"select {columns} from {name}")), key=str)
    timers = await told.rows("select kind, key, due_at from machinery.timers order by 1, 2")
    return found | {"timers": [tuple(row) for row in timers]}


async def test_any_order_between_topics_leads_to_the_same(fresh_store: Any, at: At) -> None:
    at(utc("2025-12-01 12:00"))
    moment = utc("2025-12-01 11:00")
    expected = None
    for seed in range(25):
        async with another(fresh_store) as told:
            order = shuffled(streams(), random.Random(seed).randrange)
            await told.tell(*order, at=moment)
            found = await outcome(told)
        expected = expected or found
        assert found == expected, [one.wire for one in order]
    assert expected
    assert {row[4] for row in expected["occasions"]} == {"answered", "expired", "cancelled", "due", "planned"}
    assert sum(row[4] == "expired" for row in expected["occasions"]) > 2


async def test_a_story_from_enrolment_to_follow_up(at_site: Told, at: At) -> None:
    at(utc("2025-01-07 15:00"))
    await at_site.tell(battery_activated(), enrolled("ana"), placed("ana"))
    assert await at_site.occasions(enrolment_of("ana")) == {
        "baseline": "due",
        "month-1": "planned",
        "month-2": "planned",
    }
    await at_site.tell(answered("ana", "baseline"))
    at(utc("2025-02-07 09:00"))
    await at_site.ring()
    assert (await at_site.occasions(enrolment_of("ana")))["month-1"] == "due"
    at(utc("2025-02-28 18:00"))
    await at_site.ring()
    await at_site.tell(completed("ana", date(2025, 2, 28)))
    states = await at_site.occasions(enrolment_of("ana"))
    assert states == {
        "baseline": "answered",
        "month-1": "expired",
        "month-2": "cancelled",
        "end": "due",
        "follow-up": "planned",
    }
    at(utc("2025-04-28 08:00"))
    await at_site.ring()
    (follow_up,) = await at_site.said(FollowUpDue)
    assert follow_up.due_at == utc("2025-04-28 08:00")
    assert [one.code for one in await at_site.said(CheckInDue)] == ["baseline", "month-1", "end"]
    await at_site.tell(answered("ana", "follow-up", "follow-up"))
    assert (await at_site.occasions(enrolment_of("ana")))["follow-up"] == "answered"
    assert await at_site.rows("select 1 from machinery.timers") == []


async def test_what_was_taken_back_is_waited_for_again_until_it_closes(at_site: Told, at: At) -> None:
    at(utc("2025-01-07 15:00"))
    await at_site.tell(battery_activated(), enrolled("ana"), placed("ana"))
    clock = await at_site.rows("select kind, key, due_at from machinery.timers where kind = 'occasion-closes'")
    await at_site.tell(answered("ana", "baseline"))
    assert await at_site.rows("select 1 from machinery.timers where kind = 'occasion-closes'") == []
    await at_site.tell(taken_back("ana", "baseline"))
    assert await at_site.rows("select kind, key, due_at from machinery.timers where kind = 'occasion-closes'") == clock
    assert (await at_site.occasions(enrolment_of("ana")))["baseline"] == "due"
    assert [one.code for one in await at_site.said(CheckInDue)] == ["baseline"]
    await at_site.tell(answered("ana", "baseline"))
    at(utc("2025-03-01 09:00"))
    await at_site.tell(taken_back("ana", "baseline"))
    assert (await at_site.occasions(enrolment_of("ana")))["baseline"] == "expired"


async def test_consent_that_is_withdrawn_cancels_the_clock_in_the_same_transaction(at_site: Told, at: At) -> None:
    at(utc("2025-03-04 18:00"))
    await at_site.tell(battery_activated(), enrolled("ana", date(2025, 3, 1)), completed("ana", date(2025, 3, 4)))
    due = "select 1 from machinery.timers where kind = 'occasion-due'"
    assert len(await at_site.rows(due)) == 1
    await at_site.tell(consent_changed("ana", contact_after=False))
    assert await at_site.rows(due) == []
    at(utc("2025-06-01"))
    await at_site.ring()
    assert await at_site.said(FollowUpDue, OccasionCancelled) == []
    at(utc("2025-04-01"))
    await at_site.tell(consent_changed("ana"))
    assert len(await at_site.rows(due)) == 1


async def test_a_dropout_cancels_what_is_due_with_a_word(at_site: Told) -> None:
    today = date.today()  # noqa: DTZ011  (a day at which the baseline is due at once)
    await at_site.tell(battery_activated(), enrolled("ana", today), withdrawn("ana", today))
    (cancelled,) = await at_site.said(OccasionCancelled)
    assert cancelled.reason == "withdrawn"
    assert set((await at_site.occasions(enrolment_of("ana"))).values()) == {"cancelled"}


async def test_a_new_battery_reaches_those_who_are_enrolled(at_site: Told, at: At) -> None:
    at(utc("2025-01-10"))
    await at_site.tell(enrolled("ana"))
    assert await at_site.occasions(enrolment_of("ana")) == {}
    await at_site.tell(battery_activated(entry("month-1", "monthly", months_after=1)))
    assert await at_site.occasions(enrolment_of("ana")) == {"month-1": "planned"}
    await at_site.tell(battery_activated(entry("month-3", "monthly", months_after=3)))
    assert await at_site.occasions(enrolment_of("ana")) == {"month-1": "cancelled", "month-3": "planned"}


async def test_a_battery_that_no_calendar_can_hold_is_poison(told: Told) -> None:
    with pytest.raises(ValueError, match="too far away"):
        await told.tell(battery_activated(entry("never", "monthly", months_after=10**8)))


async def test_events_of_unknown_ids_are_kept_or_passed_over(told: Told) -> None:
    await told.tell(
        consent_changed("nobody"),
        completed("nobody", HISTORY),
        resumed("nobody"),
        placed("nobody"),
        answered("nobody", "end"),
    )
    assert await told.occasions(enrolment_of("nobody")) == {"end": "answered"}


async def test_a_site_in_another_time_zone_moves_its_groups_and_due_dates(at_site: Told, client: Any, at: At) -> None:
    at(utc("2025-03-03 12:00"))
    await client.put("/scheduling/api/v1/groups/evening-circle", json=form_group(), headers=bearer())
    await at_site.tell(battery_activated(entry("month-3", "monthly", months_after=3)), enrolled("ana"))
    await at_site.tell(SiteChanged(**site_opened(zone="Atlantic/Canary").model_dump()))
    (session,) = await at_site.rows(
        "select starts_at from sessions where session_id = $1", session_id_of(EVENING_CIRCLE, date(2025, 3, 4))
    )
    assert session["starts_at"] == utc("2025-03-04 18:00")
    (occasion,) = await at_site.rows("select due_at from occasions")
    assert occasion["due_at"] == utc("2025-04-07 09:00")


async def test_a_session_at_a_time_of_its_own_keeps_it_on_the_wall_of_another_time_zone(
    at_site: Told, client: Any, at: At
) -> None:
    at(utc("2025-03-03 12:00"))
    await client.put("/scheduling/api/v1/groups/evening-circle", json=form_group(), headers=bearer())
    rows = "evening-circle,2025-03-11,19:30,60,scheduled,,\nevening-circle,2025-03-20,20:00,60,scheduled,,\n"
    await client.post(
        "/scheduling/api/v1/sessions/import-file",
        content=f"group,date,starts_at,minutes,status,facilitator,reason\n{rows}",
        headers=bearer() | {"content-type": "text/csv"},
    )
    before = len(await at_site.said())
    await at_site.tell(SiteChanged(**site_opened(zone="Atlantic/Canary").model_dump()))
    said = {one.session_id: one.starts_at for one in (await at_site.said())[before:]}
    for day, starts_at in (("2025-03-11", "2025-03-11 19:30"), ("2025-03-20", "2025-03-20 20:00")):
        session_id = session_id_of(EVENING_CIRCLE, date.fromisoformat(day))
        (session,) = await at_site.rows("select starts_at from sessions where session_id = $1", session_id)
        assert session["starts_at"] == said[session_id] == utc(starts_at)
    assert len(said) == 9


async def test_nobody_hears_of_another_organisation(at_site: Told, store: Any) -> None:
    other = person("another organisation")
    await at_site.tell(enrolled("ana"))
    async with store.doors.transaction(other) as tx:
        assert await tx.fetch("select 1 from enrolments union all select 1 from sites") == []
    async with store.doors.transaction(ORGANISATION) as tx:
        assert await tx.fetchval("select site_id from sites") == OLD_TOWN
