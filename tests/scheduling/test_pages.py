"""The pages of scheduling, as a browser without a script uses them."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime
from typing import Any

import httpx
import pytest

from services.scheduling.app import create
from services.scheduling.domain.kinds import session_id_of
from shared.events.ids import group_id_of
from shared.events.intake import ParticipantErased
from shared.events.scheduling import AttendanceCorrected, GroupFormed, SessionCancelled, SessionHeld
from tests.doors import doors, token
from tests.forms import filled, two_people_change
from tests.scheduling.conftest import Told
from tests.scheduling.examples import (
    EVENING_CIRCLE,
    NORTH_QUAY,
    ORGANISATION,
    TOMASZ,
    battery_activated,
    completed,
    enrolled,
    enrolment_of,
    entry,
    facilitator_qualified,
    form_group,
    person,
    placed,
    short_code,
    utc,
)

TUESDAY = session_id_of(EVENING_CIRCLE, date(2025, 3, 4))
SESSION = f"/scheduling/sessions/{TUESDAY}"
GROUP = "/scheduling/groups/evening-circle"


class Reader:
    """Somebody at a browser."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client, self.role, self.sites, self.claims = client, "coordinator", ["old-town"], dict[str, str]()

    def cookies(self) -> dict[str, str]:
        signed = token(self.role, *self.sites, **self.claims)
        return {"cookie": f"kith_session={signed}", "origin": "http://kith.test"}

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path, headers=self.cookies())
        assert answer.status_code == status, answer.text
        return answer.text

    async def post(self, path: str, fields: dict[str, Any], status: int = 303) -> httpx.Response:
        answer = await self.client.post(path, data=fields, headers=self.cookies())
        assert answer.status_code == status, answer.text
        return answer


@pytest.fixture
async def reader(store: Any, at: Callable[[datetime], None]) -> AsyncIterator[Reader]:
    at(utc("2025-03-04 12:00"))
    async with doors(create(), store) as client:
        yield Reader(client)


@pytest.fixture
async def group(at_site: Told, reader: Reader) -> Told:
    """The Evening Circle with two people."""
    await reader.post("/scheduling/groups", form_group())
    for name in ("ana", "dev"):
        await at_site.tell(enrolled(name, date(2025, 3, 1)), placed(name, date(2025, 3, 1)))
    return at_site


def marks(**statuses: str) -> dict[str, str]:
    return {f"a-{person(name)}": status for name, status in statuses.items()}


async def test_today_before_anything_is_set_up(reader: Reader) -> None:
    page = await reader.get("/scheduling/")
    assert "No site of yours is here yet." in page
    assert "/intake/set-up" not in page
    reader.role, reader.sites = "administrator", ["*"]
    page = await reader.get("/scheduling/")
    assert "/intake/set-up" in page.split("No site of yours is here yet.")[1]


async def test_today_says_what_there_is_to_do(group: Told, reader: Reader, at: Callable[[datetime], None]) -> None:
    await group.tell(battery_activated())
    quiet = await reader.get("/scheduling/")
    assert "1 session today. Nobody to follow up." in quiet
    assert "Tuesday, 4 March" in quiet
    await group.tell(enrolled("ines", date(2025, 1, 7)), completed("ines", date(2025, 1, 10)))
    at(utc("2025-03-11 12:00"))
    await group.ring()
    page = await reader.get("/scheduling/")
    assert "1 session today. 3 check-ins overdue. 1 person to follow up, since Monday, 10 March." in page
    assert "2 months after the end" in page
    assert "Attendance to record" in page
    assert f'data-person="{person("ines")}">{short_code("ines")}<' in page
    assert "completed on 10 January 2025" in await reader.get("/scheduling/follow-up")


async def test_what_was_imported_is_no_check_in_of_this_month(group: Told, reader: Reader) -> None:
    await group.tell(battery_activated(entry("baseline", "baseline")), at=utc("2025-03-01"))
    await group.tell(enrolled("old", date(2025, 3, 2), is_imported=True))
    await group.ring()
    assert await group.occasions(enrolment_of("old")) == {"baseline": "due"}
    assert "0 of 2" in await reader.get("/scheduling/"), "of the two who were not imported"


