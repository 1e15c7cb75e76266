"""Reading topics as an onlooker: no group, no commit; from a time, up to what is there now, or on and on."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from pydantic import TypeAdapter, ValidationError

from deploy import Trouble
from deploy.local import folder
from deploy.local.settings import data_folder, named_kafka
from shared import clock
from shared.identity import organisation_id
from shared.inbox.decode import NO_EVENT, Record
from shared.inbox.fetching import Fetching
from shared.operations import broker
from shared.operations.waiting import as_text, in_base64

T = TypeVar("T")
RECORDS_MAX = 1000
SILENT_SECONDS_MAX = 20  # a broker that should have more to give, and gives nothing
BODY_CHARS = 160
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TIME = TypeAdapter(datetime)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody wants to see."""

    topics: tuple[str, ...]
    headers: Mapping[str, tuple[bytes, ...]]  # each of these must be one of the values

    @classmethod
    def of(cls, topics: Sequence[str], kind: str | None, subject: str | None, organisation: str | None) -> Self:
        """From what was typed: a type by its short or its full name, an organisation by code or id."""
        headers: dict[str, tuple[bytes, ...]] = {}
        if kind:
            headers["ce_type"] = (kind.encode(), f"org.kith.{kind}.v1".encode())
        if subject:
            headers["ce_subject"] = (subject.encode(),)
        if organisation:
            headers["ce_organisation"] = (organisation.encode(), str(organisation_id(organisation)).encode())
        return cls(tuple(topics), headers)

    def has(self, record: Record) -> bool:
        """Whether this is one of them."""
        given = dict(record.headers)
        return all(given.get(name) in values for name, values in self.headers.items())


def kafka_address() -> str:
    """KITH_KAFKA, else that of the Kith whose folder is KITH_DATA."""
    address: str = named_kafka() or folder.read_run(data_folder())["urls"]["kafka"]
    return address


def moment(since: str) -> datetime | None:
    """`2h` ago, or the time given; None is the beginning."""
    if since == "all":
        return None
    ago = re.fullmatch(r"(\d{1,6})([smhd])", since)
    try:
        given = clock.now() - timedelta(**{UNITS[ago[2]]: int(ago[1])}) if ago else _TIME.validate_python(since)
    except (ValidationError, OverflowError):  # as many days ago there were no years
        given = None
    if given is None or given.tzinfo is None:
        raise Trouble(f"--since {since}: give 30s, 15m, 2h, 7d, all, or a time such as 2025-03-04T18:00:00Z.")
    return given if given.timestamp() > 0 else None  # where Kafka's time begins


