"""How it has gone, for the person whom it is about: their points over time, and nothing for anybody else."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.feedback import store
from services.feedback.domain.course import SHOWN_MAX, OwnScore, courses
from shared import clock
from shared.events.intake import ParticipantErased, ParticipantWithdrawn
from tests.feedback.conftest import API, COORDINATOR, PULSE, TOKEN, Told, a_due, an_enrolment, an_invitation, long_ago
from tests.feedback.test_browser import address, browser, show
from tests.web.looking import DESK, PHONE, PHONE_AT_NIGHT, look
from tests.web.pseudo import LONG, MIRRORED, pseudo_languages

__all__ = ["address", "browser", "show"]  # fixtures
LINK = f"/c/{TOKEN}"
LIBRARY = store.library()


@pytest.fixture
async def due(told: Told, client: Any, site: None) -> Any:
    """Somebody whose PHQ-9 was entered twice, and who answers a Session Pulse now."""
    last = a_due("session-pulse")
    await told.tell(an_enrolment(last), last, an_invitation(last))
    for days, total in ((40, 14), (10, 9)):
        await scored(told, client, last, days, total)
    return last


async def scored(told: Told, client: Any, person: Any, days: float, total: int) -> None:
    ids = {"participant_id": person.participant_id, "enrolment_id": person.enrolment_id}
    one = a_due("phq-9", **ids, occasion_id=uuid4(), code=f"day-{days}", opens_at=long_ago(days), due_at=long_ago(days))
    await told.tell(one)
    body = {"occasion_id": str(one.occasion_id), "totals": {"phq-9": total}, "answered_at": long_ago(days).isoformat()}
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert answer.status_code == 201, answer.text


async def answer(client: Any) -> None:
    thanks = await client.post(LINK, data=PULSE)
    assert f'href="{LINK}/course?lang=en"' in thanks.text


async def test_points_over_time_with_what_they_mean(client: Any, due: Any) -> None:
    await answer(client)
    assert (await client.post(f"{LINK}/milestones", data={"kind": "own-goal"})).status_code == 303
    assert f'href="{LINK}/course?lang=en"' in (await client.get(LINK)).text
    page = await client.get(f"{LINK}/course")
    assert page.status_code == 200
    assert re.findall(r"<td[^>]*>([\d.]+)</td>", page.text) == ["14", "9", "12"]
    assert page.text.count("<circle") == 2  # of the instrument that was answered twice
    assert "from 14 on" in page.text
    for said in (
        "Fewer points are better.",
        "More points are better.",
        "A change of less than 6 can come from that alone (NHS Talking Therapies for anxiety and depression, manual).",
        "Nobody has published how large a change must be",
        "It is one day so far.",
        "This is not a diagnosis.",
        "What you have reached",
    ):
        assert said in page.text, said
    spanish = (await client.get(f"{LINK}/course?lang=es")).text
    assert "Menos puntos es mejor." in spanish
    assert "Points" not in spanish


async def test_it_is_there_for_half_an_hour(client: Any, due: Any, moved_clock: Callable[[float], None]) -> None:
    before = (await client.get(f"{LINK}/course")).text
    await answer(client)
    moved_clock(31 * 60)
    after = await client.get(f"{LINK}/course")
    for text in (before, after.text):
        assert "Your points are not shown now" in text
        assert "<svg" not in text
        assert "PHQ-9" not in text
    moved_clock(40 * 86400)
    assert (await client.get(f"{LINK}/course")).status_code == 410


async def test_whoever_left_or_was_erased_sees_nothing(client: Any, told: Told, due: Any) -> None:
    await answer(client)
    ids = {"participant_id": due.participant_id, "enrolment_id": due.enrolment_id}
    await told.tell(ParticipantWithdrawn(**ids, withdrawn_on=clock.now().date()))
    page = await client.get(f"{LINK}/course")
    assert "Nothing is shown here any more" in page.text
    assert "PHQ-9" not in page.text
    erased = ParticipantErased(
        participant_id=due.participant_id, enrolment_ids=[due.enrolment_id], occasion_ids=[due.occasion_id]
    )
    await told.tell(erased)
    assert (await client.get(f"{LINK}/course")).status_code == 404
    assert (await client.get("/c/nobody-knows-this-token/course")).status_code == 404


async def test_of_nobody_else(client: Any, told: Told, due: Any) -> None:
    other = a_due("session-pulse")
    await told.tell(an_enrolment(other, short_code="KLM-483"), other)
    await scored(told, client, other, 5, 27)
    await answer(client)
    assert "27</td>" not in (await client.get(f"{LINK}/course")).text


def own(count: int, day: int, **changes: Any) -> OwnScore:
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return replace(OwnScore("phq-9", 1, "total", count, 1, at), **changes)


def test_what_cannot_be_compared_is_left_out_and_said() -> None:
    scores = [own(20, 0, version=7), own(3, 1, unit=2), own(5, 2), own(6, 3), own(1, 4, instrument="gone")]
    [one] = courses(scores, LIBRARY)
    assert [each.count for each in one.scores] == [5, 6]
    assert one.has_others
    assert list(courses([own(20, 0, version=7)], LIBRARY)) == []
    assert list(courses([], LIBRARY)) == []


def test_the_newest_are_shown() -> None:
    [one] = courses([own(day % 20, day) for day in range(60)], LIBRARY)
    assert [each.count for each in one.scores] == [day % 20 for day in range(60 - SHOWN_MAX, 60)]
    assert not one.has_others


async def test_anybody_can_read_it(show: Any, told: Told, client: Any) -> None:
    """The last check-in of a person who has answered seven times, light and dark, in both languages."""
    last = a_due("session-pulse")
    await told.tell(an_enrolment(last), last, an_invitation(last))
    for days, total in ((90, 19), (75, 17), (60, 18), (45, 12), (30, 13), (10, 9)):
        await scored(told, client, last, days, total)
    assert (await client.post(LINK, data=PULSE)).status_code == 200
    assert (await client.post(f"{LINK}/milestones", data={"kind": "own-goal"})).status_code == 303
    with pseudo_languages():
        for language in ("en", "es", MIRRORED, LONG):
            page = await show(f"{LINK}/course?lang={language}")
            looks = (PHONE, PHONE_AT_NIGHT, DESK) if language in ("en", "es") else (PHONE,)
            await look(page, f"feedback-course-{language}", *looks)
            await page.context.close()
