"""What other programs get from feedback: batteries, contacts, check-ins that staff enter, files."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared import clock
from shared.events.intake import Consents
from shared.events.scheduling import CheckInDue, FollowUpDue, OccasionCancelled
from tests.doors import bearer
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    BATTERY,
    CONTACTS,
    COORDINATOR,
    Told,
    a_due,
    a_program,
    a_site,
    an_enrolment,
    long_ago,
)

FACILITATOR = bearer("facilitator", "old-town")
ELSEWHERE = bearer("coordinator", "north-quay")
STRANGER = bearer("administrator", organisation="somebody-else")


async def a_due_occasion(told: Told, *instruments: str, **changes: Any) -> Any:
    due = a_due(*instruments, **changes)
    await told.tell(a_site(), a_program(), an_enrolment(due), due)
    return due


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


# ---- instruments and batteries ----


async def test_instruments_are_listed(client: Any) -> None:
    answer = await client.get(f"{API}/instruments", headers=FACILITATOR)
    found = {one["code"]: one for one in answer.json()}
    assert found["belonging"]["ranges"] == {"total": {"unit": 6, "minimum": 0, "maximum": 24, "higher_is_better": True}}
    assert found["belonging"]["has_wording"]
    assert found["belonging"]["items"][0]["text"]["es"]
    assert not found["phq-4"]["has_wording"]
    assert [one["text"] for one in found["phq-4"]["items"]] == [None] * 4
    assert found["phq-4"]["scales"][0]["reference"][0]["sd"] == "2.8"


async def test_a_battery_is_set_and_said(client: Any, told: Told) -> None:
    await told.tell(a_program())
    for _ in range(2):
        answer = await client.put(f"{API}/batteries/evening-circle", json=BATTERY, headers=ADMINISTRATOR)
        assert answer.status_code == 200
    [battery] = await told.said("battery-activated")
    assert [(one.occasion, one.kind, one.window_days) for one in battery.entries] == [
        ("baseline", "baseline", 14),
        ("session", "session", 7),
    ]
    published = await told.said("instrument-published")
    assert {(one.code, one.unit, one.minimum, one.maximum) for one in published} == {
        ("belonging", 6, 0, 24),
        ("session-pulse", 1, 0, 16),
    }
    [shown] = (await client.get(f"{API}/batteries", headers=COORDINATOR)).json()
    assert (shown["program"], shown["entries"]) == ("evening-circle", answer.json()["entries"])


async def test_an_instrument_is_published_once_in_an_organisation(client: Any, told: Told) -> None:
    await told.tell(a_program(), a_program("new-roots"))
    for program in ("evening-circle", "new-roots"):
        await client.put(f"{API}/batteries/{program}", json=BATTERY, headers=ADMINISTRATOR)
    assert len(await told.said("battery-activated")) == 2
    assert len(await told.said("instrument-published")) == 2


@pytest.mark.parametrize(
    ("program", "body", "headers", "status", "code"),
    [
        ("nowhere", BATTERY, ADMINISTRATOR, 404, "program-not-found"),
        ("evening-circle", BATTERY, STRANGER, 404, "program-not-found"),
        ("evening-circle", BATTERY, bearer("administrator", "north-quay"), 404, "program-not-found"),
        ("evening-circle", BATTERY, COORDINATOR, 403, "role-needed"),
        ("evening-circle", {}, ADMINISTRATOR, 422, "invalid-fields"),
        ("evening-circle", {"entries": [{"occasion": "a"}]}, ADMINISTRATOR, 422, "invalid-fields"),
        ("A B", BATTERY, ADMINISTRATOR, 422, "invalid-fields"),
    ],
)
async def test_a_battery_that_is_refused(
    client: Any, told: Told, program: str, body: Any, headers: Any, status: int, code: str
) -> None:
    await told.tell(a_program())
    answer = await client.put(f"{API}/batteries/{program}", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await told.said("battery-activated") == []


async def test_a_battery_that_mixes_wording_names_the_occasion(client: Any, told: Told) -> None:
    await told.tell(a_program())
    mixed = {"entries": [{"occasion": "baseline", "kind": "baseline", "instruments": ["belonging", "phq-4"]}]}
    answer = await client.put(f"{API}/batteries/evening-circle", json=mixed, headers=ADMINISTRATOR)
    assert answer.status_code == 422
    assert codes(answer) == [("entries.0.instruments", "battery-mixes-wording")]


# ---- crisis contacts ----


async def test_crisis_contacts_are_set(client: Any, told: Told) -> None:
    await told.tell(a_site())
    url = f"{API}/sites/old-town/crisis-contacts"
    assert (await client.get(url, headers=FACILITATOR)).json()["code"] == "crisis-contacts-not-found"
    answer = await client.put(url, json=CONTACTS, headers=COORDINATOR)
    assert answer.status_code == 200
    shown = (await client.get(url, headers=FACILITATOR)).json()
    assert shown == answer.json()
    assert shown["contacts"][0]["phone"] == "555-0100"
    assert shown["confirmed_on"] == CONTACTS["confirmed_on"]
    without = {name: value for name, value in CONTACTS.items() if name != "confirmed_on"}
    assert (await client.put(url, json=without, headers=COORDINATOR)).json()["confirmed_on"] is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contacts": []}, "contacts"),
        ({"contacts": [{"label": {"en": "Nobody"}}]}, "contacts.0"),
        ({"contacts": [{"label": {}, "phone": "112"}]}, "contacts.0.label"),
        ({"contacts": [{"label": {"en": "x"}, "phone": "call us"}]}, "contacts.0.phone"),
        ({"contacts": [{"label": {"en": "x"}, "url": "javascript:alert(1)"}]}, "contacts.0.url"),
        ({"contacts": [{"label": {"en": "x"}, "url": "https://a.example/ b"}]}, "contacts.0.url"),
        ({"note": {}}, "note"),
        ({"confirmed_on": "2100-01-01"}, "confirmed_on"),
        ({"confirmed_on": 20250301}, "confirmed_on"),
        ({"note": {"en": "a\x00b"}}, "note.en"),
    ],
)
async def test_crisis_contacts_that_cannot_be_right(
    client: Any, told: Told, changes: dict[str, Any], field: str
) -> None:
    await told.tell(a_site())
    answer = await client.put(f"{API}/sites/old-town/crisis-contacts", json=CONTACTS | changes, headers=COORDINATOR)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("site", "headers", "status"),
    [
        ("nowhere", ADMINISTRATOR, 404),
        ("old-town", ELSEWHERE, 404),
        ("old-town", STRANGER, 404),
        ("old-town", FACILITATOR, 403),
        ("old-town", {}, 401),
    ],
)
async def test_who_may_set_crisis_contacts(client: Any, told: Told, site: str, headers: Any, status: int) -> None:
    await told.tell(a_site())
    answer = await client.put(f"{API}/sites/{site}/crisis-contacts", json=CONTACTS, headers=headers)
    assert answer.status_code == status


# ---- check-ins ----


async def test_a_total_is_entered(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "bdi-ii", "phq-4")
    body = {"occasion_id": str(due.occasion_id), "totals": {"bdi-ii": 20, "phq-4": 7}}
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert answer.status_code == 201, answer.text
    assert {(one["instrument"], one["count"]) for one in answer.json()["scores"]} == {("bdi-ii", 20), ("phq-4", 7)}
    again = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert again.status_code == 200
    assert again.json()["answered_at"] == answer.json()["answered_at"]
    [event] = await told.said("check-in-submitted")
    assert event.entered_by == "staff"
    other = await client.post(
        f"{API}/check-ins", json=body | {"totals": {"bdi-ii": 21, "phq-4": 7}}, headers=COORDINATOR
    )
    assert (other.status_code, other.json()["code"]) == (409, "already-answered")


async def test_another_sheet_with_the_same_total_is_not_the_same(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "session-pulse")
    sheet = {"heard": 4, "safe": 3, "useful": 2, "hopeful": 1}
    found = []
    for answers in (sheet, sheet, sheet | {"heard": 1, "hopeful": 4}):
        body = {"occasion_id": str(due.occasion_id), "answers": {"session-pulse": answers}}
        found.append((await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)).status_code)
    assert found == [201, 200, 409]


async def test_answers_on_paper_are_entered(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "session-pulse")
    answers = {"session-pulse": {"heard": 4, "safe": 3, "useful": 2, "hopeful": 1}}
    body = {"occasion_id": str(due.occasion_id), "answers": answers, "answered_at": long_ago(0.05).isoformat()}
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert answer.status_code == 201
    assert answer.json()["scores"] == [
        {"instrument": "session-pulse", "version": 1, "count": 10, "unit": 1, "scale": "total", "points": 10.0}
    ]
    assert len(await told.rows("select * from answers")) == 4


async def test_a_key_gives_the_first_answer(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "phq-4")
    body = {"occasion_id": str(due.occasion_id), "totals": {"phq-4": 7}}
    headers = COORDINATOR | {"idempotency-key": "one"}
    first = await client.post(f"{API}/check-ins", json=body, headers=headers)
    again = await client.post(f"{API}/check-ins", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"totals": {"phq-4": 13}}, "totals.phq-4", "score-out-of-range"),
        ({"totals": {"phq-4": 7, "bdi-ii": 3}}, "totals.bdi-ii", "instrument-not-in-battery"),
        ({"totals": {}}, "totals.phq-4", "instrument-missing"),
        ({"totals": {"phq-4": 7.5}}, "totals.phq-4", "not-a-score"),
        ({"totals": {"phq-4": 1e300}}, "totals.phq-4", "not-a-score"),
        ({"totals": {"phq-4": "1e-999999999"}}, "totals.phq-4", "not-a-score"),
        ({"totals": {"phq-4": "NaN"}}, "totals.phq-4", "not-a-number"),
        ({"totals": {"phq-4": True}}, "totals.phq-4", "not-a-number"),
        ({"totals": {"phq-4": [1]}}, "totals.phq-4", "not-a-number"),
        ({"answered_at": "2025-03-04T10:00:00"}, "answered_at", "timezone-aware"),
        ({"answered_at": "0001-01-01T00:00:00+14:00"}, "answered_at", "greater-than-equal"),
        ({"answered_at": "9999-12-31T23:59:59-14:00"}, "answered_at", "less-than-equal"),
        ({"occasion_id": "x"}, "occasion_id", "uuid-parsing"),
        ({"more": 1}, "more", "extra-forbidden"),
    ],
)
async def test_a_check_in_that_cannot_be(
    client: Any, told: Told, changes: dict[str, Any], field: str, code: str
) -> None:
    due = await a_due_occasion(told, "phq-4")
    body = {"occasion_id": str(due.occasion_id), "totals": {"phq-4": 7}} | changes
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert answer.status_code == 422, answer.text
    assert codes(answer) == [(field, code)]
    assert await told.said("check-in-submitted") == []


async def test_the_message_names_the_range(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "phq-4")
    body = {"occasion_id": str(due.occasion_id), "totals": {"phq-4": 13}}
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert answer.json()["errors"][0]["message"] == "Give a number from 0 to 12."


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (FACILITATOR, 403, "role-needed"),
        (ELSEWHERE, 404, "occasion-not-found"),
        (STRANGER, 404, "occasion-not-found"),
        ({}, 401, "signed-out"),
    ],
)
async def test_who_may_enter(client: Any, told: Told, headers: Any, status: int, code: str) -> None:
    due = await a_due_occasion(told, "phq-4")
    body = {"occasion_id": str(due.occasion_id), "totals": {"phq-4": 7}}
    answer = await client.post(f"{API}/check-ins", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_when_an_answer_counts(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "phq-4", opens_at=long_ago(40), closes_at=long_ago(30))
    body = {"occasion_id": str(due.occasion_id), "totals": {"phq-4": 7}}

    async def status_of(days_ago: float) -> tuple[int, str]:
        at = (clock.now() - timedelta(days=days_ago)).isoformat()
        answer = await client.post(f"{API}/check-ins", json=body | {"answered_at": at}, headers=COORDINATOR)
        return answer.status_code, answer.json().get("code", "")

    assert await status_of(-1) == (422, "invalid-fields")
    assert await status_of(60) == (409, "outside-window")
    assert await status_of(50) == (201, "")  # staff may enter late, and people may answer a little early


@pytest.mark.parametrize(
    ("kind", "days_ago", "counts"), [(FollowUpDue, 29, False), (FollowUpDue, 30, True), (CheckInDue, 1, True)]
)
async def test_a_follow_up_after_its_window_is_kept_and_said_to_be_late(
    client: Any, told: Told, kind: Any, days_ago: int, counts: bool
) -> None:
    due = await a_due_occasion(told, "phq-4", event=kind, opens_at=long_ago(58), closes_at=long_ago(30))
    at = (clock.now() - timedelta(days=days_ago)).isoformat()
    body = {"occasion_id": str(due.occasion_id), "totals": {"phq-4": 7}, "answered_at": at}
    assert (await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)).status_code == 201
    assert [one.in_window for one in await told.said("check-in-submitted")] == [counts]
    assert len(await told.rows("select * from check_ins")) == 1


async def test_a_cancelled_occasion_and_a_consent_taken_back(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "phq-4")
    await told.tell(OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn"))
    body = {"occasion_id": str(due.occasion_id), "totals": {"phq-4": 7}}
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert (answer.status_code, answer.json()["code"]) == (409, "occasion-cancelled")
    other = a_due("phq-4")
    without = Consents(taking_part=False, reporting=False, contact_after=False)
    await told.tell(other, an_enrolment(other, consents=without, short_code="ABC-123"))
    body = {"occasion_id": str(other.occasion_id), "totals": {"phq-4": 7}}
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert (answer.status_code, answer.json()["code"]) == (409, "consent-withdrawn")


async def test_which_occasions_are_known(client: Any, told: Told) -> None:
    due = await a_due_occasion(told)
    stub, unknown = uuid4(), uuid4()
    await told.tell(OccasionCancelled(occasion_id=stub, reason="withdrawn"))
    ids = {"ids": [str(due.occasion_id), str(stub), str(unknown)]}
    answer = await client.post(f"{API}/occasions/known", json=ids, headers=COORDINATOR)
    assert set(answer.json()["unknown"]) == {str(stub), str(unknown)}
    answer = await client.post(f"{API}/occasions/known", json=ids, headers=ELSEWHERE)
    assert len(answer.json()["unknown"]) == 3
    many = {"ids": [str(uuid4()) for _ in range(1501)]}
    assert (await client.post(f"{API}/occasions/known", json=many, headers=COORDINATOR)).status_code == 422


# ---- files ----


async def send(client: Any, text: str, headers: Any = COORDINATOR, **params: Any) -> Any:
    return await client.post(
        f"{API}/check-ins/import-file",
        content=text.encode(),
        params=params,
        headers=headers | {"content-type": "text/csv"},
    )


async def test_a_file_goes_in_once(client: Any, told: Told) -> None:
    first = await a_due_occasion(told, "bdi-ii", "phq-4", opens_at=long_ago(30), is_history=True)
    second = a_due("belonging", event=FollowUpDue, opens_at=long_ago(30), is_history=True)
    await told.tell(second, an_enrolment(second, short_code="ABC-123"))
    day = long_ago(3).date()
    text = (
        "occasion;instrument;total;answered_on\r\n"
        f"{first.occasion_id};bdi-ii;20;{day}\r\n"
        f"{first.occasion_id};phq-4;7;{day}\r\n"
        f"{second.occasion_id};belonging;2.3333;{day}\r\n"
    )
    report = (await send(client, text)).json()
    assert (report["rows"], report["created"], report["unchanged"], report["refused"]) == (3, 3, 0, [])
    assert (await send(client, text)).json()["unchanged"] == 3
    said = await told.said("check-in-submitted")
    assert [[(one.instrument, one.count) for one in event.scores] for event in said] == [
        [("bdi-ii", 20), ("phq-4", 7)],
        [("belonging", 14)],
    ]
    assert {event.entered_by for event in said} == {"import"}
    assert {event.answered_at.date() for event in said} == {day}


async def test_parts_of_an_instrument_go_in_by_file(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "ons4", opens_at=long_ago(30), is_history=True)
    day = long_ago(3).date()
    parts = {"satisfied": 7, "worthwhile": 8, "happy": 6, "anxious": 2}
    header = "occasion,instrument,scale,total,answered_on\n"
    rows = {part: f"{due.occasion_id},ons4,{part},{score},{day}\n" for part, score in parts.items()}
    wrong = (await send(client, header + "".join(rows.values()).replace("anxious,2", "cross,2"))).json()
    assert {(one["column"], one["code"]) for one in wrong["refused"]} == {("scale", "scale-unknown")}
    assert await told.said("check-in-submitted") == []
    assert (await send(client, header + "".join(rows.values()))).json()["created"] == 4
    [event] = await told.said("check-in-submitted")
    assert {one.scale: one.count for one in event.scores} == parts


async def test_each_bad_row_is_named_and_leaves_nothing(client: Any, told: Told) -> None:
    good = await a_due_occasion(told, "phq-4", opens_at=long_ago(30))
    two = a_due("bdi-ii", "phq-4", opens_at=long_ago(30))
    await told.tell(two, an_enrolment(two, short_code="ABC-123"))
    day, unknown = long_ago(3).date(), uuid4()
    text = (
        "occasion,instrument,total,answered_on\n"
        f"{two.occasion_id},bdi-ii,20,{day}\n"
        f"{unknown},phq-4,7,{day}\n"
        f"{good.occasion_id},phq-4,13,{day}\n"
        f"{good.occasion_id},phq-4,7,2100-01-01\n"
        f"{good.occasion_id},phq-4,7,04.03.2025\n"
        f"{good.occasion_id},bdi-ii,7,{day}\n"
        f"{unknown},phq-4,7,{day}\n"
        f"{good.occasion_id},phq-4,7,{day}\n"
        f"{good.occasion_id},phq-4,8,{day}\n"
    )
    report = (await send(client, text, first_line=100)).json()
    assert [
        (one["line"], one["column"], one["code"]) for one in sorted(report["refused"], key=lambda one: one["line"])
    ] == [
        (101, "instrument", "instrument-missing"),
        (102, "", "occasion-not-found"),
        (103, "total", "score-out-of-range"),
        (104, "answered_on", "in-the-future"),
        (105, "answered_on", "date-type"),
        (106, "instrument", "instrument-not-in-battery"),
        (107, "", "occasion-not-found"),
        (109, "", "already-answered"),
    ]
    assert (report["rows"], report["created"]) == (9, 1)
    [event] = await told.said("check-in-submitted")
    assert event.scores[0].count == 7


async def test_a_row_may_name_participant_program_and_occasion(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "session-pulse", opens_at=long_ago(30))
    day = long_ago(3).date()
    head = "participant,program,occasion,instrument,total,answered_on\n"
    answer = await send(client, head + f"KLM-482,evening-circle,session-3,session-pulse,11,{day}\n")
    assert answer.json()["created"] == 1
    [event] = await told.said("check-in-submitted")
    assert event.occasion_id == due.occasion_id
    answer = await send(client, head + f"KLM-482,evening-circle,session-4,session-pulse,11,{day}\n")
    assert answer.json()["refused"][0]["code"] == "occasion-not-found"
    answer = await send(client, head + f"KLM-482,evening-circle,session-3,session-pulse,11,{day}\n", headers=ELSEWHERE)
    assert answer.json()["refused"][0]["code"] == "occasion-not-found"


async def test_a_name_that_fits_two_occasions_is_refused(client: Any, told: Told) -> None:
    first, second = a_due("phq-4"), a_due("phq-4")
    await told.tell(first, second, an_enrolment(first), an_enrolment(second))
    head = "participant,program,occasion,instrument,total,answered_on\n"
    answer = await send(client, head + f"KLM-482,evening-circle,session-3,phq-4,7,{long_ago(0).date()}\n")
    assert answer.json()["refused"][0]["code"] == "occasion-ambiguous"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xfe", "not-utf-8"),
        (b"a\x00b", "control-character"),
        (b"surprise\n1\n", "unknown-column"),
        (b"", "unknown-column"),
    ],
)
async def test_a_file_that_cannot_be_read(client: Any, content: bytes, code: str) -> None:
    answer = await client.post(f"{API}/check-ins/import-file", content=content, headers=COORDINATOR)
    assert answer.status_code == 422
    assert codes(answer) == [("file", code)]


@pytest.mark.parametrize(("headers", "status"), [(FACILITATOR, 403), ({}, 401)])
async def test_who_may_import(client: Any, headers: Any, status: int) -> None:
    assert (await send(client, "occasion,instrument,total,answered_on\n", headers)).status_code == status
