"""Bad input through survey links, each case with its fixed answer, and what it leaves behind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.events.intake import ConsentChanged, Consents, ParticipantErased, ParticipantWithdrawn
from shared.events.scheduling import OccasionCancelled
from tests.feedback.conftest import PULSE, TOKEN, Told, a_due, an_enrolment, an_invitation

pytestmark = pytest.mark.usefixtures("site")
LINK = f"/c/{TOKEN}"
UNKNOWN = "This link does not work"
Happening = Callable[[Told, Any, Any, Any], Awaitable[None]]


async def nothing(told: Told, client: Any, due: Any, moved_clock: Any) -> None:
    """The link is as it was sent."""


async def answered(told: Told, client: Any, due: Any, moved_clock: Any) -> None:
    assert (await client.post(LINK, data=PULSE)).status_code == 200


async def answered_long_ago(told: Told, client: Any, due: Any, moved_clock: Any) -> None:
    await answered(told, client, due, moved_clock)
    moved_clock(3600)


async def ran_out(told: Told, client: Any, due: Any, moved_clock: Any) -> None:
    moved_clock(8 * 86400)


async def erased(told: Told, client: Any, due: Any, moved_clock: Any) -> None:
    await told.tell(
        ParticipantErased(
            participant_id=due.participant_id, enrolment_ids=[due.enrolment_id], occasion_ids=[due.occasion_id]
        )
    )


async def withdrew_consent(told: Told, client: Any, due: Any, moved_clock: Any) -> None:
    none = Consents(taking_part=False, reporting=True, contact_after=True)
    who = {"participant_id": due.participant_id, "enrolment_id": due.enrolment_id}
    await told.tell(ConsentChanged(**who, consents=none, consent_text="standard", consent_version=1))


async def left(told: Told, client: Any, due: Any, moved_clock: Any) -> None:
    who = {"participant_id": due.participant_id, "enrolment_id": due.enrolment_id}
    await told.tell(ParticipantWithdrawn(**who, withdrawn_on=due.due_at.date()))


async def cancelled(told: Told, client: Any, due: Any, moved_clock: Any) -> None:
    await told.tell(OccasionCancelled(occasion_id=due.occasion_id, reason="completed"))


OTHER = {f"answers.phq-4.{number}": "1" for number in range(1, 5)}
TURNED = TOKEN[:-2] + TOKEN[-1] + TOKEN[-2]


@dataclass(frozen=True)
class Case:
    """What has happened to a link, how it is knocked at, and the answer: status, and words on the page."""

    name: str
    answer: tuple[int, str]
    happened: Happening = nothing
    method: str = "POST"
    path: str = LINK
    data: dict[str, str] = field(default_factory=lambda: dict(PULSE))
    headers: dict[str, str] = field(default_factory=dict)
    stored: int = 0


CASES = [
    Case("sent again at once", (200, "<b>12</b>"), answered, stored=1),
    Case("sent again later", (200, "Thank you"), answered_long_ago, stored=1),
    Case("reused at once", (410, "<b>12</b>"), answered, data=dict.fromkeys(PULSE, "0"), stored=1),
    Case("reused later", (410, "is not kept"), answered_long_ago, data=dict.fromkeys(PULSE, "0"), stored=1),
    Case("opened after the answer", (410, "You have answered already"), answered, "GET", stored=1),
    Case("opened long after the answer", (410, "You have answered already"), answered_long_ago, "GET", stored=1),
    Case("expired, opened", (410, "This link has run out"), ran_out, "GET"),
    Case("expired, answered", (410, "This link has run out"), ran_out),
    Case("for another instrument", (422, "choose an answer"), data=OTHER),
    Case("for another instrument, beside the right one", (422, "does not belong here"), data=PULSE | OTHER),
    Case("of another version of the questions", (422, "choose an answer"), data={"answers.session-pulse.heard": "3"}),
    Case("tampered: two letters turned", (404, UNKNOWN), path=f"/c/{TURNED}"),
    Case("tampered: one more letter", (404, UNKNOWN), path=f"{LINK}x"),
    Case("tampered: other case", (404, UNKNOWN), path=f"/c/{TOKEN.swapcase()}"),
    Case("cut short by a mail program", (404, UNKNOWN), path=f"/c/{TOKEN[:-3]}"),
    Case("cut short to nothing", (404, ""), method="GET", path="/c/"),
    Case("broken in two by a mail program", (404, UNKNOWN), path=f"/c/{TOKEN[:10]}%0A{TOKEN[10:]}"),
    Case("with a full stop of its sentence", (404, UNKNOWN), path=f"{LINK}."),
    Case("with a bracket around it", (404, UNKNOWN), path=f"{LINK}%3E"),
    Case(
        "with what a mail program adds", (200, "people listened"), method="GET", path=f"{LINK}?utm_source=mail&fbclid=1"
    ),
    Case("fetched by a scanner: HEAD", (200, ""), method="HEAD"),
    Case("fetched by a scanner: GET", (200, "people listened"), method="GET"),
    Case(
        "fetched before it is wanted",
        (200, "people listened"),
        method="GET",
        headers={"sec-purpose": "prefetch;prerender"},
    ),
    Case("fetched before it is wanted, older", (200, "people listened"), method="GET", headers={"x-moz": "prefetch"}),
    Case("a scanner that presses Send", (422, "choose an answer"), data={}),
    Case("asked what it can do", (405, "555-0100"), method="OPTIONS"),
    Case("after erasure, opened", (404, UNKNOWN), erased, "GET"),
    Case("after erasure, answered", (404, UNKNOWN), erased),
    Case("after consent was withdrawn, opened", (410, "not needed any more"), withdrew_consent, "GET"),
    Case("after consent was withdrawn, answered", (410, "not needed any more"), withdrew_consent),
    Case("after somebody left, answered", (410, "not needed any more"), left),
    Case("after it was cancelled, answered", (410, "not needed any more"), cancelled),
]


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
async def test_a_link_gives_the_one_answer(client: Any, told: Told, moved_clock: Any, case: Case) -> None:
    due = a_due()
    await told.tell(an_enrolment(due), due, an_invitation(due))
    await case.happened(told, client, due, moved_clock)
    sent = {"data": case.data} if case.method == "POST" else {}
    answer = await client.request(case.method, case.path, headers=case.headers, **sent)
    assert (answer.status_code, case.answer[1] in answer.text) == (case.answer[0], True), answer.text
    if case.method != "HEAD" and case.path != "/c/":
        assert "555-0100" in answer.text or "emergency number" in answer.text
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert len(await told.said("check-in-submitted")) == case.stored
    assert len(await told.rows("select * from answers")) == 4 * case.stored


async def test_two_hundred_links_sent_twice_in_the_same_moment_give_one_answer_each(client: Any, told: Told) -> None:
    dues = [a_due() for _ in range(200)]
    tokens = [f"a-link-that-is-sent-twice-{number}" for number in range(200)]
    for due, token in zip(dues, tokens, strict=True):
        await told.tell(an_enrolment(due), due, an_invitation(due, token))
    others = dict.fromkeys(PULSE, "0")
    asked = [client.post(f"/c/{token}", data=data) for token in tokens for data in (PULSE, others)]
    answers = await asyncio.gather(*asked)
    kept_and_not = [sorted(one.status_code for one in both) for both in zip(answers[::2], answers[1::2], strict=True)]
    assert kept_and_not == [[200, 410]] * 200
    events = await told.said("check-in-submitted")
    assert sorted(event.occasion_id for event in events) == sorted(due.occasion_id for due in dues)
    assert len(await told.rows("select * from answers")) == 4 * 200
    for first, second in zip(answers[::2], answers[1::2], strict=True):
        shown = [("<b>12</b>" in one.text, "<b>0</b>" in one.text) for one in (first, second)]
        assert shown[0] == shown[1]  # both see the answer that was kept
        assert sorted(shown[0]) == [False, True]
