"""Stopping a process: every part ends, also one that missed that it was cancelled."""

import asyncio
from typing import Any

from shared import service


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
