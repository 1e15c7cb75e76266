"""Messages: who is asked, by which link, and that nobody is asked who must not be."""

import asyncio
import hashlib
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import SMTP

from deploy.local.mail import Mailbox, serve_smtp
from services.intake import store as kept
from services.intake.app import create
from services.intake.domain.enrolment import withdraw
from services.intake.handlers import send
from services.intake.store import REMIND_TIMER, SEND_TIMER
from shared.clock import now
from shared.events.feedback import CheckInSubmitted, CheckInWithdrawn
from shared.events.scheduling import OccasionCancelled
from shared.mail import ATTEMPTS_MAX, LEASE, Sender
from shared.operations.health import examine
from shared.operations.shapes import Health
from shared.settings import Settings
from shared.timers import Timers
from tests import rivals
from tests.conftest import eventually, running
from tests.intake.conftest import HOME, ORGANISATION, Intake, a_due, a_participant


@dataclass
class Post:
    """A real mail server, and the sender that talks to it."""

    intake: Intake
    mailbox: Mailbox
    port: int

    def settings(self) -> Settings:
        """The settings of a process that sends to this server."""
        server = {"smtp": f"smtp://127.0.0.1:{self.port}", "mail_from": "Kith <kith@example.org>"}
        return self.intake.running.settings.model_copy(update=server)

    def work(self) -> list[Any]:
        """What intake's process does about messages."""
        sender = Sender(send)
        timers = Timers(self.intake.running.machinery, {SEND_TIMER: sender.on_message_due})
        return [timers.run(), *(work(replace(self.intake.running, settings=self.settings())) for work in sender.tasks)]

    async def delivered(self, count: int = 1) -> Any:
        """Wait until so many messages are there."""

        async def enough() -> bool:
            return len(self.mailbox.newest_first()) >= count

        await eventually(enough)
        return self.mailbox.newest_first()

    async def states(self) -> list[str]:
        """How the messages stand."""
        rows = await self.intake.rows("select state from messages order by made_at")
        return [row["state"] for row in rows]


@pytest.fixture
async def post(intake: Intake, tmp_path: Path) -> AsyncIterator[Post]:
    """A mail server that takes everything."""
    mailbox = Mailbox(tmp_path / "mail")
    server = await serve_smtp(mailbox, "127.0.0.1", 0)
    async with server:
        yield Post(intake, mailbox, server.sockets[0].getsockname()[1])


async def enrolled(intake: Intake, **changed: Any) -> dict[str, Any]:
    """Somebody who takes part."""
    return await intake.post("/participants", a_participant(**changed))


async def test_whoever_is_due_gets_one_link_in_their_language(post: Post) -> None:
    await post.intake.set_up()
    person = await enrolled(post.intake)
    await post.intake.hear(a_due(person))
    (invited,) = await post.intake.said("check-in-invited")
    async with running(*post.work()):
        (message,) = await post.delivered()

        async def is_sent() -> bool:
            return await post.states() == ["sent"]

        await eventually(is_sent)

        async def is_quiet() -> bool:
            left = await post.intake.running.machinery.pool.fetchval("select count(*) from machinery.timers")
            return bool(left == 0)

        await eventually(is_quiet, 90)
    assert message.to == "marisol@example.org"
    assert message.subject == "Una nota breve para ti"
    assert "Hola, Marisol:" in message.text
    (token,) = re.findall(f"{re.escape(HOME)}/c/([\\w-]+)", message.text)
    assert hashlib.sha256(token.encode()).hexdigest() == invited["token_sha256"]
    assert (invited["channel"], invited["language"]) == ("email", "es")
    assert [row["token"] for row in await post.intake.rows("select token from messages")] == [None]
    assert token not in str(await post.intake.said())


async def test_who_cannot_or_must_not_be_written_to(intake: Intake) -> None:
    await intake.set_up(capacity=9)
    silent = await enrolled(intake, preferred_name="Silent", email=None)
    private = await enrolled(intake, preferred_name="Private", email="p@example.org")
    await intake.hear(a_due(silent))
    await intake.hear(a_due(private, kind="follow-up", code="follow-up"))
    await intake.hear(a_due(private, code="past", is_history=True))
    await intake.hear(a_due(private, code="closed", closes_at=now() - timedelta(days=1)))
    assert [one["reason"] for one in await intake.said("invitation-failed")] == ["no-address", "no-consent"]
    assert await intake.said("check-in-invited") == []
    assert await intake.rows("select * from messages") == []


