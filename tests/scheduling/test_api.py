"""The JSON doors of scheduling, against a real PostgreSQL."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.scheduling.app import create
from services.scheduling.domain.kinds import session_id_of
from services.scheduling.store import erase_participants
from shared.events.ids import group_id_of
from shared.events.intake import FacilitatorLapsed, ParticipantErased
from shared.events.scheduling import (
    AttendanceCorrected,
    CheckInDue,
    GroupFormed,
    OccasionCancelled,
    SessionCancelled,
    SessionHeld,
    SessionScheduled,
)
from tests import rivals
from tests.doors import bearer
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
    program_published,
    site_opened,
    unplaced,
    utc,
    waitlisted,
    withdrawn,
)

At = Callable[[datetime], None]
API = "/scheduling/api/v1"
TUESDAY = session_id_of(EVENING_CIRCLE, date(2025, 3, 4))
NEXT = session_id_of(EVENING_CIRCLE, date(2025, 3, 11))
PEOPLE = ("ana", "dev", "ines")


@pytest.fixture
async def group(at_site: Told, client: httpx.AsyncClient, at: At) -> Told:
    """The Evening Circle with three people, on the Monday before its session."""
    at(utc("2025-03-03 12:00"))
    answer = await client.put(f"{API}/groups/evening-circle", json=form_group(), headers=bearer())
    assert answer.status_code == 200, answer.text
    for name in PEOPLE:
        await at_site.tell(enrolled(name, date(2025, 2, 1)), placed(name, date(2025, 2, 1)))
    return at_site


def attendance(**statuses: str) -> dict[str, Any]:
    return {"attendance": [{"participant_id": str(person(name)), "status": one} for name, one in statuses.items()]}


EVERYONE = attendance(ana="present", dev="late", ines="absent")


def with_guest(status: str) -> dict[str, Any]:
    return {"attendance": [*EVERYONE["attendance"], *attendance(guest=status)["attendance"]]}


async def ask(client: httpx.AsyncClient, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    role = headers.pop("role", "coordinator")
    sites = [headers.pop("site")] if "site" in headers else ["old-town"]
    given = bearer(role, *sites) | headers
    return await client.request(method, f"{API}{path}", json=body, headers=given)


def code_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    errors = body.get("errors") or []
    return str(errors[0]["code"] if errors else body["code"])


async def test_forming_a_group_shows_it_and_says_it_once(group: Told, client: httpx.AsyncClient) -> None:
    answer = await ask(client, "PUT", "/groups/evening-circle", form_group())
    assert answer.json()["members"] == 3
    assert [one["local_date"] for one in answer.json()["sessions"]][:2] == ["2025-03-04", "2025-03-11"]
    assert answer.json()["sessions"][0]["flag"] == {
        "code": "facilitator-missing",
        "qualification": None,
        "valid_until": None,
    }
    assert len(await group.said(GroupFormed)) == 1
    assert len(await group.said(SessionScheduled)) == 8
    listed = (await ask(client, "GET", "/groups", role="program-manager")).json()["groups"]
    assert [one["code"] for one in listed] == ["evening-circle"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"program": "unheard-of"}, 404, "program-not-found"),
        ({"site": "unheard-of"}, 404, "site-not-found"),
        ({"capacity": 0}, 422, "greater-than-equal"),
        ({"weekday": 8}, 422, "less-than-equal"),
        ({"starts_at_local": "25:00"}, 422, "clock-time"),
        ({"first_on": "07.01.2025"}, 422, "date-type"),
        ({"name": "\x00"}, 422, "control-character"),
        ({"room": "2"}, 422, "extra-forbidden"),
        ({"facilitator_id": str(uuid4())}, 404, "facilitator-not-found"),
    ],
)
async def test_a_group_that_cannot_be_formed(
    group: Told, client: httpx.AsyncClient, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await ask(client, "PUT", "/groups/other", form_group(**changes), role="administrator", site="*")
    assert code_of(answer, status) == code
    assert (await ask(client, "GET", "/groups/other")).status_code == 404


async def test_a_program_that_is_not_offered_there(group: Told, client: httpx.AsyncClient) -> None:
    await group.tell(site_opened("north-quay", "America/Halifax"))
    answer = await ask(client, "PUT", "/groups/other", form_group(site="north-quay"), site="*")
    assert code_of(answer, 409) == "program-not-at-site"
    again = await ask(client, "PUT", "/groups/evening-circle", form_group(site="north-quay"), site="*")
    assert code_of(again, 409) in ("program-not-at-site", "group-stays")


async def test_a_group_goes_on_where_its_program_is_offered_no_longer(group: Told, client: httpx.AsyncClient) -> None:
    await group.tell(site_opened("north-quay"), program_published(NORTH_QUAY))
    changed = await ask(client, "PUT", "/groups/evening-circle", form_group(capacity=12))
    assert (changed.status_code, changed.json()["capacity"]) == (200, 12)
    assert code_of(await ask(client, "PUT", "/groups/other", form_group()), 409) == "program-not-at-site"


async def test_no_group_stands_where_a_file_is_imported(group: Told, client: httpx.AsyncClient) -> None:
    answer = await ask(client, "PUT", "/groups/import", form_group())
    assert code_of(answer, 422) == "code-reserved"
    assert answer.json()["errors"][0]["field"] == "code"


async def test_nobody_sees_another_site_or_another_organisation(group: Told, client: httpx.AsyncClient) -> None:
    for path in ("/groups/evening-circle", f"/sessions/{TUESDAY}"):
        assert (await ask(client, "GET", path)).status_code == 200
        assert (await ask(client, "GET", path, site="north-quay")).status_code == 404
        other = await client.get(f"{API}{path}", headers=bearer(organisation="other-trust"))
        assert other.status_code == 404
    assert (await ask(client, "GET", "/groups", site="north-quay")).json() == {"groups": []}
    assert code_of(await ask(client, "PUT", "/groups/evening-circle", form_group(), site="north-quay"), 404)
    assert code_of(await ask(client, "POST", f"/sessions/{TUESDAY}/hold", EVERYONE, site="north-quay"), 404)


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("PUT", "/groups/evening-circle", "facilitator"),
        ("PUT", "/groups/evening-circle", "program-manager"),
        ("POST", f"/sessions/{TUESDAY}/hold", "program-manager"),
        ("GET", "/occasions", "program-manager"),
        ("GET", "/occasions", "facilitator"),
        ("GET", "/groups", "operator"),
        ("POST", "/occasions/ids", "facilitator"),
    ],
)
async def test_each_role_has_its_limits(client: httpx.AsyncClient, method: str, path: str, role: str) -> None:
    body = form_group() if path.startswith("/groups/") else EVERYONE if "hold" in path else {"requests": []}
    answer = await ask(client, method, path, None if method == "GET" else body, role=role)
    assert code_of(answer, 403) == "role-needed"


async def test_only_who_is_qualified_leads_and_a_lapse_flags_the_coming_sessions(
    group: Told, client: httpx.AsyncClient
) -> None:
    await group.tell(facilitator_qualified(date(2025, 3, 20)))
    answer = await ask(client, "PUT", "/groups/evening-circle/facilitator", {"facilitator_id": str(TOMASZ)})
    assert answer.json()["facilitator"]["short_code"] == "TMW-101"
    flags = {one["local_date"]: one["flag"] for one in answer.json()["sessions"]}
    assert flags["2025-03-18"] is None
    assert flags["2025-03-25"] == {
        "code": "qualification-lapsed",
        "qualification": "peer-support",
        "valid_until": "2025-03-20",
    }
    lapsed = FacilitatorLapsed(facilitator_id=TOMASZ, qualification="peer-support", lapsed_on=date(2025, 3, 2))
    await group.tell(lapsed)
    shown = (await ask(client, "GET", f"/sessions/{TUESDAY}")).json()
    assert shown["flag"]["valid_until"] == "2025-03-01"
    refused = await ask(client, "PUT", f"/sessions/{NEXT}/facilitator", {"facilitator_id": str(TOMASZ)})
    assert code_of(refused, 409) == "qualification-lapsed"
    assert refused.json()["valid_until"] == "2025-03-01"
    assert "is not in date from 2 March 2025 on" in refused.json()["title"]
    await group.tell(facilitator_qualified(None))
    missing = await ask(client, "PUT", f"/sessions/{NEXT}/facilitator", {"facilitator_id": str(TOMASZ)})
    assert code_of(missing, 409) == "qualification-missing"


async def test_whoever_leads_and_does_not_work_here_any_more_is_flagged(group: Told, client: httpx.AsyncClient) -> None:
    await ask(client, "PUT", "/groups/evening-circle/facilitator", {"facilitator_id": str(TOMASZ)})
    await group.tell(facilitator_qualified(site=uuid4()))
    shown = (await ask(client, "GET", f"/sessions/{TUESDAY}")).json()
    assert shown["flag"]["code"] == "facilitator-not-at-site"
    for path in ("/scheduling/groups", "/scheduling/groups/evening-circle"):
        page = await client.get(path, headers=bearer())
        assert "does not work" in page.text, path


async def test_a_session_has_a_plan_and_can_be_given_another(group: Told, client: httpx.AsyncClient) -> None:
    shown = (await ask(client, "GET", f"/sessions/{TUESDAY}", role="facilitator")).json()
    assert shown["plan"]["is_own"] is False
    assert len(shown["plan"]["activities"]) == 2
    assert shown["plan"]["minutes"] <= 90
    body = {"icebreaker": "weather-inside", "activities": ["small-next-step"], "note": "Bring the cards."}
    own = await ask(client, "PUT", f"/sessions/{TUESDAY}/plan", body, role="facilitator")
    assert own.json()["plan"]["note"] == "Bring the cards."
    bad = await ask(client, "PUT", f"/sessions/{TUESDAY}/plan", body | {"activities": ["nothing"]})
    assert code_of(bad, 422) == "unknown-activity"
    assert len((await ask(client, "GET", "/library")).json()["activities"]) >= 14


async def test_holding_correcting_and_who_is_asked(group: Told, client: httpx.AsyncClient, at: At) -> None:
    await group.tell(battery_activated(entry("pulse", "session", window_days=3)))
    hold = f"/sessions/{TUESDAY}/hold"
    assert code_of(await ask(client, "POST", hold, EVERYONE), 409) == "session-not-started"
    at(utc("2025-03-04 18:31"))
    incomplete = await ask(client, "POST", hold, attendance(ana="present"))
    assert code_of(incomplete, 422) == "attendance-incomplete"
    assert "2 people" in incomplete.json()["errors"][0]["message"]
    assert code_of(await ask(client, "POST", hold, attendance(nobody="present")), 404) == "participant-not-found"
    held = await ask(client, "POST", hold, EVERYONE, role="facilitator")
    assert held.json()["state"] == "held"
    assert {one["status"] for one in held.json()["roster"]} == {"present", "late", "absent"}
    assert code_of(await ask(client, "POST", hold, EVERYONE), 409) == "session-already-held"
    await group.ring()
    assert {one.participant_id for one in await group.said(CheckInDue)} == {person("ana"), person("dev")}
    correct = f"/sessions/{TUESDAY}/correct"
    assert code_of(await ask(client, "POST", correct, EVERYONE), 409) == "nothing-to-correct"
    fixed = await ask(client, "POST", correct, attendance(ana="absent", dev="late", ines="present"))
    assert fixed.status_code == 200
    await group.ring()
    assert [one.code for one in await group.said(CheckInDue)] == ["pulse-1"] * 3
    assert len(await group.said(OccasionCancelled)) == 1
    (said,) = await group.said(AttendanceCorrected)
    assert len(said.attendance) == 3
    assert len(await group.said(SessionHeld)) == 1


async def test_a_guest_who_is_taken_out_is_not_asked_and_is_asked_of_the_next_session(
    group: Told, client: httpx.AsyncClient, at: At
) -> None:
    half_way = entry("half-way", "monthly", after_sessions=1)
    await group.tell(battery_activated(entry("pulse", "session", window_days=3), half_way))
    await group.tell(enrolled("guest", date(2025, 2, 1)))
    at(utc("2025-03-04 18:31"))
    assert (await ask(client, "POST", f"/sessions/{TUESDAY}/hold", with_guest("present"))).status_code == 200
    await group.ring()
    assert await group.occasions(enrolment_of("guest")) == {"pulse-1": "due", "half-way": "due"}
    taken_out = await ask(client, "POST", f"/sessions/{TUESDAY}/correct", EVERYONE)
    assert {one["participant_id"] for one in taken_out.json()["roster"]} == {str(person(name)) for name in PEOPLE}
    (corrected,) = await group.said(AttendanceCorrected)
    assert person("guest") not in {one.participant_id for one in corrected.attendance}
    await group.ring()
    assert await group.occasions(enrolment_of("guest")) == {"pulse-1": "cancelled", "half-way": "cancelled"}
    assert [one.reason for one in await group.said(OccasionCancelled)] == ["attendance-corrected"] * 2
    again = await ask(client, "POST", f"/sessions/{TUESDAY}/correct", EVERYONE)
    assert code_of(again, 409) == "nothing-to-correct"
    at(utc("2025-03-11 18:31"))
    await ask(client, "POST", f"/sessions/{NEXT}/hold", with_guest("late"))
    await group.ring()
    assert (await group.occasions(enrolment_of("guest")))["pulse-2"] == "due"


async def test_a_guest_who_is_taken_out_was_neither_there_nor_absent(
    group: Told, client: httpx.AsyncClient, at: At
) -> None:
    await group.tell(enrolled("guest", date(2025, 2, 1)))
    for session, day in ((TUESDAY, 4), (NEXT, 11), (session_id_of(EVENING_CIRCLE, date(2025, 3, 18)), 18)):
        at(utc(f"2025-03-{day:02} 18:31"))
        await ask(client, "POST", f"/sessions/{session}/hold", with_guest("absent"))
        await ask(client, "POST", f"/sessions/{session}/correct", EVERYONE)
        await group.ring()
    away = await group.rows("select participant_id from disengagements where ended_at is null")
    assert [row["participant_id"] for row in away] == [person("ines")]
    shown = await client.get("/scheduling/groups/evening-circle", headers=bearer())
    assert shown.text.count("2 of 3 came") == 3


async def test_whoever_came_after_all_is_not_asked_about_what_had_closed_by_then(
    group: Told, client: httpx.AsyncClient, at: At
) -> None:
    await group.tell(battery_activated(entry("pulse", "session", window_days=3)))
    at(utc("2025-03-04 18:31"))
    everyone = {one["participant_id"]: one for one in EVERYONE["attendance"]}
    ana = str(person("ana"))
    away = {"attendance": [*({**everyone, ana: everyone[ana] | {"status": "absent"}}).values()]}
    came = {"attendance": [*({**everyone, ana: everyone[ana] | {"status": "present"}}).values()]}
    await ask(client, "POST", f"/sessions/{TUESDAY}/hold", away)
    at(utc("2025-03-13 12:00"))
    assert (await ask(client, "POST", f"/sessions/{TUESDAY}/correct", came)).status_code == 200
    await group.ring()
    assert await group.occasions(enrolment_of("ana")) == {}


async def test_visits_before_the_enrolment_are_not_asked_about(group: Told, client: httpx.AsyncClient, at: At) -> None:
    await group.tell(battery_activated(entry("pulse", "session", window_days=3)))
    elsewhere = enrolled("guest", date(2025, 2, 1), program_id=uuid4(), enrolment_id=uuid4())
    await group.tell(elsewhere)
    at(utc("2025-03-04 18:31"))
    assert (await ask(client, "POST", f"/sessions/{TUESDAY}/hold", with_guest("present"))).status_code == 200
    at(utc("2025-03-20 12:00"))
    await group.tell(enrolled("guest", date(2025, 3, 20)), at=utc("2025-03-20 12:00"))
    await group.ring()
    assert await group.occasions(enrolment_of("guest")) == {}


async def test_a_guest_who_is_put_back_keeps_the_number(group: Told, client: httpx.AsyncClient, at: At) -> None:
    await group.tell(battery_activated(entry("pulse", "session", window_days=3)))
    await group.tell(enrolled("guest", date(2025, 2, 1)))
    at(utc("2025-03-04 18:31"))
    await ask(client, "POST", f"/sessions/{TUESDAY}/hold", with_guest("present"))
    for body in (EVERYONE, with_guest("late")):
        assert (await ask(client, "POST", f"/sessions/{TUESDAY}/correct", body)).status_code == 200
    await group.ring()
    assert await group.occasions(enrolment_of("guest")) == {"pulse-1": "due"}


async def test_a_post_that_is_sent_twice_acts_once(group: Told, client: httpx.AsyncClient, at: At) -> None:
    at(utc("2025-03-04 17:01"))
    for _ in range(2):
        answer = await client.post(
            f"{API}/sessions/{TUESDAY}/hold", json=EVERYONE, headers=bearer() | {"Idempotency-Key": "tuesday"}
        )
        assert answer.status_code == 200
    assert len(await group.said(SessionHeld)) == 1
    at(utc("2025-03-12 12:00"))  # after a week the key is free, and what was asked then is looked at anew
    await group.ring()
    again = await client.post(
        f"{API}/sessions/{TUESDAY}/hold", json=EVERYONE, headers=bearer() | {"Idempotency-Key": "tuesday"}
    )
    assert code_of(again, 409) == "session-already-held"


async def test_a_cancelled_session_stays_cancelled(group: Told, client: httpx.AsyncClient, at: At) -> None:
    cancelled = await ask(client, "POST", f"/sessions/{TUESDAY}/cancel", {"reason": "holiday"})
    assert (cancelled.json()["state"], cancelled.json()["reason"]) == ("cancelled", "holiday")
    assert code_of(await ask(client, "POST", f"/sessions/{TUESDAY}/cancel", {"reason": "holiday"}), 409)
    at(utc("2025-03-04 18:31"))
    assert code_of(await ask(client, "POST", f"/sessions/{TUESDAY}/hold", EVERYONE), 409) == "session-cancelled"
    assert len(await group.said(SessionCancelled)) == 1
    assert code_of(await ask(client, "POST", f"/sessions/{TUESDAY}/cancel", {"reason": "rain"}), 422)


async def test_a_session_that_was_cancelled_by_a_slip_takes_place_after_all(
    group: Told, client: httpx.AsyncClient, at: At
) -> None:
    assert code_of(await ask(client, "POST", f"/sessions/{TUESDAY}/restore"), 409) == "session-not-cancelled"
    await ask(client, "POST", f"/sessions/{TUESDAY}/cancel", {"reason": "holiday"})
    await ask(client, "PUT", "/groups/evening-circle", form_group(starts_at_local="17:00"))
    before = await group.said()
    again = [await ask(client, "POST", f"/sessions/{TUESDAY}/restore", **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert again[0].json() == again[1].json()
    assert (again[0].json()["state"], again[0].json()["reason"]) == ("scheduled", None)
    (scheduled,) = (await group.said())[len(before) :]
    assert isinstance(scheduled, SessionScheduled)
    assert (scheduled.session_id, scheduled.starts_at) == (TUESDAY, utc("2025-03-04 16:00"))
    at(utc("2025-03-04 18:31"))
    assert (await ask(client, "POST", f"/sessions/{TUESDAY}/hold", EVERYONE)).status_code == 200
    assert code_of(await ask(client, "POST", f"/sessions/{TUESDAY}/restore"), 409) == "session-not-cancelled"
    for role, status in (("program-manager", 403), ("operator", 403)):
        assert (await ask(client, "POST", f"/sessions/{NEXT}/restore", role=role)).status_code == status


async def by_json(client: httpx.AsyncClient, now: dict[str, Any]) -> httpx.Response:
    return await ask(client, "POST", f"/sessions/{TUESDAY}/correct", now)


async def by_page(client: httpx.AsyncClient, now: dict[str, Any]) -> httpx.Response:
    marks = {f"a-{one['participant_id']}": one["status"] for one in now["attendance"]}
    page = f"/scheduling/sessions/{TUESDAY}/correct"
    return await client.post(page, data=marks, headers=bearer("coordinator", "old-town"))


async def by_file(client: httpx.AsyncClient, now: dict[str, Any]) -> httpx.Response:
    rows = [f"evening-circle,2025-03-04,{one['participant_id']},{one['status']}" for one in now["attendance"]]
    text = "\n".join(("group,date,participant,status", *rows))
    headers = bearer("coordinator", "old-town") | {"content-type": "text/csv"}
    return await client.post(f"{API}/attendance/import-file", content=text.encode(), headers=headers)


@pytest.mark.parametrize("correct", [by_json, by_page, by_file])
async def test_whoever_is_erased_while_others_are_corrected_is_named_nowhere(
    group: Told, client: httpx.AsyncClient, at: At, correct: Any
) -> None:
    await group.tell(enrolled("guest", date(2025, 2, 1)))
    at(utc("2025-03-04 18:31"))
    await ask(client, "POST", f"/sessions/{TUESDAY}/hold", with_guest("present"))
    guest = ParticipantErased(participant_id=person("guest"), enrolment_ids=[enrolment_of("guest")], occasion_ids=[])
    async with group.store.machinery.transaction(ORGANISATION) as tx:
        await erase_participants(tx, [guest])
        late = correct(client, attendance(ana="late", dev="late", ines="absent"))
        correcting = asyncio.create_task(late)
        await rivals.waiting(tx, 1)
    assert (await correcting).status_code in (200, 303)
    (corrected,) = await group.said(AttendanceCorrected)
    named = {one.participant_id: one.status for one in corrected.attendance}
    assert (named.pop(person("ana")), len(named), person("guest") in named) == ("late", 3, False)
    rows = await group.rows("select participant_id from attendance where status is not null")
    assert {row["participant_id"] for row in rows} == named.keys() | {person("ana")}
    assert await group.rows("select 1 from attendance where participant_id = $1", person("guest")) == []


async def test_the_calendar_is_renewed_every_week(group: Told, client: httpx.AsyncClient, at: At) -> None:
    at(utc("2025-03-10 12:01"))
    await group.ring()
    listed = await ask(client, "GET", "/sessions?from=2025-04-22&to=2025-12-31&group=evening-circle")
    assert [one["local_date"] for one in listed.json()["sessions"]] == ["2025-04-22", "2025-04-29"]
    assert len(await group.rows("select 1 from machinery.timers where kind = 'plan-sessions'")) == 1


async def test_importers_ask_what_is_known(group: Told, client: httpx.AsyncClient) -> None:
    ids = [str(person("ana")), str(person("nobody"))]
    known = await ask(client, "POST", "/participants/known", {"ids": ids})
    assert known.json() == {"unknown": [str(person("nobody"))]}
    elsewhere = await ask(client, "POST", "/participants/known", {"ids": ids}, site="north-quay")
    assert len(elsewhere.json()["unknown"]) == 2
    await group.tell(battery_activated())
    asked = [
        {"participant_id": str(person(name)), "program": "new-roots", "occasion": occasion}
        for name, occasion in (("ana", "baseline"), ("nobody", "baseline"), ("ana", "month-2"), ("ana", "month-9"))
    ]
    answer = (await ask(client, "POST", "/occasions/ids", {"requests": asked})).json()["occasions"]
    assert [one["state"] for one in answer] == ["due", None, "planned", None]
    assert [one["occasion"] for one in answer] == ["baseline", "baseline", "month-2", "month-9"]
    listed = (await ask(client, "GET", f"/occasions?participant_id={person('ana')}&state=due")).json()
    assert answer[0]["occasion_id"] in [one["occasion_id"] for one in listed["occasions"]]
    assert {one["state"] for one in listed["occasions"]} == {"due"}
    assert (listed["occasions"][0]["program"], listed["next"]) == ("new-roots", None)
    assert (await ask(client, "GET", "/occasions?site=north-quay")).json()["occasions"] == []


MORNING_CIRCLE = group_id_of(ORGANISATION, "morning-circle")


async def roster(client: httpx.AsyncClient, session: UUID) -> list[str]:
    shown = (await ask(client, "GET", f"/sessions/{session}")).json()
    return [one["participant_id"] for one in shown["roster"] if one["participant_id"] == str(person("ana"))]


@pytest.mark.parametrize("times", [1, 2])
async def test_whoever_waits_for_another_group_is_on_no_roster_until_they_are_placed(
    group: Told, client: httpx.AsyncClient, times: int
) -> None:
    days = [date(2025, 3, day) for day in (4, 11, 18)]

    async def expected() -> list[int]:
        return [len(await roster(client, session_id_of(EVENING_CIRCLE, day))) for day in days]

    waiting = rivals.incoming(ORGANISATION, waitlisted("ana", date(2025, 3, 6), MORNING_CIRCLE))
    for _ in range(times):  # what was heard already changes nothing
        async with group.store.machinery.transaction(ORGANISATION) as tx:
            await create().applying(tx, waiting, carefully=False)
    await group.tell(*[waitlisted("ana", date(2025, 3, 6), MORNING_CIRCLE)] * times)
    assert await expected() == [1, 0, 0]
    assert (await ask(client, "GET", "/groups/evening-circle")).json()["members"] == 2
    await group.tell(placed("ana", date(2025, 3, 15)))
    assert await expected() == [1, 0, 1]
    assert (await ask(client, "GET", "/groups/evening-circle")).json()["members"] == 3


async def test_who_gave_up_their_place_is_on_no_roster_from_that_day_on(group: Told, client: httpx.AsyncClient) -> None:
    await group.tell(unplaced("ana", date(2025, 3, 11)))
    days = [date(2025, 3, day) for day in (4, 11, 18)]
    assert [len(await roster(client, session_id_of(EVENING_CIRCLE, day))) for day in days] == [1, 0, 0]
    assert (await ask(client, "GET", "/groups/evening-circle")).json()["members"] == 2


async def test_whoever_waits_and_never_had_a_place_is_on_no_roster(group: Told, client: httpx.AsyncClient) -> None:
    await group.tell(enrolled("omar", date(2025, 3, 1)), waitlisted("omar", date(2025, 3, 1)))
    assert await group.rows("select 1 from placements where participant_id = $1", person("omar")) == []
    assert (await ask(client, "GET", "/groups/evening-circle")).json()["members"] == 3


async def test_whoever_had_left_before_they_asked_for_another_group_was_not_expected_any_more(
    group: Told, client: httpx.AsyncClient
) -> None:
    await group.tell(waitlisted("ana", date(2025, 3, 15), MORNING_CIRCLE), withdrawn("ana", date(2025, 3, 6)))
    days = [date(2025, 3, day) for day in (4, 11)]
    assert [len(await roster(client, session_id_of(EVENING_CIRCLE, day))) for day in days] == [1, 0]


async def test_whoever_leaves_is_expected_on_their_last_day(group: Told, client: httpx.AsyncClient) -> None:
    await group.tell(withdrawn("ana", date(2025, 3, 4)), completed("dev", date(2025, 3, 4)))
    for session, expected in ((TUESDAY, {"ana", "dev", "ines"}), (NEXT, {"ines"})):
        shown = (await ask(client, "GET", f"/sessions/{session}")).json()
        assert {one["participant_id"] for one in shown["roster"]} == {str(person(one)) for one in expected}
    assert (await ask(client, "GET", "/groups/evening-circle")).json()["members"] == 1


@pytest.mark.parametrize("times", [1, 2])
async def test_whoever_comes_back_to_a_group_was_not_in_it_meanwhile(
    group: Told, client: httpx.AsyncClient, times: int
) -> None:
    moves = rivals.incoming(
        ORGANISATION, placed("ana", date(2025, 3, 6), MORNING_CIRCLE), placed("ana", date(2025, 3, 15))
    )
    for _ in range(times):  # what was heard already changes nothing
        async with group.store.machinery.transaction(ORGANISATION) as tx:
            await create().applying(tx, moves, carefully=False)
    await group.tell(*[placed("ana", date(2025, 3, 15))] * times)
    days = [date(2025, 3, day) for day in (4, 11, 18)]
    found = [len(await roster(client, session_id_of(EVENING_CIRCLE, day))) for day in days]
    assert found == [1, 0, 1]
    assert (await ask(client, "GET", "/groups/evening-circle")).json()["members"] == 3
    assert len(await group.rows("select 1 from placements where participant_id = $1", person("ana"))) == 3


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([(EVENING_CIRCLE, 15)], [1, 1, 1]),  # nothing was heard of a place elsewhere
        ([(MORNING_CIRCLE, 6), (EVENING_CIRCLE, 6)], [1, 1, 1]),  # a slip of the hand
        ([(EVENING_CIRCLE, 6), (MORNING_CIRCLE, 6), (EVENING_CIRCLE, 6)], [1, 1, 1]),
        ([(MORNING_CIRCLE, 15), (EVENING_CIRCLE, 1)], [1, 1, 1]),  # told late
    ],
)
async def test_nobody_stands_twice_on_a_roster(
    group: Told, client: httpx.AsyncClient, moves: list[tuple[UUID, int]], expected: list[int]
) -> None:
    await group.tell(*(placed("ana", date(2025, 3, day), where) for where, day in moves))
    days = [date(2025, 3, day) for day in (4, 11, 18)]
    sessions = [session_id_of(EVENING_CIRCLE, day) for day in days]
    assert [len(await roster(client, one)) for one in sessions] == expected
    detail = (await ask(client, "GET", "/groups/evening-circle")).json()
    assert (detail["members"], len(detail["roster"])) == (3, 3)


async def test_two_who_record_at_once_do_it_once(group: Told, client: httpx.AsyncClient, at: At) -> None:
    at(utc("2025-03-04 18:31"))
    both = await asyncio.gather(*(ask(client, "POST", f"/sessions/{TUESDAY}/hold", EVERYONE) for _ in range(4)))
    assert sorted(one.status_code for one in both) == [200, 409, 409, 409]
    assert len(await group.said(SessionHeld)) == 1


async def test_two_who_form_a_group_at_once_form_one(at_site: Told, client: httpx.AsyncClient) -> None:
    both = await asyncio.gather(*(ask(client, "PUT", "/groups/evening-circle", form_group()) for _ in range(4)))
    assert {one.status_code for one in both} == {200}
    assert len(await at_site.said(GroupFormed)) == 1
