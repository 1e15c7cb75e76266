"""A tablet at the door: who can answer on it, and that the next person sees nothing of the last."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from services.feedback.domain.kiosk import OpenKiosk, closing_time, read_code
from shared import clock
from shared.errors import Invalid
from shared.events.intake import ParticipantErased
from shared.events.scheduling import OccasionCancelled
from tests.doors import bearer
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    COORDINATOR,
    PULSE,
    ROTA,
    TOKEN,
    Told,
    a_due,
    a_site,
    an_enrolment,
    an_invitation,
    long_ago,
)
from tests.feedback.test_wording import a_questionnaire, load
from tests.forms import filled

pytestmark = pytest.mark.usefixtures("site")
FACILITATOR = bearer("facilitator", "old-town")
ELSEWHERE = bearer("coordinator", "north-quay")


def at(hours: float) -> str:
    """The time on the clock of the site, so many hours from now."""
    return (clock.now() + timedelta(hours=hours)).astimezone(ZoneInfo("Europe/London")).strftime("%H:%M")


async def a_tablet(client: Any, headers: dict[str, str] = FACILITATOR, **changes: str) -> str:
    """The path of the page of a tablet."""
    fields = {"site": "old-town", "program": "evening-circle", "ends_at": at(0)} | changes
    page = await client.post("/feedback/kiosks", data=fields, headers=headers)
    assert page.status_code == 200, page.text
    return re.findall(r"<code>http://kith.test(/c/kiosk/[\w-]+)</code>", page.text)[0]


async def somebody(told: Told, code: str = "KLM-482", **changes: Any) -> Any:
    due = a_due(**changes)
    await told.tell(an_enrolment(due, short_code=code), due)
    return due


async def a_turn(client: Any, tablet: str, code: str = "klm 482") -> str:
    answer = await client.post(tablet, data={"code": code})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_somebody_answers_at_the_door_and_leaves_nothing_behind(client: Any, told: Told) -> None:
    due, tablet = await somebody(told), await a_tablet(client)
    page = await client.get(tablet)
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "KLM-482" not in page.text
    assert 'href="tel:5550100"' in page.text
    turn = await a_turn(client, tablet)
    questions = await client.get(turn)
    assert questions.text.count('type="radio"') == 20
    assert "data-waits" not in questions.text  # nothing waits on a tablet that goes from hand to hand
    assert "/contact" not in questions.text
    answer = await client.post(turn, data=PULSE)
    assert (answer.status_code, "/thanks" in answer.headers["location"]) == (303, True)
    thanks = await client.get(answer.headers["location"])
    assert 'href="tel:5550100"' in thanks.text
    assert "<b>12</b>" not in thanks.text
    [event] = await told.said("check-in-submitted")
    assert (event.occasion_id, event.entered_by) == (due.occasion_id, "participant")
    for again in (await client.get(turn), await client.post(turn, data=PULSE), await client.post(turn, data={})):
        assert (again.status_code, again.headers["location"].partition("?")[0]) == (303, tablet)
    assert (await client.post(tablet, data={"code": "KLM-482"})).status_code == 422  # nothing is open any more
    assert len(await told.said("check-in-submitted")) == 1
    assert await told.rows("select * from kiosk_visits") == []


async def test_what_is_wrong_is_said_on_the_tablet_and_nothing_is_lost(client: Any, told: Told) -> None:
    await somebody(told)
    turn = await a_turn(client, await a_tablet(client))
    page = await client.post(turn, data=dict(list(PULSE.items())[:2]))
    assert (page.status_code, page.text.count(" checked")) == (422, 2)
    page = await client.post(turn.replace("lang=en", "lang=es"), data=PULSE | {"show": "es"})
    assert (page.status_code, page.text.count(" checked"), 'lang="es"' in page.text) == (200, 4, True)
    assert await told.said("check-in-submitted") == []


async def test_the_turn_is_over_when_somebody_stops_or_somebody_else_comes(
    client: Any, told: Told, moved_clock: Any
) -> None:
    for code in ("KLM-482", "ABC-123"):
        await somebody(told, code)
    tablet = await a_tablet(client, ends_at=at(2))
    first = await a_turn(client, tablet)
    second = await a_turn(client, tablet, "ABC123")
    assert (await client.get(first)).status_code == 303
    assert (await client.get(second)).status_code == 200
    assert (await client.post(f"{second.partition('?')[0]}/stop")).status_code == 303
    assert (await client.get(second)).status_code == 303
    third = await a_turn(client, tablet)
    moved_clock(601)
    assert (await client.get(third)).status_code == 303
    fourth = await a_turn(client, tablet, "ABC123")
    for over in (first, second, third):
        assert (await client.post(over, data=PULSE)).headers["location"].partition("?")[0] == tablet
    assert await told.said("check-in-submitted") == []
    assert (await client.get(fourth)).status_code == 200


@pytest.mark.parametrize(("ends_at", "minutes"), [(2, 50), (0, 65)], ids=["after ten minutes", "as the tablet closes"])
async def test_whoever_takes_long_sends_what_they_have_answered(
    client: Any, told: Told, moved_clock: Any, ends_at: int, minutes: int
) -> None:
    due, tablet = await somebody(told), await a_tablet(client, ends_at=at(ends_at))
    turn = await a_turn(client, tablet)
    moved_clock(minutes * 60)
    assert (await client.get(turn)).headers["location"].partition("?")[0] == tablet  # whoever presses Back sees nothing
    answer = await client.post(turn, data=PULSE)
    assert (answer.status_code, "/thanks" in answer.headers["location"]) == (303, True)
    assert [event.occasion_id for event in await told.said("check-in-submitted")] == [due.occasion_id]


async def test_what_comes_too_late_at_a_tablet_is_said_not_to_be_sent(
    client: Any, told: Told, moved_clock: Any
) -> None:
    await somebody(told)
    turn = await a_turn(client, await a_tablet(client))
    moved_clock(75 * 60)
    page = await client.post(turn, data=PULSE)
    assert (page.status_code, "What you answered was not sent." in page.text) == (410, True)
    assert 'href="tel:5550100"' in page.text
    assert "If you were sent a link of your own, it still works." in page.text
    assert await told.said("check-in-submitted") == []


@pytest.mark.parametrize("risk", [0, 1])
async def test_what_is_answered_elsewhere_meanwhile_is_not_kept_at_the_tablet_and_its_risk_is_heard(
    client: Any, told: Told, risk: int
) -> None:
    assert (await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=COORDINATOR)).status_code == 200
    url = f"{API}/instruments/phq-9/wording"
    assert (await client.post(url, json=a_questionnaire(), headers=ADMINISTRATOR)).status_code == 201
    due = a_due("phq-9")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    turn = await a_turn(client, await a_tablet(client))
    answers = {f"answers.phq-9.{number}": "0" for number in range(1, 10)}
    assert (await client.post(f"/c/{TOKEN}", data=answers)).status_code == 200
    page = await client.post(turn, data=answers | {"answers.phq-9.9": str(risk)})
    assert (page.status_code, "What you send now is not kept" in page.text) == (410, True)
    assert "If an answer needs a person, somebody looks at it by" in page.text
    assert "it still works" not in page.text
    assert [one.source for one in await told.said("concern-raised")] == ["risk-item"] * risk
    assert len(await told.said("check-in-submitted")) == 1
    assert await told.rows("select * from kiosk_visits") == []


async def test_the_tablet_says_by_when_somebody_looks_who_was_called_before(
    client: Any, told: Told, moved_clock: Any
) -> None:
    assert (await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=COORDINATOR)).status_code == 200
    assert (await load(client, "phq-9", a_questionnaire())).status_code == 201
    due = a_due("phq-9")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    turn = await a_turn(client, await a_tablet(client))
    answers = {f"answers.phq-9.{number}": "0" for number in range(1, 10)}
    risky = answers | {"answers.phq-9.9": "3"}
    assert (await client.post(f"/c/{TOKEN}", data=answers)).status_code == 200
    assert (await client.post(f"/c/{TOKEN}", data=risky)).status_code == 410
    moved_clock(20 * 60)
    page = await client.post(turn, data=risky)
    [event] = await told.said("concern-raised")
    by_when = (event.raised_at + timedelta(minutes=30)).astimezone(ZoneInfo("Europe/London"))
    assert re.search(rf"If an answer needs a person, somebody looks at it by [^<]*{by_when:%H:%M}\.<", page.text)


async def test_no_link_is_promised_at_the_tablet_where_nobody_asks_any_more(client: Any, told: Told) -> None:
    due = await somebody(told)
    turn = await a_turn(client, await a_tablet(client))
    await told.tell(OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn"))
    page = await client.post(turn, data=PULSE)
    assert (page.status_code, "What you answered was not sent." in page.text) == (410, True)
    assert "Ask your facilitator or your coordinator." in page.text
    assert "it still works" not in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"opens_at": long_ago(-1)},
        {"closes_at": long_ago(1)},
        {"is_history": True},
        {"program_id": uuid4()},
        {"site_id": a_site("north-quay").site_id},
        {"instruments": ["phq-4"]},
    ],
    ids=["not yet", "over", "history", "another program", "another site", "without words"],
)
async def test_only_what_is_open_now_can_be_answered(client: Any, told: Told, changes: dict[str, Any]) -> None:
    due = a_due().model_copy(update=changes)
    await told.tell(an_enrolment(due), due)
    page = await client.post(await a_tablet(client), data={"code": "KLM-482"})
    assert (page.status_code, "nothing open for this code" in page.text) == (422, True)


async def test_codes_are_not_tried_out(client: Any, told: Told, moved_clock: Any) -> None:
    await somebody(told)
    tablet = await a_tablet(client, ends_at=at(1))
    for number in range(10):
        assert (await client.post(tablet, data={"code": f"XYZ-{number:03}"})).status_code == 422
    page = await client.post(tablet, data={"code": "KLM-482"})
    assert (page.status_code, "Wait five minutes" in page.text) == (429, True)
    moved_clock(301)
    await a_turn(client, tablet)


async def test_whoever_has_nothing_open_is_not_listed_and_locks_nobody_out(client: Any, told: Told) -> None:
    await somebody(told, "ABC-123")
    total = a_due("phq-4")
    await told.tell(an_enrolment(total, short_code="XYZ-100"), total)  # a total that staff enter
    tablet = await a_tablet(client, shows_codes="true")
    page = await client.get(tablet)
    assert ("ABC-123" in page.text, "XYZ-100" in page.text) == (True, False)
    for _ in range(12):
        refused = await client.post(tablet, data={"code": "XYZ-100"})
        assert (refused.status_code, "nothing open for this code" in refused.text) == (422, True)
    await a_turn(client, tablet, "ABC-123")


async def test_a_tablet_is_closed_by_the_clock_and_by_hand(client: Any, told: Told, moved_clock: Any) -> None:
    await somebody(told)
    tablet, other = await a_tablet(client), await a_tablet(client)
    page = await client.get("/feedback/kiosks", headers=FACILITATOR)
    [_, second] = re.findall(r"/feedback/kiosks/[\w-]+/close", page.text)
    assert (await client.post(second, headers=ELSEWHERE)).status_code == 404
    assert (await client.post(second, headers=FACILITATOR)).status_code == 303
    assert (await client.get(other)).status_code == 410
    assert (await client.post(other, data={"code": "KLM-482"})).status_code == 410
    assert (await client.get(tablet)).status_code == 200
    moved_clock(3660)
    page = await client.get(tablet)
    assert (page.status_code, 'href="tel:5550100"' in page.text) == (410, True)


async def test_the_codes_are_listed_only_where_staff_want_that(client: Any, told: Told) -> None:
    await somebody(told)
    assert "KLM-482" in (await client.get(await a_tablet(client, shows_codes="true"))).text
    assert "KLM-482" not in (await client.get(await a_tablet(client))).text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"site": "north-quay"}, 404),
        ({"program": "no-such"}, 422),
        ({"ends_at": "25:00"}, 422),
        ({"ends_at": ""}, 422),
        ({"site": ""}, 422),
    ],
)
async def test_a_tablet_that_cannot_stand_there_is_refused(client: Any, changes: dict[str, str], said: int) -> None:
    fields = {"site": "old-town", "ends_at": at(0)} | changes
    assert (await client.post("/feedback/kiosks", data=fields, headers=FACILITATOR)).status_code == said
    assert (await client.get("/feedback/kiosks", headers=bearer("program-manager"))).status_code == 403


async def test_a_program_that_is_not_at_the_site_is_said_at_its_field_and_the_form_stays(
    client: Any, told: Told
) -> None:
    await told.tell(a_site("north-quay"))
    fields = {"site": "north-quay", "program": "evening-circle", "ends_at": at(0), "shows_codes": "true"}
    page = await client.post("/feedback/kiosks", data=fields, headers=bearer("facilitator", "old-town", "north-quay"))
    assert (page.status_code, 'id="f-program-error"' in page.text) == (422, True)
    assert filled(page.text, "/feedback/kiosks") == {name: [value] for name, value in fields.items()}
    api = await client.post("/feedback/api/v1/kiosks", json=fields, headers=bearer("facilitator", "north-quay"))
    assert [(one["field"], one["code"]) for one in api.json()["errors"]] == [("program", "program-not-found")]


@pytest.mark.parametrize(("role", "leads"), [("facilitator", False), ("coordinator", True), ("administrator", True)])
async def test_the_way_back_from_the_tablets_leads_nowhere_that_is_closed(
    client: Any, told: Told, role: str, leads: bool
) -> None:
    page = await client.get("/feedback/kiosks", headers=bearer(role, "old-town"))
    assert ('<a href="/feedback/">Check-ins</a>' in page.text) is leads
    assert ((await client.get("/feedback/", headers=bearer(role, "old-town"))).status_code == 200) is leads


@pytest.mark.parametrize(
    ("ends_at", "here", "closes_at"),
    [
        ("19:00", "18:05", "2026-03-04T20:00"),
        ("19:00", "19:59", "2026-03-04T20:00"),
        ("19:00", "20:00", None),
        ("19:00", "06:59", None),
        ("00:30", "22:00", "2026-03-05T01:30"),
        ("23:30", "00:10", "2026-03-04T00:30"),
    ],
)
def test_a_tablet_closes_an_hour_after_its_session(ends_at: str, here: str, closes_at: str | None) -> None:
    command, zone = OpenKiosk(site="old-town", ends_at=ends_at), ZoneInfo("Europe/London")
    at_that_time = datetime.fromisoformat(f"2026-03-04T{here}").replace(tzinfo=zone)
    if closes_at is None:
        with pytest.raises(Invalid):
            closing_time(command, "Europe/London", at_that_time)
    else:
        there = closing_time(command, "Europe/London", at_that_time)
        assert there == datetime.fromisoformat(closes_at).replace(tzinfo=zone)


async def test_the_link_of_a_tablet_opens_no_check_in_and_the_other_way_round(client: Any, told: Told) -> None:
    tablet = await a_tablet(client)
    token = tablet.rpartition("/")[2]
    for path in (f"/c/{token}", f"/c/{token}/contact", "/c/kiosk/unknown-unknown-unknown", "/c/kiosk/x"):
        assert (await client.get(path)).status_code == 404, path
    assert (await client.get(f"{tablet}/not-a-visit")).status_code == 404
    assert (await client.get(f"{tablet}/{uuid4()}")).status_code == 303


async def test_whoever_is_erased_stands_at_no_tablet(client: Any, told: Told) -> None:
    due, tablet = await somebody(told), await a_tablet(client)
    turn = await a_turn(client, tablet)
    erased = ParticipantErased(
        participant_id=due.participant_id, enrolment_ids=[due.enrolment_id], occasion_ids=[due.occasion_id]
    )
    await told.tell(erased)
    assert (await client.get(turn)).status_code == 303
    assert await told.rows("select * from kiosk_visits") == []


@pytest.mark.parametrize(
    ("typed", "code"),
    [("klm482", "KLM-482"), (" KLM – 482 ", "KLM-482"), ("KLM-482", "KLM-482"), ("KL-482", None), ("ÀBC-123", None)],
)
def test_a_code_is_read_as_people_type_it(typed: str, code: str | None) -> None:
    assert read_code(typed) == code


async def test_a_program_puts_up_a_tablet_and_closes_it(client: Any, told: Told) -> None:
    await somebody(told)
    body = {"site": "old-town", "program": "evening-circle", "ends_at": at(0)}
    opened = await client.post("/feedback/api/v1/kiosks", json=body, headers=FACILITATOR)
    assert opened.status_code == 201, opened.text
    tablet = opened.json()["url"].removeprefix("http://kith.test")
    assert (await client.get(await a_turn(client, tablet))).status_code == 200
    address = f"/feedback/api/v1/kiosks/{opened.json()['kiosk_id']}/close"
    assert (await client.post(address, headers=ELSEWHERE)).status_code == 404
    assert (await client.post(address, headers=FACILITATOR)).status_code == 204
    assert (await client.get(tablet)).status_code == 410
    late = await client.post("/feedback/api/v1/kiosks", json=body | {"ends_at": at(-2)}, headers=FACILITATOR)
    assert (late.status_code, late.json()["errors"][0]["code"]) == (422, "in-the-past")
