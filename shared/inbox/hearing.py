"""The runner under FastStream's subscriber: a batch, its effects and its positions in ONE transaction.

While a batch is applied the next one is fetched and read; it takes effect only if the one before did.
Kafka's acknowledgements are not relied on. The compare-and-set on the stored offsets fences off a process that
was frozen and lost its partitions meanwhile: it moves nothing, and its effects roll back.
"""

import asyncio
import contextlib
import gc
import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import KafkaAckableMessage

from shared import clock, metrics
from shared.database import OUTAGES, Database
from shared.inbox import store
from shared.inbox.batch import DATA_ERRORS, Applying
from shared.inbox.decode import Incoming, Record, decode, fingerprint
from shared.inbox.fetching import Fetching
from shared.inbox.flood import Flood, Watch
from shared.inbox.positions import Lost, Positions, is_to_end
from shared.kafka import addresses, security

log = structlog.get_logger()
RECORDS_MAX = 1000
DECODED_AT_ONCE = 100  # then whatever else waits has its turn, first of all the batch before
POLL_MS = 50
FETCHED_BYTES_MAX = 256 * 1024  # of a partition, beside two batches in hand; a record that is larger comes by itself
METADATA_MS_MAX = 5_000  # so soon is another number of partitions noticed
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.1, 5.0
GARBAGE_MIN = 50_000  # a batch makes and drops some 20,000 objects without a cycle: looking among them costs a third
Moves = dict[TopicPartition, tuple[int, int, str]]
Results = list[tuple[str, str]]


class Fenced(Exception):
    """The stored offset is not the one we hold: roll back, and ask the table."""


