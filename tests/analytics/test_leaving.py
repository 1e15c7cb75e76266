"""Who leaves, with a word or without, and what is said of those who stay."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.events.intake import ParticipantResumed
from shared.events.scheduling import Attended, OccasionCancelled, SessionHeld
from tests.analytics.conftest import AT, OLD_TOWN, PROGRAM, Told, an_enrolment
from tests.analytics.test_api import ASKED as OF_BDI
from tests.analytics.test_api import a_due, of, twelve_people
from tests.analytics.test_figures import get
from tests.analytics.test_releases import COORDINATOR, MANAGER, release
from tests.analytics.test_sentences import PAGE, text_of
from tests.analytics.world import ASKED, Person, play

ATTENDED = {
    "stays away": ("present", "late", "absent", "absent", "absent"),
    "came again": ("present", "absent", "absent", "absent", "present"),
    "is excused": ("present", "late", "absent", "absent", "excused"),
    "completed": ("present", "late", "absent", "absent", "absent"),
}


async def test_who_stays_away_from_three_sessions_has_left(client: Any, told: Told) -> None:
    """Without a word, and to the last: not who came again, is excused, or has completed."""
    people = {name: [Person(end=name) for _ in range(12)] for name in ATTENDED}
    await play(told, [one for several in people.values() for one in several])
    for number in range(5):
        statuses = [(one, ATTENDED[name][number]) for name, several in people.items() for one in several]
        await told.tell(a_session(statuses, at=number))
    elsewhere = [(one, "absent") for one in people["is excused"]]
    for number in range(5, 8):
        await told.tell(a_session(elsewhere, at=number, program_id=uuid4()))
    [row] = (await get(client, "retention", program="evening-circle"))["rows"]
    assert [(one["session"], one["n_at_risk"], one["n_left"]) for one in row["steps"]] == [(2, 48, 12)]
    stayed = await get(client, "sites", **ASKED, measure="stayed")
    assert [(one["n"], one["of"]) for one in stayed["rows"]] == [(36, 48)]


def a_session(statuses: list[tuple[Person, Any]], *, at: int, program_id: UUID = PROGRAM) -> SessionHeld:
    attendance = [Attended(participant_id=one.participant, status=status) for one, status in statuses]
    return SessionHeld(
        session_id=uuid4(), group_id=uuid4(), program_id=program_id, site_id=OLD_TOWN,
        starts_at=AT + timedelta(weeks=at), minutes=60, attendance=attendance,
    )  # fmt: skip


async def test_who_leaves_while_they_are_asked_is_among_those_who_were(client: Any, told: Told) -> None:
    """Twelve of 28 answered and twelve left: that is half, and not all of those who are still there."""
    answering, silent = await twelve_people(told), [uuid4() for _ in range(16)]
    await told.tell(*(an_enrolment(one) for one in silent), *(a_due(one, "end") for one in (*answering, *silent)))
    await told.tell(*(cancelled(one, "withdrawn") for one in silent[:12]), *(cancelled(one) for one in silent[12:]))
    [row] = (await get(client, "rates", **OF_BDI))["rows"]
    assert (row["answered"]["n"], row["answered"]["of"], row["is_complete"]) == (12, 24, False)


def cancelled(enrolment: UUID, reason: Any = "completed") -> OccasionCancelled:
    return OccasionCancelled(occasion_id=of(enrolment, "end")["occasion_id"], reason=reason)


async def test_whose_end_is_taken_back_is_counted_as_somebody_who_goes_on(client: Any, told: Told) -> None:
    people = {end: [Person(end=end, came=2) for _ in range(24)] for end in ("completed", "left", "there")}
    await play(told, [one for several in people.values() for one in several])
    counted = []
    for back in ([], people["left"], people["completed"][:12]):
        ids = [{"participant_id": one.participant, "enrolment_id": one.enrolment} for one in back]
        await told.tell(*(ParticipantResumed(**one) for one in ids))
        [row] = (await get(client, "retention", program="evening-circle"))["rows"]
        counted.append((row["n"], sum(one["n_left"] for one in row["steps"]), row["n_completed"]))
    assert counted == [(72, 24, 24), (72, 0, 24), (72, 0, 12)]


async def test_who_comes_back_is_asked_like_everybody_else(client: Any, told: Told) -> None:
    """What is due again is not answered yet; what their end alone had brought is asked of nobody."""
    answering, back = await twelve_people(told), [uuid4() for _ in range(24)]
    due = [a_due(one, "end") for one in (*answering, *back)]
    await told.tell(*(an_enrolment(one) for one in back), *due, *(cancelled(one, "completed") for one in back))
    [row] = (await get(client, "rates", **OF_BDI))["rows"]
    assert (row["answered"]["n"], row["answered"]["of"]) == (12, 12)
    await told.tell(*due[24:])
    [row] = (await get(client, "rates", **OF_BDI))["rows"]
    assert (row["answered"]["n"], row["answered"]["of"]) == (12, 24)


@pytest.mark.parametrize("who", [COORDINATOR, MANAGER], ids=["coordinator", "manager"])
@pytest.mark.parametrize(("many", "is_said"), [(30, True), (5, False)])
async def test_of_how_many_nobody_asked_is_said_beside_how_many_answered(
    client: Any, told: Told, who: Any, many: int, is_said: bool
) -> None:
    """What falls due at the end does so for those who have come so far."""
    people = await twelve_people(told)
    await told.tell(*(a_due(one, "end") for one in people), *(an_enrolment(uuid4()) for _ in range(many)))
    await release(client)
    text = await text_of(client, f"{PAGE}?to=end", who)
    said = "30 of 42 who enrolled were not to be asked at end: they left before, or have not come so far."
    assert "12 of 12 who were to be asked at end have answered" in text
    assert ("were not to be asked at end" in text, said in text) == (is_said, is_said)
