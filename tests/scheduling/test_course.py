"""The course of an occasion, who stays away, and debriefs: heard from the others, shown to those who may see it."""

import itertools
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.scheduling.app import create
from services.scheduling.domain.kinds import session_id_of
from shared import erasing
from shared.events import Event
from shared.events.feedback import CheckInBegun, CheckInOpened, ConcernClosed, ConcernRaised
from shared.events.intake import CheckInInvited, InvitationFailed, InvitationSent, ParticipantErased
from shared.events.scheduling import CheckInDue, ParticipantDisengaged
from shared.identity import derived_id
from shared.timers import Timers
from tests.doors import doors
from tests.scheduling.conftest import Told
from tests.scheduling.examples import (
    EVENING_CIRCLE,
    NEW_ROOTS,
    NORTH_QUAY,
    OLD_TOWN,
    ORGANISATION,
    answered,
    battery_activated,
    completed,
    enrolled,
    enrolment_of,
    entry,
    form_group,
    person,
    placed,
    resumed,
    short_code,
    utc,
    withdrawn,
)
from tests.scheduling.test_pages import Reader, marks

ANA = f"/scheduling/participants/{person('ana')}"
PROGRAM = "/scheduling/programs/new-roots"
MORNING = utc("2025-02-07 09:00")  # ten o'clock in Madrid, a month after the enrolment
CONCERN = derived_id(ORGANISATION, "test-concern", "1")
MONTHLY = battery_activated(entry("month-1", "monthly", months_after=1, reminders=[3]))
At = Callable[[datetime], None]


@pytest.fixture
async def reader(store: Any, at: At) -> AsyncIterator[Reader]:
    at(utc("2025-01-07 12:00"))
    async with doors(create(), store) as client:
        yield Reader(client)


@pytest.fixture
async def due(at_site: Told, reader: Reader, at: At) -> Told:
    """Ana's check-in after a month is due."""
    await at_site.tell(MONTHLY, enrolled("ana"))
    at(MORNING)
    await at_site.ring()
    return at_site


OCCASION = derived_id(enrolment_of("ana"), "month-1", "0")
WHOSE = {
    "occasion_id": OCCASION,
    "participant_id": person("ana"),
    "enrolment_id": enrolment_of("ana"),
    "program_id": NEW_ROOTS,
    "site_id": OLD_TOWN,
}


def after(minutes: int) -> datetime:
    return MORNING + timedelta(minutes=minutes)


def invited(reminder: int = 0) -> CheckInInvited:
    return CheckInInvited(
        occasion_id=OCCASION,
        token_sha256=f"{reminder}" * 64,
        language="en",
        channel="email",
        expires_at=MORNING + timedelta(days=14),
        reminder=reminder,
    )


SENT = InvitationSent(occasion_id=OCCASION, sent_at=after(2))
REMINDED = InvitationSent(occasion_id=OCCASION, sent_at=after(3 * 24 * 60), reminder=1)
OPENED = CheckInOpened(**WHOSE, opened_at=after(5))
BEGUN = CheckInBegun(**WHOSE, begun_at=after(6))
COURSE = "invited_at, sent_at, reminders_sent, reminded_at, failed, opened_at, begun_at"


async def course(told: Told) -> tuple[Any, ...]:
    (row,) = await told.rows(f"select {COURSE} from occasions")
    return tuple(row)


async def test_the_course_is_the_same_in_any_order_and_as_often_as_it_is_heard(due: Told) -> None:
    events: list[Event] = [invited(), SENT, REMINDED, OPENED, BEGUN]
    found = set()
    for order in itertools.permutations(events):
        nothing = f"({COURSE}) = (null, null, 0, null, null, null, null)"
        await due.rows(f"update occasions set {nothing.replace('= (', '= row (')}")
        await due.tell(*order, *order[:2], at=after(1))
        found.add(await course(due))
    assert found == {(after(1), after(2), 1, REMINDED.sent_at, None, after(5), after(6))}


