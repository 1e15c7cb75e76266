"""Whether the log has what this store has not said: then it was restored from an older backup, and must say nothing.

The newest records of each topic that the service speaks on tell. What cannot be read there is nobody's, and what the
broker does not show just now holds nothing up: whoever asks is told that it was not all, and looks again later.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError

from shared.database import Database
from shared.events import CATALOGUE
from shared.inbox.decode import Incoming, Record, decode
from shared.inbox.fetching import Fetching
from shared.inbox.positions import Lost
from shared.operations import broker
from shared.outbox.adopting import heard, unsaid

log = structlog.get_logger()
RECORDS_BACK = 50  # of each partition: the newest alone may be about somebody who was erased
RECORDS_A_FETCH = 10_000
SECONDS_MAX = 3.0
Window = tuple[int, int]
"""From this offset on, and up to that one."""


def topics_of(service: str) -> list[str]:
    """The topics that a service speaks on."""
    return sorted({one.topic for one in CATALOGUE.values() if one.speaker == service})


def own(service: str, records: Sequence[Record]) -> list[Incoming]:
    """Those that are events of this service, as it says them."""
    source = ("ce_source", f"/kith/{service}".encode())
    return [one for one in map(decode, records) if one.heard and source in one.record.headers]


async def guard(database: Database, kafka: str, service: str) -> bool:
    """Raise Lost if the store is older than what it has said; else tell whether every partition was looked at."""
    found, is_all = await _look(database, kafka, service)
    if found:
        first = found[0].record
        raise Lost(
            f"{first.topic}/{first.partition}: offset {first.offset} holds version {heard(found[0]).version} of an "
            f"aggregate, which this store has not said: it is older than what it has said. Restore it to its last "
            f"commit, or take what it does not know: `kith adopt {service} --by NAME`"
        )
    return is_all


async def look(database: Database, kafka: str, service: str) -> list[Incoming]:
    """What is among the newest records, and the store has not said."""
    found, _ = await _look(database, kafka, service)
    return found


async def _look(database: Database, kafka: str, service: str) -> tuple[list[Incoming], bool]:
    topics = topics_of(service)
    if not topics:
        return [], True
    records, is_all = await newest(kafka, topics)
    said = own(service, records)
    async with database.transaction() as tx:  # asked after the log: what stands there was committed before
        return await unsaid(tx, said), is_all


async def newest(kafka: str, topics: Collection[str]) -> tuple[list[Record], bool]:
    """The newest records of each partition, in its order, as far as the broker shows them in time; whether of all."""
    async with broker.reading(kafka) as consumer:
        places = await broker.partitions(consumer, topics)
        windows = await _windows(consumer, places)
        found, unread = await _read(consumer, {tp: one for tp, one in windows.items() if one[0] < one[1]})
    if missing := [f"{tp.topic}/{tp.partition}" for tp in places if tp not in windows or tp in unread]:
        log.warning("what was said last cannot be looked at", places=missing)
    return found, not missing


async def _windows(consumer: Any, places: Sequence[TopicPartition]) -> dict[TopicPartition, Window]:
    """Where the newest records are: of each partition by itself, as one that is away would hold up all."""

    async def window(tp: TopicPartition) -> Window:
        begin = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        return max(begin, end - RECORDS_BACK), end

    asked = {tp: asyncio.ensure_future(window(tp)) for tp in places}
    try:
        if asked:
            await asyncio.wait(asked.values(), timeout=SECONDS_MAX)
    finally:
        for one in asked.values():
            one.cancel()
    done = {tp: one for tp, one in asked.items() if one.done() and not one.cancelled()}
    shown = {tp: one.result() for tp, one in done.items() if not isinstance(one.exception(), KafkaError)}
    if asked and not shown:
        raise KafkaTimeoutError(f"no partition was shown within {SECONDS_MAX} s")
    return shown


async def _read(consumer: Any, windows: Mapping[TopicPartition, Window]) -> tuple[list[Record], set[TopicPartition]]:
    """The records of these windows, and where something is left that could not be read."""
    found, told = list[Record](), {tp: begin for tp, (begin, _) in windows.items()}
    if not windows:
        return found, set()

    def rewind() -> None:
        for tp, at in told.items():
            consumer.seek(tp, at)

    consumer.assign(list(windows))
    rewind()
    fetch, left = Fetching(consumer, rewind), set(windows)
    try:
        async with asyncio.timeout(SECONDS_MAX):
            while left - fetch.resting.keys():
                for tp, records in (await fetch(timeout_ms=200, max_records=RECORDS_A_FETCH)).items():
                    found += records
                    told[tp] = records[-1].offset + 1
                left = {tp for tp in left if told[tp] < windows[tp][1]}
    except TimeoutError:
        if not found:
            raise
    return found, left