async def test_an_address_that_comes_later_is_sent_what_is_open(intake: Intake) -> None:
    await intake.set_up(capacity=9)
    person = await enrolled(intake, preferred_name="Silent", email=None)
    contact = {"preferred_name": "Silent", "language": "en"}
    path = f"/participants/{person['participant_id']}/contact"
    due = a_due(person, reminders=[3])
    for occasion in (
        due,
        a_due(person, kind="follow-up", code="follow-up"),
        a_due(person, code="past", is_history=True),
        a_due(person, code="closed", closes_at=now() - timedelta(days=1)),
        a_due(person, code="answered"),
    ):
        await intake.hear(occasion)
    await intake.hear(submitted(a_due(person, code="answered")))
    for _ in range(2):
        await intake.put(path, contact | {"email": "s@example.org"}, "coordinator")
    (invited,) = await intake.said("check-in-invited")
    assert (invited["occasion_id"], invited["channel"], invited["language"]) == (str(due.occasion_id), "email", "en")
    assert [row["state"] for row in await intake.rows("select state from messages")] == ["queued"]
    assert [row["state"] for row in await intake.rows("select state from reminders")] == ["planned"]
    await intake.put(path, contact | {"email": "other@example.org"}, "coordinator")
    assert len(await intake.said("check-in-invited")) == 1


async def test_an_address_that_is_written_on_the_page_is_sent_what_is_open(intake: Intake) -> None:
    await intake.set_up()
    person = await enrolled(intake, preferred_name="Silent", email=None)
    await intake.hear(a_due(person))
    cookie = {"origin": HOME, "cookie": f"kith_session={intake.token('coordinator')}"}
    form = {"preferred_name": "Silent", "email": "s@example.org", "phone": "", "language": "es", "was": ""}
    page = f"/intake/participants/{person['participant_id']}"
    shown = await intake.client.get(page, headers=cookie)
    form["was"] = re.findall(r'name="was" value="([^"]*)"', shown.text)[-1]
    answer = await intake.client.post(f"{page}/contact", data=form, headers=cookie)
    assert answer.status_code == 303, answer.text
    assert len(await intake.said("check-in-invited")) == 1


async def test_an_answer_or_an_end_that_is_heard_first_is_enough(intake: Intake) -> None:
    await intake.set_up()
    person = await enrolled(intake)
    first, second = a_due(person, code="a"), a_due(person, code="b")
    await intake.hear(OccasionCancelled(occasion_id=first.occasion_id, reason="completed"))
    await intake.hear(submitted(second))
    await intake.hear(first)
    await intake.hear(second)
    assert await intake.said("check-in-invited", "invitation-failed") == []


async def test_an_occasion_of_somebody_unknown_is_kept_and_asks_nobody(intake: Intake) -> None:
    await intake.set_up()
    stranger = {"participant_id": str(uuid4()), "enrolment_id": str(uuid4())}
    await intake.hear(a_due(stranger))
    assert await intake.said("check-in-invited", "invitation-failed") == []


def submitted(due: Any) -> CheckInSubmitted:
    """An answer."""
    shared = due.model_dump(include=set(CheckInSubmitted.model_fields))
    return CheckInSubmitted.model_validate(shared | {"scores": [], "answered_at": now(), "entered_by": "participant"})


def taken_back(due: Any) -> CheckInWithdrawn:
    """What was answered does not count any more."""
    return CheckInWithdrawn.model_validate(due.model_dump(include=set(CheckInWithdrawn.model_fields)))