async def test_a_facilitator_is_not_told_who_has_answered(
    group: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    await group.tell(battery_activated(), enrolled("ines", date(2025, 1, 7)), completed("ines", date(2025, 1, 10)))
    at(utc("2025-03-11 12:00"))
    await group.ring()
    course = f"/scheduling/participants/{person('ana')}"
    for path in ("/scheduling/", "/scheduling/follow-up"):
        assert f"/intake/participants/{person('ines')}" in await reader.get(path)
    assert "Baseline" in await reader.get(course)
    reader.role = "facilitator"
    for path in ("/scheduling/", "/scheduling/follow-up"):
        page = await reader.get(path)
        assert str(person("ines")) not in page
        for word in ("overdue", "Answered", "months after the end", "/scheduling/participants/"):
            assert word not in page
    await reader.get(course, 403)


async def test_today_tells_a_facilitator_what_they_lead(
    group: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    """Their sessions of the coming days, how many they have led, and until when they may."""
    await reader.post("/scheduling/groups", form_group(name="Morning Circle", weekday="4"))
    await reader.post("/scheduling/groups/morning-circle/facilitator", {"facilitator_id": str(TOMASZ)})
    assert "What you lead" not in await reader.get("/scheduling/")
    reader.role = "facilitator"
    assert "What you lead" not in await reader.get("/scheduling/")
    reader.claims = {"facilitator": "f-1"}
    page = await reader.get("/scheduling/")
    assert "Thursday, 6 March, 18:00 Morning Circle" in page
    assert "1 session in the coming 7 days, 0 held in the last 4 weeks. Every week: Morning Circle<" in page
    assert "Peer Support until 31 December 2026" in page
    groups = await reader.get("/scheduling/groups")
    assert groups.index("Morning Circle") < groups.index("you lead") < groups.index("Evening Circle")

    at(utc("2025-03-06 19:40"))
    thursday = session_id_of(group_id_of(ORGANISATION, "morning-circle"), date(2025, 3, 6))
    await reader.post(f"/scheduling/sessions/{thursday}/hold", {})
    await group.tell(facilitator_qualified(date(2025, 3, 5)))
    page = await reader.get("/scheduling/")
    assert "You lead no session in the coming 7 days." in page
    assert "0 sessions in the coming 7 days, 1 held in the last 4 weeks." in page
    assert "Peer Support ran out on 5 March 2025" in page
    reader.claims = {"facilitator": "f-2"}
    assert "you lead" not in await reader.get("/scheduling/groups")
    assert "What you lead" not in await reader.get("/scheduling/")


async def test_forming_a_group_shows_it_and_what_is_wrong_first(group: Told, reader: Reader) -> None:
    wrong = await reader.post("/scheduling/groups", {"name": "Círculo"}, 422)
    assert "Give the first day." in wrong.text
    assert 'value="Círculo"' in wrong.text
    twice = await reader.post("/scheduling/groups", form_group(), 422)
    assert "There is a group with this name already" in twice.text
    made = await reader.post("/scheduling/groups", form_group(name="Círculo de tarde", weekday="4"))
    assert made.headers["location"] == "/scheduling/groups/circulo-de-tarde?done=formed"
    assert "The group is formed" in await reader.get(made.headers["location"])
    assert "Círculo de tarde" in await reader.get("/scheduling/groups")
    elsewhere = await reader.post("/scheduling/groups", form_group(name="X", site="north-quay"), 404)
    assert "no such site" in elsewhere.text


async def test_a_group_is_changed_and_led(group: Told, reader: Reader) -> None:
    await reader.post(f"{GROUP}/change", form_group(capacity="12", starts_at_local="19:00"))
    assert "Tuesdays at 19:00" in await reader.get(GROUP)
    assert len(await group.said(GroupFormed)) == 2
    await reader.post(f"{GROUP}/facilitator", {"facilitator_id": str(TOMASZ)})
    assert "TMW-101" in await reader.get(GROUP)
    await reader.post(f"{GROUP}/facilitator", {"facilitator_id": ""})
    assert "nobody leads yet" in await reader.get(GROUP)
    bad = await reader.post(f"{GROUP}/change", form_group(capacity="none"), 422)
    assert "Give a whole number." in bad.text


async def test_who_may_not_lead_is_refused_in_words(group: Told, reader: Reader) -> None:
    await group.tell(facilitator_qualified(date(2025, 3, 6)))
    refused = await reader.post(f"{GROUP}/facilitator", {"facilitator_id": str(TOMASZ)})
    assert refused.headers["location"].endswith("?done=lead")
    later = session_id_of(EVENING_CIRCLE, date(2025, 3, 11))
    page = await reader.post(f"/scheduling/sessions/{later}/facilitator", {"facilitator_id": str(TOMASZ)}, 409)
    sentence = "may not lead on 11 March 2025: the qualification peer support is not in date from 7 March 2025 on."
    assert sentence in page.text
    assert "2025-03" not in page.text.split("<main")[1].split('class="cards"')[0]


async def test_whoever_completes_today_has_given_up_the_place_and_is_expected_once_more(
    group: Told, reader: Reader
) -> None:
    assert "2 of 10 places taken" in await reader.get(GROUP)
    await group.tell(completed("dev", date(2025, 3, 4)), enrolled("ines", date(2025, 3, 1)))
    await group.tell(placed("ines", date(2025, 3, 4)))  # the first in line, in the transaction of the completion
    page = await reader.get(GROUP)
    assert "2 of 10 places taken" in page
    assert page.count("today is the last day") == 1
    assert "2 of 10 places taken" in await reader.get("/scheduling/groups")
    assert f'data-person="{person("dev")}"' in await reader.get(SESSION)


@pytest.mark.parametrize(
    "path", ["/scheduling/sessions/xyz", "/scheduling/groups/Not A Code", "/scheduling/nothing/import"]
)
async def test_an_address_that_cannot_be_is_not_there(group: Told, reader: Reader, path: str) -> None:
    assert "This page is not here" in await reader.get(path, 404)
    await reader.post(f"{path}/facilitator", {"facilitator_id": ""}, 404)


async def test_a_session_is_recorded_with_one_tap_each(
    group: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    assert "can be recorded from Tue 4 March, 18:00 on" in await reader.get(SESSION)
    early = await reader.post(f"{SESSION}/hold", marks(ana="present", dev="late"), 409)
    assert "has not begun yet" in early.text
    at(utc("2025-03-04 18:40"))
    reader.role = "facilitator"
    assert "/feedback/kiosks?site=old-town&amp;program=new-roots&amp;ends_at=19:30" in await reader.get(SESSION)
    incomplete = await reader.post(f"{SESSION}/hold", marks(ana="excused"), 422)
    assert "1 person missing" in incomplete.text
    assert 'value="excused" checked' in incomplete.text
    await reader.post(f"{SESSION}/hold", marks(ana="present", dev="late"))
    assert "2 of 2 came" in await reader.get(SESSION)
    assert 'value="late" checked' in await reader.get(f"{SESSION}?correct=true")
    await group.tell(enrolled("guest", date(2025, 2, 1)))
    fixed = marks(ana="absent", dev="late") | {"guests": short_code("guest").lower()}
    await reader.post(f"{SESSION}/correct", fixed)
    assert "2 of 3 came" in await reader.get(f"{SESSION}?done=corrected")
    unknown = await reader.post(f"{SESSION}/correct", marks(ana="late", dev="late") | {"guests": "XXX-000"}, 422)
    assert "Nobody at this site has the code XXX-000." in unknown.text
    assert (await reader.get(f"{SESSION}?correct=true")).count("Not here") == 1
    await reader.post(f"{SESSION}/correct", marks(ana="absent", dev="late"))  # as an empty choice of the guest is sent
    assert "1 of 2 came" in await reader.get(SESSION)
    (held,), corrected = await group.said(SessionHeld), await group.said(AttendanceCorrected)
    assert (len(held.attendance), [len(one.attendance) for one in corrected]) == (2, [3, 2])


async def test_whoever_was_moved_and_moved_back_is_listed_with_the_group_they_are_in(
    group: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    await reader.post("/scheduling/groups", form_group(name="Morning Circle"))
    await group.tell(battery_activated(entry("baseline", "baseline")), at=utc("2025-01-01"))
    await group.tell(enrolled("ines", date(2025, 3, 1)))
    for where in ("morning-circle", "evening-circle"):
        await group.tell(placed("ines", date(2025, 3, 4), group_id_of(ORGANISATION, where)))
    at(utc("2025-03-08 12:00"))
    await group.ring()
    page = await reader.get("/scheduling/")
    assert "3 check-ins overdue" in page
    assert ("Evening Circle" in page, "Morning Circle" in page) == (True, False)


async def test_a_session_counts_as_the_lists_do(group: Told, reader: Reader, at: Callable[[datetime], None]) -> None:
    at(utc("2025-03-04 19:00"))
    await reader.post(f"{SESSION}/hold", marks(ana="present", dev="late"))
    await group.tell(enrolled("ines", date(2025, 3, 1)), placed("ines", date(2025, 3, 4)))
    erased = ParticipantErased(participant_id=person("dev"), enrolment_ids=[enrolment_of("dev")], occasion_ids=[])
    await group.tell(erased)
    for path in (SESSION, "/scheduling/", GROUP):
        assert "2 of 2 came" in await reader.get(path), path


async def test_a_session_is_planned_led_and_cancelled(group: Told, reader: Reader) -> None:
    plan = {"icebreaker": "weather-inside", "activity-1": "small-next-step", "note": "Bring the <cards>."}
    await reader.post(f"{SESSION}/plan", plan)
    page = await reader.get(SESSION)
    assert "Bring the &lt;cards&gt;." in page
    assert "33 of 90 minutes" in page
    empty = await reader.post(f"{SESSION}/plan", {"icebreaker": "weather-inside"}, 422)
    assert "Give at least one activity." in empty.text
    await group.tell()
    await reader.post(f"{SESSION}/facilitator", {"facilitator_id": str(TOMASZ)})
    assert "TMW-101" in await reader.get(SESSION)
    assert "Give the reason." in (await reader.post(f"{SESSION}/cancel", {}, 422)).text
    await reader.post(f"{SESSION}/cancel", {"reason": "room-closed"})
    assert "Reason: room closed." in await reader.get(SESSION)
    assert len(await group.said(SessionCancelled)) == 1


async def test_what_is_wrong_links_to_its_field(group: Told, reader: Reader) -> None:
    page = (await reader.post(f"{SESSION}/plan", {"note": "Bring tea."}, 422)).text
    for field in ("icebreaker", "activity-1"):
        assert (page.count(f'href="#f-{field}"'), page.count(f'id="f-{field}"')) == (1, 1)
    for path in (SESSION, GROUP):
        page = (await reader.post(f"{path}/facilitator", {"facilitator_id": "nobody"}, 422)).text
        assert (page.count('href="#f-facilitator_id"'), page.count('id="f-facilitator_id"')) == (1, 1)


async def test_who_leads_two_groups_at_one_hour_is_told_and_not_refused(group: Told, reader: Reader) -> None:
    await reader.post("/scheduling/groups", form_group(name="Other Circle", starts_at_local="19:00"))
    await reader.post("/scheduling/groups", form_group(name="Late Circle", starts_at_local="20:30"))
    await reader.post(f"{GROUP}/facilitator", {"facilitator_id": str(TOMASZ)})
    words = "leads another group at this hour"
    for path in ("/scheduling/", GROUP, SESSION):
        assert words not in await reader.get(path)
    await reader.post("/scheduling/groups/late-circle/facilitator", {"facilitator_id": str(TOMASZ)})
    assert words not in await reader.get(SESSION)
    await reader.post("/scheduling/groups/other-circle/facilitator", {"facilitator_id": str(TOMASZ)})
    other = f"/scheduling/sessions/{session_id_of(group_id_of(ORGANISATION, 'other-circle'), date(2025, 3, 4))}"
    for path in ("/scheduling/", GROUP, SESSION, other):
        assert words in await reader.get(path)
    assert "Choose somebody else for one of the two." in await reader.get(SESSION)
    headers = {"authorization": f"Bearer {token('coordinator', 'old-town')}"}
    answer = await reader.client.get(f"/scheduling/api/v1/sessions/{TUESDAY}", headers=headers)
    assert answer.json()["flag"]["code"] == "facilitator-elsewhere"
    await reader.post(f"{other}/cancel", {"reason": "other"})
    assert words not in await reader.get(SESSION)


async def test_whoever_leads_and_works_here_no_more_is_still_the_one_who_is_chosen(group: Told, reader: Reader) -> None:
    await reader.post(f"{GROUP}/facilitator", {"facilitator_id": str(TOMASZ)})
    await group.tell(facilitator_qualified(site=NORTH_QUAY))
    chosen = f'value="{TOMASZ}" checked'
    for path in (GROUP, SESSION):
        page = await reader.get(path)
        assert chosen in page
        assert "does not work here any more" in page
    await reader.post(f"{GROUP}/facilitator", {"facilitator_id": str(TOMASZ)})
    assert chosen in await reader.get(GROUP)
    await reader.post(f"{GROUP}/facilitator", {"facilitator_id": ""})
    assert str(TOMASZ) not in await reader.get(GROUP)


async def test_earlier_sessions_can_be_reached(group: Told, reader: Reader, at: Callable[[datetime], None]) -> None:
    at(utc("2025-04-23 12:00"))
    await group.ring()
    first = "4 March 2025</a>"
    page = await reader.get(GROUP)
    assert first not in page
    assert f"{GROUP}?earlier=true#past" in page
    page = await reader.get(f"{GROUP}?earlier=true")
    assert first in page
    assert "Earlier sessions" not in page
    await reader.post("/scheduling/groups", form_group(name="Other Circle", weekday="3"))
    for name in ("eli", "fay"):
        other = group_id_of(ORGANISATION, "other-circle")
        await group.tell(enrolled(name, date(2025, 4, 23)), placed(name, date(2025, 4, 23), other))
    at(utc("2025-05-15 12:00"))
    await group.ring()
    page = await reader.get("/scheduling/")
    assert "3 earlier ones" in page
    for day in ("Tuesday, 22 April", "Wednesday, 23 April", "Wednesday, 14 May"):
        assert page.count(f"{day}</a>") == 1


async def test_two_people_at_one_page_undo_nothing_of_each_other(
    group: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    client, headers = reader.client, reader.cookies()
    await two_people_change(client, GROUP, f"{GROUP}/change", headers, {"capacity": "12"}, {"minutes": "60"})
    await reader.post(f"{GROUP}/facilitator", {"facilitator_id": str(TOMASZ)})  # that is another form
    plan = {"icebreaker": "weather-inside", "activity-1": "small-next-step"}
    await reader.post(f"{SESSION}/plan", plan)
    await two_people_change(client, SESSION, f"{SESSION}/plan", headers, {"note": "Cards."}, {"note": "Chairs."})
    at(utc("2025-03-04 19:00"))
    headers = reader.cookies()
    await reader.post(f"{SESSION}/hold", marks(ana="present", dev="late"))
    ana, dev = (f"a-{person(name)}" for name in ("ana", "dev"))
    page, correct = f"{SESSION}?correct=true", f"{SESSION}/correct"
    await two_people_change(client, page, correct, headers, {ana: "absent"}, {dev: "excused"})
    (*_, last) = await group.said(AttendanceCorrected)
    assert {one.participant_id: one.status for one in last.attendance} == {
        person("ana"): "present",
        person("dev"): "excused",
    }


async def test_what_was_emptied_stays_empty_when_a_form_is_refused(group: Told, reader: Reader) -> None:
    plan = {"icebreaker": "weather-inside", "activity-1": "small-next-step", "note": "Cards."}
    await reader.post(f"{SESSION}/plan", plan)
    page = await reader.post(f"{SESSION}/plan", {"icebreaker": "", "activity-1": "", "note": ""}, 422)
    form = filled(page.text, f"{SESSION}/plan")
    assert ("icebreaker" in form, "activity-1" in form, form["note"]) == (False, False, [""])
    page = await reader.post(f"{GROUP}/change", form_group(name="", first_on="", capacity="12"), 422)
    form = filled(page.text, f"{GROUP}/change")
    assert [form[name] for name in ("name", "first_on", "capacity")] == [[""], [""], ["12"]]
    page = await reader.post("/scheduling/groups", form_group(capacity="", minutes=""), 422)
    form = filled(page.text, "/scheduling/groups")
    assert [form[name] for name in ("capacity", "minutes", "starts_at_local")] == [[""], [""], ["18:00"]]


async def test_a_guest_who_is_taken_out_stays_out_when_the_correction_is_refused(
    group: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    at(utc("2025-03-04 19:00"))
    await group.tell(enrolled("guest", date(2025, 2, 1)))
    guest, correct = f"a-{person('guest')}", f"{SESSION}/correct"
    await reader.post(f"{SESSION}/hold", marks(ana="present", dev="late") | {"guests": short_code("guest")})
    page = await reader.get(f"{SESSION}?correct=true")
    (not_here,) = re.findall(f'name="{guest}" value="([^"]*)"[^>]*> <span>Not here', page)
    mistyped = {guest: not_here, "guests": "XXX-000"}
    form = filled((await reader.post(correct, filled(page, correct) | mistyped, 422)).text, correct)
    assert (form[guest], form["guests"]) == ([not_here], ["XXX-000"])
    await reader.post(correct, form | {"guests": ""})
    (corrected,) = await group.said(AttendanceCorrected)
    assert {one.participant_id for one in corrected.attendance} == {person("ana"), person("dev")}


async def test_whoever_records_what_somebody_else_just_recorded_may_correct_it(
    group: Told, reader: Reader, at: Callable[[datetime], None]
) -> None:
    at(utc("2025-03-04 19:00"))
    await group.tell(enrolled("guest", date(2025, 2, 1)))
    own = filled(await reader.get(SESSION), f"{SESSION}/hold") | marks(ana="excused", dev="late")
    await reader.post(f"{SESSION}/hold", marks(ana="present", dev="present") | {"guests": short_code("guest")})
    mistyped = await reader.post(f"{SESSION}/hold", own | {"guests": "XXX-000"}, 422)
    assert filled(mistyped.text, f"{SESSION}/correct")["guests"] == ["XXX-000"]
    refused = await reader.post(f"{SESSION}/hold", own, 409)
    assert "is recorded: correct it instead" in refused.text
    form = filled(refused.text, f"{SESSION}/correct")
    expected = marks(ana="excused", dev="late", guest="present")
    assert {name: form[name] for name in expected} == {name: [mark] for name, mark in expected.items()}
    await reader.post(f"{SESSION}/correct", form)
    (corrected,) = await group.said(AttendanceCorrected)
    found = {one.participant_id: one.status for one in corrected.attendance}
    assert found == {person("ana"): "excused", person("dev"): "late", person("guest"): "present"}


async def test_a_session_that_was_cancelled_by_a_slip_takes_place_after_all(group: Told, reader: Reader) -> None:
    await reader.post(f"{SESSION}/cancel", {"reason": "room-closed"})
    assert f"{SESSION}/restore" in await reader.get(SESSION)
    done = await reader.post(f"{SESSION}/restore", {})
    page = await reader.get(done.headers["location"])
    assert ("It takes place after all." in page, "can be recorded from Tue 4 March, 18:00 on" in page) == (True, True)
    assert f"{SESSION}/restore" not in page
    assert "This session is not cancelled." in (await reader.post(f"{SESSION}/restore", {}, 409)).text


async def test_no_group_stands_where_a_file_is_imported(group: Told, reader: Reader) -> None:
    page = await reader.post("/scheduling/groups", form_group(name="Import"), 422)
    assert "The address import is not free: choose another code." in page.text
    assert filled(page.text, "/scheduling/groups")["name"] == ["Import"]


async def test_a_file_is_imported_on_its_page(group: Told, reader: Reader) -> None:
    assert "monday to sunday" in await reader.get("/scheduling/groups/import")
    for kind in ("groups", "sessions", "attendance"):
        assert "also what somebody has changed here since" in await reader.get(f"/scheduling/{kind}/import")
    columns = "code,name,program,site,capacity,weekday,starts_at,minutes,first_on"
    text = f"{columns}\nx,X,nowhere,old-town,5,1,18:00,60,2025-03-03\n"
    answer = await reader.client.post(
        "/scheduling/groups/import-file", files={"file": ("groups.csv", text)}, headers=reader.cookies()
    )
    assert answer.status_code == 200
    assert "1 row was left out" in answer.text
    nothing = await reader.client.post("/scheduling/groups/import-file", headers=reader.cookies())
    assert (nothing.status_code, "Choose a file." in nothing.text) == (422, True)


@pytest.mark.parametrize("path", [SESSION, GROUP, "/scheduling/groups/no-such", f"/scheduling/sessions/{person('x')}"])
async def test_what_is_not_for_the_reader_is_not_there(group: Told, reader: Reader, path: str) -> None:
    reader.sites = ["north-quay"]
    await reader.get(path, 404)
    await reader.post(f"{path}/facilitator", {"facilitator_id": ""}, 404)


async def test_a_program_manager_reads_and_changes_nothing(group: Told, reader: Reader) -> None:
    reader.role = "program-manager"
    assert "Form a group" not in await reader.get("/scheduling/groups")
    assert "Change the group" not in await reader.get(GROUP)
    assert "/feedback/kiosks" not in await reader.get(SESSION)
    await reader.get("/scheduling/", 403)
    await reader.post("/scheduling/groups", form_group(name="Y"), 403)
    await reader.post(f"{SESSION}/cancel", {"reason": "other"}, 403)
