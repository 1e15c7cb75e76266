"""The parts of a process: none holds up another one, and every one ends, also if it missed that it was cancelled."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

from shared import clock, service
from shared.database import Tx
from shared.doors import Running
from shared.timers import Timer, set_timer
from shared.web import Pages
from tests.conftest import Parts, running
from tests.doors import running_on


async def test_a_part_that_missed_its_cancellation_ends_all_the_same(monkeypatch: Any) -> None:
    monkeypatch.setattr(service, "CANCEL_SECONDS", 0.01)
    arrived = asyncio.get_running_loop().create_future()
    asked: list[str] = []

    async def waits_as_some_libraries_do() -> None:
        while True:
            try:
                await arrived
            except asyncio.CancelledError:
                asked.append("to end")
                if len(asked) > 1:
                    raise

    work = asyncio.create_task(waits_as_some_libraries_do())
    await asyncio.sleep(0)
    await service.end([work])
    assert work.cancelled()
    assert asked == ["to end", "to end"]


async def test_a_clock_that_takes_long_holds_up_no_other(fresh_store: Any, parts: Parts) -> None:
    begun, rang, enough = [asyncio.Event() for _ in range(3)]

    async def take_long(tx: Tx, timer: Timer) -> None:
        begun.set()
        await enough.wait()

    async def ring(tx: Tx, timer: Timer) -> None:
        rang.set()

    one = service.Service(
        "parcels",
        Pages("parcels", Path(__file__).parent),
        (),
        {},
        timers={"short": ring},
        long_timers={"long": take_long},
    )
    held: Running = running_on(await fresh_store(), kafka=parts.kafka)
    async with running(*service._work(one, held.settings, held)):
        for kind, happens in (("long", begun), ("short", rang)):
            async with held.machinery.transaction(organisation := uuid4()) as tx:
                await set_timer(tx, Timer(kind, kind, organisation, clock.now(), {}))
            async with asyncio.timeout(60):
                await happens.wait()
        enough.set()