async def test_the_page_of_a_person_shows_how_far_each_has_come(due: Told, reader: Reader) -> None:
    steps: list[tuple[Event, str]] = [
        (invited(), "link made"),
        (SENT, "sent"),
        (OPENED, "opened"),
        (BEGUN, "begun"),
        (answered("ana", "month-1", "monthly"), "answered"),
    ]
    assert ">due<" in await reader.get(ANA)
    for event, word in steps:
        await due.tell(event, at=after(1))
        page = await reader.get(ANA)
        assert f">{word}<" in page, word
    for words in ("due Fri 7 February, 10:00", "sent Fri 7 February, 10:02", "opened Fri 7 February, 10:05"):
        assert words in page
    assert short_code("ana") in page


async def test_why_it_went_no_further_is_said(due: Told, reader: Reader, at: At) -> None:
    await due.tell(InvitationFailed(occasion_id=OCCASION, reason="no-address"))
    assert "there is no address" in await reader.get(ANA)
    await due.tell(invited(), SENT, at=after(1))
    assert "there is no address" not in await reader.get(ANA), "they were written to after all"
    await due.tell(completed("ana", date(2025, 1, 20)))
    page = await reader.get(ANA)
    assert ">cancelled<" in page
    assert "they had completed the program" in page


async def test_what_was_not_asked_because_of_its_condition_is_shown_as_that(
    at_site: Told, reader: Reader, at: At
) -> None:
    only = {"attribute": "age-band", "equals": "18-25"}
    await at_site.tell(battery_activated(entry("extra", "monthly", months_after=1, only_attribute=only)))
    await at_site.tell(enrolled("ana"))
    at(MORNING)
    await at_site.ring()
    page = await reader.get(ANA)
    assert ">not asked<" in page
    assert "the condition did not hold" in page
    assert await at_site.said(CheckInDue) == []


async def test_a_program_counts_each_occasion_where_it_stands(due: Told, reader: Reader) -> None:
    await due.tell(enrolled("dev"), enrolled("old", is_imported=True))
    await due.tell(invited(), SENT, OPENED, at=after(1))
    page = await reader.get(PROGRAM)
    assert "Month 1" in page
    numbers = {row["stage"]: row["many"] for row in (await stages(reader)).json()["stages"]}
    assert numbers == {"opened": 1, "due": 1}, "what was due before anybody could ask is nobody's silence"
    reader.role = "facilitator"
    await reader.get(PROGRAM, 403)


async def stages(reader: Reader) -> httpx.Response:
    return await reader.client.get("/scheduling/api/v1/programs/new-roots/stages", headers=reader.cookies())


@pytest.mark.parametrize("path", [ANA, PROGRAM])
async def test_another_site_sees_nothing_of_it(due: Told, reader: Reader, path: str) -> None:
    reader.sites = ["north-quay"]
    await reader.get(path, 404)
    await reader.get("/scheduling/participants/nobody", 404)
    await reader.get("/scheduling/programs/nothing", 404)
    assert (await stages(reader)).status_code == 404


async def test_what_is_heard_of_an_occasion_that_is_gone_changes_nothing(at_site: Told) -> None:
    await at_site.tell(invited(), SENT, REMINDED, OPENED, BEGUN)
    assert await at_site.rows("select 1 from occasions") == []


# ---- who stays away ----


@pytest.fixture
async def circle(at_site: Told, reader: Reader) -> Told:
    """The Evening Circle with two people, from January on."""
    await reader.post("/scheduling/groups", form_group())
    for name in ("ana", "dev"):
        await at_site.tell(enrolled(name), placed(name))
    return at_site


TUESDAYS = [date(2025, 1, 7) + timedelta(weeks=week) for week in range(5)]


async def meets(told: Told, reader: Reader, at: At, day: date, act: str = "hold", **statuses: str) -> None:
    at(utc(f"{day} 20:00"))
    session = session_id_of(EVENING_CIRCLE, day)
    await reader.post(f"/scheduling/sessions/{session}/{act}", marks(**{"dev": "present"} | statuses))
    await told.ring()