class Hearing:
    """Hears the events of a service until cancelled; raises Lost or Flood when a person must look."""

    def __init__(
        self,
        database: Database,
        kafka: str,
        group: str,
        apply: Applying,
        *,
        slot: str | None = None,
        flood_run: int = 200,
        flood_share: float = 0.5,
    ) -> None:
        self.database, self.kafka = database, kafka
        self.applied = 0  # batches
        self.topics = apply.topics
        self.apply = apply
        self.watch = Watch(flood_run, flood_share)
        self.stopped: asyncio.Future[None] | None = None
        self.positions = Positions(database, self.topics, slot, self.stop)
        self.before: asyncio.Task[bool] | None = None  # the batch that is being applied
        self.pause_seconds = PAUSE_SECONDS_MIN
        self.broker = KafkaBroker(
            addresses(kafka).split(","),
            security=security(kafka),
            graceful_timeout=10,
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_MS_MAX,
            logger=logging.getLogger("kith.faststream"),  # its own one writes past our format, messages of errors too
        )
        self._subscribe(group, slot)

    def _subscribe(self, group: str, slot: str | None) -> None:
        subscriber = self.broker.subscriber(
            *self.topics,
            group_id=group,
            group_instance_id=slot,
            batch=True,
            max_records=RECORDS_MAX,
            batch_timeout_ms=POLL_MS,
            max_partition_fetch_bytes=FETCHED_BYTES_MAX,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            auto_offset_reset="none",
            isolation_level="read_committed",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=500,
            rebalance_timeout_ms=30_000,
            listener=self.positions,
            parser=_raw_parser,
            decoder=_raw_decoder,
        )
        self.positions.subscriber = subscriber

        @subscriber
        async def hear(records: list[Any], message: KafkaMessage) -> None:
            await self._hear(message.raw_message)

    async def run(self) -> None:
        """Start as soon as the broker answers, then hear until cancelled."""
        self.stopped, self.positions.is_closed = asyncio.get_running_loop().create_future(), False
        gc.set_threshold(GARBAGE_MIN)
        try:
            await self._start()
            await self.stopped
        finally:
            for leave in (self.positions.close, self.broker.stop):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(15):
                        await leave()

    async def _start(self) -> None:
        while True:
            try:
                async with asyncio.timeout(20):
                    await self.broker.start()
                consumer = self.positions.subscriber.consumer
                consumer.getmany = Fetching(consumer, self.positions.rewind)
                return
            except (*OUTAGES, KafkaError) as error:
                metrics.OUTAGES.labels("consumer").inc()
                log.warning("consumer waits for the broker", error=repr(error))
                with contextlib.suppress(TimeoutError, KafkaError, OSError):
                    async with asyncio.timeout(5):
                        await self.broker.stop()
                await asyncio.sleep(1)

    @property
    def state(self) -> str:
        """What the reader holds just now, in words for a log."""
        consumer: Any = self.positions.subscriber.consumer
        assigned, paused = (len(consumer.assignment()), len(consumer.paused())) if consumer else (0, 0)
        return f"{assigned} partitions assigned, {paused} of them paused, {len(self.positions.expected)} positions held"

    def stop(self, why: Exception) -> None:
        """Stop loudly: `run` raises it. Nothing that is read from here on takes effect."""
        self.positions.expected.clear()
        if self.stopped and not self.stopped.done():
            self.stopped.set_exception(why)

    async def _hear(self, records: Sequence[Record]) -> None:
        """Read a batch while the one before is being applied; then hand it over, and let the next one be fetched."""
        batch: list[Incoming] = []
        for begin in range(0, len(records), DECODED_AT_ONCE):
            batch += map(decode, records[begin : begin + DECODED_AT_ONCE])
            await asyncio.sleep(0)
        if self.before is None or await self.before:
            self.before = asyncio.create_task(self._takes_effect(batch))
        else:  # this one may not follow what took effect: both are fetched again
            self.before = None
            self.positions.rewind()

    async def _takes_effect(self, batch: Sequence[Incoming]) -> bool:
        """Apply a batch. If that fails, go back to the stored positions and say so."""
        try:
            async with self.positions.busy:
                await self._apply_mine(batch)
        except Fenced:
            self.positions.reload()
        except Flood as error:
            await self._keep(error)
            self.stop(error)
        except Lost as error:
            self.stop(error)
        except (Exception, asyncio.CancelledError) as error:
            if is_to_end():
                raise
            metrics.OUTAGES.labels("consumer").inc()
            log.warning("batch is read again", error=repr(error), exc_info=not isinstance(error, OUTAGES))
            self.positions.rewind()
            await asyncio.sleep(self.pause_seconds)
            self.pause_seconds = min(self.pause_seconds * 2, PAUSE_SECONDS_MAX)
        else:
            self.pause_seconds = PAUSE_SECONDS_MIN
            self.applied += 1
            return True
        return False

    async def _keep(self, flood: Flood) -> None:
        with contextlib.suppress(*OUTAGES):  # nothing more is read in any case
            async with self.database.transaction() as tx:
                await store.keep_flood(tx, str(flood))

    async def _apply_mine(self, batch: Sequence[Incoming]) -> None:
        mine, moves = self._mine(batch)
        if moves:
            results, self.watch = await self._apply_once(mine, moves)
            self.positions.after_flood = False
            self.positions.expected |= {tp: there for tp, (_, there, _) in moves.items()}
            _count(mine, results)

    def _mine(self, batch: Sequence[Incoming]) -> tuple[list[Incoming], Moves]:
        """The records to apply, and how they move the positions. Partitions revoked meanwhile are not ours."""
        by_partition: dict[tuple[str, int], list[Incoming]] = defaultdict(list)
        for one in batch:
            by_partition[one.record.topic, one.record.partition].append(one)
        mine: list[Incoming] = []
        moves: Moves = {}
        for place, found in by_partition.items():
            tp = TopicPartition(*place)
            expected = self.positions.expected.get(tp)
            if expected is None:
                continue
            if first := next((one.record for one in found if one.is_event), None):
                self.positions.check_witness(tp, first)
            new = [one for one in found if one.record.offset >= expected]
            if new:
                last = new[-1].record
                mine += [one for one in new if one.is_event]
                moves[tp] = (expected, last.offset + 1, fingerprint(last))
        return mine, moves

    async def _apply_once(self, batch: list[Incoming], moves: Moves) -> tuple[Results, Watch]:
        """First all at once; if the data of one event spoils that, again with a savepoint for each."""
        try:
            return await self._transaction(batch, moves, carefully=False)
        except OUTAGES:
            raise
        except DATA_ERRORS:
            return await self._transaction(batch, moves, carefully=True)

    async def _transaction(self, batch: list[Incoming], moves: Moves, *, carefully: bool) -> tuple[Results, Watch]:
        organisations = {one.organisation_id for one in batch if one.heard}  # what is parked has no tenants
        async with self.database.transaction(*organisations) as tx:
            if not await store.move(tx, moves, clock.now()):
                raise Fenced
            standing = await self.apply(tx, batch, carefully=carefully)
            if self.positions.after_flood:
                await store.forget_flood(tx)
            return standing.results, self.watch.after(standing.results)


async def _raw_parser(records: Any) -> KafkaMessage:
    """Total, unlike FastStream's own: null and binary headers cannot break it."""
    return KafkaAckableMessage(
        body=[one.value or b"" for one in records],
        headers={},
        raw_message=records,
        consumer=None,  # acknowledging is not FastStream's business here
        message_id=str(records[0].offset),
        correlation_id=None,
    )


async def _raw_decoder(message: KafkaMessage) -> Any:
    return message.raw_message


def _count(batch: Sequence[Incoming], results: Results) -> None:
    put_at: dict[str, int] = {}
    for one in batch:
        topic, at = one.record.topic, one.record.timestamp
        put_at[topic] = min(at, put_at.get(topic, at))
    for topic, at in put_at.items():
        metrics.EVENT_AGE.labels(topic).observe(max(0.0, clock.now().timestamp() - at / 1000))
    for (topic, result), count in Counter(results).items():
        metrics.EVENTS_HEARD.labels(topic, result).inc(count)
