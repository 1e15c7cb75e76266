"""The relay: takes what was put out of the outbox, in order within a lane, and gives it to Kafka.

One relay at a time works on a lane; it takes every lane that is free, and the oldest events first. A row is deleted
when Kafka has confirmed it. A crash in between sends it again, in order: readers drop what they have seen.
A topic that cannot be written is left alone for a while, whole, as that keeps its order: all others go on.
"""

import asyncio
import contextlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from asyncpg import Record

from shared import clock, metrics
from shared.database import OUTAGES, Database, Tx
from shared.events import PARTITIONS
from shared.inbox.positions import Lost
from shared.kafka import client

log = structlog.get_logger()
ROWS_A_ROUND = 500
PARTITIONER, EVERY = DefaultPartitioner(), list(range(PARTITIONS))
LANE_SECONDS_MAX = 6  # an idempotent send never gives up by itself
MEET_SECONDS_MAX = 2  # both together are less than PostgreSQL waits for us
REST_SECONDS_MIN, REST_SECONDS_MAX = 1, 20  # twice as long each time
METADATA_MS_MAX = 5_000  # so soon is another number of partitions noticed
WAIT_SECONDS = 0.25
TURN_ROWS = 10_000  # so many sent rows, at most twice, are walked over while somebody's old snapshot holds them
FREE_LANES = """
    select lane from machinery.outbox_lanes l
    where exists (select from machinery.outbox o where o.lane = l.lane) for update skip locked
"""
ROWS = "select * from machinery.outbox where lane = any($1) and topic <> all($2) order by id limit $3"


Place = tuple[str, int]
"""A topic and one of its partitions."""


@dataclass(slots=True)
class Round:
    """What became of the rows of one round."""

    confirmed: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    is_broken: bool = False  # the producer's sequence may have a hole: it must be replaced
    errors: dict[str, str] = field(default_factory=dict)  # by topic
    taken: set[str] = field(default_factory=set)  # topics of which something was confirmed or refused


class Relay:
    """Moves events from the outbox to Kafka until it is cancelled; raises Lost when a person must look."""

    def __init__(self, database: Database, kafka: str) -> None:
        self.database, self.kafka = database, kafka
        self.producer: AIOKafkaProducer | None = None
        self.open_to: set[Place] = set()  # where this producer is known to the broker
        self.wake = asyncio.Event()  # set it after a commit that said something; without it, look now and then
        self.sent_rows = 0  # since the outbox was turned
        self.resting: dict[str, float] = {}  # topics that could not be written: until when, by the clock of the loop
        self.is_away = False  # nothing at all was taken last time
        self.rests: dict[str, float] = {}  # for how long each of them was left alone last

    async def run(self) -> None:
        """Work until cancelled; whatever is away is waited for."""
        try:
            await self._relay()
        finally:
            await self._drop_producer()

    async def _relay(self) -> None:
        while True:
            self.wake.clear()
            try:
                moved = await self._one_round()
            except (*OUTAGES, KafkaError) as error:
                metrics.OUTAGES.labels("relay").inc()
                log.warning("relay waits", error=repr(error))
                await asyncio.sleep(1)
                continue
            if not moved:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WAIT_SECONDS):
                        await self.wake.wait()

    async def _one_round(self) -> int:
        """Send what waits. Confirmed rows are gone and committed before anything else is done."""
        producer = await self._producer()
        async with self.database.transaction() as tx:
            lanes = [row["lane"] for row in await tx.fetch(FREE_LANES)]
            if not lanes:
                return 0
            await tx.execute("set local idle_in_transaction_session_timeout = '9s'")
            rows = await tx.fetch(ROWS, lanes, self._at_rest(), ROWS_A_ROUND)  # read once the lanes are ours
            strange = await _meet_topics(producer, {row["topic"] for row in rows})
            done = await _send(producer, [row for row in rows if row["topic"] not in strange], self.open_to)
            await _settle(tx, done)
        self.sent_rows += len(done.confirmed)
        _count(rows, done)
        self._rest(done.taken, strange | {topic: why for topic, why in done.errors.items() if topic not in done.taken})
        if not rows:  # nothing else waits: it may well have been the broker
            self.resting.clear()
        if done.is_broken:
            counts = {"confirmed": len(done.confirmed), "refused": len(done.refused)}
            log.warning("relay takes a new producer", **counts, errors=done.errors)
            await self._drop_producer()
        if self.sent_rows >= TURN_ROWS:
            await self._turn()
        return len(done.confirmed) + len(done.refused)

    def _at_rest(self) -> list[str]:
        now = asyncio.get_running_loop().time()
        self.resting = {topic: until for topic, until in self.resting.items() if until > now}
        return list(self.resting)

    def _rest(self, taken: Collection[str], failed: Mapping[str, str]) -> None:
        """Leave alone what cannot be written; where something is taken after nothing was, the broker is back."""
        if taken and self.is_away:
            self.resting.clear()
        if failed:
            log.warning("topics cannot be written", topics=failed)
        self.is_away = bool(failed) and not taken
        self.rests = {topic: seconds for topic, seconds in self.rests.items() if topic not in taken}
        for topic in failed:
            self.rests[topic] = min(2 * self.rests.get(topic, REST_SECONDS_MIN / 2), REST_SECONDS_MAX)
            self.resting[topic] = asyncio.get_running_loop().time() + self.rests[topic]

    async def _turn(self) -> None:
        """Write to the other segment of the outbox, emptied of what was sent from it; if it is in use, next time."""
        async with self.database.transaction() as tx:
            if await tx.fetchval("select machinery.turn_outbox()"):
                self.sent_rows = 0

    async def _producer(self) -> AIOKafkaProducer:
        if self.producer is None:
            producer = AIOKafkaProducer(
                **client(self.kafka),
                enable_idempotence=True,
                acks="all",
                request_timeout_ms=5000,
                metadata_max_age_ms=METADATA_MS_MAX,
            )
            try:
                async with asyncio.timeout(10):
                    await producer.start()
            except BaseException:
                await _stop(producer)
                raise
            self.producer = producer
        return self.producer

    async def _drop_producer(self) -> None:
        old, self.producer, self.open_to = self.producer, None, set()
        if old:
            await _stop(old)