@pytest.mark.parametrize("what", ["answer", "cancel", "consent", "withdraw", "close"])
async def test_just_before_sending_it_is_looked_at_once_more(
    post: Post, what: str, moved_clock: Callable[[float], None]
) -> None:
    intake = post.intake
    await intake.set_up()
    person = await enrolled(intake)
    due = a_due(person)
    await intake.hear(due)
    path = f"/participants/{person['participant_id']}/enrolments/{person['enrolment_id']}"
    if what == "answer":
        await intake.hear(submitted(due))
    elif what == "cancel":
        await intake.hear(OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn"))
    elif what == "consent":
        await intake.post(f"{path}/consent", a_participant()["consent"] | {"taking_part": False})
    elif what == "withdraw":
        enrolled_on = (await intake.ask("GET", f"/participants/{person['participant_id']}")).json()
        await intake.post(f"{path}/withdraw", {"withdrawn_on": enrolled_on["enrolments"][0]["enrolled_on"]})
    else:
        moved_clock(20 * 24 * 3600)
    async with running(*post.work()):

        async def is_dropped() -> bool:
            return await post.states() == ["dropped"]

        await eventually(is_dropped)
    assert post.mailbox.newest_first() == []
    assert [row["token"] for row in await intake.rows("select token from messages")] == [None]


async def test_a_withdrawal_that_is_being_written_down_is_waited_for_before_sending(post: Post) -> None:
    intake, settings = post.intake, post.settings()
    await intake.set_up()
    person = await enrolled(intake)
    await intake.hear(a_due(person))
    (queued,) = await intake.rows("select message_id from messages")
    async with intake.running.doors.transaction(ORGANISATION) as tx:
        standing = await kept.get_standing(tx, UUID(person["participant_id"]), UUID(person["enrolment_id"]), None)
        left = withdraw(standing, standing.enrolment.enrolled_on, standing.enrolment.enrolled_on)
        await kept.save_change(tx, left, now(), "coordinator")
        sending = asyncio.create_task(send(intake.running.machinery, settings, ORGANISATION, queued["message_id"]))
        await rivals.waiting(tx, 1)
    await sending
    assert (await post.states(), post.mailbox.newest_first()) == (["dropped"], [])


async def test_mail_waits_for_a_server_that_is_away(post: Post, moved_clock: Callable[[float], None]) -> None:
    """And operators are told so: nothing else is late then."""

    async def doctor() -> Health:
        return await examine("intake", post.intake.running.machinery, "127.0.0.1:1", ())

    await post.intake.set_up()
    await post.intake.hear(a_due(await enrolled(post.intake)))
    with socket.socket() as taken:  # nobody listens there
        taken.bind(("127.0.0.1", 0))
        away = replace(post, port=taken.getsockname()[1])
        async with running(*away.work()):

            async def has_tried() -> bool:
                letters = (await doctor()).letters
                return bool(letters and letters.held_up)

            await eventually(has_tried)
    assert await post.states() == ["queued"]
    moved_clock(3600)
    said = {one.code: one.what for one in (await doctor()).findings}
    assert said["mail-held-up"] == "1 message to people cannot be sent, the first for 1 hour now."
    async with running(*post.work()):
        await post.delivered()

        async def all_is_sent() -> bool:
            return await post.states() == ["sent"]

        await eventually(all_is_sent)
    assert "mail-held-up" not in {one.code for one in (await doctor()).findings}


async def test_a_letter_whose_sender_dies_is_due_again_as_soon_as_it_is_free(
    post: Post, moved_clock: Callable[[float], None]
) -> None:
    await post.intake.set_up()
    await post.intake.hear(a_due(await enrolled(post.intake)))
    (queued,) = await post.intake.rows("select message_id from messages")
    async with post.intake.running.machinery.transaction(ORGANISATION) as tx:  # the last thing that the sender does
        assert await kept.claim_message(tx, ORGANISATION, queued["message_id"], now(), now() + LEASE)
    (letter,) = await post.intake.rows("select next_attempt_at from messages")
    (timer,) = await post.intake.rows("select due_at from machinery.timers")
    assert timer["due_at"] == letter["next_attempt_at"]
    moved_clock((letter["next_attempt_at"] - now()).total_seconds())
    async with running(*post.work()):
        await post.delivered()


class Refusing:
    """A mail server that knows nobody."""

    def __init__(self, code: str) -> None:
        self.code = code

    async def handle_RCPT(self, *_: Any) -> str:
        return self.code


async def test_the_time_without_a_mail_server_is_not_held_against_a_message(
    post: Post, moved_clock: Callable[[float], None]
) -> None:
    """The first thing that a server says when it is back may be: try later."""
    began = now()
    await post.intake.set_up()
    await post.intake.hear(a_due(await enrolled(post.intake)))
    (queued,) = await post.intake.rows("select message_id, made_at from messages")

    async def tried_at(moment: datetime, settings: Settings) -> datetime:
        moved_clock((moment - began).total_seconds())
        await send(post.intake.running.machinery, settings, ORGANISATION, queued["message_id"])
        (letter,) = await post.intake.rows("select next_attempt_at from messages")
        due: datetime = letter["next_attempt_at"]
        return due

    due = queued["made_at"]
    while due < queued["made_at"] + timedelta(minutes=40):
        due = await tried_at(due, replace(post, port=1).settings())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Refusing("451 try later")), "127.0.0.1", 0)
    async with server:
        back_at = due
        due = await tried_at(due, replace(post, port=server.sockets[0].getsockname()[1]).settings())
    assert (await post.states(), due - back_at < timedelta(minutes=1)) == (["queued"], True)
    await tried_at(due, post.settings())
    assert (await post.states(), len(post.mailbox.newest_first())) == (["sent"], 1)


