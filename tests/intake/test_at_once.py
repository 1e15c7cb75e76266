"""Two processes of intake, or one and a door, change what belongs to the same people at once, in opposite orders."""

import contextlib
from collections.abc import Coroutine
from typing import Any

from services.intake.app import create
from services.intake.handlers import on_qualification_lapses
from services.intake.store import LAPSE_TIMER
from shared.clock import now
from shared.database import Tx
from shared.events import Event
from shared.events.scheduling import OccasionCancelled
from shared.timers import Timer
from tests import rivals
from tests.intake.conftest import A_FACILITATOR, ORGANISATION, Intake, a_due, a_group, a_participant
from tests.intake.test_inviting import submitted

PEOPLE = ("Ana", "Ben", "Eve", "Joe")


async def enrolled(intake: Intake) -> dict[str, dict[str, Any]]:
    await intake.set_up(capacity=9)
    return {one: await intake.post("/participants", a_participant(one)) for one in PEOPLE}


def cancelled(due: Any) -> OccasionCancelled:
    return OccasionCancelled(occasion_id=due.occasion_id, reason="completed")


def held(intake: Intake, *dues: Any) -> contextlib.AbstractAsyncContextManager[Tx]:
    sql = "select from occasions where occasion_id = any($1) for update"
    return rivals.held(intake.running.machinery, ORGANISATION, sql, [one.occasion_id for one in dues])


def hear(intake: Intake, *events: Event) -> Coroutine[Any, Any, int]:
    return rivals.hear(intake.running.machinery, create().applying, ORGANISATION, *events)


async def test_answers_and_cancellations_of_the_same_occasions_are_both_heard(intake: Intake) -> None:
    ana, ben, eve, joe = [a_due(one) for one in (await enrolled(intake)).values()]
    for one in (ana, ben, eve, joe):
        await intake.hear(one)
    answers, ends = hear(intake, *map(submitted, (ana, eve, ben))), hear(intake, *map(cancelled, (ben, joe, ana)))
    assert await rivals.at_once(held(intake, eve, joe), answers, ends) == [3, 3]
    found = {row["occasion_id"]: row["state"] for row in await intake.rows("select * from occasions")}
    assert [found[one.occasion_id] for one in (ana, ben, eve, joe)] == ["answered"] * 3 + ["cancelled"]


async def test_everybody_is_invited_to_what_falls_due_for_them_at_once(intake: Intake) -> None:
    people = await enrolled(intake)
    eve, joe = a_due(people["Eve"]), a_due(people["Joe"])
    for one in (eve, joe):
        await intake.hear(cancelled(one))
    monthly = hear(intake, a_due(people["Ana"], reminders=[1]), eve, a_due(people["Ben"], reminders=[1]))
    later = [a_due(people[one], code="month-3", reminders=[1]) for one in ("Ben", "Ana")]
    more = hear(intake, later[0], joe, later[1])
    assert await rivals.at_once(held(intake, eve, joe), monthly, more) == [3, 3]
    assert len(await intake.said("check-in-invited")) == 4


async def test_somebody_withdraws_while_their_answer_and_their_group_are_heard(intake: Intake) -> None:
    people = await enrolled(intake)
    ana, eve = [a_due(people[one], reminders=[1, 3]) for one in ("Ana", "Eve")]
    for one in (ana, eve):
        await intake.hear(one)
    path = f"/participants/{people['Ana']['participant_id']}/enrolments/{people['Ana']['enrolment_id']}/withdraw"
    batch = hear(intake, submitted(ana), submitted(eve), a_group(capacity=10))
    (row,) = await intake.rows("select distinct enrolled_on from enrolments")
    door = intake.post(path, {"withdrawn_on": row["enrolled_on"].isoformat()})
    handled, answer = await rivals.at_once(held(intake, eve), batch, door)
    assert handled == 3
    assert answer["state"] == "withdrawn"
    rows = await intake.rows("select distinct state, reason from reminders order by reason")
    assert [tuple(row) for row in rows] == [("cancelled", "answered")]


async def test_a_qualification_that_lapses_while_its_facilitator_is_saved_stays_lapsed(intake: Intake) -> None:
    await intake.set_up()
    until = {"code": "group-lead", "valid_until": "2024-01-31"}
    saved = await intake.put("/facilitators/F-1", A_FACILITATOR | {"qualifications": [until]})
    facilitator_id = saved["facilitator_id"]

    async def lapses() -> None:
        told = {"facilitator_id": facilitator_id, **until}
        async with intake.running.machinery.transaction(ORGANISATION) as tx:
            await on_qualification_lapses(tx, Timer(LAPSE_TIMER, facilitator_id, ORGANISATION, now(), told))

    rival = rivals.held(intake.running.machinery, ORGANISATION, "select from facilitators for update")
    renamed = intake.put("/facilitators/F-1", A_FACILITATOR | {"name": "Inés", "qualifications": [until]})
    await rivals.at_once(rival, lapses(), renamed)
    [row] = await intake.rows("select name, has_lapsed from facilitators join qualifications using (facilitator_id)")
    assert (row["name"], row["has_lapsed"]) == ("Inés", True)
