"""The doors of operators: is a service well, what waits, replay and drop, by JSON and by page."""

import base64
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import NewPartitions
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import NotLeaderForPartitionError
from joserfc.jwk import KeySet

from shared import clock
from shared.database import Database
from shared.doors import Running, frame
from shared.identity import NIL, organisation_id
from shared.inbox.batch import Applying
from shared.inbox.decode import Incoming, Unreadable
from shared.inbox.hearing import Hearing
from shared.inbox.store import park as park_records
from shared.operations import broker, health
from shared.operations.doors import with_operations
from shared.operations.health import examine
from shared.operations.shapes import Health
from shared.outbox import Relay, put
from shared.security import Verifier
from shared.settings import Settings
from shared.timers import Timer, set_timer
from shared.web import Pages
from tests.conftest import Parts, admin_client, eventually, max_bytes, running
from tests.doors import ISSUER, KEY, bearer, token
from tests.shared.conftest import AT, Register

HARBOUR, OTHER = organisation_id("harbour-trust"), organisation_id("other-house")
API = "/parcels/api/v1/operations"
NOBODY = "127.0.0.1:1"  # nothing listens there


@pytest.fixture
async def store(fresh_store: Any) -> Any:
    opened = await fresh_store()
    await Register.make(opened.dsn_admin)
    return opened


def applying(kind: Any) -> Applying:
    return Applying({kind: Register.on_parcel_sent})


def hearing(store: Any, parts: Parts, kind: Any) -> Hearing:
    return Hearing(store.machinery, parts.kafka, f"g-{kind.topic}", applying(kind))


