"""What cells cost the consumer: the same events heard with their upkeep, and with the facts alone, in turns.

With: whoever an event is about is written down, and counted as the timer of the service does it: beside the reader,
every ten seconds, and until nobody is left at the end. Without: the same handlers keep the same facts alone.

Run: uv run python -m benchmarks.folding [PEOPLE] [PROGRAMS] [ROUNDS]
"""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import uvloop

from benchmarks.crowd import Crowd
from benchmarks.heard import BATCH, Analytics, analytics
from benchmarks.parts import parts, spread
from services.analytics import store
from services.analytics.handlers import COUNTED_EVERY
from shared.database import Tx
from shared.events import Event, Heard
from shared.inbox.decode import Record


async def main(people: int, programs: int, rounds: int) -> None:
    """Measure and print."""
    found: dict[str, list[float]] = {"with cells": [], "facts alone": []}
    for number in range(rounds):
        for name in sorted(found, reverse=number % 2 == 0):
            found[name].append(await rate(people, programs, is_counting=name == "with cells"))
            print(f"  {name}: {found[name][-1]:,.0f} events/s", flush=True)
    ratios = [one / other for one, other in zip(*found.values(), strict=True)]
    for name, rates in found.items():
        print(f"{name}: {spread(rates, 0)} events/s")
    print(f"with cells against facts alone: {spread(ratios)}, goal at least 0.70")


async def rate(people: int, programs: int, *, is_counting: bool) -> float:
    """Events a second, on a server of their own: nothing was heard before."""
    after_batch = None if is_counting else facts_alone
    async with parts(kafka=False) as servers, analytics(servers, after_batch) as one:
        crowd = Crowd(people, programs)
        await one.hear(crowd.founded())
        await one.hear(crowd.enrolled())
        await one.count()
        records = list(one.post.records(course(crowd)))
        began, is_over = time.perf_counter(), asyncio.Event()
        async with asyncio.TaskGroup() as beside:
            if is_counting:
                beside.create_task(counting(one, is_over))
            for batch in batches(records):
                await one.take(batch)
            is_over.set()
        return len(records) / (time.perf_counter() - began)


async def counting(one: Analytics, is_over: asyncio.Event) -> None:
    """Count every ten seconds, and once more when everything was heard."""
    is_last = False
    while not is_last:
        with suppress(TimeoutError):
            async with asyncio.timeout(COUNTED_EVERY.total_seconds()):
                await is_over.wait()
        is_last = is_over.is_set()
        await one.count()


def course(crowd: Crowd) -> Iterator[Event]:
    """From the first check-in to the last, group by group as it happens."""
    yield from crowd.asked("baseline")
    for number in range(1, 7):
        yield from crowd.session(number)
    yield from crowd.asked("end")
    yield from crowd.ended()


def batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    """As the consumer takes them."""
    for begin in range(0, len(records), BATCH):
        yield list(records[begin : begin + BATCH])


async def facts_alone(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
    """What was done after a batch before there were cells."""
    for organisation in sorted({one.organisation_id for one in heard}):
        await store.move_horizon(tx, organisation, max(one.happened_at for one in heard))


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(given + [20_000, 80, 5][len(given) :])))