async def _meet_topics(producer: AIOKafkaProducer, topics: set[str]) -> dict[str, str]:
    """Why some are not to be had; refuse one whose number of partitions is not the fixed one, before anything is said.

    A topic that is not there is asked for again and again by the library, so it must not wait for long.
    """
    asked = {topic: asyncio.ensure_future(producer.partitions_for(topic)) for topic in topics}
    strange: dict[str, str] = {}
    try:
        if asked:
            await asyncio.wait(asked.values(), timeout=MEET_SECONDS_MAX)
        for topic, answer in asked.items():
            error = answer.exception() if answer.done() else TimeoutError(f"not there after {MEET_SECONDS_MAX} s")
            if isinstance(error, (KafkaError, TimeoutError)):
                strange[topic] = repr(error)
            elif (count := len(answer.result())) != PARTITIONS:
                raise Lost(f"{topic} has {count} partitions, not {PARTITIONS}: keys would lose their order")
    finally:
        for answer in asked.values():
            answer.cancel()
    return strange


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop a producer, also one whose broker is away: it would wait for ever."""
    try:
        async with asyncio.timeout(2):
            await producer.stop()
    except (TimeoutError, KafkaError, OSError) as error:
        log.info("producer was left behind", error=repr(error))
        sender = producer._sender.sender_task
        if sender:
            sender.cancel()


async def _send(producer: AIOKafkaProducer, rows: Sequence[Record], open_to: set[Place]) -> Round:
    """Send the rows in order and wait for every answer, but not for ever.

    Where this producer has said nothing yet the first event goes alone: of a producer that it does not know the broker
    takes any sequence number, and would take what follows on something that it has refused.
    """
    answers: dict[int, asyncio.Future[object]] = {}
    places = [(row["topic"], PARTITIONER(row["key"].encode(), EVERY, EVERY)) for row in rows]
    first = {place: number for number, place in reversed([*enumerate(places)]) if place not in open_to}

    async def send(numbers: Collection[int]) -> None:
        for number in numbers:
            answers[number] = await _send_one(producer, rows[number], places[number][1])
        await asyncio.gather(*(answers[number] for number in numbers), return_exceptions=True)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LANE_SECONDS_MAX):
            await send(first.values())
            open_to |= {place for place, number in first.items() if not answers[number].exception()}
            await send([n for n, place in enumerate(places) if place in open_to and n not in answers])
    return _outcome(rows, answers)


async def _send_one(producer: AIOKafkaProducer, row: Record, part: int) -> "asyncio.Future[object]":
    headers = [(name, text.encode()) for name, text in json.loads(row["headers"]).items()]
    headers.append(("ce_aggregateversion", str(row["version"]).encode()))
    try:
        sent: asyncio.Future[object] = await producer.send(
            row["topic"], row["value"], key=row["key"].encode(), partition=part, headers=headers
        )
    except KafkaError as error:  # refused by the client itself, as too large: no sequence number was used
        sent = asyncio.get_running_loop().create_future()
        sent.set_exception(error)
    return sent


def _outcome(rows: Sequence[Record], answers: "Mapping[int, asyncio.Future[object]]") -> Round:
    """Never past a failed event of its key: later ones keep their place until the next round."""
    done, held = Round(), set()
    for number, row in enumerate(rows):
        answer = answers.get(number)
        answered = answer is not None and answer.done() and not answer.cancelled()
        error = answer.exception() if answered and answer else None
        key = (row["topic"], row["key"])
        if answered and error is None and key not in held:
            done.confirmed.append(row["id"])
            done.taken.add(row["topic"])
            continue
        if isinstance(error, MessageSizeTooLargeError) and key not in held:
            done.refused.append((row["id"], repr(error)))
            done.taken.add(row["topic"])
        if error or not answered:
            done.errors.setdefault(row["topic"], repr(error) if error else f"no answer within {LANE_SECONDS_MAX} s")
        held.add(key)
        done.is_broken = True
    return done


async def _settle(tx: Tx, done: Round) -> None:
    await tx.execute("delete from machinery.outbox where id = any($1::bigint[])", done.confirmed)
    for row_id, reason in done.refused:
        await tx.execute(
            """with gone as (delete from machinery.outbox where id = $1 returning *)
               insert into machinery.outbox_parked
               select id, topic, key, version, headers, value, put_at, $2, $3 from gone""",
            row_id,
            reason,
            clock.now(),
        )


def _count(rows: Sequence[Record], done: Round) -> None:
    confirmed, refused = set(done.confirmed), {row_id for row_id, _ in done.refused}
    for row in rows:
        if row["id"] in confirmed:
            metrics.EVENTS_SAID.labels(row["topic"]).inc()
        elif row["id"] in refused:
            metrics.EVENTS_REFUSED.labels(row["topic"]).inc()
