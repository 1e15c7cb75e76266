"""Opened and begun: when a person acts on the page of a check-in, not when something fetches its link."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.feedback.handlers.clocks import on_check_in_closes
from services.feedback.store import EXPIRES_TIMER
from shared import clock
from shared.events.intake import ParticipantErased
from shared.events.scheduling import OccasionCancelled
from shared.timers import Timers
from tests.feedback.conftest import PULSE, TOKEN, Told, a_due, an_enrolment, an_invitation, long_ago

LINK = f"/c/{TOKEN}"
pytestmark = pytest.mark.usefixtures("site")


async def an_open_link(told: Told, **changes: Any) -> Any:
    due = a_due("session-pulse", **changes)
    await told.tell(an_enrolment(due), due, an_invitation(due))
    return due


async def said(told: Told) -> list[int]:
    return [len(await told.said(wire)) for wire in ("check-in-opened", "check-in-begun", "check-in-submitted")]


async def test_a_scanner_that_fetches_everything_changes_nothing(client: Any, told: Told) -> None:
    await an_open_link(told)
    for path in (LINK, f"{LINK}?lang=es", f"{LINK}/opened", f"{LINK}/begun", f"{LINK}/contact"):
        await client.get(path)
        await client.head(path)
    assert await said(told) == [0, 0, 0]
    assert await told.rows("select 1 from occasions where opened_at is not null or begun_at is not null") == []


async def test_opened_and_begun_are_said_once_however_often_they_come(client: Any, told: Told) -> None:
    due = await an_open_link(told)
    answers = await asyncio.gather(*(client.post(f"{LINK}/opened") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {204}
    assert await said(told) == [1, 0, 0]
    await asyncio.gather(*(client.post(f"{LINK}/begun") for _ in range(5)))
    assert await said(told) == [1, 1, 0]
    [opened] = await told.said("check-in-opened")
    assert (opened.occasion_id, opened.enrolment_id) == (due.occasion_id, due.enrolment_id)
    await client.post(LINK, data=PULSE)
    await client.post(f"{LINK}/opened")
    assert await said(told) == [1, 1, 1]


async def test_what_is_begun_was_opened(client: Any, told: Told) -> None:
    await an_open_link(told)
    await client.post(f"{LINK}/begun")
    assert await said(told) == [1, 1, 0]


async def test_without_a_script_the_first_answer_that_is_sent_says_both(client: Any, told: Told) -> None:
    await an_open_link(told)
    half = await client.post(LINK, data={"answers.session-pulse.heard": "4"})
    assert half.status_code == 422
    assert await said(told) == [1, 1, 0]
    await client.post(LINK, data=PULSE)
    assert await said(told) == [1, 1, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"opens_at": clock.now() + timedelta(days=1), "due_at": clock.now() + timedelta(days=1)},
        {"due_at": long_ago(20), "opens_at": long_ago(20), "closes_at": long_ago(6)},
    ],
)
async def test_a_link_that_leads_to_no_questions_is_not_opened(
    client: Any, told: Told, changes: dict[str, Any]
) -> None:
    await an_open_link(told, **changes)
    assert (await client.post(f"{LINK}/opened")).status_code == 204
    assert await said(told) == [0, 0, 0]


async def test_a_cancelled_one_is_not_opened_and_an_unknown_link_is_not_known(client: Any, told: Told) -> None:
    due = await an_open_link(told)
    await told.tell(OccasionCancelled(occasion_id=due.occasion_id, reason="completed"))
    assert (await client.post(f"{LINK}/begun")).status_code == 204
    assert await said(told) == [0, 0, 0]
    assert (await client.post("/c/nobody-has-made-this-link/opened")).status_code == 404
    early = an_invitation(a_due("session-pulse"), "another-token-of-22-let")
    await told.tell(early)
    assert (await client.post("/c/another-token-of-22-let/opened")).status_code == 204


async def test_staff_who_enter_paper_open_nothing(client: Any, told: Told) -> None:
    from tests.feedback.conftest import API, COORDINATOR

    due = await an_open_link(told)
    body = {"occasion_id": str(due.occasion_id), "totals": {"session-pulse": 9}}
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert answer.status_code in (200, 201), answer.text
    assert await said(told) == [0, 0, 1]


async def test_every_link_of_an_occasion_works_as_a_reminder_brings_another(client: Any, told: Told) -> None:
    due = await an_open_link(told)
    await told.tell(an_invitation(due, "another-token-of-22-let", reminder=1))
    await client.post("/c/another-token-of-22-let/opened")
    assert (await client.post(LINK, data=PULSE)).status_code == 200
    again = await client.post("/c/another-token-of-22-let", data={name: "0" for name in PULSE})
    assert "<b>12</b>" in again.text
    assert await said(told) == [1, 1, 1]


# ---- expired ----

SOON = clock.now() + timedelta(days=5)


async def ring(told: Told) -> None:
    """Let every check-in that has closed by now be looked at."""
    timers = Timers(told.store.machinery, {EXPIRES_TIMER: on_check_in_closes})
    while await timers._one_round():
        pass


async def test_a_check_in_that_closes_without_an_answer_is_said_to_have_expired_once(
    client: Any, told: Told, moved_clock: Callable[[float], None]
) -> None:
    due = await an_open_link(told, closes_at=SOON)
    await told.tell(due)
    await ring(told)
    assert await told.said("check-in-expired") == []
    moved_clock(6 * 86400)
    await ring(told)
    await told.tell(due)  # delivered once more, long after
    await ring(told)
    [expired] = await told.said("check-in-expired")
    assert (expired.occasion_id, expired.enrolment_id) == (due.occasion_id, due.enrolment_id)
    assert expired.closed_at == SOON
    assert await said(told) == [0, 0, 0]


async def _answer(client: Any, told: Told, due: Any) -> None:
    assert (await client.post(LINK, data=PULSE)).status_code == 200


async def _cancel(client: Any, told: Told, due: Any) -> None:
    await told.tell(OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn"))


async def _erase(client: Any, told: Told, due: Any) -> None:
    ids = {"enrolment_ids": [due.enrolment_id], "occasion_ids": [due.occasion_id]}
    await told.tell(ParticipantErased(participant_id=due.participant_id, **ids))
    assert await told.rows("select 1 from machinery.timers where kind = 'check-in-closes'") == []


@pytest.mark.parametrize("what", [_answer, _cancel, _erase])
async def test_what_was_answered_cancelled_or_erased_does_not_expire(
    client: Any, told: Told, what: Any, moved_clock: Callable[[float], None]
) -> None:
    due = await an_open_link(told, closes_at=SOON)
    await what(client, told, due)
    moved_clock(6 * 86400)
    await ring(told)
    assert await told.said("check-in-expired") == []


async def test_history_does_not_expire_and_neither_does_what_was_cancelled_before_it_was_due(told: Told) -> None:
    await told.tell(a_due(is_history=True, closes_at=long_ago(6)))
    early = a_due(closes_at=long_ago(1))
    await told.tell(OccasionCancelled(occasion_id=early.occasion_id, reason="completed"), early)
    await ring(told)
    assert await told.said("check-in-expired") == []
