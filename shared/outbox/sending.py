"""Giving events to Kafka: each place, which is a partition of a topic, by itself and in its order.

Of a place the first events are taken and the others are not, for this round. Nothing is sent there behind what the
client did not take, and the broker takes nothing behind what it has refused: it counts what a producer it knows sends.
"""

import asyncio
import contextlib
import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from asyncpg import Record

from shared import clock
from shared.events import PARTITIONS
from shared.inbox.positions import Lost
from shared.kafka import client

log = structlog.get_logger()
PARTITIONER, EVERY = DefaultPartitioner(), list(range(PARTITIONS))
LANE_SECONDS_MAX = 6  # an idempotent send never gives up by itself
MEET_SECONDS_MAX = 2  # both together are less than PostgreSQL waits for us
REQUEST_MS = (LANE_SECONDS_MAX + 1) * 1000  # the client gives up no row within a round: not where all is full or away
METADATA_MS_MAX = 5_000  # so soon is another number of partitions noticed
START_SECONDS_MAX, STOP_SECONDS_MAX = 10, 2
KNOWN_FOR = timedelta(hours=1)  # a broker forgets a producer that is still for producer.id.expiration.ms, a day

Place = tuple[str, int]
"""A topic and one of its partitions."""
Answer = asyncio.Future[object]


@dataclass(slots=True)
class Round:
    """What became of the rows of one round."""

    confirmed: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)  # by topic; if any, the producer's sequence may have a hole
    taken: set[str] = field(default_factory=set)  # topics of which something was confirmed or refused
    failed: set[str] = field(default_factory=set)  # topics of which some place took nothing


async def start(kafka: str) -> AIOKafkaProducer:
    """A producer whose sends the broker counts."""
    producer = AIOKafkaProducer(
        **client(kafka),
        enable_idempotence=True,
        acks="all",
        request_timeout_ms=REQUEST_MS,
        metadata_max_age_ms=METADATA_MS_MAX,
    )
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            await producer.start()
    except BaseException:
        await stop(producer)
        raise
    return producer


async def stop(producer: AIOKafkaProducer) -> None:
    """Leave nothing of it behind. What is not confirmed is sent again by whoever is next.

    Its own way to stop waits for that instead, for ever where a broker hangs, and closes its client only afterwards.
    """
    producer._closed = True
    work = [task for task in asyncio.all_tasks() if _whose(task) in (producer._sender, producer.client)]
    for task in work:
        task.cancel()
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await asyncio.gather(*work, return_exceptions=True)
            await producer.client.close()
    except (TimeoutError, KafkaError, OSError) as error:
        log.info("producer was left behind", error=repr(error))


def _whose(task: "asyncio.Task[object]") -> object:
    """The object whose method it runs."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    return frame.f_locals.get("self") if frame else None


async def meet_topics(producer: AIOKafkaProducer, topics: set[str]) -> dict[str, str]:
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


async def send(producer: AIOKafkaProducer, rows: Sequence[Record], open_to: dict[Place, datetime]) -> Round:
    """Send the rows of all places side by side and wait for every answer, but not for ever.

    `open_to` says where this producer has sent something, and when last.
    """
    now, places = clock.now(), defaultdict[Place, list[Record]](list)
    for row in rows:
        places[row["topic"], PARTITIONER(row["key"].encode(), EVERY, EVERY)].append(row)
    answers: dict[Place, list[Answer]] = {place: [] for place in places}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LANE_SECONDS_MAX), asyncio.TaskGroup() as group:
            for place, own in places.items():
                is_open = place in open_to and now - open_to[place] < KNOWN_FOR
                group.create_task(_send_to(producer, place, own, answers[place], is_open=is_open))
    done = Round()
    for (topic, part), own in places.items():
        if _judge(done, topic, own, answers[topic, part]):
            open_to[topic, part] = now
    return done


async def _send_to(
    producer: AIOKafkaProducer, place: Place, rows: Sequence[Record], answers: list[Answer], *, is_open: bool
) -> None:
    """Put down the answers for one place as they come, up to the first row that is not taken.

    Where the broker does not know the producer the first one goes alone: it takes any sequence number there, and would
    take what follows on something that it has refused.
    """
    for some in [rows] if is_open else [rows[:1], rows[1:]]:
        try:
            for row in some:
                answers.append(await _send_one(producer, place, row))  # noqa: PERF401  (a timeout keeps what was sent)
        except KafkaError as error:  # the client itself: no sequence number was used
            answers.append(asyncio.get_running_loop().create_future())
            answers[-1].set_exception(error)
        if any(isinstance(one, BaseException) for one in await asyncio.gather(*answers, return_exceptions=True)):
            return


async def _send_one(producer: AIOKafkaProducer, place: Place, row: Record) -> Answer:
    topic, part = place
    headers = [(name, text.encode()) for name, text in json.loads(row["headers"]).items()]
    headers.append(("ce_aggregateversion", str(row["version"]).encode()))
    sent: Answer = await producer.send(topic, row["value"], key=row["key"].encode(), partition=part, headers=headers)
    return sent


def _judge(done: Round, topic: str, rows: Sequence[Record], answers: Sequence[Answer]) -> bool:
    """Put down what became of the rows of one place: never past the first that failed. Says whether it takes any."""
    is_open = False
    for row, answer in itertools.zip_longest(rows, answers):
        error = _error(answer)
        if error is None:
            done.confirmed.append(row["id"])
            is_open = True
            continue
        done.errors.setdefault(topic, repr(error))
        if isinstance(error, MessageSizeTooLargeError):
            done.refused.append((row["id"], repr(error)))
        elif not is_open:
            done.failed.add(topic)
            return False
        break
    done.taken.add(topic)
    return is_open


def _error(answer: Answer | None) -> BaseException | None:
    if answer is None or not answer.done() or answer.cancelled():
        return TimeoutError(f"no answer within {LANE_SECONDS_MAX} s")
    return answer.exception()
