"""Where we are in each partition. PostgreSQL holds the truth; Kafka's own commit is a hint for lag tools."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from shared import clock, metrics
from shared.database import OUTAGES, Database, Tx
from shared.events import PARTITIONS
from shared.identity import new_id
from shared.inbox import store
from shared.inbox.decode import Record, fingerprint
from shared.inbox.flood import STANDS, Flood

log = structlog.get_logger()
GUARD_SECONDS = 3


class Lost(Exception):
    """The log and our memory of it do not fit together: go on, and events would be lost in silence."""


class Positions(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Loads positions when partitions are assigned, and watches that the log still holds them."""

    def __init__(
        self, database: Database, topics: Sequence[str], slot: str | None, on_lost: Callable[[Exception], None]
    ) -> None:
        self.database, self.topics, self.slot, self.on_lost = database, topics, slot, on_lost
        self.process, self.has_slot = new_id(), False
        self.subscriber: Any = None  # set once FastStream has made it; its consumer exists after the start
        self.generation = 0  # grows with every revocation
        self.expected: dict[TopicPartition, int] = {}  # the next offset to apply
        self.witness: dict[TopicPartition, str] = {}  # what the record before it must look like
        self.busy = asyncio.Lock()  # held while a batch is being applied
        self.loader: asyncio.Task[None] | None = None
        self.after_flood = False  # nothing waits of it: it is forgotten as soon as a batch is applied
        self.is_closed = False

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Let the running batch commit first; then these partitions are not ours any more."""
        self.generation += 1
        if self.loader:
            self.loader.cancel()
        async with self.busy:
            self.expected.clear()
            self.witness.clear()
            metrics.LAG.clear()  # whoever has these partitions next says how far it is

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Pause before any await, so that no record is handed out yet; heartbeats wait for our return."""
        if assigned and not self.is_closed:  # a group can still hand out partitions to whoever leaves it
            self._load_soon(sorted(assigned))

    def reload(self) -> None:
        """After a failed compare-and-set: was our commit's answer lost, or are we a zombie? The table knows."""
        assigned = sorted(self.subscriber.consumer.assignment())
        if assigned:
            self._load_soon(assigned)

    async def close(self) -> None:
        """Let the running batch commit, hold nothing any more, and let others have it at once.

        With a name aiokafka would not say that it goes, and others would wait for the end of the session.
        """
        self.is_closed = True
        if self.slot and self.subscriber.consumer:
            self.subscriber.consumer._coordinator._group_instance_id = None
        await self.on_partitions_revoked(())

    def rewind(self) -> None:
        """Read again from the stored positions."""
        for tp in self.subscriber.consumer.assignment() & self.expected.keys():
            self.subscriber.consumer.seek(tp, self.expected[tp] - (tp in self.witness))

    def check_witness(self, tp: TopicPartition, first: Record) -> None:
        """The first record after an assignment is the last one we applied: is it still the same one?"""
        print_expected = self.witness.pop(tp, None)
        if print_expected and first.offset == self.expected[tp] - 1 and fingerprint(first) != print_expected:
            raise Lost(f"{tp.topic}/{tp.partition}: offset {first.offset} holds another event than the one applied")

    def _load_soon(self, assigned: list[TopicPartition]) -> None:
        consumer = self.subscriber.consumer
        consumer.pause(*assigned)
        for tp in assigned:  # any place: without one aiokafka asks Kafka for its own, and finds none at first
            consumer.seek(tp, 0)
        if self.loader:
            self.loader.cancel()
        self.loader = asyncio.create_task(self._load_and_guard(self.generation, assigned))

    async def _load_and_guard(self, generation: int, assigned: list[TopicPartition]) -> None:
        """Whatever stands in the way, try again: nobody else would, and these partitions would stay paused."""
        is_loaded = False
        while not is_loaded or generation == self.generation:
            try:
                if is_loaded:
                    await self._look(assigned)
                else:
                    is_loaded = await self._loaded(generation, assigned)
            except (Lost, Flood) as lost:
                self.on_lost(lost)
                return
            except (Exception, asyncio.CancelledError) as error:
                if is_to_end():
                    raise
                _warn(error, assigned)
            await asyncio.sleep(GUARD_SECONDS if is_loaded else 1)

    async def _loaded(self, generation: int, assigned: list[TopicPartition]) -> bool:
        """Try once; until it is done the partitions stay paused."""
        consumer = self.subscriber.consumer
        if consumer is None:  # stopped meanwhile
            return False
        if not all(consumer.partitions_for_topic(tp.topic) for tp in assigned):
            return False  # whoever shares them out has heard of a new topic before us
        await self._meet_topics(consumer)
        async with self.database.transaction() as tx:
            await self._keep_slot(tx)
            flood = await store.flood(tx)
            if flood and await store.count_parked(tx):
                raise Flood(STANDS.format(flood))
            stored = await store.offsets(tx, assigned)
        self.has_slot, self.after_flood = True, bool(flood)
        begins = await consumer.beginning_offsets(assigned)
        ends = await consumer.end_offsets(assigned)  # asked for last: another process may have gone on meanwhile
        if generation == self.generation:  # no await from here on: the assignment cannot change under us
            for tp in assigned:
                self._take(tp, stored.get(tp), begins[tp], ends[tp])
            consumer.resume(*assigned)
        return True

    async def _keep_slot(self, tx: Tx) -> None:
        """Whoever starts takes its name from whoever had it; whoever had it finds that out when it joins again."""
        if self.slot is None:
            return
        if not self.has_slot:
            await store.take_slot(tx, self.slot, self.process, clock.now())
        elif not await store.holds_slot(tx, self.slot, self.process):
            raise Lost(f"another process is called {self.slot}, too, and goes on: give each one a KITH_SLOT of its own")

    async def _meet_topics(self, consumer: Any) -> None:
        """Refuse a topic whose number of partitions is not the fixed one; begin one that is new to us."""
        counts = {topic: len(consumer.partitions_for_topic(topic) or ()) for topic in self.topics}
        for topic, count in counts.items():
            if count not in (0, PARTITIONS):
                raise Lost(f"{topic} has {count} partitions, not {PARTITIONS}: keys would lose their order")
        async with self.database.transaction() as tx:
            known = await store.partitions_known(tx, self.topics)
        for topic in (one for one in self.topics if one not in known and counts[one]):
            every = [TopicPartition(topic, part) for part in range(PARTITIONS)]
            begins = await consumer.beginning_offsets(every)
            async with self.database.transaction() as tx:
                await store.begin_topic(tx, topic, {tp.partition: begins[tp] for tp in every}, clock.now())

    def _take(self, tp: TopicPartition, stored: tuple[int, str | None] | None, begin: int, end: int) -> None:
        if stored is None:
            raise Lost(f"{tp.topic}/{tp.partition}: its position is gone from the table")
        position, last_print = stored
        if position < begin:
            raise Lost(f"{tp.topic}/{tp.partition}: position {position}, the log starts at {begin}: expired unread")
        if position > end:
            raise Lost(f"{tp.topic}/{tp.partition}: position {position}, the log ends at {end}: made again or cut")
        self.expected[tp] = position
        has_witness = last_print is not None and position > begin
        if has_witness and last_print:
            self.witness[tp] = last_print
        self.subscriber.consumer.seek(tp, position - 1 if has_witness else position)

    async def _look(self, assigned: list[TopicPartition]) -> None:
        """While the broker is away nobody knows how far behind we are: no number says so."""
        try:
            await self._guard(assigned)
            await self._hint()
        except (KafkaError, OSError):
            metrics.OUTAGES.labels("consumer").inc()
            metrics.LAG.clear()

    async def _hint(self) -> None:
        """Tell Kafka where we are, for its lag tools: never the truth."""
        if self.expected:
            await self.subscriber.consumer.commit(dict(self.expected))

    async def _guard(self, assigned: list[TopicPartition]) -> None:
        """The log's start can pass a slow reader, and a topic be made again, at any time: not only when it starts."""
        consumer, held = self.subscriber.consumer, dict(self.expected)  # taken before the end is asked for
        begins = await consumer.beginning_offsets(assigned)
        ends = await consumer.end_offsets(assigned)
        for tp in assigned:
            position = self.expected.get(tp)
            if position is not None and position < begins[tp]:
                raise Lost(f"{tp.topic}/{tp.partition}: position {position}, the log starts at {begins[tp]}")
            if held.get(tp, 0) > ends[tp]:
                raise Lost(f"{tp.topic}/{tp.partition}: position {held[tp]}, the log ends at {ends[tp]}: made again")
            if position is not None:
                lag = (consumer.highwater(tp) or position) - position
                metrics.LAG.labels(tp.topic, tp.partition).set(max(0, lag))


def is_to_end() -> bool:
    """Whether somebody cancels us. A library that waited for what was cancelled elsewhere raises the same."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _warn(error: BaseException, assigned: Sequence[TopicPartition]) -> None:
    metrics.OUTAGES.labels("consumer").inc()
    places = [f"{tp.topic}/{tp.partition}" for tp in assigned]
    is_strange = not isinstance(error, (*OUTAGES, KafkaError))
    log.warning("positions cannot be looked at yet", error=repr(error), places=places, exc_info=is_strange)
