"""A concern until a second person closes it: its owner, its clock, who is told, and who reads."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import SMTP

from deploy.local.mail import Mailbox, serve_smtp
from services.feedback import store as kept
from services.feedback.app import create
from services.feedback.handlers.alerts import send
from shared import clock
from shared.doors import Running
from shared.mail import LEASE
from shared.operations.health import examine
from shared.security import Verifier
from shared.settings import Settings
from shared.timers import TIMERS_A_ROUND, Timers
from tests import rivals
from tests.conftest import eventually, running
from tests.doors import ISSUER, bearer
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    COORDINATOR,
    NORTH_QUAY,
    OLD_TOWN,
    ORGANISATION,
    ROTA,
    TOKEN,
    Told,
    a_due,
    a_program,
    a_site,
    an_enrolment,
    an_invitation,
    look_after,
)
from tests.feedback.test_wording import a_questionnaire, load

LIBRARY = kept.library()
[RISK] = [rule.item for rule in LIBRARY["phq-9"].risk]
FACILITATOR, ANA, BEN = ("facilitator", "Tomasz W."), ("coordinator", "Ana R."), ("coordinator", "Ben S.")
CANARY = "she said it out loud on the stairs"


class Watch:
    """The clocks and the mail of feedback, as its process keeps them."""

    def __init__(self, store: Any, mailbox: Mailbox, smtp: str) -> None:
        self.store, self.mailbox, self.smtp = store, mailbox, smtp
        self.service = create()
        self.timers = Timers(store.machinery, self.service.timers)

    async def ring(self) -> None:
        """Let every clock ring that is due by now."""
        while await self.timers._one_round():
            pass

    async def mails(self, count: int) -> list[str]:
        """Who was written to, the first first, once so many messages are there."""

        async def enough() -> bool:
            return len(self.mailbox.newest_first()) >= count

        await self.work(enough)
        return [one.to for one in reversed(self.mailbox.newest_first())]

    async def done(self) -> None:
        """Work until nothing is queued: a sender that is stopped before it has said so sends once more."""

        async def is_done() -> bool:
            async with self.store.machinery.transaction(ORGANISATION) as tx:
                return not await tx.fetch("select from alerts where state = 'queued'")

        await self.work(is_done)

    async def work(self, until: Callable[[], Awaitable[bool]]) -> None:
        """Clocks ring and messages are sent until this holds."""
        process = self.process(self.smtp)
        async with running(self.timers.run(), *(task(process) for task in self.service.tasks)):
            await eventually(until)

    def process(self, smtp: str) -> Running:
        """A process of feedback that sends to this server."""
        settings = Settings(
            environment="development",
            database=self.store.dsn,
            database_machinery=self.store.dsn_machinery,
            kafka="127.0.0.1:1",
            issuer=ISSUER,
            public_url="http://kith.test",
            smtp=smtp,
        )
        return Running(settings, self.store.doors, self.store.machinery, Verifier(ISSUER, "kith"))


@pytest.fixture
async def watch(store: Any, tmp_path: Path) -> AsyncIterator[Watch]:
    mailbox = Mailbox(tmp_path / "mail")
    server = await serve_smtp(mailbox, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Watch(store, mailbox, f"smtp://127.0.0.1:{port}")


@pytest.fixture
async def rota(site: None, client: Any) -> None:
    """Ana is on call, and Ben after her."""
    answer = await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=COORDINATOR)
    assert answer.status_code == 200, answer.text


def by(who: tuple[str, str]) -> dict[str, str]:
    """A token of theirs, made now: the clock may have moved past an older one."""
    role, name = who
    return bearer(role, "old-town", sub=name, name=name)


async def raised(client: Any, **more: Any) -> dict[str, Any]:
    body = {"site": "old-town", "text": CANARY} | more
    answer = await client.post(f"{API}/concerns", json=body, headers=by(FACILITATOR))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def step(client: Any, one: dict[str, Any], name: str, who: tuple[str, str], **body: Any) -> Any:
    return await client.post(f"{API}/concerns/{one['concern_id']}/{name}", json=body or None, headers=by(who))


async def test_whoever_is_on_call_is_told_and_nothing_that_was_said_leaves(
    rota: None, client: Any, watch: Watch, told: Told
) -> None:
    one = await raised(client)
    assert (one["state"], one["level"], one["owner"], one["source"]) == ("open", 1, "ana", "facilitator")
    assert await watch.mails(1) == ["ana@staff.example"]
    mail = watch.mailbox.newest_first()[0]
    assert f"http://kith.test/feedback/concerns/{one['concern_id']}" in mail.text
    assert CANARY not in mail.text + mail.subject
    [event] = await told.said("concern-raised")
    assert event.acknowledge_by - event.raised_at == timedelta(minutes=30)
    assert CANARY not in str(await told.rows("select value from machinery.outbox"))


async def test_a_mail_says_whether_somebody_else_is_asked_after_them(
    rota: None, client: Any, watch: Watch, moved_clock: Callable[[float], None]
) -> None:
    await raised(client)
    await watch.done()
    moved_clock(31 * 60)
    await watch.ring()
    await watch.done()
    last, first = watch.mailbox.newest_first()
    assert (first.to, last.to) == ("ana@staff.example", "ben@staff.example")
    assert "somebody else is asked" in first.text
    assert "do nothing" not in last.text
    assert "Nobody else is asked after you" in last.text
    assert "http://kith.test/feedback/rotas" in last.text


@pytest.mark.parametrize("days", [[1, 2, 3, 4, 5, 6, 7], []], ids=["one level", "a gap"])
async def test_nobody_is_told_to_do_nothing_where_nobody_else_is_asked(
    site: None, client: Any, watch: Watch, days: list[int]
) -> None:
    yesterday = (clock.now() - timedelta(days=2)).isoweekday()
    shift = ROTA["shifts"][0] | {"weekdays": days or [yesterday], "ends": "00:00" if days else "00:10"}  # type: ignore[index]
    set_up = await client.put(f"{API}/sites/old-town/rota", json=ROTA | {"shifts": [shift]}, headers=COORDINATOR)
    assert set_up.status_code == 200, set_up.text
    await raised(client)
    await watch.mails(1 if days else 4)
    mails = [one.text for one in watch.mailbox.newest_first() if "/feedback/concerns/" in one.text]
    assert len(mails) == (1 if days else 2)
    sentence = "Nobody else is asked after you" if days else "everybody on the rota is told"
    assert all(sentence in text and "do nothing" not in text for text in mails)
    assert days or not any("Nobody else" in text for text in mails)  # somebody may be on call when its time has passed


@pytest.mark.parametrize("others", [1, 0], ids=["others on the rota", "nobody else on it"])
async def test_the_last_one_on_call_is_told_that_everybody_is_asked_when_a_gap_has_begun_by_then(
    site: None, client: Any, watch: Watch, moved_clock: Callable[[float], None], others: int
) -> None:
    begins_at, ends_at = clock.now() - timedelta(hours=1), clock.now() + timedelta(minutes=10)
    over = {"responder": "ana", "begins_at": begins_at.isoformat(), "ends_at": ends_at.isoformat()}
    shift = ROTA["shifts"][0] | {"weekdays": [(clock.now() - timedelta(days=2)).isoweekday()], "ends": "00:10"}  # type: ignore[index]
    changes = {"responders": ROTA["responders"][: 1 + others], "shifts": [shift], "hand_overs": [over]}  # type: ignore[index]
    set_up = await client.put(f"{API}/sites/old-town/rota", json=ROTA | changes, headers=COORDINATOR)
    assert set_up.status_code == 200, set_up.text

    async def calls() -> list[tuple[str, str]]:
        await watch.done()
        mails = watch.mailbox.newest_first()
        return [(one.to, one.text) for one in mails if "/feedback/concerns/" in one.text]

    assert (await raised(client))["owner"] == "ana"
    [(to, text)] = await calls()
    assert to == "ana@staff.example"
    assert ("somebody else is asked" if others else "Nobody else is asked after you") in text
    moved_clock(31 * 60)
    await watch.ring()
    later = [one for one in await calls() if one != (to, text)]
    assert sorted(to for to, _ in later) == ["ana@staff.example", "ben@staff.example"][: 1 + others]
    assert all("everybody on the rota is told" in text for _, text in later)


async def test_a_call_whose_sender_dies_goes_out_as_soon_as_it_is_free(
    rota: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None]
) -> None:
    await raised(client)
    [queued] = await told.rows("select organisation_id, alert_id from alerts")
    async with watch.store.machinery.transaction(queued["organisation_id"]) as tx:  # the last thing the sender does
        assert await kept.claim_alert(tx, *queued, clock.now(), clock.now() + LEASE)
    [alert] = await told.rows("select next_attempt_at from alerts")
    [timer] = await told.rows(f"select due_at from machinery.timers where kind = '{kept.ALERT_TIMER}'")
    assert timer["due_at"] == alert["next_attempt_at"]
    moved_clock((alert["next_attempt_at"] - clock.now()).total_seconds())
    assert await watch.mails(1) == ["ana@staff.example"]


class Busy:
    """A mail server that takes nothing yet."""

    async def handle_RCPT(self, *_: Any) -> str:
        return "451 try later"


async def test_the_time_without_a_mail_server_is_not_held_against_a_call(
    rota: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None]
) -> None:
    """The first thing that a server says when it is back may be: try later."""
    began = clock.now()
    await raised(client)
    [queued] = await told.rows("select organisation_id, alert_id, made_at from alerts")

    async def tried_at(moment: datetime, port: int) -> datetime:
        moved_clock((moment - began).total_seconds())
        settings = watch.process(f"smtp://127.0.0.1:{port}").settings
        await send(watch.store.machinery, settings, queued["organisation_id"], queued["alert_id"])
        [alert] = await told.rows("select next_attempt_at from alerts")
        due: datetime = alert["next_attempt_at"]
        return due

    due = queued["made_at"]
    while due < queued["made_at"] + timedelta(minutes=40):
        due = await tried_at(due, 1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Busy()), "127.0.0.1", 0)
    async with server:
        back_at = due
        due = await tried_at(due, server.sockets[0].getsockname()[1])
    assert due - back_at < timedelta(minutes=1)
    moved_clock((due - began).total_seconds())
    assert "ana@staff.example" in await watch.mails(1)


async def test_a_concern_that_nobody_touches_goes_round_for_ever(
    rota: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None]
) -> None:
    one = await raised(client)
    for minutes, owner in ((29, "ana"), (31, "ben"), (62, "ben"), (93, "ben")):
        moved_clock(minutes * 60)
        await watch.ring()
        [seen] = (await client.get(f"{API}/concerns", headers=by(ANA))).json()["concerns"]
        assert seen["owner"] == owner
        assert seen["due_at"] > clock.now().isoformat()
    assert [event.level for event in await told.said("concern-escalated")] == [2, 2, 2]
    assert sorted(await watch.mails(4)) == ["ana@staff.example", *["ben@staff.example"] * 3]
    assert one["concern_id"] == seen["concern_id"]


async def test_nobody_who_is_to_be_called_waits_for_check_ins_that_close(
    rota: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None]
) -> None:
    soon = clock.now() + timedelta(minutes=1)
    await told.tell(*(a_due(closes_at=soon) for _ in range(TIMERS_A_ROUND)))
    await raised(client)
    moved_clock(31 * 60)
    await watch.timers._one_round()
    assert len(await told.said("concern-escalated")) == 1


async def test_acknowledging_stops_the_call_and_each_further_step_has_its_clock(
    rota: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None]
) -> None:
    one = await raised(client)
    assert (await step(client, one, "actions", ANA, text="called")).json()["code"] == "not-acknowledged"
    assert (await step(client, one, "acknowledge", ANA)).json()["state"] == "acknowledged"
    assert (await step(client, one, "acknowledge", BEN)).json()["code"] == "already-acknowledged"
    assert (await step(client, one, "close", BEN, text="fine")).json()["code"] == "nothing-done-yet"
    moved_clock(3600)
    await watch.ring()
    assert await told.said("concern-escalated") == []
    moved_clock(25 * 3600)
    await watch.ring()
    assert [event.state for event in await told.said("concern-escalated")] == ["acknowledged"]
    assert (await step(client, one, "actions", ANA, text="I called her")).json()["state"] == "acted-on"
    assert (await step(client, one, "close", ANA, text="fine")).json()["code"] == "second-person-needed"
    closed = (await step(client, one, "close", BEN, text="spoke to both")).json()
    assert (closed["state"], closed["due_at"], closed["debrief"]) == ("closed", None, "offered")
    moved_clock(90 * 86_400)
    await watch.ring()
    assert len(await told.said("concern-escalated")) == 1
    assert (await step(client, one, "actions", ANA, text="once more")).json()["code"] == "already-closed"


@pytest.mark.parametrize(("name", "field"), [("actions", "text"), ("close", "closing")])
async def test_nobody_is_done_with_a_concern_whose_newest_words_they_have_not_read(
    rota: None, client: Any, watch: Watch, told: Told, name: str, field: str
) -> None:
    await a_link(told)
    key = str(uuid4())
    await ask(client, key=key)
    [event] = await told.said("concern-raised")
    one = {"concern_id": event.concern_id}
    await step(client, one, "acknowledge", ANA)
    await step(client, one, "actions", ANA, text="Called.")
    address = f"/feedback/concerns/{event.concern_id}"

    async def page_of_ben() -> dict[str, str]:
        page = (await client.get(address, headers=by(BEN))).text
        return {"seen_at": re.findall('name="seen_at" value="([^"]+)"', page)[0], field: "Enough."}

    old = await page_of_ben()
    await ask(client, key=key, text="I have taken pills.")
    by_program = await step(client, one, name, BEN, text="Enough.")
    assert (by_program.status_code, by_program.json()["code"]) == (409, "said-more-since")
    await page_of_ben()  # in another tab: the old one does not show it all the same
    refused = await client.post(f"{address}/{name}", data=old, headers=by(BEN))
    assert (refused.status_code, "I have taken pills." in refused.text) == (409, True)
    assert "Enough." in refused.text
    assert "ana@staff.example" in await watch.mails(1)
    assert (await client.post(f"{address}/{name}", data=await page_of_ben(), headers=by(BEN))).status_code == 303
    if name == "actions":
        assert (await step(client, one, name, BEN, text="I read it.")).status_code == 200


async def test_who_raised_it_is_offered_a_debrief_and_only_they_answer(rota: None, client: Any) -> None:
    one = await raised(client)
    early = await step(client, one, "debrief", FACILITATOR, answer="wanted")
    assert early.json()["code"] == "no-debrief-offered"
    for name, who, body in (("acknowledge", ANA, {}), ("actions", ANA, {"text": "x"}), ("close", BEN, {"text": "y"})):
        assert (await step(client, one, name, who, **body)).status_code == 200
    assert (await step(client, one, "debrief", ANA, answer="wanted")).json()["code"] == "not-yours"
    assert (await step(client, one, "debrief", FACILITATOR, answer="held")).status_code == 403
    assert (await step(client, one, "debrief", FACILITATOR, answer="wanted")).json()["debrief"] == "wanted"
    assert (await step(client, one, "debrief", BEN, answer="held")).json()["debrief"] == "held"


async def test_what_was_said_is_for_those_who_need_it_and_each_reading_is_written_down(
    rota: None, client: Any, told: Told
) -> None:
    one = await raised(client)
    address = f"{API}/concerns/{one['concern_id']}"
    assert (await client.get(address, headers=by(FACILITATOR))).status_code == 403
    assert (await client.get(address, headers=bearer("program-manager"))).status_code == 403
    assert (await client.get(address, headers=bearer("coordinator", "north-quay"))).status_code == 404
    assert (await client.get(address, headers=bearer("coordinator", organisation="other-house"))).status_code == 404
    found = (await client.get(address, headers=by(ANA))).json()
    assert [(one["kind"], one["name"], one["text"]) for one in found["steps"]] == [("raised", "Tomasz W.", CANARY)]
    listed = (await client.get(f"{API}/concerns", headers=by(ANA))).text
    assert CANARY not in listed
    assert [row["subject"] for row in await told.rows("select subject from concern_readings")] == ["Ana R."]


@pytest.mark.parametrize("taken", ["actions", "close", "acknowledge"])
async def test_a_refused_step_shows_nothing_to_others_and_is_a_reading_for_those_who_may(
    rota: None, client: Any, told: Told, taken: str
) -> None:
    one = await raised(client)
    address = f"/feedback/concerns/{one['concern_id']}/{taken}"
    elsewhere = await client.post(address, data={}, headers=bearer("coordinator", "north-quay"))
    assert (elsewhere.status_code, CANARY in elsewhere.text) == (404, False)
    unknown = await client.post(f"/feedback/concerns/{uuid4()}/{taken}", data={}, headers=by(ANA))
    assert unknown.status_code == 404
    assert await told.rows("select subject from concern_readings") == []
    if taken == "acknowledge":
        await step(client, one, "acknowledge", BEN)
    refused = await client.post(address, data={}, headers=by(ANA))
    assert (refused.status_code, CANARY in refused.text) == (409 if taken == "acknowledge" else 422, True)
    assert [row["subject"] for row in await told.rows("select subject from concern_readings")] == ["Ana R."]


@pytest.mark.parametrize(("taken", "field"), [("actions", "text"), ("close", "closing")])
async def test_what_was_written_stays_in_the_form_that_was_refused(
    rota: None, client: Any, told: Told, taken: str, field: str
) -> None:
    one = await raised(client)
    await step(client, one, "acknowledge", ANA)
    await step(client, one, "actions", ANA, text="Called.")
    written = "We spoke. " * 300
    page = await client.post(f"/feedback/concerns/{one['concern_id']}/{taken}", data={field: written}, headers=by(BEN))
    assert page.status_code == 422
    assert f'href="#f-{field}"' in page.text
    assert page.text.count("We spoke.") == 300


async def test_a_form_that_is_sent_twice_raises_one_concern(rota: None, client: Any, told: Told) -> None:
    page = (await client.get("/feedback/concerns/raise", headers=by(FACILITATOR))).text
    key = page.partition('name="key" value="')[2].partition('"')[0]
    for _ in range(2):
        sent = await client.post(
            "/feedback/concerns/raise", data={"site": "old-town", "text": CANARY, "key": key}, headers=by(FACILITATOR)
        )
        assert sent.status_code == 303
    assert len(await told.said("concern-raised")) == 1


async def test_a_form_that_is_sent_twice_in_the_same_moment_raises_one_concern(
    rota: None, client: Any, told: Told
) -> None:
    fields = {"site": "old-town", "text": CANARY, "key": str(uuid4())}
    twice = [client.post("/feedback/concerns/raise", data=fields, headers=by(FACILITATOR)) for _ in range(2)]
    holding = rivals.held(told.store.machinery, ORGANISATION, "select from sites for update")
    assert [one.status_code for one in await rivals.at_once(holding, *twice)] == [303, 303]
    assert len(await told.said("concern-raised")) == 1
    assert len(await told.rows("select from concern_steps")) == 1
    assert len(await told.rows("select from alerts")) == 1


async def test_a_call_for_what_somebody_has_in_hand_is_not_sent_any_more(
    rota: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None]
) -> None:
    one = await raised(client)  # nobody sends just now
    moved_clock(31 * 60)
    await watch.ring()
    assert len(await told.said("concern-escalated")) == 1
    other = await raised(client)
    await step(client, one, "acknowledge", BEN)

    async def all_are_done_with() -> bool:
        return await told.rows("select 1 from alerts where state = 'queued'") == []

    await watch.work(all_are_done_with)
    assert await watch.mails(1) == ["ana@staff.example"]
    rows = await told.rows("select concern_id, state from alerts order by alert_id")
    assert [(str(row["concern_id"]), row["state"]) for row in rows] == [
        (one["concern_id"], "dropped"),
        (one["concern_id"], "dropped"),
        (other["concern_id"], "sent"),
    ]


async def test_a_further_concern_about_somebody_is_linked_to_the_one_before(
    rota: None, client: Any, told: Told
) -> None:
    due = a_due()
    await told.tell(an_enrolment(due), due)
    first, second = [await raised(client, participant_id=str(due.participant_id)) for _ in range(2)]
    seen = [
        (await client.get(f"{API}/concerns/{one['concern_id']}", headers=by(ANA))).json() for one in (first, second)
    ]
    assert [(one["earlier"], one["earlier_id"]) for one in seen] == [(0, None), (1, first["concern_id"])]
    page = (await client.get(f"/feedback/concerns/{second['concern_id']}", headers=by(ANA))).text
    assert f'href="/feedback/concerns/{first["concern_id"]}"' in page


async def test_whoever_only_raises_concerns_learns_of_no_other_one(rota: None, client: Any, told: Told) -> None:
    due = a_due()
    await told.tell(an_enrolment(due), due)
    whom = {"participant_id": str(due.participant_id)}
    await client.post(f"{API}/concerns", json={"site": "old-town", "text": CANARY} | whom, headers=by(ANA))
    own = await raised(client, **whom)
    assert (own["earlier"], own["earlier_id"]) == (0, None)
    page = (await client.get("/feedback/concerns", headers=by(FACILITATOR))).text
    assert ("KLM-482" in page, "concern before" in page) == (True, False)
    await look_after(client, own["concern_id"])
    answered = (await step(client, own, "debrief", FACILITATOR, answer="wanted")).json()
    assert (answered["earlier"], answered["earlier_id"]) == (0, None)
    assert "1 concern before" in (await client.get("/feedback/concerns", headers=by(ANA))).text


async def test_an_earlier_concern_of_another_site_is_not_linked_to(rota: None, client: Any, told: Told) -> None:
    here, there = a_due(), a_due(site_id=NORTH_QUAY)
    there = there.model_copy(update={"participant_id": here.participant_id})
    await told.tell(a_site("north-quay"), an_enrolment(here), an_enrolment(there), here, there)
    whom = {"participant_id": str(here.participant_id), "text": CANARY}
    for site in ("north-quay", "old-town"):
        sent = await client.post(f"{API}/concerns", json=whom | {"site": site}, headers=ADMINISTRATOR)
        assert sent.status_code == 201, sent.text
    [seen] = (await client.get(f"{API}/concerns", headers=by(ANA))).json()["concerns"]
    assert (seen["earlier"], seen["earlier_id"]) == (0, None)
    page = (await client.get(f"/feedback/concerns/{seen['concern_id']}", headers=by(ANA))).text
    assert "earlier concern" not in page
    everywhere = (await client.get(f"{API}/concerns/{seen['concern_id']}", headers=ADMINISTRATOR)).json()
    assert (everywhere["earlier"], everywhere["earlier_id"] is None) == (1, False)


async def test_nobody_of_another_site_is_named_nor_is_their_concern_raised_here(
    rota: None, client: Any, told: Told
) -> None:
    due = a_due(site_id=NORTH_QUAY)
    await told.tell(a_site("north-quay"), an_enrolment(due), due)
    whom = {"participant_id": str(due.participant_id)}
    page = "/feedback/concerns/raise"
    both = bearer("facilitator", "old-town", "north-quay")
    for asked, who, is_named in (
        (whom, by(FACILITATOR), False),
        (whom, both, True),
        (whom | {"site": "north-quay"}, both, True),
        (whom | {"site": "old-town"}, both, False),
    ):
        shown = (await client.get(page, params=asked, headers=who)).text
        assert ("KLM-482" in shown) is is_named, asked
    wrong = whom | {"site": "old-town", "text": CANARY}
    for who in (by(FACILITATOR), both):
        refused = await client.post(f"{API}/concerns", json=wrong, headers=who)
        assert [one["code"] for one in refused.json()["errors"]] == ["participant-not-found"]
        form = await client.post(page, data=wrong, headers=who)
        assert (form.status_code, "KLM-482" in form.text, CANARY in form.text) == (422, False, True)
    assert await told.said("concern-raised") == []
    right = await client.post(f"{API}/concerns", json=wrong | {"site": "north-quay"}, headers=both)
    assert right.status_code == 201


async def test_without_a_rota_every_coordinator_answers_and_the_clock_runs_all_the_same(
    site: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None]
) -> None:
    one = await raised(client)
    assert one["owner"] is None
    moved_clock(61 * 60)
    await watch.ring()
    assert len(await told.said("concern-escalated")) == 1


async def test_nobody_is_said_to_have_been_told_where_no_message_goes_out(site: None, client: Any, told: Told) -> None:
    for who in (FACILITATOR, ANA):
        for page in ("/feedback/concerns", "/feedback/concerns/raise"):
            shown = (await client.get(page, headers=by(who))).text.lower()
            assert "no message goes out" in shown
            assert not re.findall("whoever is on call|a person on call", shown)
    sent = await client.post(
        "/feedback/concerns/raise", data={"site": "old-town", "text": "x"}, headers=by(FACILITATOR)
    )
    after = (await client.get(sent.headers["location"], headers=by(FACILITATOR))).text
    assert "tell one of them yourself" in after
    assert "has been told" not in after
    assert await told.rows("select from alerts") == []
    await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=by(ANA))
    sent = await client.post(
        "/feedback/concerns/raise", data={"site": "old-town", "text": "x"}, headers=by(FACILITATOR)
    )
    assert "Whoever is on call has been told" in (await client.get(sent.headers["location"], headers=by(ANA))).text
    assert "no message" not in (await client.get("/feedback/concerns/raise", headers=by(ANA))).text.lower()


async def test_in_a_gap_everybody_on_the_rota_is_told(site: None, client: Any, watch: Watch) -> None:
    yesterday = (clock.now() - timedelta(days=2)).isoweekday()
    shifts = [one | {"weekdays": [yesterday], "ends": "00:10"} for one in ROTA["shifts"]]  # type: ignore[operator,attr-defined]
    shown = await client.put(f"{API}/sites/old-town/rota", json=ROTA | {"shifts": shifts}, headers=COORDINATOR)
    assert shown.json()["on_call"] == [None, None]
    assert shown.json()["gaps"]
    assert (await raised(client))["owner"] is None
    told = await watch.mails(4)  # of the gap, and of the concern
    assert sorted(set(told)) == ["ana@staff.example", "ben@staff.example"]


async def test_of_a_gap_everybody_is_told_once_a_day_however_often_the_rota_is_saved(
    site: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None]
) -> None:
    """Also while the gap lasts, and in it."""

    async def saved(**changes: Any) -> int:
        """How many messages of gaps there are after that."""
        body = ROTA | {"shifts": [one | {"weekdays": days} for one in ROTA["shifts"]]} | changes  # type: ignore[operator,attr-defined]
        answer = await client.put(f"{API}/sites/old-town/rota", json=body, headers=by(ANA))
        assert answer.status_code == 200, answer.text
        await watch.ring()
        return len(await told.rows("select from alerts where concern_id is null"))

    here = clock.now().astimezone(ZoneInfo("Europe/London"))
    weekdays = [(here + timedelta(days=ahead)).isoweekday() for ahead in range(7)]
    days = [weekdays[0], *weekdays[3:]]  # nobody tomorrow and the day after
    assert [await saved(), await saved(), await saved(act_within_hours=12)] == [2, 2, 2]
    [due] = await told.rows("select due_at from machinery.timers where kind = 'rota-gap'")
    assert await saved(act_within_hours=12) == 2
    assert await told.rows("select due_at from machinery.timers where kind = 'rota-gap'") == [due]
    days = [weekdays[0], weekdays[2], *weekdays[4:]]  # another gap
    begins_at = datetime.combine(here + timedelta(days=3), time(), here.tzinfo)
    filled = [{"responder": "ben", "begins_at": here.isoformat(), "ends_at": begins_at.isoformat()}]
    assert [await saved(hand_overs=filled), await saved(act_within_hours=6, hand_overs=filled)] == [4, 4]
    days = [weekdays[3]]  # it has begun
    assert [await saved(), await saved(act_within_hours=6)] == [6, 6]
    moved_clock(23 * 3600)
    assert await saved(act_within_hours=7) == 6
    moved_clock(24 * 3600)
    await watch.ring()
    assert len(await told.rows("select from alerts where concern_id is null")) == 8


async def test_a_hand_over_puts_somebody_else_in_the_place(rota: None, client: Any) -> None:
    now = clock.now()
    over = {"responder": "ben", "begins_at": now.isoformat(), "ends_at": (now + timedelta(hours=4)).isoformat()}
    answer = await client.post(f"{API}/sites/old-town/rota/hand-overs", json=over, headers=COORDINATOR)
    assert answer.json()["on_call"] == ["ben", "ben"]
    assert (await raised(client))["owner"] == "ben"
    stranger = await client.post(
        f"{API}/sites/old-town/rota/hand-overs", json=over | {"responder": "zoe"}, headers=COORDINATOR
    )
    assert stranger.json()["errors"][0]["code"] == "unknown-responder"


async def test_a_rota_whose_hand_over_nobody_would_ask_is_refused(site: None, client: Any) -> None:
    now = clock.now()
    over = {
        "level": 3,
        "responder": "ben",
        "begins_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=4)).isoformat(),
    }
    answer = await client.put(f"{API}/sites/old-town/rota", json=ROTA | {"hand_overs": [over]}, headers=COORDINATOR)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown-level")


async def test_a_rota_whose_responder_has_no_mailbox_is_refused(site: None, client: Any) -> None:
    people = [one | {"email": "ana@@staff.example"} for one in ROTA["responders"]]  # type: ignore[operator,attr-defined]
    answer = await client.put(f"{API}/sites/old-town/rota", json=ROTA | {"responders": people}, headers=COORDINATOR)
    assert answer.json()["errors"][0] | {"message": ""} == {
        "field": "responders.0.email",
        "code": "not-an-email",
        "message": "",
    }


async def test_whoever_took_over_once_may_leave_the_rota_and_not_while_it_lasts(
    rota: None, client: Any, moved_clock: Any
) -> None:
    now = clock.now()
    over = {"responder": "ben", "begins_at": now.isoformat(), "ends_at": (now + timedelta(minutes=5)).isoformat()}
    await client.post(f"{API}/sites/old-town/rota/hand-overs", json=over, headers=COORDINATOR)
    alone = {
        "acknowledge_within_minutes": "30",
        "responders.0.code": "ana",
        "responders.0.name": "Ana R.",
        "responders.0.email": "ana@staff.example",
        "shifts.0.responder": "ana",
        "shifts.0.weekdays": ["1", "2", "3", "4", "5"],
        "shifts.0.begins": "09:00",
        "shifts.0.ends": "17:00",
    }
    refused = await client.post("/feedback/rotas/old-town", data=alone, headers=COORDINATOR)
    assert refused.status_code == 422
    assert "ben takes over for a time" in refused.text
    moved_clock(600)
    shown = await client.get(f"{API}/sites/old-town/rota", headers=COORDINATOR)
    assert shown.json()["rota"]["hand_overs"] == []
    assert (await client.post("/feedback/rotas/old-town", data=alone, headers=COORDINATOR)).status_code == 303
    shown = await client.get(f"{API}/sites/old-town/rota", headers=COORDINATOR)
    assert [one["code"] for one in shown.json()["rota"]["responders"]] == ["ana"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"site": "old-town"}, 422, "invalid-fields"),
        ({"site": "old-town", "text": ""}, 422, "invalid-fields"),
        ({"site": "old-town", "text": "x" * 2001}, 422, "invalid-fields"),
        ({"site": "nowhere", "text": "x"}, 404, "site-not-found"),
        ({"site": "north-quay", "text": "x"}, 404, "site-not-found"),
        ({"site": "old-town", "text": "x", "participant_id": str(uuid4())}, 422, "invalid-fields"),
        ({"site": "old-town", "text": "x", "more": 1}, 422, "invalid-fields"),
    ],
)
async def test_a_concern_that_cannot_be_leaves_nothing(
    rota: None, client: Any, told: Told, body: dict[str, Any], status: int, code: str
) -> None:
    await told.tell(a_site("north-quay"))
    answer = await client.post(f"{API}/concerns", json=body, headers=by(FACILITATOR))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await told.rows("select 1 from concerns") == []
    assert await told.rows("select 1 from machinery.timers where kind like 'concern%'") == []


async def test_the_page_says_whom_a_concern_is_about(rota: None, client: Any, told: Told) -> None:
    due = a_due()
    await told.tell(an_enrolment(due), due)
    page = "/feedback/concerns/raise"
    assert "KLM-482" in (await client.get(f"{page}?participant_id={due.participant_id}", headers=by(FACILITATOR))).text
    for odd in ("%00", "nobody", str(uuid4()), "1&participant_id=2"):
        shown = await client.get(f"{page}?participant_id={odd}", headers=by(FACILITATOR))
        assert (shown.status_code, "It is about" in shown.text) == (200, False)
    fields = {"site": "old-town", "text": CANARY, "participant_id": str(due.participant_id)}
    assert (await client.post(page, data=fields, headers=by(FACILITATOR))).status_code == 303
    [event] = await told.said("concern-raised")
    assert event.participant_id == due.participant_id
    wrong = await client.post(page, data={"text": "", "participant_id": "\x00"}, headers=by(FACILITATOR))
    assert wrong.status_code == 422


async def test_a_concern_about_somebody_who_is_not_known_at_the_site_is_raised_without_naming_them(
    rota: None, client: Any, told: Told
) -> None:
    page, known_to_intake = "/feedback/concerns/raise", str(uuid4())
    fields = {"site": "old-town", "text": CANARY, "participant_id": known_to_intake, "key": str(uuid4())}
    refused = await client.post(page, data=fields, headers=by(ANA))
    assert refused.status_code == 422
    [anchor] = re.findall('<li><a href="#([^"]+)">', refused.text)
    assert f'id="{anchor}"' in refused.text
    assert "leave it out" not in refused.text
    [name] = re.findall('type="checkbox" name="([^"]+)"', refused.text)
    assert (await client.post(page, data=fields | {name: "yes"}, headers=by(ANA))).status_code == 303
    [event] = await told.said("concern-raised")
    assert event.participant_id is None


async def a_link(told: Told, **changes: Any) -> Any:
    due = a_due(**changes)
    await told.tell(an_enrolment(due), due, an_invitation(due))
    return due


async def ask(client: Any, about: str = "me", **more: str) -> Any:
    return await client.post(f"/c/{TOKEN}/contact", data={"about": about, "key": str(uuid4()), "text": CANARY} | more)


async def test_a_participant_asks_to_be_contacted_once_however_often_it_is_sent(
    rota: None, client: Any, told: Told
) -> None:
    due, key = await a_link(told), str(uuid4())
    shown = await client.get(f"/c/{TOKEN}/contact")
    assert "A person reads this by" in shown.text
    assert "555-0100" in shown.text
    for _ in range(3):
        asked = await ask(client, key=key)
        assert asked.status_code == 303
    [event] = await told.said("concern-raised")
    assert (event.source, event.participant_id) == ("participant", due.participant_id)
    assert "It has arrived" in (await client.get(asked.headers["location"])).text
    for unknown in ("asked", f"asked={uuid4()}"):
        assert "It has arrived" not in (await client.get(f"/c/{TOKEN}/contact?{unknown}")).text


@pytest.mark.parametrize("about", ["me", "somebody-else"])
async def test_by_when_a_call_is_read_stays_what_was_said_however_often_the_page_is_opened(
    rota: None, client: Any, told: Told, moved_clock: Callable[[float], None], about: str
) -> None:
    await a_link(told)
    page = (await ask(client, about)).headers["location"]
    first = re.findall(r"A person reads this by ([^<]+)\.<", (await client.get(page)).text)
    moved_clock(29 * 60)
    assert re.findall(r"A person reads this by ([^<]+)\.<", (await client.get(page)).text) == first != []
    moved_clock(31 * 60)
    late = (await client.get(page)).text
    assert f"A person was to read this by {first[0]}." in late
    assert "A person reads this by" not in late
    assert "555-0100" in late
    assert "debía leer esto antes de" in (await client.get(page.replace("lang=en", "lang=es"))).text


async def words_of(client: Any, concern_id: object) -> list[tuple[str, str | None]]:
    """What happened to a concern, and what was written."""
    found = (await client.get(f"{API}/concerns/{concern_id}", headers=by(ANA))).json()
    return [(one["kind"], one["text"]) for one in found["steps"]]


async def test_other_words_under_the_same_key_reach_whoever_answers(
    rota: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None]
) -> None:
    """Whoever goes back in the browser, or changes the language, sends the same key once more."""
    await a_link(told)
    key = str(uuid4())
    await ask(client, key=key, text="")
    [event] = await told.said("concern-raised")
    await step(client, {"concern_id": event.concern_id}, "acknowledge", ANA)
    moved_clock(3600)
    for _ in range(2):
        page = (await ask(client, key=key, text="I have taken pills.")).headers["location"]
    await ask(client, key=key, text="")
    assert await words_of(client, event.concern_id) == [
        ("raised", None),
        ("acknowledged", None),
        ("said-more", "I have taken pills."),
    ]
    assert len(await told.said("concern-raised")) == 1
    assert await watch.mails(1) == ["ana@staff.example"]
    more = (await client.get(f"{API}/concerns/{event.concern_id}", headers=by(ANA))).json()["steps"][-1]
    by_when = (datetime.fromisoformat(more["at"]) + timedelta(minutes=30)).astimezone(ZoneInfo("Europe/London"))
    assert f"{by_when:%H:%M}." in (await client.get(page)).text
    moved_clock(3600 + 31 * 60)
    await watch.ring()
    assert len(await told.said("concern-escalated")) == 1


@pytest.mark.parametrize("about", ["me", "somebody-else"])
async def test_other_words_under_the_key_of_a_call_that_is_closed_raise_the_next_one(
    rota: None, client: Any, told: Told, moved_clock: Callable[[float], None], about: str
) -> None:
    await a_link(told)
    key = str(uuid4())
    await ask(client, about, key=key)
    [first] = await told.said("concern-raised")
    await look_after(client, first.concern_id)
    moved_clock(3600)
    for text in (CANARY, "Again, and worse.", "Again, and worse.", "Please."):
        page = (await ask(client, about, key=key, text=text)).headers["location"]
    [_, second] = await told.said("concern-raised")
    assert await words_of(client, first.concern_id) == [
        ("raised", CANARY),
        ("acknowledged", None),
        ("acted-on", "Called."),
        ("closed", "Enough."),
    ]
    assert await words_of(client, second.concern_id) == [("raised", "Again, and worse."), ("said-more", "Please.")]
    assert "A person reads this by" in (await client.get(page)).text


@pytest.mark.parametrize("text", ["", CANARY])
async def test_whoever_asks_again_a_week_after_their_call_was_closed_is_heard_though_they_say_nothing_new(
    rota: None, client: Any, watch: Watch, told: Told, moved_clock: Callable[[float], None], text: str
) -> None:
    await a_link(told)
    key = str(uuid4())
    await ask(client, key=key, text=text)
    [first] = await told.said("concern-raised")
    await look_after(client, first.concern_id)
    moved_clock(7 * 86_400)
    for _ in range(2):
        page = (await ask(client, key=key, text=text)).headers["location"]
    [_, second] = await told.said("concern-raised")
    assert await words_of(client, second.concern_id) == [("raised", text or None)]
    assert await watch.mails(1) == ["ana@staff.example"]
    assert "A person reads this by" in (await client.get(page)).text


async def test_a_form_of_staff_that_is_changed_and_sent_again_is_not_lost(rota: None, client: Any, told: Told) -> None:
    await told.tell(a_site("north-quay"))
    both = bearer("facilitator", "old-town", "north-quay")
    fields = {"site": "old-town", "text": CANARY, "key": str(uuid4())}
    for changes in ({}, {"text": "It was Bo."}, {"site": "north-quay"}):
        sent = await client.post("/feedback/concerns/raise", data=fields | changes, headers=both)
        assert sent.status_code == 303
    here, there = await told.said("concern-raised")
    assert (here.site_id, there.site_id) == (OLD_TOWN, NORTH_QUAY)
    assert await words_of(client, here.concern_id) == [("raised", CANARY), ("said-more", "It was Bo.")]


async def test_whoever_calls_again_while_somebody_has_the_concern_open_is_not_turned_away(
    rota: None, client: Any, told: Told
) -> None:
    await a_link(told)
    key = str(uuid4())
    await ask(client, key=key)
    holding = rivals.held(told.store.machinery, ORGANISATION, "select from concerns for update")
    [again] = await rivals.at_once(holding, ask(client, key=key))
    assert again.status_code == 303
    assert len(await told.said("concern-raised")) == 1


async def test_who_worries_about_somebody_else_is_named_nowhere(rota: None, client: Any, told: Told) -> None:
    due = await a_link(told)
    assert (await ask(client, "somebody-else")).status_code == 303
    [event] = await told.said("concern-raised")
    assert (event.source, event.participant_id) == ("other-participant", None)
    kept = str([await told.rows(f"select * from {name}") for name in ("concerns", "concern_steps", "alerts")])
    for one in (due.participant_id, due.enrolment_id, due.occasion_id):
        assert str(one) not in kept


async def test_without_a_rota_nothing_is_promised(site: None, client: Any, told: Told) -> None:
    await a_link(told)
    shown = (await client.get(f"/c/{TOKEN}/contact?lang=es")).text
    assert "Ahora mismo no hay nadie de guardia" in shown
    assert "555-0100" in shown


async def test_a_form_that_says_nothing_comes_back(rota: None, client: Any, told: Told) -> None:
    await a_link(told)
    answer = await client.post(f"/c/{TOKEN}/contact", data={"key": str(uuid4()), "text": "x" * 3000})
    assert answer.status_code == 422
    assert "Choose for whom." in answer.text
    assert "Please use fewer words." in answer.text
    assert await told.said("concern-raised") == []


async def test_another_language_takes_along_what_was_written(rota: None, client: Any, told: Told) -> None:
    await a_link(told)
    address = f"/c/{TOKEN}/contact?lang=es"
    page = await client.post(
        address, data={"about": "somebody-else", "text": CANARY, "key": str(uuid4()), "show": "es"}
    )
    assert (page.status_code, 'lang="es"' in page.text, CANARY in page.text) == (200, True, True)
    assert 'value="somebody-else" checked' in page.text
    assert await told.said("concern-raised") == []


async def test_what_somebody_writes_may_have_several_lines(rota: None, client: Any, told: Told) -> None:
    await a_link(told)
    assert (await ask(client, text="On the stairs.\r\n\r\nPlease call.")).status_code == 303  # as browsers send it
    [event] = await told.said("concern-raised")
    path = f"/feedback/concerns/{event.concern_id}"
    await client.post(f"{path}/acknowledge", headers=by(ANA))
    done = await client.post(f"{path}/actions", data={"text": "Called.\r\nTwice."}, headers=by(ANA))
    assert done.status_code == 303
    rows = await told.rows("select text from concern_steps where text is not null order by at")
    assert [row["text"] for row in rows] == ["On the stairs.\n\nPlease call.", "Called.\nTwice."]


async def test_a_link_that_is_unknown_leads_nowhere(client: Any) -> None:
    assert (await client.get("/c/AAAAAAAAAAAAAAAAAAAAAA/contact")).status_code == 404
    assert (await ask(client)).status_code == 404


def phq_9(**answers: int) -> dict[str, int]:
    """All 0 but these."""
    return {item.code: 0 for item in LIBRARY["phq-9"].items} | answers


async def answered(client: Any, told: Told, answers: dict[str, int]) -> Any:
    """The wording is loaded by its holder, and somebody answers on a phone."""
    assert (await load(client, "phq-9", a_questionnaire())).status_code in (200, 201)
    due = a_due("phq-9")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    fields = {f"answers.phq-9.{item}": str(value) for item, value in answers.items()}
    page = await client.post(f"/c/{TOKEN}", data=fields)
    assert page.status_code == 200, page.text
    return due, page.text


async def test_a_risk_item_raises_a_concern_under_any_total(rota: None, client: Any, told: Told) -> None:
    due, page = await answered(client, told, phq_9(**{RISK: 1}))
    assert "A person reads this by" in page
    assert "555-0100" in page
    [event] = await told.said("concern-raised")
    assert (event.source, event.participant_id) == ("risk-item", due.participant_id)
    address = f"{API}/concerns/{event.concern_id}"
    assert RISK in (await client.get(address, headers=by(ANA))).json()["steps"][0]["text"]
    assert [one.occasion_id for one in await told.said("check-in-submitted")] == [due.occasion_id]


async def test_whoever_sends_again_as_the_reply_was_lost_is_told_the_same(
    rota: None, client: Any, told: Told, moved_clock: Callable[[float], None]
) -> None:
    """Who reads a bad answer, and by when; later somebody else may hold the phone."""
    _, page = await answered(client, told, phq_9(**{RISK: 1}))
    fields = {f"answers.phq-9.{item}": str(value) for item, value in phq_9(**{RISK: 1}).items()}
    by_when = re.compile(r"A person reads this by ([^<]+)")
    first = by_when.findall(page)
    moved_clock(3600)
    assert by_when.findall((await client.post(f"/c/{TOKEN}", data=fields)).text) == first != []
    assert by_when.findall((await client.get(f"/c/{TOKEN}")).text) == []
    moved_clock(25 * 3600)
    assert by_when.findall((await client.post(f"/c/{TOKEN}", data=fields)).text) == []
    assert len(await told.said("concern-raised")) == 1


async def test_a_second_answer_that_is_not_kept_is_heard_if_it_says_more_of_a_risk(
    rota: None, client: Any, told: Told
) -> None:
    due, _ = await answered(client, told, phq_9())
    fields = {f"answers.phq-9.{item}": str(value) for item, value in phq_9(**{RISK: 1}).items()}
    for _ in range(2):
        page = await client.post(f"/c/{TOKEN}", data=fields)
        assert page.status_code == 410
        assert "What you send now is not kept" in page.text
        assert "A person reads this by" in page.text
    [event] = await told.said("concern-raised")
    assert (event.source, event.participant_id) == ("risk-item", due.participant_id)
    [text] = [row["text"] for row in await told.rows("select text from concern_steps")]
    assert RISK in text


async def test_a_second_answer_that_says_the_same_of_a_risk_raises_no_further_concern(
    rota: None, client: Any, told: Told
) -> None:
    await answered(client, told, phq_9(**{RISK: 1}))
    other = next(item for item in phq_9() if item != RISK)
    fields = {f"answers.phq-9.{item}": str(value) for item, value in phq_9(**{RISK: 2, other: 1}).items()}
    assert "What you send now is not kept" in (await client.post(f"/c/{TOKEN}", data=fields)).text
    assert len(await told.said("concern-raised")) == 1


@pytest.mark.parametrize("why", ["closed", "a day has passed"])
@pytest.mark.parametrize(("first", "second"), [(1, 3), (1, 1), (0, 3)])
async def test_what_is_answered_again_once_nobody_looks_at_it_any_more_is_heard_anew(
    rota: None, client: Any, told: Told, moved_clock: Callable[[float], None], why: str, first: int, second: int
) -> None:
    await answered(client, told, phq_9(**{RISK: first}))
    other = next(item for item in phq_9() if item != RISK)
    fields = {f"answers.phq-9.{item}": str(value) for item, value in phq_9(**{RISK: second, other: 1}).items()}
    if not first:
        await client.post(f"/c/{TOKEN}", data=fields)
    [earlier] = await told.said("concern-raised")
    if why == "closed":
        await look_after(client, earlier.concern_id)
    moved_clock(25 * 3600)
    for _ in range(2):
        page = (await client.post(f"/c/{TOKEN}", data=fields)).text
    raised_at = [one.raised_at for one in await told.said("concern-raised")]
    assert len(raised_at) == 2
    assert len(await told.rows("select from alerts")) == 2
    by_when = (raised_at[1] + timedelta(minutes=30)).astimezone(ZoneInfo("Europe/London"))
    assert re.search(rf"A person reads this by [^<]*\b{by_when.day}\b[^<]*{by_when:%H:%M}\.<", page)


async def test_no_word_alone_raises_one(rota: None, client: Any, told: Told) -> None:
    due = a_due("monthly-check-in")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    text = "My neighbour talked of suicide again, and of self-harm."
    page = await client.post(f"/c/{TOKEN}", data={"texts.monthly-check-in.one-change": text})
    assert page.status_code == 200
    assert await told.said("concern-raised") == []


async def test_a_high_total_alone_raises_none(rota: None, client: Any, told: Told) -> None:
    rest = {item: 3 for item in phq_9() if item != RISK}
    _, page = await answered(client, told, phq_9(**rest))
    assert "A person reads this by" not in page
    assert await told.said("concern-raised") == []


async def test_what_can_raise_a_concern_is_asked_only_where_somebody_is_on_call(client: Any, told: Told) -> None:
    await told.tell(a_site(), a_program())
    assert (await load(client, "phq-9", a_questionnaire())).status_code == 201
    entries = {"entries": [{"occasion": "baseline", "kind": "baseline", "instruments": ["phq-9"]}]}
    refused = await client.put(f"{API}/batteries/evening-circle", json=entries, headers=ADMINISTRATOR)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "rota-gap"
    assert (await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=ADMINISTRATOR)).status_code == 200
    taken = await client.put(f"{API}/batteries/evening-circle", json=entries, headers=ADMINISTRATOR)
    assert taken.status_code == 200, taken.text


async def test_words_that_can_raise_a_concern_need_somebody_on_call(client: Any, told: Told) -> None:
    await told.tell(a_site(), a_program())
    entries = {"entries": [{"occasion": "baseline", "kind": "baseline", "instruments": ["phq-9"]}]}
    totals = await client.put(f"{API}/batteries/evening-circle", json=entries, headers=ADMINISTRATOR)
    assert totals.status_code == 200, totals.text
    refused = await load(client, "phq-9", a_questionnaire())
    assert (refused.status_code, refused.json()["code"]) == (409, "rota-gap")
    assert "old-town" in refused.json()["title"]
    assert await told.rows("select * from wordings") == []
    assert (await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=ADMINISTRATOR)).status_code == 200
    assert (await load(client, "phq-9", a_questionnaire())).status_code == 201


async def test_operators_are_told_when_nobody_can_be_told(
    rota: None, client: Any, store: Any, moved_clock: Callable[[float], None]
) -> None:
    """No mail server is set, so whoever is on call hears nothing: no timer is late, and no event waits."""
    await raised(client)
    nowhere = Watch(store, Mailbox(Path("/nowhere")), "smtp://127.0.0.1:1")

    async def held_up() -> bool:
        letters = (await examine("feedback", store.machinery, "127.0.0.1:1", ())).letters
        return bool(letters and letters.held_up)

    await nowhere.work(held_up)
    moved_clock(360)
    found = await examine("feedback", store.machinery, "127.0.0.1:1", ())
    assert "1 message to people cannot be sent, the first for 6 minutes now." in {one.what for one in found.findings}
