"""`kith parked replay`: an outage at one key keeps no other waiting, and what took effect before it stays so."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from aiokafka import ConsumerRecord
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.cli.replaying import HELD_UP, replay_all, replay_one
from shared import clock
from shared.identity import new_id, organisation_id
from shared.inbox import store as inbox
from shared.inbox.decode import Unreadable, decode
from shared.inbox.parked import Decision
from tests.conftest import eventually

TOPIC = "kith.participants"
HOUSE = organisation_id("harbour-trust")
WHY = Unreadable("handler-failed", None, "The program could not take it in.")


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
async def store(fresh_store: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store of feedback, to the command one whose locks are not waited for long."""
    opened = await fresh_store("feedback")
    monkeypatch.setenv("KITH_DATABASE_MACHINERY", f"{opened.dsn_machinery}?lock_timeout=1500ms")
    return opened


def record(participant: UUID, version: int, part: int) -> Any:
    headers = {
        "ce_id": str(new_id()),
        "ce_type": "org.kith.participant-completed.v1",
        "ce_time": "2025-03-04T18:00:00Z",
        "ce_organisation": str(HOUSE),
        "ce_aggregateversion": str(version),
    }
    body = {"participant_id": str(participant), "enrolment_id": str(uuid4()), "completed_on": "2025-03-04"}
    sent = tuple((name, text.encode()) for name, text in headers.items())
    return ConsumerRecord(
        TOPIC, part, version, 0, 0, str(participant).encode(), json.dumps(body).encode(), None, 0, 0, sent
    )


async def park(store: Any, part: int, *versions: int) -> str:
    """The key of somebody of whom these events wait, as an earlier program could not take them in."""
    participant = uuid4()
    async with store.machinery.transaction(HOUSE) as tx:
        await tx.execute("insert into machinery.offsets values ($1, $2, 9999, null, $3)", TOPIC, part, clock.now())
        await inbox.park(tx, [(decode(record(participant, one, part)), WHY) for one in versions], clock.now())
    return str(participant)


@asynccontextmanager
async def busy(store: Any, part: int) -> AsyncIterator[None]:
    """A batch of this partition is under way."""
    async with store.machinery.transaction() as tx:
        await tx.fetch("select from machinery.offsets where topic = $1 and part = $2 for update", TOPIC, part)
        yield


def waiters(store: Any, count: int) -> Callable[[], Awaitable[Any]]:
    """Whether so many wait for somebody else's lock in this store."""
    return lambda: store.machinery.pool.fetchval(
        "select count(*) = $1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        count,
    )


async def test_a_key_that_is_held_up_keeps_no_other_waiting(store: Any) -> None:
    keys = [await park(store, part, 1) for part in range(3)]
    words = ["parked", "replay", "feedback", "--all", "--json"]
    async with busy(store, 1):
        answer = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert answer.exit_code == 1, answer.output
    became = {one["key"]: one for one in json.loads(answer.stdout)}
    assert [(became[key]["handled"], became[key]["left"]) for key in keys] == [(1, 0), (0, 1), (1, 0)]
    assert became[keys[1]]["blocked_by"]["reason"] == HELD_UP
    again = await asyncio.to_thread(CliRunner().invoke, app, words[:-1])
    assert (again.exit_code, again.stdout) == (0, f"feedback  {TOPIC}  {keys[1]}  1 took effect.\n")


async def test_a_store_that_is_away_keeps_no_other_waiting(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await park(store, 0, 1)
    outcomes, [sentence] = await replay_all(["no-such-service", "feedback"], quiet=True)
    assert sentence.startswith("no-such-service is no service:")
    assert [(service, topic, one, done.handled) for service, topic, one, done in outcomes] == [
        ("feedback", TOPIC, key, 1)
    ]
    monkeypatch.setenv("KITH_DATABASE_MACHINERY", "postgresql://feedback_machinery@127.0.0.1:1/feedback")
    answer = await asyncio.to_thread(CliRunner().invoke, app, ["parked", "replay", "feedback", "--all"])
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "The store of feedback does not answer" in answer.stderr


async def test_a_gap_is_passed_once_although_an_outage_comes_behind_it(store: Any) -> None:
    key = await park(store, 0, *range(3, 503), 504)  # more than one transaction takes, and a second gap behind that
    async with store.machinery.transaction(HOUSE) as tx:
        await inbox.save_versions(tx, {(TOPIC, key): 1})
    gap = Decision("Ira Novak", "Version 2 was never said.", clock.now())

    async def hold(seconds: float) -> None:
        async with busy(store, 0):
            await asyncio.sleep(seconds)

    async with busy(store, 0):
        replaying = asyncio.create_task(replay_one("feedback", TOPIC, key, gap))
        await eventually(waiters(store, 1))
        behind = asyncio.create_task(hold(2))  # gets the lock between the first transaction and the second
        await eventually(waiters(store, 2))
    [(*_, done)], _ = await replaying
    await behind
    assert (done.handled, done.left) == (500, 1)
    assert done.blocked_by
    assert (done.blocked_by.reason, done.blocked_by.message) == ("version-gap", "Version 503 is missing before 504.")
    acts = await store.machinery.pool.fetch("select act, version from machinery.operator_acts")
    assert [tuple(one) for one in acts] == [("gap-accepted", 3)]


async def test_how_far_the_log_is_heard_is_said_of_a_moment_in_which_nobody_replays(fresh_store: Any) -> None:
    opened = await fresh_store("analytics")
    await park(opened, 0, 1)

    async def hold_still() -> Any:
        async with opened.machinery.transaction(HOUSE) as tx:
            return await tx.fetchval("select hold_still()")

    async with busy(opened, 0):
        asking = asyncio.create_task(hold_still())
        await eventually(waiters(opened, 1), 30)
    assert (await asking)["offsets"] == {f"{TOPIC}/0": 9999}
