"""A reader that stands still although there is more to apply is replaced by a fresh one.

A consumer can stay a member of its group and read nothing any more, without any error: it happened after a broker was
killed, and others have seen it (aiokafka, issue 1154). What does not happen is all that tells it.
"""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import TopicPartition

from shared import metrics
from shared.database import OUTAGES, Database
from shared.events import PARTITIONS
from shared.inbox import store
from shared.inbox.hearing import Hearing
from shared.operations import broker

log = structlog.get_logger()
LOOK_SECONDS = 10.0
STILL_SECONDS = 30.0  # a batch, a rebalance and a slow start take less


class Standstill(Exception):
    """There is more to apply, and nothing is applied."""


async def hear(
    make: Callable[[], Hearing], *, look_seconds: float = LOOK_SECONDS, still_seconds: float = STILL_SECONDS
) -> None:
    """Hear until cancelled; raises what a reader raises when a person must look."""
    while True:
        reader = make()
        watching = asyncio.create_task(_watch(reader, look_seconds, still_seconds))
        try:
            await reader.run()
        except Standstill as still:
            metrics.OUTAGES.labels("consumer").inc()
            log.error("the reader stands still and is replaced", reason=str(still))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _watch(reader: Hearing, look_seconds: float, still_seconds: float) -> None:
    """Stop the reader when it has applied nothing for so long, and the same places were behind all the time."""
    loop = asyncio.get_running_loop()
    applied, since, behind = reader.applied, loop.time(), dict[broker.Place, int]()
    try:
        while True:
            await asyncio.sleep(look_seconds)
            if reader.applied != applied:
                applied, behind = reader.applied, {}
                continue
            found = await _behind(reader.database, reader.kafka, reader.topics)
            if not behind or not behind.items() & found.items():
                since, behind = loop.time(), found
            elif loop.time() - since >= still_seconds:
                reader.stop(Standstill(f"{reader.state}; behind at {len(found)} places, such as {next(iter(found))}"))
                return
    except Exception as error:
        reader.stop(error)


async def _behind(database: Database, kafka: str, topics: list[str]) -> dict[broker.Place, int]:
    """The positions that have a record behind them which can be read; none while store or broker are away."""
    every = [TopicPartition(topic, part) for topic in topics for part in range(PARTITIONS)]
    try:
        async with database.transaction() as tx:
            positions = {tuple(place): position for place, (position, _) in (await store.offsets(tx, every)).items()}
    except OUTAGES:
        return {}
    seen = await broker.look(kafka, positions)
    if seen is None:
        return {}
    return {
        place: position
        for place, position in positions.items()
        if seen.ends.get(place, position) > position and place not in seen.damaged
    }
