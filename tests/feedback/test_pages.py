"""What staff see and set up on pages; each form also without a script."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared import clock
from shared.events.scheduling import OccasionCancelled
from tests.doors import bearer
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    COORDINATOR,
    PULSE,
    ROTA,
    Told,
    a_due,
    a_program,
    a_site,
    an_enrolment,
    an_invitation,
    long_ago,
)
from tests.forms import filled, two_people_change

FACILITATOR = bearer("facilitator", "old-town")
ELSEWHERE = bearer("coordinator", "north-quay")
PAGES = ("/feedback/", "/feedback/batteries", "/feedback/crisis-contacts", "/feedback/check-ins/import")


async def a_due_occasion(told: Told, *instruments: str, **changes: Any) -> Any:
    due = a_due(*instruments, **changes)
    await told.tell(a_site(), a_program(), an_enrolment(due), due)
    return due


@pytest.mark.parametrize("page", PAGES)
async def test_an_empty_installation_has_pages(client: Any, page: str) -> None:
    assert (await client.get(page, headers=ADMINISTRATOR)).status_code == 200
    assert (await client.get(page, headers=FACILITATOR)).status_code == 403
    assert (await client.get(page)).status_code == 303


@pytest.mark.usefixtures("site")
async def test_the_list_says_who_is_waited_for(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "session-pulse")
    late = a_due("belonging", due_at=long_ago(5), code="end")
    past = a_due("belonging", due_at=long_ago(20), closes_at=long_ago(6), code="baseline")
    history = a_due("phq-4", due_at=long_ago(20), closes_at=long_ago(6), is_history=True)
    gone = a_due("phq-4", code="gone")
    await told.tell(late, past, history, gone, OccasionCancelled(occasion_id=gone.occasion_id, reason="withdrawn"))
    await told.tell(an_invitation(due))
    page = await client.get("/feedback/", headers=COORDINATOR)
    assert "2 check-ins are open, 1 of them overdue" in page.text
    for words in ("Overdue (1)", "Due now (1)", "Missed (1)", "Answered (0)", "(1)</option>"):
        assert words in page.text, words
    assert f"/feedback/occasions/{late.occasion_id}/enter" in page.text
    page = await client.get("/feedback/?need=due", headers=COORDINATOR)
    assert f'data-person="{due.participant_id}"' in page.text
    assert "KLM-482" in page.text
    await client.post("/c/a-token-of-22-letters0", data=PULSE)
    page = await client.get("/feedback/?need=answered", headers=COORDINATOR)
    assert "Session Pulse 12 of 16" in page.text
    page = await client.get("/feedback/?need=due", headers=COORDINATOR)
    assert "Nobody is waited for here" in page.text
    page = await client.get("/feedback/?need=answered", headers=ELSEWHERE)
    assert "Session Pulse" not in page.text


@pytest.mark.parametrize("query", ["need=x&page=0&site=nowhere", "page=99999999", "page=%C2%B2", "need=due&page=-1"])
async def test_an_odd_address_shows_something(client: Any, query: str) -> None:
    assert (await client.get(f"/feedback/?{query}", headers=COORDINATOR)).status_code == 200


async def test_a_long_list_has_pages(client: Any, told: Told) -> None:
    for number in range(45):
        await told.tell(a_due("phq-4", code=f"month-{number}"))
    first = await client.get("/feedback/?need=due", headers=COORDINATOR)
    assert first.text.count("/enter") == 40
    assert "page=2" in first.text
    second = await client.get("/feedback/?need=due&page=2", headers=COORDINATOR)
    assert second.text.count("/enter") == 5


async def test_a_total_is_entered_on_a_page(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "bdi-ii", "phq-4")
    url = f"/feedback/occasions/{due.occasion_id}/enter"
    page = await client.get(url, headers=COORDINATOR)
    assert "Total of BDI-II" in page.text
    assert "0 to 63. Lower is better." in page.text
    day = long_ago(0).date().isoformat()
    wrong = await client.post(url, data={"answered_on": "2100-01-01", "totals.bdi-ii": "x"}, headers=COORDINATOR)
    assert wrong.status_code == 422
    assert 'href="#f-answered_on"' in wrong.text
    assert 'href="#f-totals.bdi-ii"' in wrong.text
    assert 'value="x"' in wrong.text
    wrong = await client.post(url, data={"answered_on": day, "totals.bdi-ii": "70"}, headers=COORDINATOR)
    assert "Give a number from 0 to 63." in wrong.text
    assert "PHQ-4 is asked here too" in wrong.text
    given = {"answered_on": day, "totals.bdi-ii": "20", "totals.phq-4": "7"}
    answer = await client.post(url, data=given, headers=COORDINATOR)
    assert (answer.status_code, answer.headers["location"]) == (303, "/feedback/?need=answered&saved")
    assert len(await told.said("check-in-submitted")) == 1
    again = await client.post(url, data=given, headers=COORDINATOR)
    assert again.status_code == 303
    other = await client.post(url, data=given | {"totals.phq-4": "8"}, headers=COORDINATOR)
    assert other.status_code == 409
    assert "was answered on" in other.text
    assert "There is nothing to enter" in (await client.get(url, headers=COORDINATOR)).text
    assert (await client.get(url, headers=ELSEWHERE)).status_code == 404
    for address in ("/feedback/occasions/x/enter", "/feedback/crisis-contacts/Not A Code", "/feedback/stories/import"):
        nowhere = await client.get(address, headers=COORDINATOR)
        assert (nowhere.status_code, "This page is not here" in nowhere.text) == (404, True), address


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])  # a day apart, whatever time it is
@pytest.mark.parametrize("instrument", ["bdi-ii", "session-pulse"])
async def test_the_day_that_a_form_offers_is_that_of_the_site(
    client: Any, told: Told, zone: str, instrument: str
) -> None:
    due = await a_due_occasion(told, instrument)
    await told.tell(a_site(time_zone=zone))
    page = await client.get(f"/feedback/occasions/{due.occasion_id}/enter", headers=COORDINATOR, follow_redirects=True)
    assert f'value="{clock.now().astimezone(ZoneInfo(zone)).date()}"' in page.text


async def test_answers_on_paper_are_entered_twice(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "session-pulse")
    url = f"/feedback/occasions/{due.occasion_id}/enter"
    day = {"answered_on": long_ago(0).date().isoformat()}
    for answer in (
        await client.get(url, headers=COORDINATOR),
        await client.post(url, data=PULSE | day, headers=COORDINATOR),
    ):
        assert (answer.status_code, answer.headers["location"].startswith("/feedback/paper/")) == (303, True)
    assert await told.said("check-in-submitted") == []  # tests/feedback/test_paper.py has the rest


async def test_a_battery_is_set_on_a_page(client: Any, told: Told) -> None:
    await told.tell(a_program())
    page = await client.get("/feedback/batteries/evening-circle", headers=ADMINISTRATOR)
    assert "This is what we suggest" in page.text
    fields: dict[str, Any] = {
        "entries.0.occasion": "baseline",
        "entries.0.kind": "baseline",
        "entries.0.months_after": "0",
        "entries.0.window_days": "14",
        "entries.0.ordinal": "0",
        "entries.0.instruments": "belonging",
        "entries.1.occasion": "",
        "entries.1.kind": "",
        "entries.1.months_after": "0",
        "entries.1.window_days": "14",
        "entries.2.occasion": "end",
        "entries.2.kind": "end",
        "entries.2.window_days": "14",
        "entries.2.instruments": ["phq-4", "belonging"],
    }
    url = "/feedback/batteries/evening-circle"
    wrong = await client.post(url, data=fields, headers=ADMINISTRATOR)
    assert wrong.status_code == 422
    assert 'href="#f-entries.1.instruments"' in wrong.text
    assert 'value="end"' in wrong.text
    answer = await client.post(url, data=fields | {"entries.2.instruments": ["phq-4", "bdi-ii"]}, headers=ADMINISTRATOR)
    assert answer.status_code == 303, answer.text
    [battery] = await told.said("battery-activated")
    assert [one.instruments for one in battery.entries] == [["belonging"], ["phq-4", "bdi-ii"]]
    page = await client.get(answer.headers["location"], headers=ADMINISTRATOR)
    assert "The battery is set" in page.text
    assert "BDI-II (total, entered by staff)" in page.text
    page = await client.get(url, headers=ADMINISTRATOR)
    assert "This is what we suggest" not in page.text
    assert "This is what we suggest" in (await client.get(f"{url}?suggested", headers=ADMINISTRATOR)).text
    assert (await client.get(url, headers=COORDINATOR)).status_code == 403
    assert (await client.get("/feedback/batteries/nowhere", headers=ADMINISTRATOR)).status_code == 404


async def test_the_suggested_battery_can_be_saved_as_it_is(client: Any, told: Told) -> None:
    import re

    await told.tell(a_program())
    url = "/feedback/batteries/evening-circle"
    page = (await client.get(url, headers=ADMINISTRATOR)).text
    fields: dict[str, Any] = dict(
        re.findall(r'<input id="[^"]+" name="([^"]+)" type="(?:text|number)" value="([^"]*)"', page)
    )
    fields |= dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)".*?>(.*?)</select>', page, re.S):
        fields[name] = (re.findall(r'value="([^"]*)" selected', options) or [""])[0]
    for name, value in re.findall(r'type="checkbox" name="([^"]+)" value="([^"]+)" checked', page):
        fields.setdefault(name, []).append(value)
    answer = await client.post(url, data=fields, headers=ADMINISTRATOR)
    assert answer.status_code == 303, answer.text
    [battery] = await told.said("battery-activated")
    assert [(one.occasion, one.kind, one.months_after, one.window_days) for one in battery.entries] == [
        ("baseline", "baseline", 0, 14),
        ("session", "session", 0, 7),
        ("end", "end", 0, 14),
        ("follow-up", "follow-up", 2, 14),
    ]


async def test_crisis_contacts_are_set_on_a_page(client: Any, told: Told) -> None:
    await told.tell(a_site())
    page = await client.get("/feedback/", headers=COORDINATOR)
    assert "confirmed in the last 90 days" in page.text
    url = "/feedback/crisis-contacts/old-town"
    assert (await client.get(url, headers=COORDINATOR)).status_code == 200
    wrong = await client.post(url, data={"contacts.0.label.en": "Line"}, headers=COORDINATOR)
    assert wrong.status_code == 422
    for field in ("contacts.0.phone", "note.en"):
        assert f'href="#f-{field}"' in wrong.text
        assert f'id="f-{field}"' in wrong.text
    assert 'value="Line"' in wrong.text
    empty = await client.post(url, data={}, headers=COORDINATOR)
    assert 'href="#f-contacts.0.label.en"' in empty.text
    fields = {
        "contacts.0.label.en": "Line",
        "contacts.0.phone": "112",
        "contacts.2.label.es": "Chat",
        "contacts.2.url": "https://help.example.org",
        "note.en": "Read on weekdays.",
        "confirmed_on": "2025-03-01",
    }
    two = await client.post(url, data=fields | {"contacts.0.phone": "112 / 113"}, headers=COORDINATOR)
    assert (two.status_code, "Contact 1: give one number here" in two.text) == (422, True)
    assert 'id="f-contacts.0.phone-error"' in two.text
    answer = await client.post(url, data=fields, headers=COORDINATOR)
    assert answer.status_code == 303, answer.text
    shown = (await client.get(f"{API}/sites/old-town/crisis-contacts", headers=COORDINATOR)).json()
    assert [one["phone"] or one["url"] for one in shown["contacts"]] == ["112", "https://help.example.org"]
    page = await client.get(answer.headers["location"], headers=COORDINATOR)
    assert "The crisis contacts are saved" in page.text
    page = await client.get(url, headers=COORDINATOR)
    assert 'value="https://help.example.org"' in page.text
    assert (await client.get(url, headers=ELSEWHERE)).status_code == 404


async def test_a_hand_over_that_ends_before_it_begins_is_said_where_it_ends(client: Any, told: Told) -> None:
    await told.tell(a_site())
    await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=COORDINATOR)
    over = {"responder": "ben", "level": "1", "begins_at": "2030-03-09T18:00", "ends_at": "2030-03-09T09:00"}
    page = await client.post("/feedback/rotas/old-town/hand-over", data=over, headers=COORDINATOR)
    assert (page.status_code, page.text.count('class="wrong"')) == (422, 1)
    assert 'id="f-ends_at-error"' in page.text
    assert filled(page.text, "/feedback/rotas/old-town/hand-over") == {name: [value] for name, value in over.items()}
    zoned = over | {name: f"{over[name]}:00Z" for name in ("begins_at", "ends_at")}
    api = await client.post(f"{API}/sites/old-town/rota/hand-overs", json=zoned, headers=COORDINATOR)
    assert [(one["field"], one["code"]) for one in api.json()["errors"]] == [("ends_at", "ends-before-it-begins")]


async def test_what_was_emptied_does_not_come_back_when_a_form_is_refused(client: Any, told: Told) -> None:
    due = await a_due_occasion(told, "bdi-ii")
    rota, shift = "/feedback/rotas/old-town", {"shifts.0.responder": "ana", "shifts.0.weekdays": "1"}
    page = await client.post(rota, data=shift | {"shifts.0.ends": "12:00"}, headers=COORDINATOR)
    form = filled(page.text, rota)
    assert [form[f"shifts.0.{name}"] for name in ("begins", "ends")] == [[""], ["12:00"]]
    assert [form[f"shifts.1.{name}"] for name in ("begins", "ends")] == [["09:00"], ["17:00"]]  # a row for another one
    enter = f"/feedback/occasions/{due.occasion_id}/enter"
    page = await client.post(enter, data={"totals.bdi-ii": "7"}, headers=COORDINATOR)
    assert (page.status_code, filled(page.text)["answered_on"]) == (422, [""])
    page = await client.post("/feedback/milestones/record", data={"short_code": "KLM-482"}, headers=COORDINATOR)
    assert (page.status_code, filled(page.text)["reached_on"]) == (422, [""])
    share = "/feedback/voices/share"
    page = await client.post(share, data={}, headers=ADMINISTRATOR)
    assert (page.status_code, filled(page.text, share)["percent"]) == (422, [""])
    number = "/feedback/instruments/csq-8/licence-number"
    await client.post(number, data={"number": "L-7"}, headers=ADMINISTRATOR)
    page = await client.post(number, data={}, headers=ADMINISTRATOR)
    assert (page.status_code, filled(page.text, number)["number"]) == (422, [""])
    for address in ("/feedback/kiosks", "/feedback/concerns/raise"):
        page = await client.post(address, data={"text": "x"}, headers=COORDINATOR)
        assert (page.status_code, "selected" in page.text) == (422, False), address
    fields = {"options.0.label.en": "No", "options.1.label.en": "Yes", "options.1.value": "5"}
    page = await client.post("/feedback/own-instruments", data=fields, headers=ADMINISTRATOR)
    form = filled(page.text, "/feedback/own-instruments")
    assert [form[f"options.{place}.value"] for place in range(3)] == [[""], ["5"], ["2"]]


async def test_two_people_at_one_page_undo_nothing_of_each_other(client: Any, told: Told) -> None:
    await told.tell(a_site(), a_program())
    await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=COORDINATOR)
    rota = "/feedback/rotas/old-town"
    soon = (clock.now() + timedelta(days=1)).isoformat()
    over = {"responder": "ben", "begins_at": clock.now().isoformat(), "ends_at": soon}
    first, second = {"act_within_hours": "12"}, {"close_within_days": "5"}
    await two_people_change(client, rota, rota, COORDINATOR, first, second)
    form = filled((await client.get(rota, headers=COORDINATOR)).text, rota)
    await client.post(f"{API}/sites/old-town/rota/hand-overs", json=over, headers=COORDINATOR)
    assert (await client.post(rota, data=form, headers=COORDINATOR)).status_code == 303  # that is another form
    contacts = "/feedback/crisis-contacts/old-town"
    line = {"contacts.0.label.en": "Line", "contacts.0.phone": "112", "note.en": "Read on weekdays."}
    assert (await client.post(contacts, data=line, headers=COORDINATOR)).status_code == 303
    await two_people_change(client, contacts, "", COORDINATOR, {"note.en": "Read daily."}, {"contacts.0.phone": "999"})
    battery = "/feedback/batteries/evening-circle"
    first, second = {"entries.0.window_days": "9"}, {"entries.1.window_days": "8"}
    await two_people_change(client, battery, "", ADMINISTRATOR, first, second)


async def test_a_file_is_imported_on_a_page(client: Any, told: Told) -> None:
    await a_due_occasion(told, "phq-4", opens_at=long_ago(30))
    day = long_ago(2).date()
    text = (
        "participant,program,occasion,instrument,total,answered_on\n"
        f"KLM-482,evening-circle,session-3,phq-4,7,{day}\n"
        f"KLM-482,evening-circle,session-9,phq-4,7,{day}\n"
    )
    url = "/feedback/check-ins/import-file"
    page = await client.post(url, files={"file": ("check-ins.csv", text.encode(), "text/csv")}, headers=COORDINATOR)
    assert page.status_code == 200
    assert "1 row was left out" in page.text
    assert "Line 3" in page.text
    assert len(await told.said("check-in-submitted")) == 1
    for files in (None, {"file": ("x.csv", b"\xff", "text/csv")}, {"file": ("x.csv", b"a,b\n", "text/csv")}):
        page = await client.post(url, files=files, headers=COORDINATOR)
        assert page.status_code == 422
        assert "error-summary" in page.text
