"""How a group goes, for whoever leads it: counts of the whole group, and nothing of a single person."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from string import ascii_lowercase
from uuid import UUID

import pytest

from services.scheduling.domain.kinds import session_id_of
from shared.events.ids import group_id_of
from shared.events.intake import SiteChanged
from tests.scheduling.conftest import Told
from tests.scheduling.examples import (
    EVENING_CIRCLE,
    ORGANISATION,
    battery_activated,
    enrolled,
    entry,
    form_group,
    person,
    placed,
    short_code,
    site_opened,
    utc,
)
from tests.scheduling.test_loop import a_change
from tests.scheduling.test_pages import GROUP, SESSION, Reader, group, marks, reader
from tests.web.looking import DESK, DESK_AT_NIGHT, HOUSE, PHONE, look, shown_by

__all__ = ["group", "reader"]  # fixtures
GOING = f"{GROUP}/going"
NAMES = [letter * 3 for letter in ascii_lowercase]


async def test_a_group_that_has_not_met(group: Told, reader: Reader) -> None:
    reader.role = "facilitator"
    assert f'href="{GOING}"' in await reader.get(GROUP)
    page = await reader.get(GOING)
    for said in ("No session has been recorded yet.", "Nobody has been asked yet.", "Nothing has been changed yet."):
        assert said in page


async def test_who_came_is_counted_and_nobody_named(
    group: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    await group.tell(battery_activated())
    at(utc("2025-03-04 19:00"))
    await reader.post(f"{SESSION}/hold", marks(ana="present", dev="absent"))
    reader.role = "facilitator"
    await group.tell(a_change(), at=utc("2025-03-04 20:00"))
    await group.tell(a_change(change_id=UUID(int=77), group_id=UUID(int=78), theme="elsewhere"))
    page = await reader.get(GOING)
    assert re.findall(r'<td data-label="(\w[\w ]*)">(\d+)<', page) == [
        ("On time", "1"), ("Late", "0"), ("Excused", "0"), ("Absent", "1"),
    ]  # fmt: skip
    assert "Starts Too Late" in page
    assert "Elsewhere" not in page
    assert "a number would tell you who has answered" in page
    assert 'data-label="Asked"' not in page
    for name in ("ana", "dev"):
        assert short_code(name) not in page
        assert str(person(name)) not in page


@pytest.mark.parametrize(("people", "is_counted"), [(10, False), (11, True)])
async def test_answers_are_counted_of_enough_people(
    at_site: Told, reader: Reader, at: Callable[[datetime], None], people: int, is_counted: bool
) -> None:
    at(utc("2025-03-01 08:00"))
    await group_of(at_site, reader, people)
    at(utc("2025-03-05 12:00"))
    await at_site.ring()
    page = await reader.get(GOING)
    assert ('data-label="Answered"' in page) == is_counted
    assert ("a number would tell you" in page) != is_counted


async def group_of(told: Told, reader: Reader, people: int) -> None:
    await told.tell(battery_activated())
    await reader.post("/scheduling/groups", form_group(capacity=12))
    for name in NAMES[:people]:
        await told.tell(enrolled(name, date(2025, 3, 1)), placed(name, date(2025, 3, 1)))


async def test_an_evening_in_new_york_counts_in_the_group_that_met(
    at_site: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    await at_site.tell(SiteChanged(**site_opened(zone="America/New_York").model_dump()))
    await at_site.tell(battery_activated(entry("pulse", "session", window_days=3)))
    for name in ("Evening Circle", "Morning Circle"):
        await reader.post("/scheduling/groups", form_group(name=name, capacity=12))
    people = NAMES[:11]
    for name in people:
        await at_site.tell(enrolled(name, date(2025, 3, 1)), placed(name, date(2025, 3, 1)))
    at(utc("2025-03-05 01:00"))  # 20:00 of the day before
    await reader.post(f"{SESSION}/hold", marks(**dict.fromkeys(people, "present")))
    await at_site.ring()
    morning = group_id_of(ORGANISATION, "morning-circle")
    await at_site.tell(*(placed(name, date(2025, 3, 5), morning) for name in people))
    assert 'data-label="Asked">11<' in await reader.get(GOING)
    assert "Nobody has been asked yet." in await reader.get("/scheduling/groups/morning-circle/going")


async def test_a_morning_in_auckland_counts_on_its_day(
    at_site: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    await at_site.tell(SiteChanged(**site_opened(zone="Pacific/Auckland").model_dump()))
    await at_site.tell(battery_activated(entry("baseline", "baseline")), at=utc("2025-01-01"))
    await reader.post("/scheduling/groups", form_group(capacity=12))
    morning = utc("2025-03-03 20:00")  # 09:00 of the next day
    at(morning)
    for name in NAMES[:11]:
        await at_site.tell(enrolled(name, date(2025, 3, 4)), placed(name, date(2025, 3, 4)), at=morning)
    assert 'data-label="Asked">11<' in await reader.get(GOING)


async def test_anybody_can_read_it(group: Told, reader: Reader, at: Callable[[datetime], None]) -> None:
    await group.tell(battery_activated())
    for week, came in enumerate(({"dev": "late"}, {"dev": "excused"}, {"dev": "present"})):
        day = date(2025, 3, 4 + 7 * week)
        at(datetime(day.year, day.month, day.day, 19, tzinfo=UTC))
        session = f"/scheduling/sessions/{session_id_of(EVENING_CIRCLE, day)}"
        await reader.post(f"{session}/hold", marks(ana="present", **came))
    await group.tell(a_change(), at=utc("2025-03-04 20:00"))
    async with shown_by(reader.client, reader.cookies()) as page:
        await page.goto(f"{HOUSE}{GOING}")
        await look(page, "scheduling-going", PHONE, DESK, DESK_AT_NIGHT)


async def test_only_those_who_lead_at_the_site(group: Told, reader: Reader) -> None:
    for role, sites, status in (
        ("facilitator", ["old-town"], 200),
        ("coordinator", ["old-town"], 200),
        ("administrator", ["*"], 200),
        ("program-manager", ["*"], 403),
        ("facilitator", ["north-quay"], 404),
    ):
        reader.role, reader.sites = role, sites
        await reader.get(GOING, status)
    await reader.get("/scheduling/groups/no-such-group/going", 404)