async def answered(work: Coroutine[Any, Any, T]) -> T:
    """Do it; a broker that does not answer is one sentence."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return await work
    except BrokenPipeError:  # `| head` has seen enough
        raise
    except (KafkaError, OSError, TimeoutError) as error:
        raise Trouble(f"Kafka does not answer ({type(error).__name__}): start it, or set KITH_KAFKA.") from error


async def walk(
    kafka: str,
    topics: Sequence[str],
    begin: datetime | None,
    *,
    follow: bool = False,
    on_total: Callable[[int], None] = lambda total: None,
) -> AsyncIterator[list[Record]]:
    """What is there now, or what comes too; in order within each partition."""
    async with broker.reading(kafka) as consumer:
        places = await broker.partitions(consumer, topics)
        missing = set(topics) - {tp.topic for tp in places}
        if missing:
            raise Trouble(f"There is no topic {', '.join(sorted(missing))}.")
        consumer.assign(places)
        starts = await _starts(consumer, places, begin)
        ends = await consumer.end_offsets(places)
        for tp, start in starts.items():
            consumer.seek(tp, start)
        on_total(sum(max(0, ends[tp] - starts[tp]) for tp in places))
        walker = Walker(consumer, starts)
        if follow:
            while True:
                yield await walker.more(1000)
        left = {tp for tp in places if starts[tp] < ends[tp]}
        consumer.pause(*(tp for tp in places if tp not in left))
        async for batch in _until(walker, left, ends):
            yield batch


class Walker:
    """Hands out record after record; of one that cannot be read, as the name of a header is not text, its place."""

    def __init__(self, consumer: Any, starts: Mapping[TopicPartition, int]) -> None:
        self.consumer, self.told = consumer, dict(starts)
        self.fetching = Fetching(consumer, self._rewind)

    def _rewind(self) -> None:
        for tp, offset in self.told.items():
            self.consumer.seek(tp, offset)

    async def more(self, timeout_ms: int) -> list[Record]:
        """What comes next; raises Trouble where what the broker keeps is damaged."""
        for place in self.fetching.resting:
            at = f"{place.topic}/{place.partition}:{self.told[place]}"
            raise Trouble(f"What the broker keeps at {at} does not agree with its checksum: restore it from a replica.")
        found = await self.fetching(timeout_ms=timeout_ms, max_records=RECORDS_MAX)
        self.told |= {tp: records[-1].offset + 1 for tp, records in found.items()}
        return [one for records in found.values() for one in records if one.headers is not NO_EVENT]


async def _starts(consumer: Any, places: Sequence[TopicPartition], begin: datetime | None) -> dict[TopicPartition, int]:
    if begin is None:
        return dict(await consumer.beginning_offsets(places))
    found = await consumer.offsets_for_times({tp: int(begin.timestamp() * 1000) for tp in places})
    ends = await consumer.end_offsets(places)
    return {tp: found[tp].offset if found.get(tp) else ends[tp] for tp in places}


async def _until(
    walker: Walker, left: set[TopicPartition], ends: Mapping[TopicPartition, int]
) -> AsyncIterator[list[Record]]:
    """Up to the ends as they were. Transactions leave places without a record, so the position tells."""
    while left:
        async with asyncio.timeout(SILENT_SECONDS_MAX):
            while not (batch := await walker.more(200)):
                if await _passed(walker.consumer, left, ends) == left:
                    return
        yield [one for one in batch if one.offset < ends[TopicPartition(one.topic, one.partition)]]
        done = await _passed(walker.consumer, left, ends)
        walker.consumer.pause(*done)
        left = left - done


async def _passed(consumer: Any, left: set[TopicPartition], ends: Mapping[TopicPartition, int]) -> set[TopicPartition]:
    return {tp for tp in left if await consumer.position(tp) >= ends[tp]}


def line(record: Record) -> str:
    """An event as people read it: when it was sent, what, about what, which version, where it is, and its body."""
    headers = {name: as_text(value) or "?" for name, value in record.headers}
    kind = headers.get("ce_type", "?").removeprefix("org.kith.")
    subject, version = headers.get("ce_subject", "?"), headers.get("ce_aggregateversion", "?")
    body = as_text(record.value)
    shown = f"({len(record.value or b'')} bytes)" if body is None else body
    short = shown if len(shown) <= BODY_CHARS else shown[:BODY_CHARS] + "…"
    where = f"{record.topic}/{record.partition}:{record.offset}"
    return f"{sent_at(record)}  {kind}  {subject}  {version}  {where}  {short}"


def exactly(record: Record) -> dict[str, Any]:
    """A record byte for byte, and as text where it is text."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "sent_at": sent_at(record),
        "key": in_base64(record.key),
        "key_text": as_text(record.key),
        "headers": [
            {"name": name, "text": as_text(value), "base64": in_base64(value)} for name, value in record.headers
        ],
        "value": in_base64(record.value),
        "value_text": as_text(record.value),
    }


def sent_at(record: Record) -> str:
    """The time that Kafka keeps with it."""
    return (
        datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def has_id(record: Record, event_id: UUID) -> bool:
    """Whether its header says that it is this event."""
    return dict(record.headers).get("ce_id") == str(event_id).encode()
