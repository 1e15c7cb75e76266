"""Two organisations in one store: no event of the one touches what the other one has, nor holds it up for long."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from shared.database import Tx
from shared.events.base import Heard
from shared.inbox import Many
from shared.inbox.batch import Applying
from shared.inbox.hearing import Hearing
from shared.outbox import put
from tests.conftest import Parts, eventually, running
from tests.shared.conftest import ORGANISATION, shelved
from tests.shared.test_rebuild import SHELF, as_administrator, on_parcel_sent

OTHER = UUID("018f0000-0000-7000-8000-000000000002")


async def on_parcels_sent(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
    for one in heard:
        await on_parcel_sent(tx, one)


async def says_more(tx: Tx, heard: Heard[Any]) -> None:
    await on_parcel_sent(tx, heard)
    put(tx, heard.event, organisation=heard.organisation_id, at=heard.happened_at)


@pytest.fixture
async def store(fresh_store: Any) -> Any:
    opened = await fresh_store()
    await as_administrator(opened, SHELF.replace(":doors", "parcels").replace(":machinery", "parcels_machinery"))
    return opened


def hearing(store: Any, parts: Parts, kind: Any, handler: Any) -> Hearing:
    return Hearing(store.machinery, parts.kafka, f"g-{kind.topic}", Applying({kind: handler}))


async def send(parts: Parts, kind: Any, *events: tuple[UUID, UUID, int, int]) -> None:
    """Of which house, about which parcel, its version, its number: all in one partition, so that they come together."""
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka)
    await producer.start()
    for house, parcel, version, number in events:
        headers = {
            "ce_id": str(uuid4()),
            "ce_time": "2025-03-04T18:00:00Z",
            "ce_organisation": str(house),
            "ce_aggregateversion": str(version),
            "ce_type": kind.ce_type(),
        }
        body = b'{"parcel_id": "%s", "number": %d}' % (str(parcel).encode(), number)
        heads = [(name, text.encode()) for name, text in headers.items()]
        await producer.send(kind.topic, body, key=str(parcel).encode(), headers=heads, partition=0)
    await producer.stop()


async def parked(store: Any) -> list[tuple[UUID, str]]:
    rows = await store.machinery.pool.fetch("select organisation_id, reason from machinery.parked order by position")
    return [(row["organisation_id"], row["reason"]) for row in rows]


@pytest.mark.parametrize("handler", [on_parcel_sent, Many(on_parcels_sent)])
@pytest.mark.parametrize("come_together", [True, False])
async def test_an_event_about_what_another_organisation_has_is_parked_and_changes_nothing(
    store: Any, parts: Parts, parcels: Any, handler: Any, come_together: bool
) -> None:
    ours, after, theirs = uuid4(), uuid4(), uuid4()
    before = [(ORGANISATION, ours, 1, 5)]
    strange = [(OTHER, ours, 2, 70), (ORGANISATION, after, 1, 6), (OTHER, theirs, 1, 8), (ORGANISATION, ours, 3, 1)]
    await send(parts, parcels, *before, *(strange if come_together else []))
    async with running(hearing(store, parts, parcels, handler).run()):
        await eventually(lambda: shelved(store, ORGANISATION))
        if not come_together:
            await send(parts, parcels, *strange)
        await eventually(lambda: shelved(store, OTHER))
    assert await shelved(store, ORGANISATION) == {ours: 5, after: 6}
    assert await shelved(store, OTHER) == {theirs: 8}
    assert await parked(store) == [(OTHER, "handler-failed"), (ORGANISATION, "behind-a-parked-event")]


@pytest.mark.parametrize("spoilt", [[], [(OTHER, UUID(int=1), 1, 2**40)]])
async def test_what_follows_from_the_events_of_two_organisations_is_said_for_each(
    store: Any, parts: Parts, parcels: Any, spoilt: list[Any]
) -> None:
    await send(parts, parcels, (ORGANISATION, uuid4(), 1, 1), (OTHER, uuid4(), 1, 2), *spoilt)
    async with running(hearing(store, parts, parcels, says_more).run()):
        await eventually(lambda: shelved(store, ORGANISATION))
    rows = await store.machinery.pool.fetch("select organisation_id from machinery.event_log")
    assert {row["organisation_id"] for row in rows} == {ORGANISATION, OTHER}
    assert len(await parked(store)) == len(spoilt)


async def test_a_grant_that_is_missing_is_no_events_fault(store: Any, parts: Parts, parcels: Any) -> None:
    await as_administrator(store, "revoke insert on shelf from parcels_machinery")
    await send(parts, parcels, (ORGANISATION, uuid4(), 1, 1))

    async def was_tried() -> bool:
        return bool(reader.pause_seconds > 0.1)  # it waits longer after each time

    reader = hearing(store, parts, parcels, on_parcel_sent)
    async with running(reader.run()):
        await eventually(was_tried)
        assert await store.machinery.pool.fetchval("select sum(next_offset) from machinery.offsets") == 0
        await as_administrator(store, "grant insert on shelf to parcels_machinery")
        await eventually(lambda: shelved(store, ORGANISATION))
    assert await parked(store) == []