@pytest.mark.parametrize(("answer", "tries"), [("550 no such person", 1), ("450 try later", ATTEMPTS_MAX)])
async def test_what_the_server_refuses_is_said(
    post: Post, answer: str, tries: int, moved_clock: Callable[[float], None]
) -> None:
    await post.intake.set_up()
    await post.intake.hear(a_due(await enrolled(post.intake), closes_at=now() + timedelta(days=100)))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Refusing(answer), hostname="localhost"), "127.0.0.1", 0)
    async with server:
        refused = replace(post, port=server.sockets[0].getsockname()[1])
        async with running(*refused.work()):
            hours = iter(range(1, 1000))

            async def has_been_said() -> list[Any]:
                moved_clock(3600 * next(hours))
                return await post.intake.said("invitation-failed")

            (failed,) = await eventually(has_been_said)
    (row,) = await post.intake.rows("select attempts from messages")
    assert tries <= row["attempts"] <= tries + 1  # an hour may pass in the middle of a try, and another one begin
    assert failed["reason"] == "refused-by-mail-server"
    assert await post.states() == ["failed"]


async def test_a_link_can_be_handed_over(intake: Intake) -> None:
    await intake.set_up()
    person = await enrolled(intake, email=None)
    due = a_due(person)
    await intake.hear(due)
    first = await intake.post("/invitations", {"occasion_id": str(due.occasion_id)})
    second = await intake.post("/invitations", {"occasion_id": str(due.occasion_id)})
    assert first["url"] != second["url"]
    said = await intake.said("check-in-invited")
    token = first["url"].removeprefix(f"{HOME}/c/")
    assert said[0]["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()
    assert said[0]["channel"] == "hand"
    again = [await intake.post("/invitations", {"occasion_id": str(due.occasion_id)}, headers=KEY) for _ in range(2)]
    assert again[0] == again[1]


async def test_a_link_that_is_handed_over_names_its_last_hour_by_the_clock_of_its_own_site(intake: Intake) -> None:
    """Whoever takes part in two programs may do so in two time zones."""
    await intake.set_up()
    await intake.put("/programs/walking", {"name": "Walking", "sites": ["north-quay"]})
    first = await enrolled(intake)
    body = {name: a_participant()[name] for name in ("attributes", "consent")}
    path = f"/participants/{first['participant_id']}"
    there = {"program": "walking", "site": "north-quay"}
    second = await intake.post(f"{path}/enrolments", body | there, "coordinator", "old-town", "north-quay")
    due = a_due(second)
    await intake.hear(due)
    address = f"/intake{path}/occasions/{due.occasion_id}/link"
    page = (await intake.ask("POST", address, "coordinator", "old-town", "north-quay")).text
    [until] = re.findall("works until ([^<]+?)\\. In a few moments", page)
    assert f"{due.closes_at.astimezone(ZoneInfo('Europe/London')):%H:%M}" in until


KEY = {"idempotency-key": "once"}


async def test_when_a_link_is_not_given(intake: Intake) -> None:
    await intake.set_up()
    person = await enrolled(intake)
    later = now() + timedelta(days=1)
    answered = a_due(person, code="answered")
    cancelled = a_due(person, code="cancelled")
    cases = {
        "occasion-not-due": a_due(person, code="later", due_at=later, opens_at=later),
        "occasion-closed": a_due(person, code="closed", closes_at=now()),
        "consent-withdrawn": a_due(person, code="follow-up", kind="follow-up"),
        "occasion-answered": answered,
        "occasion-cancelled": cancelled,
    }
    for due in cases.values():
        await intake.hear(due)
    await intake.hear(submitted(answered))
    await intake.hear(OccasionCancelled(occasion_id=cancelled.occasion_id, reason="completed"))
    for code, due in cases.items():
        answer = await intake.ask("POST", "/invitations", json={"occasion_id": str(due.occasion_id)})
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    for sites in (("north-quay",),):
        answer = await intake.ask(
            "POST", "/invitations", "coordinator", *sites, json={"occasion_id": str(answered.occasion_id)}
        )
        assert answer.status_code == 404
    assert (await intake.ask("POST", "/invitations", json={"occasion_id": str(uuid4())})).status_code == 404


@pytest.mark.parametrize(("full", "is_told"), [(2, False), (3, True)])
async def test_full_mailboxes_are_no_matter_of_operations_until_there_are_several(
    post: Post, moved_clock: Callable[[float], None], full: int, is_told: bool
) -> None:
    await post.intake.set_up(capacity=9)
    for number in range(full):
        await post.intake.hear(
            a_due(await enrolled(post.intake, preferred_name=f"P{number}", email=f"p{number}@b.org"))
        )
    queued = await post.intake.rows("select message_id from messages")
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Refusing("452 4.2.2 The mailbox is full")), "127.0.0.1", 0
    )
    async with server:
        settings = replace(post, port=server.sockets[0].getsockname()[1]).settings()
        for minutes in (0, 10):  # tried twice: it waits since the first time, and while it is tried, too
            moved_clock(60 * minutes)
            for one in queued:
                await send(post.intake.running.machinery, settings, ORGANISATION, one["message_id"])
    found = await examine("intake", post.intake.running.machinery, "127.0.0.1:1", ())
    said = [one.what for one in found.findings if one.code == "mail-held-up"]
    assert said == [f"{full} messages to people cannot be sent, the first for 10 minutes now."] * is_told