@asynccontextmanager
async def doors(store: Any, how: Applying, kafka: str, folder: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The doors of a parcel company that has nothing but its machinery."""
    verifier = Verifier(ISSUER, "kith")
    verifier.keys, verifier.asked_at = KeySet([KEY]), time.monotonic()
    settings = Settings(
        database=store.dsn, database_machinery=store.dsn_machinery, kafka=kafka, issuer=ISSUER, public_url="http://kith"
    )
    pages = Pages("parcels", folder)
    app = frame("parcels", (), pages, Running(settings, store.doors, store.machinery, verifier))
    transport = httpx.ASGITransport(with_operations(app, "parcels", pages, how), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://kith") as client:
        yield client


@pytest.fixture
async def client(store: Any, parts: Parts, parcels: Any, tmp_path: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with doors(store, applying(parcels), parts.kafka, tmp_path) as opened:
        opened.headers.update(bearer("operator"))
        yield opened


Park = Callable[..., Any]


@pytest.fixture
async def park(store: Any, parts: Parts, parcels: Any) -> Park:
    """Lets the service hear records of a foreign producer; so many have to be parked then."""

    sent_so_far = 0

    async def send_and_wait(*records: tuple[UUID, int, Any], waiting: int, organisation: UUID = HARBOUR) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
        await producer.start()
        for parcel, version, number in records:
            headers = {
                "ce_id": str(uuid4()),
                "ce_type": parcels.ce_type(),
                "ce_time": "2025-03-04T18:00:00Z",
                "ce_organisation": str(organisation),
                "ce_aggregateversion": str(version),
            }
            sent = [(name, text.encode()) for name, text in headers.items()]
            body = number if isinstance(number, bytes) else f'{{"parcel_id": "{parcel}", "number": {number}}}'.encode()
            await producer.send(parcels.topic, body, key=str(parcel).encode(), headers=sent)
        await producer.stop()
        nonlocal sent_so_far
        sent_so_far += len(records)
        async with running(hearing(store, parts, parcels).run()):
            await eventually(
                lambda: store.machinery.pool.fetchval(
                    "select sum(next_offset) = $1 from machinery.offsets", sent_so_far
                )
            )
        assert await store.machinery.pool.fetchval("select count(*) from machinery.parked") == waiting

    return send_and_wait


def key_of(kind: Any, parcel: UUID) -> dict[str, str]:
    return {"topic": kind.topic, "key": str(parcel)}


async def test_what_waits_can_be_looked_at_byte_for_byte(client: httpx.AsyncClient, parcels: Any, park: Park) -> None:
    parcel, raw = uuid4(), b'{"parcel_id": \xff\x00'
    await park((parcel, 1, raw), (parcel, 2, 2), waiting=2)
    [key] = (await client.get(f"{API}/parked")).raise_for_status().json()["keys"]
    assert key | {"since": None, "message": None} == {
        "side": "heard", "topic": parcels.topic, "key": str(parcel), "reason": "bad-body", "field": None,
        "message": None, "since": None, "count": 2, "behind": 1, "first": key["first"],
    }  # fmt: skip
    shown = (await client.get(f"{API}/parked/events", params=key_of(parcels, parcel))).json()
    assert shown["key"] == key
    bad, good = shown["events"]
    assert (bad["value_text"], base64.b64decode(bad["value_base64"])) == (None, raw)
    assert (bad["organisation_id"], good["organisation_id"]) == (str(NIL), str(HARBOUR))
    assert good["value_text"] == f'{{"parcel_id": "{parcel}", "number": 2}}'
    assert {"name": "ce_aggregateversion", "text": "2", "base64": base64.b64encode(b"2").decode()} in good["headers"]
    assert (good["reason"], good["version"]) == ("behind-a-parked-event", 2)


async def test_drop_the_first_and_replay_the_rest(
    client: httpx.AsyncClient, store: Any, parcels: Any, park: Park
) -> None:
    parcel = uuid4()
    await park((parcel, 1, 13), (parcel, 2, 2), (parcel, 3, 3), waiting=3)
    key = key_of(parcels, parcel)
    stuck = (await client.post(f"{API}/parked/replay", json=key)).raise_for_status().json()
    assert (stuck["handled"], stuck["left"], stuck["blocked_by"]["reason"]) == (0, 3, "handler-failed")
    drop = key | {"reason": "Number 13 is never used.", "only": stuck["blocked_by"]["first"]}
    dropped = (await client.post(f"{API}/parked/drop", json=drop)).raise_for_status().json()
    assert (dropped["dropped"], dropped["left"]) == (1, 2)
    again = await client.post(f"{API}/parked/drop", json=drop)
    assert (again.status_code, again.json()["code"]) == (409, "not-the-first")
    done = (await client.post(f"{API}/parked/replay", json=key)).raise_for_status().json()
    assert (done["handled"], done["left"], done["blocked_by"]) == (2, 0, None)
    line = await store.machinery.pool.fetchrow("select * from machinery.operator_acts")
    assert (line["who"], line["reason"]) == ("Test Person (operator@harbour-trust)", "Number 13 is never used.")
    assert (await client.post(f"{API}/parked/replay", json=key)).status_code == 404


async def test_a_gap_is_accepted_with_a_reason_alone(
    client: httpx.AsyncClient, store: Any, parcels: Any, park: Park
) -> None:
    parcel = uuid4()
    await park((parcel, 1, 1), (parcel, 3, 3), waiting=1)
    command = key_of(parcels, parcel) | {"accept_gap": True}
    refused = await client.post(f"{API}/parked/replay", json=command)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "reason")
    done = await client.post(f"{API}/parked/replay", json=command | {"reason": "The speaker lost it."})
    assert done.json()["handled"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("replay", {"topic": "t", "key": "unknown"}, 404, None),
        ("drop", {"topic": "t", "key": "unknown", "reason": "why"}, 404, None),
        ("drop", {"topic": "t", "key": "k", "reason": ""}, 422, "reason"),
        ("drop", {"topic": "t", "key": "k", "reason": "  "}, 422, "reason"),
        ("drop", {"topic": "t", "key": "k"}, 422, "reason"),
        ("drop", {"topic": "t", "key": "k", "reason": "x" * 201}, 422, "reason"),
        ("drop", {"topic": "t", "key": "k", "reason": "a\x00b"}, 422, "reason"),
        ("drop", {"topic": "t", "key": "", "reason": "why"}, 422, "key"),
        ("drop", {"topic": "t", "key": "x" * 4001, "reason": "why"}, 422, "key"),
        ("drop", {"topic": "t", "key": 7, "reason": "why"}, 422, "key"),
        ("drop", {"topic": "t", "key": "k\x00", "reason": "why"}, 422, "body"),
        ("drop", {"topic": "t", "key": "k", "reason": "why", "only": "x" * 61}, 422, "only"),
        ("drop", {"topic": "t", "key": "k", "reason": "why", "all": True}, 422, "all"),
        ("replay", {"key": "k"}, 422, "topic"),
        ("replay", {"topic": "t", "key": "k", "accept_gap": "perhaps"}, 422, "accept_gap"),
        ("replay", [], 422, None),
    ],
)
async def test_bad_input_is_refused_and_its_field_named(
    client: httpx.AsyncClient, path: str, body: Any, status: int, field: str | None
) -> None:
    answer = await client.post(f"{API}/parked/{path}", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert field is None or [error["field"] for error in answer.json()["errors"]] == [field]


async def test_an_unknown_key_is_not_found(client: httpx.AsyncClient) -> None:
    for path in (f"{API}/parked/events", "/parcels/operations/parked"):
        answer = await client.get(path, params={"topic": "t", "key": "unknown"})
        assert answer.status_code == 404
    assert (await client.get(f"{API}/parked/events", params={"topic": "t"})).status_code == 422


@pytest.mark.parametrize("role", ["administrator", "coordinator", "facilitator", "program-manager"])
async def test_nobody_but_operators_may(client: httpx.AsyncClient, role: str) -> None:
    body = {"topic": "t", "key": "k", "reason": "why"}
    for method, path, sent in (
        ("GET", API, None),
        ("GET", f"{API}/parked", None),
        ("POST", f"{API}/parked/replay", body),
        ("POST", f"{API}/parked/drop", body),
        ("GET", "/parcels/operations", None),
        ("POST", "/parcels/operations/parked/drop", body),
    ):
        answer = await client.request(method, path, json=sent, headers=bearer(role))
        assert answer.status_code == 403, path


async def test_operators_see_their_own_organisation_and_what_nobody_could_read(
    client: httpx.AsyncClient, parcels: Any, park: Park
) -> None:
    own, theirs, nobodys = uuid4(), uuid4(), uuid4()
    await park((own, 1, 13), (nobodys, 1, b"{"), waiting=2)
    await park((theirs, 1, 13), waiting=3, organisation=OTHER)
    found = (await client.get(f"{API}/parked")).json()
    assert ({one["key"] for one in found["keys"]}, found["elsewhere"]) == ({str(own), str(nobodys)}, 1)
    hidden = key_of(parcels, theirs)
    assert (await client.get(f"{API}/parked/events", params=hidden)).status_code == 404
    assert (await client.post(f"{API}/parked/replay", json=hidden)).status_code == 404
    assert (await client.post(f"{API}/parked/drop", json=hidden | {"reason": "why"})).status_code == 404
    page = (await client.get("/parcels/operations")).text
    assert str(own) in page
    assert str(theirs) not in page
    assert "1 more belong" in page
    other = bearer("operator", organisation="other-house")
    seen = (await client.get(f"{API}/parked", headers=other)).json()
    assert {one["key"] for one in seen["keys"]} == {str(theirs), str(nobodys)}


async def test_the_page_works_without_a_script(client: httpx.AsyncClient, parcels: Any, park: Park) -> None:
    parcel = uuid4()
    await park((parcel, 1, 13), (parcel, 2, 2), waiting=2)
    del client.headers["authorization"]
    client.cookies.set("kith_session", token("operator"))
    client.headers["origin"] = "http://kith"
    page = (await client.get("/parcels/operations")).text
    assert "handler failed" in page
    assert "1 waits behind it" in page
    key = key_of(parcels, parcel)
    about = (await client.get("/parcels/operations/parked", params=key)).text
    assert "&#34;number&#34;: 13" in about
    stuck = await client.post("/parcels/operations/parked/replay", data=key, follow_redirects=True)
    assert "The first event still cannot take effect." in stuck.text
    empty = await client.post("/parcels/operations/parked/drop", data=key | {"reason": " "})
    assert empty.status_code == 422
    assert "This is needed." in empty.text
    first = (await client.get(f"{API}/parked")).json()["keys"][0]["first"]
    drop = key | {"reason": "A test.", "only": first}
    dropped = await client.post("/parcels/operations/parked/drop", data=drop, follow_redirects=True)
    assert "1 event is dropped." in dropped.text
    assert "ready to be replayed" in dropped.text
    done = await client.post("/parcels/operations/parked/replay", data=key, follow_redirects=True)
    assert "1 event has taken effect." in done.text
    assert "Nothing waits." in done.text
    assert "A test." in done.text


async def test_the_page_goes_on_to_every_key_that_waits(client: httpx.AsyncClient, store: Any, parcels: Any) -> None:
    keys = [str(uuid4()) for _ in range(103)]
    why = Unreadable("not-json", None, "The body is not JSON.")
    async with store.machinery.transaction(HARBOUR) as tx:
        await park_records(tx, [(unreadable(parcels.topic, key, why), why) for key in keys], clock.now())
    first = (await client.get("/parcels/operations")).text
    assert "1 to 100 of 103" in first
    later = (await client.get("/parcels/operations?page=2")).text
    assert "101 to 103 of 103" in later
    assert [sum(one in shown for one in keys) for shown in (first, later)] == [100, 3]
    assert all(one in first + later for one in keys)
    assert ('rel="next" href="?page=2"' in first, 'rel="prev" href="?page=1"' in later) == (True, True)
    assert "101 to 103 of 103" in (await client.get("/parcels/operations?page=9")).text


def unreadable(topic: str, key: str, why: Unreadable) -> Incoming:
    offset = int(UUID(key)) % 2**62
    record: Any = ConsumerRecord(topic, 0, offset, 0, 0, key.encode(), b"{", None, 0, 0, ())
    return Incoming(record, key, HARBOUR, None, why)


async def test_a_gap_is_accepted_on_the_page(client: httpx.AsyncClient, parcels: Any, park: Park) -> None:
    parcel = uuid4()
    await park((parcel, 1, 1), (parcel, 3, 3), waiting=1)
    key = key_of(parcels, parcel) | {"accept_gap": "true"}
    assert "Accept the gap" in (await client.get("/parcels/operations/parked", params=key)).text
    refused = await client.post("/parcels/operations/parked/replay", data=key)
    assert refused.status_code == 422
    assert "Version 2 is missing before 3." in refused.text
    done = await client.post(
        "/parcels/operations/parked/replay", data=key | {"reason": "It never was."}, follow_redirects=True
    )
    assert "1 event has taken effect." in done.text
    again = await client.post("/parcels/operations/parked/replay", data=key | {"reason": "It never was."})
    assert again.status_code == 404


async def test_what_the_broker_refused_is_in_the_same_list_and_can_be_said_again(
    client: httpx.AsyncClient, store: Any, parts: Parts, parcels: Any
) -> None:
    parcel = uuid4()
    await max_bytes(parts, parcels.topic, 17_000)
    async with running(Relay(store.machinery, parts.kafka).run()):
        await say_large(store, parcels, parcel)
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 1 from machinery.outbox_parked"))
    [key] = (await client.get(f"{API}/parked")).json()["keys"]
    assert (key["side"], key["reason"], key["count"]) == ("said", "refused-by-the-broker", 1)
    [event] = (await client.get(f"{API}/parked/events", params=key_of(parcels, parcel))).json()["events"]
    assert (len(event["value_text"]), event["version"]) == (20_000, 1)
    assert (
        "The broker refused this"
        in (await client.get("/parcels/operations/parked", params=key_of(parcels, parcel))).text
    )
    assert "refused" in [one["code"] for one in (await client.get(API)).json()["findings"]]
    await max_bytes(parts, parcels.topic, 100_000)
    done = await client.post(f"{API}/parked/replay", json=key_of(parcels, parcel))
    assert done.json()["said_again"] == 1
    async with running(Relay(store.machinery, parts.kafka).run()):
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 0 from machinery.outbox"))
    assert (await client.get(f"{API}/parked")).json()["keys"] == []
    log = await broker.look(parts.kafka, {(parcels.topic, part): 0 for part in range(12)})
    assert log
    assert sum(log.ends.values()) == 1


async def test_what_the_broker_refused_can_be_dropped(
    client: httpx.AsyncClient, store: Any, parts: Parts, parcels: Any
) -> None:
    parcel = uuid4()
    await max_bytes(parts, parcels.topic, 17_000)
    async with running(Relay(store.machinery, parts.kafka).run()):
        for _ in range(2):
            await say_large(store, parcels, parcel)
        await eventually(lambda: store.machinery.pool.fetchval("select count(*) = 2 from machinery.outbox_parked"))
    other = bearer("operator", organisation="other-house")
    command = key_of(parcels, parcel) | {"reason": "It was a mistake."}
    assert (await client.post(f"{API}/parked/drop", json=command, headers=other)).status_code == 404
    first = await client.post(f"{API}/parked/drop", json=command | {"only": "version 1"})
    assert (first.json()["dropped"], first.json()["left"]) == (1, 1)
    again = await client.post(f"{API}/parked/drop", json=command | {"only": "version 1"})
    assert again.json()["code"] == "not-the-first"
    gap = await client.post(f"{API}/parked/replay", json=command | {"accept_gap": True})
    assert gap.json()["code"] == "no-gap"
    assert (await client.post(f"{API}/parked/drop", json=command)).json()["left"] == 0
    rows = await store.machinery.pool.fetch("select * from machinery.operator_acts order by id")
    assert [(row["act"], row["version"], row["organisation_id"]) for row in rows] == [
        ("never-said", 1, HARBOUR),
        ("never-said", 2, HARBOUR),
    ]


async def say_large(store: Any, kind: Any, parcel: UUID) -> None:
    async with store.doors.transaction(HARBOUR) as tx:
        put(tx, kind(parcel_id=parcel, number=1), organisation=HARBOUR, at=AT)
        tx.said[0] = replace(tx.said[0], value=b"x" * 20_000)


@asynccontextmanager
async def _producing(parts: Parts) -> AsyncIterator[Any]:
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def codes(found: Health) -> list[str]:
    return [finding.code for finding in found.findings]


async def test_a_service_that_is_well_says_so(store: Any, parts: Parts, parcels: Any, park: Park) -> None:
    await park((uuid4(), 1, 1), waiting=0)
    found = await examine("parcels", store.machinery, parts.kafka, ())
    assert codes(found) == []
    [topic] = found.topics
    assert (topic.topic, topic.behind, topic.behind_seconds) == (parcels.topic, 0, 0.0)
    assert found.clocks
    assert found.clocks.broker_seconds is not None
    assert abs(found.clocks.broker_seconds) < 1
    assert abs(found.clocks.postgresql_seconds) < 1
    assert found.schema_versions
    assert found.schema_versions.missing == found.schema_versions.unknown == []


async def test_each_thing_that_is_wrong_is_said_with_what_to_do(
    store: Any, parts: Parts, parcels: Any, park: Park, moved_clock: Callable[[float], None]
) -> None:
    await park((uuid4(), 1, 13), waiting=1)
    async with store.doors.transaction(HARBOUR) as tx:
        put(tx, parcels(parcel_id=uuid4(), number=1), organisation=HARBOUR, at=AT)
        await set_timer(tx, Timer("send", "k", HARBOUR, clock.now(), {}))
    async with _producing(parts) as producer:
        await producer.send_and_wait(parcels.topic, b"{}", key=b"k")
    moved_clock(7300)
    found = await examine("parcels", store.machinery, parts.kafka, ())
    assert codes(found) == ["lag", "outbox-old", "parked", "timers-late"]
    lag, outbox, parked, timers = found.findings
    assert lag.what == f"Not applied yet: 1 event of {parcels.topic}, for 2 hours."
    assert outbox.what == f"1 event to leave, the first, of {parcels.topic}, for 2 hours now."
    assert parked.what == "1 parked key with 1 event, the first for 2 hours."
    assert timers.what == "1 timer overdue, the latest by 2 hours."
    assert all(finding.todo.endswith(".") for finding in found.findings)


async def test_a_topic_of_which_nothing_was_ever_read_is_said(
    store: Any, parts: Parts, parcels: Any, park: Park
) -> None:
    """No position is no lag: a service that may not read a topic, or has none to read, looked well."""
    hears = [parcels.topic, "kith.never-made"]
    found = await examine("parcels", store.machinery, parts.kafka, hears)
    assert {one.code: one.what for one in found.findings} == {
        "not-begun": f"parcels has not begun to read {parcels.topic}.",
        "topic-missing": "The topic kith.never-made is not there.",
    }
    await park((uuid4(), 1, 1), waiting=0)
    assert codes(await examine("parcels", store.machinery, parts.kafka, hears)) == ["topic-missing"]


async def test_what_waits_since_nobody_knows_when_is_not_called_new(
    store: Any, parts: Parts, parcels: Any, park: Park,
    moved_clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The age of what is to be read next is not always told in time: it counts from what was applied last."""
    await park((uuid4(), 1, 1), waiting=0)
    async with _producing(parts) as producer:
        await producer.send_and_wait(parcels.topic, b"{}", key=b"k")
    moved_clock(7300)
    monkeypatch.setattr(broker, "READ_SECONDS_MAX", 0.0)
    found = await examine("parcels", store.machinery, parts.kafka, [parcels.topic])
    assert [one.behind_seconds for one in found.topics] == [None]
    [lag] = found.findings
    assert lag.what == f"Not applied yet: 1 event of {parcels.topic}, and none was applied for 2 hours."


async def test_a_broker_that_is_away_is_said_and_the_rest_is_still_told(store: Any, parcels: Any, park: Park) -> None:
    await park((uuid4(), 1, 1), waiting=0)
    found = await examine("parcels", store.machinery, NOBODY, ())
    assert codes(found) == ["broker-away"]
    assert [topic.behind for topic in found.topics] == [None]
    assert found.outbox


async def test_a_store_that_is_away_is_said(store: Any, parts: Parts) -> None:
    away = await Database.open(store.dsn_machinery, size=1, name="test")
    await away.close()
    found = await examine("parcels", away, parts.kafka, ())
    assert (codes(found), found.topics, found.outbox) == (["store-away"], [], None)


async def test_a_log_that_does_not_fit_is_said(store: Any, parts: Parts, parcels: Any, park: Park) -> None:
    await park((uuid4(), 1, 1), waiting=0)
    pool = store.machinery.pool
    await pool.execute("update machinery.offsets set next_offset = next_offset + 5 where part = 3")
    async with admin_client(parts.kafka) as admin:
        await admin.create_partitions({parcels.topic: NewPartitions(13)})
    await pool.execute("insert into machinery.offsets values ('a.never-made', 0, 0, null, $1)", clock.now())

    async def all_is_known() -> list[str] | None:
        found = codes(await examine("parcels", store.machinery, parts.kafka, ()))
        return found if len(found) == 3 else None

    assert await eventually(all_is_known) == ["topic-missing", "partitions-changed", "log-cut"]


async def test_events_that_expired_unread_are_said(store: Any, parts: Parts, parcels: Any, park: Park) -> None:
    parcel = uuid4()
    await park((parcel, 1, 1), (parcel, 2, 2), waiting=0)
    place = await store.machinery.pool.fetchval("select part from machinery.offsets where next_offset > 0")
    async with admin_client(parts.kafka) as admin:
        expired = {TopicPartition(parcels.topic, place): RecordsToDelete(before_offset=2)}

        async def removed() -> bool:
            with contextlib.suppress(NotLeaderForPartitionError):  # the client does not know the leader yet
                await admin.delete_records(expired)
                return True
            return False

        await eventually(removed)
    await store.machinery.pool.execute("update machinery.offsets set next_offset = 0")
    found = await examine("parcels", store.machinery, parts.kafka, ())
    assert codes(found) == ["expired-unread"]
    assert "2 events expired" in found.findings[0].what


async def test_a_store_of_another_version_is_said(store: Any, parts: Parts) -> None:
    import asyncpg

    admin = await asyncpg.connect(store.dsn_admin)
    await admin.execute("delete from schema_migrations where version = '0002_rebuild.sql'")
    await admin.execute("insert into schema_migrations values ('9999_later.sql', 'x')")
    found = await examine("parcels", store.machinery, parts.kafka, ())
    assert codes(found) == ["schema-behind", "schema-ahead"]
    assert found.findings[0].todo == "Run `kith migrate`."
    await admin.execute("revoke select on schema_migrations from parcels_machinery")
    await admin.close()
    assert codes(await examine("parcels", store.machinery, parts.kafka, ())) == ["schema-behind"]


async def test_clocks_that_differ_are_said(store: Any, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CLOCK_SECONDS_MAX", -1.0)
    found = await examine("parcels", store.machinery, parts.kafka, ())
    assert codes(found) == ["clocks-differ", "clocks-differ"]


async def test_the_page_shows_what_is_wrong_and_what_to_do(
    client: httpx.AsyncClient, parcels: Any, park: Park, tmp_path: Any, store: Any
) -> None:
    await park((uuid4(), 1, 1), waiting=0)
    assert "Nothing needs you." in (await client.get("/parcels/operations")).text
    async with doors(store, applying(parcels), NOBODY, tmp_path) as away:
        page = (await away.get("/parcels/operations", headers=bearer("operator"))).text
    assert "The broker does not answer." in page
    assert "People keep working meanwhile" in page
    assert "not known" in page
