"""Ends that are taken back: the enrolment goes on, the place may be somebody else's, and no old file ends it again."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from shared.events.scheduling import OccasionCancelled
from tests.forms import filled
from tests.intake.conftest import Intake, a_due, a_participant
from tests.intake.test_enrolling import today
from tests.intake.test_files_again import PHONE, path_of, people, seen
from tests.intake.test_importing import a_row, counts
from tests.intake.test_inviting import enrolled, submitted
from tests.intake.test_inviting import taken_back as submitted_back
from tests.intake.test_reminding import (
    a_reminded,
    at,
    completed,
    days_on,
    disagreed,
    erased,
    reminders,
    ring,
    sent_of,
    withdrawn,
)

__all__ = ["at"]
ENDS = [("complete", "completed_on"), ("withdraw", "withdrawn_on")]


def of(person: dict[str, Any]) -> str:
    """Where the enrolment of somebody is."""
    return f"/participants/{person['participant_id']}/enrolments/{person['enrolment_id']}"


@pytest.mark.parametrize(("act", "day"), ENDS)
async def test_an_end_is_taken_back_once_and_may_come_again(intake: Intake, act: str, day: str) -> None:
    await intake.set_up()
    person = await intake.post("/participants", a_participant())
    await intake.post(f"{of(person)}/{act}", {day: today()})
    for _ in range(2):  # the second repeats the request
        resumed = await intake.post(f"{of(person)}/resume", None, headers={"idempotency-key": "once"})
        assert (resumed["state"], resumed["ended_on"], resumed["placement"]["state"]) == ("active", None, "none")
    ids = {name: person[name] for name in ("participant_id", "enrolment_id")}
    assert await intake.said("participant-resumed") == [{"wire": "participant-resumed", **ids}]
    again = await intake.ask("POST", f"{of(person)}/resume")
    assert (again.status_code, again.json()["code"]) == (409, "enrolment-active")
    await intake.post(f"{of(person)}/withdraw", {"withdrawn_on": today()})
    wires = [one["wire"] for one in await intake.said() if one.get("enrolment_id") == person["enrolment_id"]]
    ended = {"complete": "participant-completed", "withdraw": "participant-withdrawn"}[act]
    told = ["participant-enrolled", "participant-placed", ended, "participant-resumed", "participant-withdrawn"]
    assert wires == told


async def test_whose_end_it_is_must_be_known_here(intake: Intake) -> None:
    await intake.set_up()
    person = await intake.post("/participants", a_participant())
    await intake.post(f"{of(person)}/withdraw", {"withdrawn_on": today()})
    elsewhere = await intake.ask("POST", f"{of(person)}/resume", "coordinator", "north-quay")
    facilitator = await intake.ask("POST", f"{of(person)}/resume", "facilitator", "old-town")
    await erased(intake, person, None)
    gone = await intake.ask("POST", f"{of(person)}/resume")
    refused = [(one.status_code, one.json()["code"]) for one in (elsewhere, facilitator, gone)]
    assert refused == [(404, "enrolment-not-found"), (403, "role-needed"), (404, "enrolment-not-found")]
    assert await intake.said("participant-resumed") == []


async def test_the_place_that_was_given_up_is_somebody_elses_by_now(intake: Intake) -> None:
    await intake.set_up(capacity=1)
    ana = await intake.post("/participants", a_participant("Ana"))
    ben = await intake.post("/participants", a_participant("Ben"))
    await intake.post(f"{of(ana)}/withdraw", {"withdrawn_on": today()})
    await intake.post(f"{of(ana)}/resume", None)
    assert [one["participant_id"] for one in await intake.said("participant-placed")] == [
        one["participant_id"] for one in (ana, ben)
    ]
    waiting = await intake.post(f"{of(ana)}/place", {"group": "evening-circle"})
    assert (waiting["placement"]["state"], waiting["placement"]["position"]) == ("waiting", 1)
    await intake.post(f"{of(ben)}/complete", {"completed_on": today()})
    assert (await intake.said("participant-placed"))[-1]["participant_id"] == ana["participant_id"]


async def test_who_does_not_agree_to_take_part_has_not_left_for_that(intake: Intake) -> None:
    """An enrolment goes on without the consent: nobody asks them, and so it is after an end that is taken back."""
    await intake.set_up()
    person = await intake.post("/participants", a_participant())
    await disagreed(intake, person, None)
    shown = (await intake.ask("GET", f"/participants/{person['participant_id']}")).json()
    assert shown["enrolments"][0]["state"] == "active"
    await intake.post(f"{of(person)}/withdraw", {"withdrawn_on": today()})
    resumed = await intake.post(f"{of(person)}/resume", None)
    assert (resumed["state"], resumed["consents"]["taking_part"]) == ("active", False)


async def test_the_page_takes_back_the_end_that_it_shows(intake: Intake) -> None:
    await intake.set_up()
    person = await intake.post("/participants", a_participant())
    page = f"/intake/participants/{person['participant_id']}"
    action = f"{page}/enrolments/{person['enrolment_id']}/resume"
    headers = {"authorization": f"Bearer {intake.token('coordinator')}"}
    assert "Take back this end" not in (await intake.client.get(page, headers=headers)).text
    await intake.post(f"{of(person)}/withdraw", {"withdrawn_on": today()})
    shown = (await intake.client.get(page, headers=headers)).text
    assert "they have none until you choose one" in shown
    old = filled(shown, action)
    done = await intake.client.post(action, data=old, headers=headers)
    assert (done.status_code, done.headers["location"]) == (303, f"{page}?done=resume")
    after = (await intake.client.get(done.headers["location"], headers=headers)).text
    assert all(text in after for text in ("They have no place in a group now", "no group yet", "Choose a group"))
    assert "Take back this end" not in after
    await intake.post(f"{of(person)}/complete", {"completed_on": today()})
    stale = await intake.client.post(action, data=old, headers=headers)
    assert (stale.status_code, "changed this after you opened it" in stale.text) == (409, True)
    assert len(await intake.said("participant-resumed")) == 1


@pytest.mark.parametrize(("_", "day"), ENDS)
async def test_the_same_row_of_a_file_does_not_end_it_again(intake: Intake, _: str, day: str) -> None:
    await intake.set_up()
    row = {day: "2024-06-01"}
    await people(intake, a_row("P-1", **row))
    _, enrolment = await path_of(intake)
    await intake.post(f"{enrolment}/resume", None)
    assert counts(await people(intake, a_row("P-1", **row))) == (0, 0, 1, 0)
    assert counts(await people(intake, a_row("P-1", phone=PHONE, **row))) == (0, 1, 0, 0)
    now = await seen(intake)
    assert (now["phone"], now["enrolments"][0]["state"]) == (PHONE, "active")
    assert counts(await people(intake, a_row("P-1", phone=PHONE))) == (0, 1, 0, 0)  # the file says so, too
    assert counts(await people(intake, a_row("P-1", phone=PHONE, **{day: "2024-07-01"}))) == (0, 1, 0, 0)
    assert (await seen(intake))["enrolments"][0]["ended_on"] == "2024-07-01"


@pytest.mark.parametrize("end", [completed, withdrawn])
async def test_who_is_still_asked_is_reminded_on_the_days_that_are_to_come(
    intake: Intake, at: Callable[[datetime], None], end: Any
) -> None:
    person, due = await a_reminded(intake, at)
    await end(intake, person, due)
    at(days_on(2))
    await ring(intake)
    await intake.post(f"{of(person)}/resume", None)
    reason = {completed: "completed", withdrawn: "withdrawn"}[end]
    assert await reminders(intake) == [(1, "cancelled", reason), (2, "planned", None)]
    at(days_on(3))
    await ring(intake)
    assert await sent_of(intake) == [0, 2]


async def test_who_fell_due_when_they_had_completed_is_reminded_once_that_is_taken_back(
    intake: Intake, at: Callable[[datetime], None]
) -> None:
    at(days_on(0))
    await intake.set_up(capacity=9)
    person = await enrolled(intake)
    due = a_due(person, kind="session", code="session-5", reminders=[1, 3])
    await completed(intake, person, due)
    await intake.hear(due)
    await intake.rows("update messages set state = 'sent', token = null, ended_at = made_at")
    at(days_on(2))
    await intake.post(f"{of(person)}/resume", None)
    assert await reminders(intake) == [(1, "cancelled", "completed"), (2, "planned", None)]
    at(days_on(3))
    await ring(intake)
    assert await sent_of(intake) == [0, 2]


async def test_what_was_cancelled_and_is_due_again_is_asked_anew(
    intake: Intake, at: Callable[[datetime], None]
) -> None:
    person, due = await a_reminded(intake, at)
    await withdrawn(intake, person, due)
    await intake.hear(OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn"))
    at(days_on(5))
    await intake.post(f"{of(person)}/resume", None)
    assert await reminders(intake) == [(1, "cancelled", "withdrawn"), (2, "cancelled", "withdrawn")]
    await intake.hear(due)
    assert await reminders(intake) == [(1, "planned", None), (2, "planned", None)]
    messages = await intake.rows("select state from messages order by made_at")
    assert [row["state"] for row in messages] == ["dropped", "queued"]
    await intake.rows("update messages set state = 'sent', token = null, ended_at = made_at where state = 'queued'")
    at(days_on(6))
    await ring(intake)
    assert await sent_of(intake) == [0, 0, 1]
    link = await intake.ask("POST", "/invitations", json={"occasion_id": str(due.occasion_id)})
    assert link.status_code == 201
    [occasion] = await intake.rows("select is_again from occasions where occasion_id = $1", due.occasion_id)
    assert occasion["is_again"], "so it is written in the morning, and not on a day that has had its message"


@pytest.mark.parametrize("crosses", [True, False])
async def test_an_answer_that_is_taken_back_does_not_bring_back_what_nobody_wants(
    intake: Intake, at: Callable[[datetime], None], crosses: bool
) -> None:
    """The answer may have crossed the cancellation: which of the two was heard first makes no difference."""
    _, due = await a_reminded(intake, at)
    cancelled = OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn")
    for event in (submitted(due), cancelled) if crosses else (cancelled, submitted(due)):
        await intake.hear(event)
    await intake.hear(submitted_back(due))
    link = await intake.ask("POST", "/invitations", json={"occasion_id": str(due.occasion_id)})
    assert (link.status_code, link.json()["code"]) == (409, "occasion-cancelled")
    await intake.hear(due)
    link = await intake.ask("POST", "/invitations", json={"occasion_id": str(due.occasion_id)})
    assert link.status_code == 201


@pytest.mark.parametrize("order", ["answer cancel back due", "answer cancel due back", "answer back cancel due"])
async def test_an_answer_that_is_taken_back_brings_no_mail_in_whatever_order_it_is_heard(
    intake: Intake, at: Callable[[datetime], None], order: str
) -> None:
    _, due = await a_reminded(intake, at)
    await intake.rows("update messages set state = 'sent', token = null, ended_at = made_at")
    cancel = OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn")
    said = {"answer": submitted(due), "cancel": cancel, "due": due, "back": submitted_back(due)}
    for one in order.split():
        await intake.hear(said[one])
    at(days_on(5))
    await ring(intake)
    assert await sent_of(intake) == [0]
    link = await intake.ask("POST", "/invitations", json={"occasion_id": str(due.occasion_id)})
    assert link.status_code == 201
    anew = due.model_copy(update={"due_at": days_on(6), "opens_at": days_on(6), "closes_at": days_on(20)})
    at(days_on(6))
    for event in (cancel, anew):  # what another completion brings, under the same id
        await intake.hear(event)
    at(days_on(7))
    assert [(one["channel"], one["reminder"]) for one in await intake.said("check-in-invited")] == [
        ("email", 0), ("hand", 0), ("email", 0),
    ]  # fmt: skip
    assert await reminders(intake) == [(1, "planned", None), (2, "planned", None)]


async def test_whoever_completes_again_on_an_earlier_day_is_asked_about_that_end(
    intake: Intake, at: Callable[[datetime], None]
) -> None:
    """The day was wrong, and so was the answer: both are taken back, in the afternoon."""
    _, due = await a_reminded(intake, at)
    at(days_on(2))
    cancel = OccasionCancelled(occasion_id=due.occasion_id, reason="completed")
    for event in (submitted(due), submitted_back(due), cancel):
        await intake.hear(event)
    await intake.hear(due.model_copy(update={"due_at": days_on(1), "opens_at": days_on(1), "closes_at": days_on(20)}))
    assert [one["reminder"] for one in await intake.said("check-in-invited")] == [0, 0]


@pytest.mark.parametrize("is_late", [False, True])
async def test_nor_is_anybody_written_to_whose_answer_is_gone_when_the_due_date_is_heard(
    intake: Intake, at: Callable[[datetime], None], is_late: bool
) -> None:
    at(days_on(0))
    await intake.set_up(capacity=9)
    due = a_due(await enrolled(intake), reminders=[1, 3])
    for event in (submitted(due), *((submitted_back(due), due) if is_late else (due, submitted_back(due)))):
        await intake.hear(event)
    assert await intake.said("check-in-invited", "invitation-failed") == []
    assert await reminders(intake) == []


@pytest.mark.parametrize("answer_first", [False, True])
async def test_nor_is_whoever_goes_on_reminded_of_what_was_taken_back(
    intake: Intake, at: Callable[[datetime], None], answer_first: bool
) -> None:
    person, due = await a_reminded(intake, at)
    if answer_first:
        await intake.hear(submitted(due))
    await completed(intake, person, due)
    if not answer_first:
        await intake.hear(submitted(due))
    await intake.hear(submitted_back(due))
    await intake.post(f"{of(person)}/resume", None)
    assert {state for _, state, _ in await reminders(intake)} == {"cancelled"}


async def test_the_first_file_places_who_goes_on_without_a_place(intake: Intake) -> None:
    await intake.set_up()
    person = await intake.post("/participants", a_participant(reference="P-1"))
    await intake.post(f"{of(person)}/withdraw", {"withdrawn_on": today()})
    await intake.post(f"{of(person)}/resume", None)
    await people(intake, a_row("P-1", enrolled_on=today()))
    assert (await seen(intake))["enrolments"][0]["placement"]["state"] == "placed"
