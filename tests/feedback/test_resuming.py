"""Ends that are taken back: links work again, and the milestone of a completion was none."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.feedback.domain.paper import sheet_code
from shared import clock
from shared.events.intake import ParticipantCompleted, ParticipantResumed, ParticipantWithdrawn
from shared.events.scheduling import OccasionCancelled
from tests.feedback.conftest import API, COORDINATOR, PULSE, TOKEN, Told, a_due, an_enrolment, an_invitation, long_ago
from tests.feedback.test_acting import ring
from tests.feedback.test_paper import SECOND

LINK = f"/c/{TOKEN}"


def ids(due: Any) -> dict[str, Any]:
    return {"participant_id": due.participant_id, "enrolment_id": due.enrolment_id}


def left(due: Any) -> ParticipantWithdrawn:
    return ParticipantWithdrawn(**ids(due), withdrawn_on=clock.now().date())


def completed(due: Any) -> ParticipantCompleted:
    return ParticipantCompleted(**ids(due), completed_on=clock.now().date())


def cancelled(due: Any) -> OccasionCancelled:
    return OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn")


async def test_a_link_works_again_when_the_end_is_taken_back(site: None, client: Any, told: Told) -> None:
    due = a_due()
    await told.tell(an_enrolment(due), due, an_invitation(due), left(due))
    assert (await client.get(LINK)).status_code == 410
    await told.tell(ParticipantResumed(**ids(due)))  # scheduling has not heard of it yet
    assert (await client.get(LINK)).status_code == 200
    await told.tell(cancelled(due))
    assert (await client.get(LINK)).status_code == 410
    await told.tell(due)
    assert (await client.post(LINK, data=PULSE)).status_code == 200
    assert len(await told.said("check-in-submitted")) == 1


async def test_what_is_due_again_may_run_out_again(
    site: None, client: Any, told: Told, moved_clock: Callable[[float], None]
) -> None:
    due = a_due(closes_at=clock.now() + timedelta(days=1))
    await told.tell(an_enrolment(due), due, an_invitation(due))
    moved_clock(2 * 86400)
    await ring(told)
    later = due.model_copy(update={"due_at": clock.now(), "closes_at": clock.now() + timedelta(days=2)})
    await told.tell(cancelled(due), later)
    moved_clock(5 * 86400)
    await ring(told)
    assert [one.closed_at for one in await told.said("check-in-expired")] == [due.closes_at, later.closes_at]


@pytest.mark.parametrize("crosses", [True, False])
async def test_what_closed_while_they_were_taken_to_have_left_may_lie_there_on_paper(
    site: None, client: Any, told: Told, crosses: bool
) -> None:
    """A facilitator brings the sheet of the day before the slip; which topic is heard first makes no difference."""
    due = a_due(due_at=long_ago(9), opens_at=long_ago(9), closes_at=long_ago(2))
    fields = {"answered_on": long_ago(8).date().isoformat()} | PULSE
    sheet = f"/feedback/paper/{sheet_code(due.occasion_id)}"
    await told.tell(an_enrolment(due), due, left(due), cancelled(due))
    refused = await client.post(sheet, data=fields | {"pass": "1"}, headers=COORDINATOR)
    assert (refused.status_code, "not wanted any more" in refused.text) == (409, True)
    resumed = ParticipantResumed(**ids(due))
    await told.tell(*((resumed, cancelled(due)) if crosses else (resumed,)))
    first = await client.post(sheet, data=fields | {"pass": "1"}, headers=COORDINATOR)
    assert (first.status_code, first.headers["location"]) == (303, "/feedback/paper?once")
    waiting = await client.get("/feedback/paper", headers=COORDINATOR)
    assert "KLM-482" in waiting.text
    second = await client.post(sheet, data=fields | {"pass": "2"}, headers=SECOND)
    assert second.status_code == 303
    assert [one.occasion_id for one in await told.said("check-in-submitted")] == [due.occasion_id]


@pytest.mark.parametrize("why", ["left again", "still open", "end", "attendance-corrected"])
async def test_nothing_else_that_was_cancelled_is_entered(site: None, client: Any, told: Told, why: str) -> None:
    changes = {"kind": "end", "code": "end"} if why == "end" else {}
    closes_at = long_ago(-1 if why == "still open" else 2)
    due = a_due(due_at=long_ago(9), opens_at=long_ago(9), closes_at=closes_at, **changes)
    reason = why if why == "attendance-corrected" else "completed"
    await told.tell(an_enrolment(due), due, OccasionCancelled(occasion_id=due.occasion_id, reason=reason))
    await told.tell(completed(due), ParticipantResumed(**ids(due)))
    if why == "left again":
        await told.tell(left(due))
    body = {"occasion_id": str(due.occasion_id), "totals": {"session-pulse": 15}}
    refused = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert (refused.status_code, refused.json()["code"]) == (409, "occasion-cancelled")


@pytest.mark.parametrize("why", ["left again", "end", "attendance-corrected"])
async def test_a_sheet_that_cannot_be_finished_does_not_wait(site: None, client: Any, told: Told, why: str) -> None:
    changes = {"kind": "end", "code": "end"} if why == "end" else {}
    due = a_due(due_at=long_ago(9), opens_at=long_ago(9), closes_at=long_ago(2), **changes)
    await told.tell(an_enrolment(due), due)
    fields = {"answered_on": long_ago(8).date().isoformat(), "pass": "1"} | PULSE
    first = await client.post(f"/feedback/paper/{sheet_code(due.occasion_id)}", data=fields, headers=COORDINATOR)
    assert first.status_code == 303
    reason = why if why == "attendance-corrected" else "completed"
    await told.tell(OccasionCancelled(occasion_id=due.occasion_id, reason=reason))
    await told.tell(completed(due), ParticipantResumed(**ids(due)))
    if why == "left again":
        await told.tell(left(due))
    assert "KLM-482" not in (await client.get("/feedback/paper", headers=COORDINATOR)).text


async def test_who_has_not_completed_after_all_has_no_milestone_of_it_until_they_do(told: Told) -> None:
    due = a_due()
    await told.tell(an_enrolment(due), completed(due))
    [first] = await told.said("milestone-reached")
    for _ in range(2):  # the second finds nothing
        await told.tell(ParticipantResumed(**ids(due)))
    assert [one.milestone_id for one in await told.said("milestone-withdrawn")] == [first.milestone_id]
    assert await told.rows("select 1 from milestones") == []
    await told.tell(completed(due))
    assert [one.kind for one in await told.said("milestone-reached")] == ["completed", "completed"]


async def test_an_end_of_somebody_unknown_is_taken_back_without_a_word(told: Told) -> None:
    due = a_due()
    await told.tell(ParticipantResumed(**ids(due)), left(due), ParticipantResumed(**ids(due)), an_enrolment(due))
    [row] = await told.rows("select withdrawn_on, short_code from enrolments")
    assert (row["withdrawn_on"], row["short_code"]) == (None, "KLM-482")
    assert await told.said("milestone-withdrawn") == []
