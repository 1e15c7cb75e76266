"""Timers: of several organisations at once, in one round, each seeing its own rows alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from shared import clock
from shared.database import Tx
from shared.outbox import put
from shared.timers import Timer, Timers, Together, cancel_timer, set_timer
from tests.conftest import eventually, running
from tests.shared.conftest import AT


async def set_due(store: Any, organisation: UUID, key: str, hours: int = -1) -> None:
    async with store.doors.transaction(organisation) as tx:
        at = clock.now() + timedelta(hours=hours)
        await set_timer(tx, Timer("send", key, organisation, at, {"number": 1}))


async def waiting(store: Any) -> int:
    count: int = await store.machinery.pool.fetchval("select count(*) from machinery.timers")
    return count


async def test_timers_of_several_organisations_say_their_events_in_one_round(fresh_store: Any, parcels: Any) -> None:
    store, organisations = await fresh_store(), [uuid4() for _ in range(5)]
    for organisation in organisations:
        await set_due(store, organisation, str(organisation))

    async def send(tx: Tx, timer: Timer) -> None:
        put(tx, parcels(parcel_id=uuid4(), number=1), organisation=timer.organisation_id, at=AT)

    async with running(Timers(store.machinery, {"send": send}).run()):
        await eventually(lambda: nothing_waits(store))
    said = await store.machinery.pool.fetch("select organisation_id from machinery.event_log")
    assert {row["organisation_id"] for row in said} == set(organisations)


async def nothing_waits(store: Any) -> bool:
    return await waiting(store) == 0


async def test_a_timer_that_fails_is_tried_again_and_holds_nobody_else(fresh_store: Any) -> None:
    store, organisation = await fresh_store(), uuid4()
    for key in ("bad", "good"):
        await set_due(store, organisation, key)
    done = []

    async def send(tx: Tx, timer: Timer) -> None:
        if timer.key == "bad" and timer.attempts == 0:
            raise ValueError("not this time")
        done.append(timer.key)

    async with running(Timers(store.machinery, {"send": send}).run()):
        await eventually(lambda: nothing_waits(store))
    assert done == ["good", "bad"]


async def test_a_timer_is_not_early_and_a_cancelled_one_never_rings(fresh_store: Any) -> None:
    store, organisation = await fresh_store(), uuid4()
    await set_due(store, organisation, "later", hours=1)
    await set_due(store, organisation, "cancelled")
    async with store.doors.transaction(organisation) as tx:
        assert await cancel_timer(tx, "send", "cancelled")
    await set_due(store, organisation, "due")
    done = []

    async def send(tx: Tx, timer: Timer) -> None:
        done.append(timer.key)

    async def only_the_later_one_waits() -> bool:
        return await waiting(store) == 1

    async with running(Timers(store.machinery, {"send": send}).run()):
        await eventually(only_the_later_one_waits)
    assert done == ["due"]


async def test_a_crowd_rings_together_and_whoever_fails_holds_none_of_it(fresh_store: Any) -> None:
    store, one, other = await fresh_store(), uuid4(), uuid4()
    for organisation, key in ((one, "a"), (other, "b"), (one, "bad"), (one, "c")):
        await set_due(store, organisation, key)
    rang = []

    async def send(tx: Tx, timers: Sequence[Timer]) -> None:
        if any(timer.key == "bad" and timer.attempts == 0 for timer in timers):
            raise ValueError("not this time")
        rang.append({timer.key for timer in timers})

    async with running(Timers(store.machinery, {"send": Together(send)}).run()):
        await eventually(lambda: nothing_waits(store))
    assert rang == [{"a"}, {"c"}, {"b"}, {"bad"}]
    for organisation, key in ((one, "d"), (other, "e"), (one, "f")):
        await set_due(store, organisation, key)
    assert await Timers(store.machinery, {"send": Together(send)})._one_round() == 3
    assert rang[4:] == [{"d", "f"}, {"e"}]