async def test_three_absences_without_a_word_bring_somebody_onto_the_list_and_coming_takes_them_off(
    circle: Told, reader: Reader, at: At
) -> None:
    for day in TUESDAYS[:2]:
        await meets(circle, reader, at, day, ana="absent")
    assert "absences in a row" not in await reader.get("/scheduling/follow-up")
    await meets(circle, reader, at, TUESDAYS[2], ana="absent")
    for path in ("/scheduling/", "/scheduling/follow-up"):
        page = await reader.get(path)
        assert "3 absences in a row" in page
        assert f'data-person="{person("ana")}"' in page
    (event,) = await circle.said(ParticipantDisengaged)
    assert (event.participant_id, event.absences) == (person("ana"), 3)
    assert event.first_session_id == session_id_of(EVENING_CIRCLE, TUESDAYS[0])
    await meets(circle, reader, at, TUESDAYS[3], ana="absent")
    assert "4 absences in a row" in await reader.get("/scheduling/follow-up")
    await meets(circle, reader, at, TUESDAYS[4], ana="late")
    assert "Nobody stays away." in await reader.get("/scheduling/follow-up")
    assert len(await circle.said(ParticipantDisengaged)) == 1


async def test_a_correction_takes_somebody_off_the_list(circle: Told, reader: Reader, at: At) -> None:
    for day in TUESDAYS[:3]:
        await meets(circle, reader, at, day, ana="absent")
    await meets(circle, reader, at, TUESDAYS[1], "correct", ana="excused")
    assert "Nobody stays away." in await reader.get("/scheduling/follow-up")


async def test_whose_end_is_taken_back_is_on_the_list_again(circle: Told, reader: Reader, at: At) -> None:
    for day in TUESDAYS[:2]:
        await meets(circle, reader, at, day, ana="absent")
    await circle.tell(withdrawn("ana", TUESDAYS[2]))
    await meets(circle, reader, at, TUESDAYS[2], ana="absent")
    assert "Nobody stays away." in await reader.get("/scheduling/follow-up")
    for _ in range(2):
        await circle.tell(resumed("ana"))
        assert "3 absences in a row" in await reader.get("/scheduling/follow-up")
    assert len(await circle.said(ParticipantDisengaged)) == 1


async def test_a_clock_rings_for_those_alone_whom_a_correction_changes(circle: Told, reader: Reader, at: At) -> None:
    await meets(circle, reader, at, TUESDAYS[0], ana="absent")
    session = session_id_of(EVENING_CIRCLE, TUESDAYS[0])
    await reader.post(f"/scheduling/sessions/{session}/correct", marks(dev="present", ana="excused"))
    [row] = await circle.rows("select payload from machinery.timers where kind = 'attendance-recorded'")
    assert row["payload"]["participants"] == [str(person("ana"))]


async def test_whoever_is_erased_before_the_clock_rings_takes_nobody_along(
    circle: Told, reader: Reader, at: At
) -> None:
    for day in TUESDAYS[:2]:
        await meets(circle, reader, at, day, dev="absent", ana="present")
    at(utc(f"{TUESDAYS[2]} 20:00"))
    session = session_id_of(EVENING_CIRCLE, TUESDAYS[2])
    await reader.post(f"/scheduling/sessions/{session}/hold", marks(dev="absent", ana="present"))
    await circle.tell(
        ParticipantErased(participant_id=person("ana"), enrolment_ids=[enrolment_of("ana")], occasion_ids=[])
    )
    assert await Timers(circle.store.machinery, {erasing.TIMER: erasing.on_erase})._one_round() == 1
    await circle.ring()
    [event] = await circle.said(ParticipantDisengaged)
    assert event.participant_id == person("dev")


async def test_whoever_completes_is_not_on_the_list_and_others_see_nothing(
    circle: Told, reader: Reader, at: At
) -> None:
    for day in TUESDAYS[:3]:
        await meets(circle, reader, at, day, ana="absent")
    reader.sites = ["north-quay"]
    assert "absences in a row" not in await reader.get("/scheduling/follow-up")
    reader.sites = ["old-town"]
    await circle.tell(completed("ana", TUESDAYS[2]))
    assert "Nobody stays away." in await reader.get("/scheduling/follow-up")


