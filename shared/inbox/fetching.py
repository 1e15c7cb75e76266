"""Fetching records so that one which cannot be read takes nothing with it that was fetched beside it.

aiokafka decodes the names of headers, and compares checksums, while it hands records out. Where that fails it fails for
ever, and what it has taken out of other partitions in the same breath is gone: its positions have moved, and nobody was
given the records.

What holds no event moves positions too: the marker at the end of a transaction, and what a speaker has taken back. A
position that stayed before it would be overtaken by the log's start one day, and be taken for one that lost events.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import CorruptRecordException

from shared import clock
from shared.inbox.decode import NO_EVENT, NO_NAME, Record

log = structlog.get_logger()
ASKED_AGAIN_MS = 1000
DAMAGED_REST_SECONDS = 30.0  # between two looks at what is damaged on the broker's disk
Found = dict[TopicPartition, list[Record]]


class Fetching:
    """Stands in the place of a consumer's `getmany`."""

    def __init__(self, consumer: Any, rewind: Callable[[], None]) -> None:
        self.consumer, self.rewind, self.fetch = consumer, rewind, consumer.getmany
        self.resting: dict[TopicPartition, float] = {}  # until when, by the clock of the loop

    async def __call__(self, *, timeout_ms: int, max_records: int) -> Found:
        """Records by partition, at most so many; of one that cannot be read nothing but its place."""
        self._look_again()
        before = self._positions()
        try:
            found = await self._found(timeout_ms, max_records)
        except Exception:
            self.rewind()
            raise
        for tp, at in self._positions().items():
            told = found[tp][-1].offset + 1 if tp in found else before.get(tp, at)
            if told < at:
                found.setdefault(tp, []).append(_without_event(tp, at - 1))
        return found

    def _positions(self) -> dict[TopicPartition, int]:
        """Where the next fetch begins. What the consumer offers waits for those that have no position yet."""
        held = self.consumer._subscription
        states = {tp: held.subscription.assignment.state_value(tp) for tp in self.consumer.assignment()}
        return {tp: state.position for tp, state in states.items() if state.has_valid_position}

    async def _found(self, timeout_ms: int, max_records: int) -> Found:
        try:
            found: Found = await self.fetch(timeout_ms=timeout_ms, max_records=max_records)
            return found
        except (UnicodeDecodeError, CorruptRecordException):
            place = self._broken()
            self.rewind()
            return await self._up_to_it(place)

    async def _up_to_it(self, place: TopicPartition) -> Found:
        """What stands before it, one by one; it comes last, if the broker is there to ask and it is not damaged."""
        good: list[Record] = []
        try:
            while found := (await self.fetch(place, timeout_ms=ASKED_AGAIN_MS, max_records=1)).get(place):
                good += found
        except UnicodeDecodeError:
            offset = await self.consumer.position(self._broken())
            self.consumer.seek(place, offset + 1)
            good.append(_unread(place, offset))
        except CorruptRecordException:
            self._rest(self._broken(), await self.consumer.position(place))
        return {place: good} if good else {}

    def _rest(self, place: TopicPartition, offset: int) -> None:
        """A person must mend it: leave it alone for a while, and all others go on."""
        log.error("what the broker keeps is damaged", topic=place.topic, partition=place.partition, offset=offset)
        self.consumer.pause(place)
        self.resting[place] = asyncio.get_running_loop().time() + DAMAGED_REST_SECONDS

    def _look_again(self) -> None:
        for place in [one for one, until in self.resting.items() if until < asyncio.get_running_loop().time()]:
            del self.resting[place]
            if place in self.consumer.paused():
                self.consumer.resume(place)

    def _broken(self) -> TopicPartition:
        """The partition whose records cannot go on, as the decoder gave up there. They are dropped."""
        held = self.consumer._fetcher._records
        place: TopicPartition = next(tp for tp, found in held.items() if _gave_up(found))
        del held[place]
        return place


def _gave_up(found: Any) -> bool:
    iterator = getattr(getattr(found, "_partition_records", None), "_records_iterator", None)
    return iterator is not None and iterator.gi_frame is None


def _unread(place: TopicPartition, offset: int) -> Record:
    return _standing_for(place, offset, ((NO_NAME, b""),))


def _without_event(place: TopicPartition, offset: int) -> Record:
    return _standing_for(place, offset, NO_EVENT)


def _standing_for(place: TopicPartition, offset: int, headers: tuple[tuple[str, bytes], ...]) -> Record:
    now_ms = int(clock.now().timestamp() * 1000)
    return ConsumerRecord(*place, offset, now_ms, 0, None, None, None, -1, -1, headers)