async def test_a_link_is_handed_again_when_the_answer_was_taken_back(intake: Intake) -> None:
    await intake.set_up()
    due = a_due(await enrolled(intake, email=None))
    for event in (due, submitted(due), taken_back(due)):
        await intake.hear(event)
    await intake.post("/invitations", {"occasion_id": str(due.occasion_id)})
    await intake.hear(OccasionCancelled(occasion_id=due.occasion_id, reason="completed"))
    await intake.hear(taken_back(due))
    refused = await intake.ask("POST", "/invitations", json={"occasion_id": str(due.occasion_id)})
    assert (refused.status_code, refused.json()["code"]) == (409, "occasion-cancelled")


async def test_many_who_are_due_at_once_are_each_invited_by_an_event_of_their_own(intake: Intake) -> None:
    await intake.set_up(capacity=9)
    people = [await enrolled(intake, preferred_name=one, email=f"{one}@example.org") for one in ("ana", "ben")]
    silent = await enrolled(intake, preferred_name="Silent", email=None)
    dues = [*(a_due(one, reminders=[1, 3]) for one in people), a_due(silent), a_due(people[0], "follow-up", "later")]
    batch = rivals.incoming(ORGANISATION, *dues, submitted(dues[1]))
    async with intake.running.machinery.transaction(ORGANISATION) as tx:
        await create().applying(tx, batch, carefully=False)
    told = {str(one.heard.id): one.heard.event for one in batch if one.heard}
    rows = await intake.rows("select key, headers from machinery.event_log where topic = 'kith.invitations'")
    causes = {row["key"]: told[json.loads(row["headers"])["ce_causationid"]] for row in rows}
    assert causes == {str(one.occasion_id): one for one in dues}
    assert sorted(one["reason"] for one in await intake.said("invitation-failed")) == ["no-address", "no-consent"]
    messages = await intake.rows("select occasion_id, state from messages")
    assert dict(map(tuple, messages)) == {dues[0].occasion_id: "queued", dues[1].occasion_id: "dropped"}
    timers = await intake.rows("select kind, count(*) from machinery.timers group by 1 order by 1")
    assert [tuple(row) for row in timers] == [(SEND_TIMER, 1), (REMIND_TIMER, 2)]