async def test_an_erasure_leaves_nothing_of_course_absences_scores_and_concerns(
    circle: Told, reader: Reader, at: At
) -> None:
    await circle.tell(MONTHLY)
    for day in TUESDAYS[:3]:
        await meets(circle, reader, at, day, ana="absent")
    at(MORNING)
    await circle.ring()
    await circle.tell(invited(), SENT, OPENED, BEGUN, raised(), answered("ana", "month-1", "monthly"))
    await circle.rows(
        "insert into scores values ($1, $2, $3, $4, 'month-1', 'belonging', 'total', 7, now())",
        ORGANISATION,
        OCCASION,
        enrolment_of("ana"),
        person("ana"),
    )
    assert await tables_with(circle, person("ana")) >= {"scores", "disengagements", "concerns", "occasions"}
    erased = ParticipantErased(
        participant_id=person("ana"), enrolment_ids=[enrolment_of("ana")], occasion_ids=[OCCASION]
    )
    await circle.tell(erased)
    for gone in (person("ana"), enrolment_of("ana"), OCCASION, CONCERN):
        assert await tables_with(circle, gone) - {"erased"} == set()


async def tables_with(told: Told, wanted: UUID) -> set[str]:
    """Every table of the service in which an id stands anywhere."""
    tables = await told.rows("select table_name from information_schema.tables where table_schema = 'public'")
    found = set()
    for (table,) in (tuple(row) for row in tables):
        if await told.rows(f'select 1 from "{table}" t where t::text like $1', f"%{wanted}%"):
            found.add(str(table))
    return found


# ---- debriefs ----


def raised(source: Any = "facilitator", at: str = "2025-01-07 19:00", **changes: Any) -> ConcernRaised:
    values: dict[str, Any] = {
        "concern_id": CONCERN,
        "site_id": OLD_TOWN,
        "participant_id": person("ana"),
        "source": source,
        "raised_at": utc(at),
        "acknowledge_by": utc(at) + timedelta(hours=1),
    }
    return ConcernRaised(**values | changes)


def closed(*, debrief_offered: bool = True) -> ConcernClosed:
    return ConcernClosed(concern_id=CONCERN, closed_at=utc("2025-01-08 09:00"), debrief_offered=debrief_offered)


@pytest.mark.parametrize("is_backwards", [False, True])
async def test_a_debrief_is_offered_on_the_day_and_at_the_session_without_a_word_of_whom(
    circle: Told, reader: Reader, at: At, *, is_backwards: bool
) -> None:
    events: list[Event] = [raised(), closed()]
    await circle.tell(*(reversed(events) if is_backwards else events))
    at(utc("2025-01-08 10:00"))
    session = f"/scheduling/sessions/{session_id_of(EVENING_CIRCLE, TUESDAYS[0])}"
    for path in ("/scheduling/", session):
        page = await reader.get(path)
        assert "A debrief is offered" in page
        note = page.split("A debrief is offered")[1].split("</p>")[0]
        assert short_code("ana") not in note
    later = f"/scheduling/sessions/{session_id_of(EVENING_CIRCLE, TUESDAYS[1])}"
    assert "A debrief is offered" not in await reader.get(later)
    at(utc("2025-01-23 10:00"))
    assert "A debrief is offered" not in await reader.get("/scheduling/")


@pytest.mark.parametrize(
    "events",
    [
        [raised()],
        [raised(), closed(debrief_offered=False)],
        [raised("participant"), closed()],
        [raised(site_id=NORTH_QUAY), closed()],
        [closed()],
    ],
)
async def test_nobody_is_offered_a_debrief_who_has_none(
    circle: Told, reader: Reader, at: At, events: list[Event]
) -> None:
    await circle.tell(*events)
    at(utc("2025-01-08 10:00"))
    assert "A debrief is offered" not in await reader.get("/scheduling/")
