"""A store that was restored from an older backup: it says nothing before it knows what it has said."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.kafka.topics import ensure_topics
from deploy.local.ports import free_port
from shared import clock, erasing, service
from shared.database import Database, Tx
from shared.events import PARTITIONS, TOPICS
from shared.inbox.batch import Applying
from shared.inbox.hearing import Hearing
from shared.inbox.positions import Lost
from shared.operations import ahead
from shared.operations.health import examine
from shared.outbox import Relay
from shared.outbox import relay as relaying
from shared.outbox.sending import EVERY, PARTITIONER
from shared.timers import Timer, set_timer
from shared.web import Pages
from tests.conftest import Parts, admin_client, eventually, running
from tests.doors import running_on
from tests.shared.conftest import ORGANISATION, Register, numbers_heard, say
from tests.shared.test_delivery import damaged
from tests.stores import Store

SERVICE = "intake"
ALL_LEAVE = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = any($1)"
AGAIN = """
    insert into machinery.outbox (lane, topic, key, version, headers, value, put_at)
    select 0, topic, key, version, headers, value, put_at from machinery.event_log where key = $1 order by version"""
LOGS = "select topic, key, version, headers from machinery.event_log order by 1, 2, 3"


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def said(parcels: Any) -> Any:
    """An event that a service says which the command knows."""
    parcels.speaker = SERVICE
    return parcels


@pytest.fixture
async def speaker(fresh_store: Any) -> Any:
    return await fresh_store(SERVICE)


@pytest.fixture
async def hearer(fresh_store: Any) -> Any:
    opened = await fresh_store()
    await Register.make(opened.dsn_admin)
    return opened


@asynccontextmanager
async def restored(store: Store, service: str = SERVICE) -> AsyncIterator[Any]:
    """A copy of the store as it is now, to go back to later."""
    server, _, name = store.dsn_admin.rpartition("/")
    copy = f"backup_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(f"{server}/postgres")
    try:
        await admin.execute(f"alter database {name} allow_connections false")
        await admin.fetch(ALL_LEAVE, [name])
        await admin.execute(f"create database {copy} template {name} owner {service}_owner")
        await admin.execute(f"alter database {name} allow_connections true")
        await admin.execute(f"grant all on database {copy} to {service}, {service}_machinery")
        dsn, dsn_machinery, dsn_admin = (
            one.replace(name, copy) for one in (store.dsn, store.dsn_machinery, store.dsn_admin)
        )
        doors = await Database.open(dsn, size=4, name="test doors")
        machinery = await Database.open(dsn_machinery, size=4, name="test machinery")
        yield Store(dsn, dsn_machinery, dsn_admin, doors, machinery)
        await doors.close()
        await machinery.close()
        await admin.execute(f"drop database {copy} with (force)")
    finally:
        await admin.close()


def relay(store: Any, parts: Parts) -> Relay:
    """As a process of the service has it."""
    return Relay(store.machinery, parts.kafka, partial(ahead.guard, store.machinery, parts.kafka, SERVICE))


def in_partition(part: int) -> UUID:
    """A key whose events go there."""
    return next(one for one in iter(uuid4, None) if PARTITIONER(str(one).encode(), EVERY, EVERY) == part)


async def stops(store: Any, parts: Parts) -> str:
    """Why a process of the service stops."""
    with pytest.raises(Lost) as why:
        async with asyncio.timeout(60):
            await relay(store, parts).run()
    return str(why.value)


async def left(store: Any, parts: Parts) -> None:
    """All that waited has left."""
    async with running(relay(store, parts).run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))


def hearing(store: Any, parts: Parts, said: Any) -> Hearing:
    applying = Applying({said: Register.on_parcel_sent}, keeps_heard=True)
    return Hearing(store.machinery, parts.kafka, f"g-{said.topic}", applying)


async def adopt(store: Any, parts: Parts, *more: str) -> Any:
    """What the command says."""
    await ensure_topics(parts.kafka, TOPICS)
    words = ["adopt", SERVICE, "--by", "Ira Novak", *more]
    given = {"KITH_DATABASE_MACHINERY": store.dsn_machinery, "KITH_KAFKA": parts.kafka}
    answer = await asyncio.to_thread(CliRunner().invoke, app, words, env=given)
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout) if "--json" in more else answer.stdout


async def test_a_store_that_is_older_than_what_it_said_says_nothing(speaker: Any, parts: Parts, said: Any) -> None:
    known, fresh = uuid4(), uuid4()
    await say(speaker, said, known, 1)
    await left(speaker, parts)
    async with restored(speaker) as backup:
        await say(speaker, said, known, 2)
        await say(speaker, said, fresh, 1)
        await left(speaker, parts)
        await say(backup, said, known, 7)
        for _ in range(2):
            why = await stops(backup, parts)
            assert re.match(rf"{said.topic}/\d+: offset \d+ .*`kith adopt {SERVICE} --by NAME`", why)
        assert await backup.machinery.pool.fetchval("select count(*) from machinery.outbox") == 1
        health = await examine(SERVICE, backup.machinery, parts.kafka, ())
        assert health.findings[0].code == "store-older"
        assert f"kith adopt {SERVICE}" in health.findings[0].todo
    assert [one.code for one in (await examine(SERVICE, speaker.machinery, parts.kafka, ())).findings] == []


async def test_what_is_said_after_adopting_is_heard(speaker: Any, hearer: Any, parts: Parts, said: Any) -> None:
    known, fresh, still = ids = [uuid4() for _ in range(3)]
    for one in (known, still):
        await say(speaker, said, one, 1)
    await left(speaker, parts)
    async with restored(speaker) as backup:
        await say(speaker, said, known, 2, 3)
        await say(speaker, said, fresh, 1)
        await left(speaker, parts)
        await speaker.machinery.pool.execute(AGAIN, str(known))
        await left(speaker, parts)
        await say(backup, said, known, 7, 8, 9)  # before anybody has noticed
        dry = await adopt(backup, parts, "--dry-run", "--json")
        assert len(dry["taken"]) == 3
        assert await backup.machinery.pool.fetchval("select count(*) from machinery.operator_acts") == 0

        done = await adopt(backup, parts, "--json")
        assert {(one["subject"], one["version"]) for one in done["taken"]} == {
            (str(known), 2), (str(known), 3), (str(fresh), 1),
        }  # fmt: skip
        assert {one["type"] for one in done["taken"]} == {said.wire}
        assert (done["passed_over"], done["moved"]) == ([], 3)
        before = await speaker.machinery.pool.fetch(LOGS)
        after = await backup.machinery.pool.fetch(LOGS)
        assert set(map(tuple, before)) <= set(map(tuple, after))
        acts = await backup.machinery.pool.fetch("select who, act, topic, version from machinery.operator_acts")
        assert {tuple(row) for row in acts} == {("Ira Novak", "adopted", said.topic, one) for one in (1, 2, 3)}
        assert "nothing that the store" in await adopt(backup, parts)

        await say(backup, said, fresh, 5)
        await left(backup, parts)
        async with running(hearing(hearer, parts, said).run()):
            await eventually(lambda: hearer.machinery.pool.fetchval("select count(*) = 9 from register"))
        assert [await numbers_heard(hearer, one) for one in ids] == [[1, 2, 3, 7, 8, 9], [1, 5], [1]]
        assert await hearer.machinery.pool.fetchval("select count(*) from machinery.parked") == 0


async def test_what_was_dropped_by_hearers_is_said_again(speaker: Any, hearer: Any, parts: Parts, said: Any) -> None:
    parcel = uuid4()
    await say(speaker, said, parcel, 1)
    await left(speaker, parts)
    async with restored(speaker) as backup:
        await say(speaker, said, parcel, 2, 3)
        await left(speaker, parts)
        await say(backup, said, parcel, 7, 8, 9)
        async with running(Relay(backup.machinery, parts.kafka).run(), hearing(hearer, parts, said).run()):  # unguarded
            await eventually(lambda: hearer.machinery.pool.fetchval("select count(*) = 4 from register"))
            assert await numbers_heard(hearer, parcel) == [1, 2, 3, 9]
        assert "2 events of 1 aggregate would be taken" in await adopt(backup, parts, "--dry-run")
        done = await adopt(backup, parts, "--json")
        assert (len(done["taken"]), done["moved"]) == (2, 3)
        await left(backup, parts)
        async with running(hearing(hearer, parts, said).run()):
            await eventually(lambda: hearer.machinery.pool.fetchval("select count(*) >= 7 from register"))
        assert await numbers_heard(hearer, parcel) == [1, 2, 3, 9, 7, 8, 9]  # what was said last is what stays
        rows = await backup.machinery.pool.fetch("select version, value from machinery.event_log order by version")
        kept = [(row["version"], json.loads(row["value"])["number"]) for row in rows]
        assert kept == [(1, 1), (2, 2), (3, 3), (4, 9), (5, 7), (6, 8), (7, 9)]  # as the log has them
        assert "nothing that the store" in await adopt(backup, parts)


async def test_what_earlier_runs_have_taken_is_told_again_also_where_one_ends_by_an_outage(
    speaker: Any, parts: Parts, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(said, "erases", True)
    first, second = uuid4(), uuid4()
    await left(speaker, parts)
    async with restored(speaker) as backup:
        await say(speaker, said, first, 1, 2)
        await left(speaker, parts)
        one = await adopt(backup, parts, "--json")
        await say(speaker, said, second, 1)  # as if the first run had been killed before it came to this one
        await left(speaker, parts)
        two = await adopt(backup, parts, "--json")
        told = [(event["subject"], event["version"], event["earlier"]) for event in two["taken"]]
        assert told == [(str(first), 1, True), (str(first), 2, True), (str(second), 1, False)]
        assert [event | {"earlier": True} for event in one["taken"]] == two["taken"][:2]

        words = ["adopt", SERVICE, "--by", "Ira Novak"]
        away = {"KITH_DATABASE_MACHINERY": backup.dsn_machinery, "KITH_KAFKA": "127.0.0.1:1"}
        for more in ([], ["--json"]):
            answer = await asyncio.to_thread(CliRunner().invoke, app, words + more, env=away)
            assert (answer.exit_code, "Kafka does not answer" in answer.stderr) == (1, True)
            if more:
                told_again = json.loads(answer.stdout)
                assert (len(told_again["taken"]), told_again["complete"]) == (3, False)
            else:
                assert f"3  {said.wire} (earlier)" in answer.stdout
                assert "nothing that the store" not in answer.stdout
                assert "erased since (3)" in answer.stdout
        assert "erased since (3)" in await adopt(backup, parts)


async def test_an_event_that_nobody_has_heard_as_another_had_its_version_stops_nothing_once_it_is_passed_over(
    speaker: Any, parts: Parts, said: Any
) -> None:
    parcel = uuid4()
    await say(speaker, said, parcel, 1)
    await left(speaker, parts)
    async with restored(speaker) as backup:
        await say(backup, said, parcel, 7)
        await left(backup, parts)
        await say(speaker, said, parcel, 2)  # the old one runs still
        async with running(Relay(speaker.machinery, parts.kafka).run()):
            await eventually(lambda: speaker.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
        await stops(backup, parts)
        done = await adopt(backup, parts, "--json")
        assert (done["taken"], len(done["passed_over"]), done["moved"]) == ([], 1, 0)
        await say(backup, said, parcel, 8)
        await left(backup, parts)
        rows = await backup.machinery.pool.fetch("select version from machinery.event_log order by version")
        assert [row["version"] for row in rows] == [1, 2, 3]


async def test_what_was_sent_and_not_confirmed_stops_nothing_and_keeps_its_version(
    speaker: Any, parts: Parts, said: Any
) -> None:
    parcel = uuid4()
    await say(speaker, said, parcel, 1)
    async with restored(speaker) as backup:  # as if the answer to what leaves now were never written down
        await left(speaker, parts)
        assert "nothing that the store" in await adopt(backup, parts)
        await left(backup, parts)
        rows = await backup.machinery.pool.fetch("select version from machinery.event_log")
        assert [row["version"] for row in rows] == [1]


async def test_what_is_of_nobody_or_of_whom_was_erased_stops_nothing(speaker: Any, parts: Parts, said: Any) -> None:
    await ensure_topics(parts.kafka, TOPICS)
    await left(speaker, parts)  # every topic is empty, or has nothing of ours
    gone, stays = uuid4(), uuid4()
    await say(speaker, said, gone, 1, 2)
    await say(speaker, said, stays, 1)
    await left(speaker, parts)
    async with speaker.machinery.transaction(ORGANISATION) as tx:
        await erasing.remember(tx, [gone], clock.now())
        for table in ("event_log", "aggregate_versions"):
            await tx.execute(f"delete from machinery.{table} where key = $1", str(gone))
    good = headers_of(said, uuid4())
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
    await producer.start()
    for value, headers in ((b"\xff", good), (b"{}", []), (None, good), (b"{}", [*good, ("bad", b"\xff\x00")])):
        await producer.send_and_wait(said.topic, value, key=str(uuid4()).encode(), headers=headers)
    key = str(uuid4())
    body = b'{"parcel_id": "%s", "number": 1}' % key.encode()
    others = [(name, b"/kith/of-nobody" if name == "ce_source" else value) for name, value in good]
    await producer.send_and_wait(said.topic, body, key=key.encode(), headers=others)
    await say(speaker, said, stays, 2)
    await left(speaker, parts)
    await producer.send_and_wait(said.topic, body, key=key.encode(), headers=good)  # this is as if we had said it
    await producer.stop()
    await stops(speaker, parts)


def headers_of(said: Any, event_id: UUID) -> list[tuple[str, bytes]]:
    return [
        ("ce_id", str(event_id).encode()),
        ("ce_source", f"/kith/{SERVICE}".encode()),
        ("ce_type", said.ce_type().encode()),
        ("ce_time", b"2025-03-04T18:00:00Z"),
        ("ce_organisation", str(ORGANISATION).encode()),
        ("ce_aggregateversion", b"1"),
    ]


async def test_what_the_broker_does_not_show_holds_nothing_up_and_hides_nothing_else(
    speaker: Any, parts: Parts, said: Any, data_folder: Path
) -> None:
    async with restored(speaker) as backup:
        for _ in range(200):
            await say(speaker, said, uuid4(), 1)
        await left(speaker, parts)
        [segment] = data_folder.glob(f"**/{said.topic}-0/*0.log")
        with damaged(segment):
            await ahead.guard(speaker.machinery, parts.kafka, SERVICE)
            with pytest.raises(Lost):
                await ahead.guard(backup.machinery, parts.kafka, SERVICE)


async def test_what_was_not_shown_at_the_start_is_looked_at_later(
    speaker: Any, parts: Parts, said: Any, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "LOOK_AGAIN_SECONDS", 0.2)
    hidden, other = in_partition(0), in_partition(1)
    async with restored(speaker) as backup:
        await say(speaker, said, hidden, 1)
        await left(speaker, parts)
        [segment] = data_folder.glob(f"**/{said.topic}-0/*0.log")
        with damaged(segment):
            one = asyncio.create_task(relay(backup, parts).run())
            for number in (1, 2):  # nothing is held up, also while it is looked at again
                await say(backup, said, other, number)
                await eventually(lambda: backup.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
            assert not one.done()
        with pytest.raises(Lost, match=f"{said.topic}/0"):
            async with asyncio.timeout(60):
                await one


@pytest.mark.parametrize("is_older", [True, False])
async def test_no_clock_rings_in_a_store_that_is_older_and_none_waits_for_kafka(
    speaker: Any, parts: Parts, said: Any, is_older: bool
) -> None:
    rang = asyncio.Event()

    async def ring(tx: Tx, timer: Timer) -> None:
        rang.set()

    parcels = service.Service(SERVICE, Pages("parcels", Path(__file__).parent), (), {}, timers={"ring": ring})
    async with speaker.machinery.transaction(ORGANISATION) as tx:
        await set_timer(tx, Timer("ring", "ring", ORGANISATION, clock.now(), {}))
    await left(speaker, parts)
    async with restored(speaker) as backup:
        await say(speaker, said, uuid4(), 1)
        await left(speaker, parts)
        kafka = parts.kafka if is_older else "127.0.0.1:1"
        listen = {"listen": f"127.0.0.1:{free_port()}", "ops_listen": f"127.0.0.1:{free_port()}"}
        one = asyncio.create_task(service._run(parcels, running_on(backup, kafka=kafka, **listen).settings))
        try:
            async with asyncio.timeout(60):
                if is_older:
                    with pytest.raises(ExceptionGroup) as stopped:
                        await one
                    assert [type(error) for error in stopped.value.exceptions] == [Lost]
                    assert not rang.is_set()
                else:
                    await rang.wait()
        finally:
            await service.end([one])
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().remove_signal_handler(number)


async def test_a_broker_that_is_away_is_waited_for(speaker: Any, said: Any) -> None:
    before = outages()
    nowhere = Relay(speaker.machinery, "127.0.0.1:1", partial(ahead.guard, speaker.machinery, "127.0.0.1:1", SERVICE))

    async def tries_again() -> bool:
        return outages() > before + 1

    async with running(nowhere.run()):
        await eventually(tries_again)


async def test_a_store_that_goes_back_under_a_running_process_is_noticed_when_it_is_there_again(
    speaker: Any, parts: Parts, said: Any
) -> None:
    parcel = uuid4()
    await say(speaker, said, parcel, 1)
    await left(speaker, parts)
    async with restored(speaker) as backup:
        away = await Database.open(speaker.dsn_machinery, size=1, name="test away")
        await away.close()
        address = Database(speaker.machinery.pool)  # one address: behind it is the store, then nothing, then the other
        one = asyncio.create_task(
            Relay(address, parts.kafka, partial(ahead.guard, address, parts.kafka, SERVICE)).run()
        )
        await say(speaker, said, parcel, 2)
        await eventually(lambda: speaker.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
        before, address.pool = outages(), away.pool

        async def is_noticed() -> bool:
            return outages() > before

        await eventually(is_noticed)
        address.pool = backup.machinery.pool
        with pytest.raises(Lost, match="older than what it has said"):
            async with asyncio.timeout(60):
                await one


def outages() -> float:
    """How often a relay has missed its store."""
    return REGISTRY.get_sample_value("kith_outages_total", {"part": "relay"}) or 0


async def test_a_hearer_that_goes_back_reads_again_and_nothing_is_there_twice(
    speaker: Any, hearer: Any, parts: Parts, said: Any
) -> None:
    parcel = uuid4()
    await say(speaker, said, parcel, 1)
    await left(speaker, parts)
    async with running(hearing(hearer, parts, said).run()):
        await eventually(lambda: numbers_heard(hearer, parcel))
    async with restored(hearer, "parcels") as backup:
        await say(speaker, said, parcel, 2, 3)
        await left(speaker, parts)
        for one in (hearer, backup):
            async with running(hearing(one, parts, said).run()):
                await eventually(partial(one.machinery.pool.fetchval, "select count(*) = 3 from register"))
            assert await numbers_heard(one, parcel) == [1, 2, 3]


async def say_again(store: Any, parts: Parts) -> Any:
    """What the command does, typed for one store."""
    given = {"KITH_DATABASE_MACHINERY": store.dsn_machinery, "KITH_KAFKA": parts.kafka}
    return await asyncio.to_thread(CliRunner().invoke, app, ["say-again", "--service", SERVICE], env=given)


async def lose(parts: Parts, topic: str) -> None:
    """It is there again, and empty."""
    async with admin_client(parts.kafka) as admin:
        await admin.delete_topics([topic])

        async def is_made_again() -> bool:
            [(_, code, _)] = (await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])).topic_errors
            return not code

        await eventually(is_made_again)


async def test_when_kafka_is_lost_what_it_had_is_said_again(speaker: Any, hearer: Any, parts: Parts, said: Any) -> None:
    heard, late, waits, erased = ids = [uuid4() for _ in range(4)]
    await say(speaker, said, heard, *range(1, 9))
    await left(speaker, parts)
    async with running(hearing(hearer, parts, said).run()):
        await eventually(lambda: hearer.machinery.pool.fetchval("select count(*) = 8 from register"))
    await speaker.machinery.pool.execute("update machinery.event_log set put_at = put_at - interval '90 days'")
    await say(speaker, said, heard, 9)
    await say(speaker, said, late, 1)
    await left(speaker, parts)
    await lose(parts, said.topic)
    await say(speaker, said, heard, 10)
    await say(speaker, said, waits, 1)
    await say(speaker, said, erased, 1)
    await speaker.machinery.pool.execute("delete from machinery.event_log where key = $1", str(erased))  # it waits yet
    with pytest.raises(Lost, match="made again or cut"):
        await hearing(hearer, parts, said).run()

    counts = [re.sub(r"\s+", " ", (await say_again(store, parts)).output) for store in (speaker, hearer, speaker)]
    assert [one.partition(" to leave")[0] for one in counts] == [f"{SERVICE} {count} events" for count in (5, 0, 5)]
    owner = await asyncpg.connect(hearer.dsn_admin)
    await owner.execute("vacuum machinery.heard")  # as it is by itself: new rows stand between old ones
    await owner.close()
    await left(speaker, parts)
    async with running(hearing(hearer, parts, said).run()):
        await eventually(lambda: hearer.machinery.pool.fetchval("select count(*) >= 13 from register"))
        await say(speaker, said, waits, 2)
        await left(speaker, parts)
        await eventually(lambda: hearer.machinery.pool.fetchval("select count(*) >= 14 from register"))
    assert [await numbers_heard(hearer, one) for one in ids] == [[*range(1, 11)], [1], [1, 2], [1]]
    assert await hearer.machinery.pool.fetchval("select count(*) from machinery.parked") == 0
    await lose(parts, said.topic)
    assert (await say_again(hearer, parts)).exit_code == 0  # as often as it is lost: no place is needed twice
    rows = await hearer.machinery.pool.fetch("select position < 0 as is_free from machinery.heard")
    assert [row["is_free"] for row in rows] == [True] * 14


async def test_nothing_is_said_again_behind_what_was_said_since(speaker: Any, parts: Parts, said: Any) -> None:
    """Whoever had heard nothing of this key would take the second version, and drop the first one."""
    parcel = uuid4()
    await say(speaker, said, parcel, 1)
    await left(speaker, parts)
    await lose(parts, said.topic)
    await say(speaker, said, parcel, 2)
    await left(speaker, parts)
    since = await say_again(speaker, parts)
    assert (since.exit_code, f"{said.topic} has something that {SERVICE} said" in since.stderr) == (1, True)
    assert await speaker.machinery.pool.fetchval("select count(*) from machinery.outbox") == 0
    await lose(parts, said.topic)
    assert (await say_again(speaker, parts)).exit_code == 0
    assert await speaker.machinery.pool.fetchval("select array_agg(version order by id) from machinery.outbox") == [
        1,
        2,
    ]


async def test_what_somebody_decided_never_to_say_is_not_said_again(speaker: Any, parts: Parts, said: Any) -> None:
    parcel = uuid4()
    await say(speaker, said, parcel, 1, 2)
    await speaker.machinery.pool.execute("delete from machinery.outbox")
    await speaker.machinery.pool.execute(
        """insert into machinery.operator_acts (at, who, act, topic, key, version, organisation_id, reason)
           values (now(), 'Ira Novak', 'never-said', $1, $2, 2, $3, 'too large')""",
        said.topic,
        str(parcel),
        ORGANISATION,
    )
    assert (await say_again(speaker, parts)).exit_code == 0
    assert await speaker.machinery.pool.fetchval("select array_agg(version) from machinery.outbox") == [1]


async def test_nothing_is_said_again_while_a_service_runs_or_something_is_parked(
    speaker: Any, parts: Parts, said: Any
) -> None:
    parcel = uuid4()
    await say(speaker, said, parcel, 1)
    await speaker.machinery.pool.execute("delete from machinery.outbox")
    process = await Database.open(speaker.dsn_machinery, size=1, name=f"{SERVICE} machinery")  # as the service opens it
    runs = await say_again(speaker, parts)
    assert (runs.exit_code, f"{SERVICE} runs still: stop all services first." in runs.stderr) == (1, True)
    await process.close()
    at_work = "select count(*) from pg_stat_activity where datname = current_database() and application_name = $1"
    await eventually(lambda: speaker.machinery.pool.fetchval(f"select ({at_work}) = 0", f"{SERVICE} machinery"))
    at = clock.now()
    await speaker.machinery.pool.execute("insert into machinery.parked_keys values ($1, 'k', $2)", said.topic, at)
    parked = await say_again(speaker, parts)
    assert (parked.exit_code, "replay or drop it first" in parked.stderr) == (1, True)
    assert await speaker.machinery.pool.fetchval("select count(*) from machinery.outbox") == 0
    await speaker.machinery.pool.execute("delete from machinery.parked_keys")
    assert (await say_again(speaker, parts)).exit_code == 0
    assert await speaker.machinery.pool.fetchval("select count(*) from machinery.outbox") == 1
