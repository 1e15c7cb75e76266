"""Answers that are taken back: nothing of them is kept, nobody counts them, and what is right may be entered."""

from typing import Any

import pytest

from tests.doors import bearer
from tests.feedback.conftest import (
    API,
    COORDINATOR,
    PULSE,
    TOKEN,
    Told,
    a_due,
    an_enrolment,
    an_invitation,
    long_ago,
    look_after,
)
from tests.feedback.test_api import ELSEWHERE, FACILITATOR, send
from tests.feedback.test_concerns import RISK, answered, phq_9, rota  # noqa: F401  (a fixture)
from tests.forms import filled

KEPT = ("check_ins", "scores", "answers", "texts")


async def a_check_in(client: Any, told: Told, *instruments: str, **changes: Any) -> Any:
    """Somebody's total that staff have entered: 9 of 12."""
    due = a_due(*instruments or ("phq-4",), **changes)
    await told.tell(an_enrolment(due), due, an_invitation(due))
    assert (await enter(client, due, 9)).status_code == 201
    return due


async def enter(client: Any, due: Any, total: int) -> Any:
    body = {"occasion_id": str(due.occasion_id), "totals": {"phq-4": total}}
    return await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)


async def withdraw(client: Any, due: Any, reason: str = "entered-wrongly", headers: Any = COORDINATOR) -> Any:
    return await client.post(
        f"{API}/check-ins/{due.occasion_id}/withdraw", json={"reason": reason}, headers=dict(headers)
    )


async def kept(told: Told) -> list[int]:
    """How many rows are left of answers."""
    return [len(await told.rows(f"select from {table}")) for table in KEPT]


async def test_what_was_entered_wrongly_is_taken_back_and_entered_anew(site: None, client: Any, told: Told) -> None:
    due = await a_check_in(client, told)
    again = COORDINATOR | {"idempotency-key": "once"}
    for _ in range(2):
        taken = await withdraw(client, due, headers=again)
        assert (taken.status_code, taken.json()["occasion_id"]) == (200, str(due.occasion_id))
    assert await kept(told) == [0, 0, 0, 0]
    [event] = await told.said("check-in-withdrawn")
    ids = ("occasion_id", "participant_id", "enrolment_id", "program_id", "site_id")
    assert [getattr(event, name) for name in ids] == [getattr(due, name) for name in ids]
    nothing = await withdraw(client, due)
    assert (nothing.status_code, nothing.json()["code"]) == (404, "check-in-not-found")
    assert (await enter(client, due, 2)).status_code == 201
    assert [one.scores[0].count for one in await told.said("check-in-submitted")] == [9, 2]
    assert [row["count"] for row in await told.rows("select count from scores")] == [2]
    [row] = await told.rows("select reason, subject from check_in_withdrawals")
    assert row["reason"] == "entered-wrongly"


@pytest.mark.parametrize(
    ("headers", "reason", "status", "code"),
    [
        (FACILITATOR, "entered-wrongly", 403, "role-needed"),
        (ELSEWHERE, "entered-wrongly", 404, "occasion-not-found"),
        (COORDINATOR, "by-the-way", 422, "invalid-fields"),
    ],
)
async def test_who_may_take_what_back(
    site: None, client: Any, told: Told, headers: Any, reason: str, status: int, code: str
) -> None:
    due = await a_check_in(client, told)
    refused = await withdraw(client, due, reason, headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await kept(told) == [1, 1, 0, 0]
    assert await told.said("check-in-withdrawn") == []


async def test_what_they_do_not_want_to_be_kept_only_they_can_answer_anew(site: None, client: Any, told: Told) -> None:
    due = a_due()
    await told.tell(an_enrolment(due), due, an_invitation(due))
    assert (await client.post(f"/c/{TOKEN}", data=PULSE)).status_code == 200
    assert (await withdraw(client, due, "asked-by-participant")).status_code == 200
    answers = {"session-pulse": dict.fromkeys(("heard", "safe", "useful", "hopeful"), 1)}
    body = {"occasion_id": str(due.occasion_id), "answers": answers}
    refused = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert (refused.status_code, refused.json()["code"]) == (409, "taken-back")
    assert "Only they can answer it anew" in refused.text
    assert "answers.session-pulse.heard" in (await client.get(f"/c/{TOKEN}")).text
    assert (await client.post(f"/c/{TOKEN}", data=PULSE | {"answers.session-pulse.heard": "1"})).status_code == 200
    assert len(await told.said("check-in-submitted")) == 2


async def test_an_old_file_brings_nothing_back(site: None, client: Any, told: Told) -> None:
    due = a_due("phq-4", opens_at=long_ago(30), is_history=True)
    await told.tell(an_enrolment(due), due)
    text = f"occasion,instrument,total,answered_on\n{due.occasion_id},phq-4,9,{long_ago(3).date()}\n"
    assert (await send(client, text)).json()["created"] == 1
    assert (await withdraw(client, due)).status_code == 200
    report = (await send(client, text)).json()
    assert (report["created"], [one["code"] for one in report["refused"]]) == (0, ["taken-back"])
    assert (await enter(client, due, 2)).status_code == 201


async def test_a_risk_in_what_is_entered_anew_is_heard_whatever_became_of_the_first(
    rota: None,  # noqa: F811  (the fixture)
    client: Any,
    told: Told,
) -> None:
    due, _ = await answered(client, told, phq_9(**{RISK: 1}))
    [first] = await told.said("concern-raised")
    await look_after(client, first.concern_id)
    assert (await withdraw(client, due)).status_code == 200
    await client.post(f"/c/{TOKEN}", data={f"answers.phq-9.{item}": str(n) for item, n in phq_9(**{RISK: 1}).items()})
    assert len(await told.said("concern-raised")) == 2


async def test_a_page_takes_back_only_the_answer_that_it_shows(site: None, client: Any, told: Told) -> None:
    due = await a_check_in(client, told)
    shown = await client.get("/feedback/?need=answered", headers=COORDINATOR)
    path = f"/feedback/occasions/{due.occasion_id}/take-back"
    assert f'href="{path}"' in shown.text
    old = filled((await client.get(path, headers=COORDINATOR)).text, "")
    without = await client.post(path, data=old, headers=COORDINATOR)
    assert (without.status_code, 'href="#f-reason"' in without.text) == (422, True)
    await withdraw(client, due)
    await enter(client, due, 2)
    stale = await client.post(path, data=old | {"reason": "entered-wrongly"}, headers=COORDINATOR)
    assert (stale.status_code, "changed this after you opened it" in stale.text) == (409, True)
    fresh = filled((await client.get(path, headers=COORDINATOR)).text, "") | {"reason": ["entered-wrongly"]}
    done = await client.post(path, data=fresh, headers=COORDINATOR)
    assert (done.status_code, done.headers["location"]) == (303, f"/feedback/occasions/{due.occasion_id}/enter")
    assert await kept(told) == [0, 0, 0, 0]
    assert (await client.get(path, headers=COORDINATOR)).status_code == 404


async def test_who_has_read_an_answer_stays_known(site: None, client: Any, told: Told) -> None:
    due = await a_check_in(client, told)
    headers = bearer("coordinator", "old-town", sub="ana", name="Ana R.")
    response = await client.get(f"{API}/check-ins/{due.occasion_id}/questionnaire-response", headers=headers)
    assert response.status_code == 200
    await withdraw(client, due)
    assert [row["subject"] for row in await told.rows("select subject from check_in_readings")] == ["ana"]
