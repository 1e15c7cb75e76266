"""Recovering without a programmer: an operator finds out what is wrong, and mends it, on the page and in a terminal."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from playwright.async_api import Page, expect
from typer.testing import CliRunner

from deploy.cli.app import app
from shared.identity import new_id, organisation_id
from tests.conftest import eventually
from tests.journeys.conftest import Kith
from tests.web.looking import DESK, DESK_AT_NIGHT, PHONE, look

ORGANISATION = "harbour-trust"
TOPIC = "kith.participants"
HEARERS = ("scheduling", "feedback", "analytics")
Send = Callable[..., Awaitable[None]]


@pytest.fixture
async def send(kith: Kith) -> AsyncIterator[Send]:
    """Sends what a broken program would send."""
    producer = AIOKafkaProducer(bootstrap_servers=kith.system.urls["kafka"])
    await producer.start()

    async def one(participant: UUID, version: int, value: bytes | None = None, **headers: bytes | None) -> None:
        given = {
            "content-type": b"application/json",
            "ce_specversion": b"1.0",
            "ce_id": str(new_id()).encode(),
            "ce_source": b"/kith/a-broken-program",
            "ce_type": b"org.kith.participant-completed.v1",
            "ce_subject": str(participant).encode(),
            "ce_time": b"2025-03-04T18:00:00Z",
            "ce_organisation": str(organisation_id(ORGANISATION)).encode(),
            "ce_aggregateversion": str(version).encode(),
        } | headers
        body = {"participant_id": str(participant), "enrolment_id": str(uuid4()), "completed_on": "2025-03-04"}
        sent = json.dumps(body).encode() if value is None else value
        await producer.send_and_wait(TOPIC, sent, key=str(participant).encode(), headers=list(given.items()))

    yield one
    await producer.stop()


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """The command says nothing of what a handler logs; here it runs in our process."""
    yield
    structlog.reset_defaults()


async def command(kith: Kith, *words: str, **environment: str) -> tuple[int, str, str]:
    """The command as it is typed on this machine, in this process: a new one for each would take minutes."""
    given: dict[str, str | None] = {"KITH_DATA": str(kith.system.settings.data), **environment}
    answer = await asyncio.to_thread(CliRunner().invoke, app, list(words), env=given)
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, answer.stdout, answer.stderr


async def facts(kith: Kith, *words: str, **environment: str) -> tuple[int, Any]:
    """Its exit status and its JSON."""
    status, out, err = await command(kith, *words, "--json", **environment)
    assert out, err
    return status, json.loads(out)


async def waiting(kith: Kith, *participants: UUID) -> dict[str, list[Any]]:
    """What waits of these participants, by service."""
    _, found = await facts(kith, "parked", "list")
    wanted = set(map(str, participants))
    return {name: [one for one in found if one["service"] == name and one["key"] in wanted] for name in HEARERS}


async def all_wait(kith: Kith, count: int, *participants: UUID) -> bool:
    found = await waiting(kith, *participants)
    return all(sum(one["count"] for one in found[name]) == count for name in HEARERS)


async def test_an_operator_recovers_in_a_terminal(kith: Kith, send: Send) -> None:
    bad, late = uuid4(), uuid4()
    raw = b'{"participant_id": \xff\x00}'
    await send(bad, 1, raw, ce_null=None)
    await send(bad, 2)
    for version in (1, 3):
        await send(late, version)
    await eventually(lambda: all_wait(kith, 3, bad, late))

    status, found = await facts(kith, "doctor")
    assert status == 1
    assert {one["service"] for one in found if "parked" in [each["code"] for each in one["findings"]]} == set(HEARERS)

    key = (TOPIC, str(bad))
    status, shown = await facts(kith, "parked", "show", "feedback", *key)
    assert (status, len(shown["events"])) == (0, 2)
    assert base64.b64decode(shown["events"][0]["value_base64"]) == raw
    assert (shown["key"]["reason"], shown["key"]["field"], shown["key"]["behind"]) == ("null-header", "ce_null", 1)

    status, [stuck] = await facts(kith, "parked", "replay", "feedback", *key)
    assert (status, stuck["left"], stuck["blocked_by"]["field"]) == (1, 2, "ce_null")
    for service in HEARERS:
        why = ("--reason", "A broken program sent it.")
        assert (await command(kith, "parked", "drop", service, *key, "--first", *why))[0] == 0
        gap = ("--accept-gap", "--reason", "Version 2 was never said.")
        status, out, _ = await command(kith, "parked", "replay", service, TOPIC, str(late), *gap)
        assert (status, "1 took effect" in out) == (0, True)
    status, outcomes = await facts(kith, "parked", "replay", "--all")
    assert (status, [one["handled"] for one in outcomes]) == (0, [1, 1, 1])
    assert await all_wait(kith, 0, bad, late)
    status, out, _ = await command(kith, "parked", "show", "feedback", *key)
    assert (status, out) == (1, "")


async def test_events_can_be_looked_at_found_and_verified(kith: Kith, send: Send) -> None:
    async with await kith.doors("looked-at-house", "administrator") as doors:
        await doors.ask("PUT", "/intake/api/v1/organisation", json={"name": "A house"})

    async def said() -> Any:
        _, out, _ = await command(kith, "events", "tail", "--organisation", "looked-at-house", "--json")
        return [json.loads(line) for line in out.splitlines()]

    [event] = await eventually(said)
    assert event["topic"] == "kith.organisations"
    headers = {one["name"]: one["text"] for one in event["headers"]}
    status, found = await facts(kith, "events", "show", headers["ce_id"])
    assert (status, found["where"], found["parked"], found["not_asked"]) == (0, "the event log of intake", {}, [])
    assert base64.b64decode(found["value"]) == base64.b64decode(event["value"])

    foreign = new_id()
    await send(uuid4(), 1, ce_id=str(foreign).encode())
    status, found = await facts(kith, "events", "show", str(foreign))
    assert (status, found["topic"], found["where"].partition(" at ")[0]) == (0, TOPIC, "Kafka")
    assert (await command(kith, "events", "show", str(uuid4())))[0] == 1

    status, [result] = await facts(kith, "events", "verify", "kith.organisations")
    assert (status, result["faults"]) == (0, {})
    assert result["events"] >= result["keys"] > 0
    status, _, err = await command(kith, "events", "verify", "kith.never-made")
    assert (status, "There is no topic kith.never-made." in err) == (1, True)


async def test_in_a_container_each_service_is_asked_about_its_own_store_alone(kith: Kith, send: Send) -> None:
    bad, ce_id = uuid4(), new_id()
    await send(bad, 1, b"{", ce_id=str(ce_id).encode())
    await eventually(lambda: all_wait(kith, 1, bad))
    own = kith.system.addresses.environment("feedback", "feedback")
    inside = {"KITH_DATABASE_MACHINERY": own["KITH_DATABASE_MACHINERY"]}
    _, found = await facts(kith, "events", "show", str(ce_id), **inside)
    assert (list(found["parked"]), found["not_asked"]) == (["feedback"], ["intake", "scheduling", "analytics"])
    for one, status in ((ce_id, 0), (uuid4(), 1)):
        ended, out, err = await command(kith, "events", "show", str(one), **inside)
        whom = "Not asked, because their stores cannot be reached from here: intake, scheduling, analytics."
        assert (ended, whom in out + err) == (status, True)
    why = ("--reason", "A test sent it.")
    status, _, err = await command(kith, "parked", "drop", "intake", TOPIC, str(bad), *why, **inside)
    assert (status, "is the store of feedback, not of intake." in err) == (1, True)
    assert await all_wait(kith, 1, bad)
    assert (await command(kith, "parked", "drop", "feedback", TOPIC, str(bad), *why, **inside))[0] == 0
    for service in ("scheduling", "analytics"):
        assert (await command(kith, "parked", "drop", service, TOPIC, str(bad), *why))[0] == 0


async def test_a_record_that_cannot_be_read_hides_nothing_behind_it(kith: Kith) -> None:
    topic, broker = "kith.strange", kith.system.urls["kafka"]
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    for name in (b"one=1", b"\xff\xfe=1", b"two=2"):
        words = ("-P", "-b", broker, "-t", topic, "-k", "some-key", b"-H", name)
        kcat = await asyncio.create_subprocess_exec("kcat", *words, stdin=asyncio.subprocess.PIPE)
        await kcat.communicate(b"{}")
    status, [result] = await facts(kith, "events", "verify", topic)
    assert (status, result["events"]) == (1, 3)
    assert result["faults"]["bad-header"] == 1


async def test_following_shows_an_event_as_soon_as_it_is_said(kith: Kith, send: Send) -> None:
    participant = uuid4()
    words = ("events", "tail", "--follow", "--since", "1m", "--subject", str(participant))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "deploy.cli", *words),
        env=os.environ | {"KITH_DATA": str(kith.system.settings.data)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await send(participant, 1)
        assert process.stdout
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
        assert str(participant) in line.decode()
    finally:
        process.kill()
        await process.wait()


async def test_the_doctor_names_what_is_down_and_what_to_do(kith: Kith, send: Send) -> None:
    async def all_is_well() -> bool:
        status, out, _ = await command(kith, "doctor")
        return status == 0 and "All is well." in out

    await eventually(all_is_well)

    late = kith.clock.with_name("later")
    late.write_text(str(float(kith.clock.read_text()) + 7200))
    found: list[Any] = []

    async def only_analytics_is_behind() -> bool:
        status, found[:] = await facts(kith, "doctor", KITH_CLOCK_FILE=str(late))
        codes = {one["service"]: {each["code"] for each in one["findings"]} for one in found}
        away = codes["analytics"] - {"timers-late"} == {"process-away", "lag"}  # late if cells were to be counted
        return status == 1 and away and not codes["feedback"]

    kith.system.kill("analytics")
    try:
        await send(uuid4(), 1)
        await eventually(only_analytics_is_behind)
        assert [one["processes"] for one in found][-2:] == [{"feedback": "answers"}, {"analytics": "away"}]
        [lag] = [one for one in found[-1]["topics"] if one["behind"]]
        assert (lag["topic"], lag["behind"]) == (TOPIC, 1)
    finally:
        await kith.system.start_one("analytics")
    await eventually(all_is_well)

    kith.system.kill("kafka")
    status, out, _ = await command(kith, "doctor")
    assert (status, "The broker does not answer." in out) == (1, True)
    assert "1 thing needs a person:" in out
    status, _, err = await command(kith, "events", "verify", "--all")
    assert (status, "Kafka does not answer" in err) == (1, True)
    await kith.system.start_one("kafka")
    await eventually(all_is_well)


async def test_an_operator_recovers_on_the_page(
    kith: Kith, send: Send, sign_in: Callable[[str], Awaitable[Page]]
) -> None:
    bad, gap = uuid4(), uuid4()
    await send(bad, 1, b'{"participant_id": "%s", "completed_on": "someday"}' % str(bad).encode())
    await send(bad, 2)
    for version in (1, 3):
        await send(gap, version)
    await eventually(lambda: all_wait(kith, 3, bad, gap))

    page = await sign_in("Ira Novak")
    await page.get_by_role("link", name="Operations").click()
    await page.get_by_role("link", name="Feedback").click()
    await look(page, "operations", PHONE, DESK)
    await page.get_by_role("link", name=f"Look at {bad}").click()
    await page.locator("summary").first.click()
    await look(page, "operations-key", PHONE, DESK, DESK_AT_NIGHT)

    await page.get_by_role("button", name="Replay 2 events").click()
    await expect(page.get_by_text("The first event still cannot take effect.")).to_be_visible()
    await page.get_by_role("button", name="Drop the first").click()
    await expect(page.locator(".error-summary")).to_be_focused()
    await look(page, "operations-key-error", PHONE, DESK)
    await page.get_by_label("Reason").fill("No such day.")
    await page.get_by_role("button", name="Drop the first").click()
    await expect(page.get_by_text("1 event is dropped.")).to_be_visible()
    await page.get_by_role("button", name="Replay").click()
    await expect(page.get_by_text("1 event has taken effect.")).to_be_visible()
    await expect(page.get_by_text("No such day.")).to_be_visible()

    await page.get_by_role("link", name=f"Look at {gap}").click()
    await page.get_by_label("Reason").fill("It was never said.")
    await page.get_by_role("button", name="Accept the gap and replay").click()
    await expect(page.get_by_text("1 event has taken effect.")).to_be_visible()
    await look(page, "operations-well", PHONE, DESK)
    for service in ("scheduling", "analytics"):
        for participant in (bad, gap):
            why = ("--reason", "A test sent it.", "--by", "Ola of the night shift")
            assert (await command(kith, "parked", "drop", service, TOPIC, str(participant), *why))[0] == 0
    assert await all_wait(kith, 0, bad, gap)
    await page.goto(f"{kith.url}/scheduling/operations")
    await expect(page.get_by_text("Ola of the night shift").first).to_be_visible()


async def test_coordinators_have_no_such_page(kith: Kith, sign_in: Callable[[str], Awaitable[Page]]) -> None:
    page = await sign_in("Ana Ruiz")
    await expect(page.get_by_role("link", name="Operations")).to_have_count(0)
    answer = await page.goto(f"{kith.url}/feedback/operations")
    assert answer
    assert answer.status == 403
