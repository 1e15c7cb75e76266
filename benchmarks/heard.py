"""A store of analytics that hears events as its consumer hears them, but for Kafka: decoded, in order, in batches."""

import random
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from uuid import UUID

from aiokafka import ConsumerRecord

from benchmarks.crowd import BEGIN, ORGANISATION
from benchmarks.parts import Bench, Servers, fresh_database, run_sql
from services.analytics import store
from services.analytics.app import create
from shared.database import Database
from shared.events import Event
from shared.inbox.batch import AfterBatch, Applying
from shared.inbox.decode import Record, decode

BATCH = 2_000
SECONDS_MAX = 600


@dataclass
class Analytics:
    """The store, by both of its roles, and what applies what it hears."""

    dsn: str
    dsn_machinery: str
    dsn_admin: str
    doors: Database
    machinery: Database
    applying: Applying
    post: "Post" = field(default_factory=lambda: Post())

    async def hear(self, events: Iterable[Event]) -> None:
        """Batch by batch, each in its transaction."""
        every = iter(events)
        while batch := [self.post.record(one) for one in islice(every, BATCH)]:
            await self.take(batch)

    async def take(self, batch: list[Record]) -> None:
        """One batch."""
        async with self.machinery.transaction(ORGANISATION) as tx:
            standing = await self.applying(tx, [decode(one) for one in batch], carefully=False)
        assert not standing.to_park

    async def count(self) -> None:
        """As the timer does until nobody is left."""
        is_more = True
        while is_more:
            async with self.machinery.transaction(ORGANISATION) as tx:
                is_more = await store.count(tx)

    async def tidy(self) -> None:
        """As autovacuum does in time."""
        await run_sql(self.dsn_admin, "vacuum analyze")


@asynccontextmanager
async def analytics(servers: Servers, after_batch: AfterBatch | None = None) -> AsyncIterator[Analytics]:
    """A fresh store. It keeps what it heard, and does after each batch what the service does, unless told otherwise."""
    bench: Bench = await fresh_database(servers, "analytics")
    service = create()
    applying = replace(service.applying, after_batch=after_batch or service.after_batch)
    doors = await Database.open(bench.dsn, size=4, name="bench doors", seconds_max=SECONDS_MAX)
    machinery = await Database.open(bench.dsn_machinery, size=4, name="bench machinery", seconds_max=SECONDS_MAX)
    try:
        yield Analytics(bench.dsn, bench.dsn_machinery, bench.dsn_admin, doors, machinery, applying)
    finally:
        await doors.close()
        await machinery.close()


class Post:
    """Puts events into the records in which a consumer finds them."""

    def __init__(self) -> None:
        self.draw = random.Random(1)
        self.versions: dict[tuple[str, UUID], int] = {}
        self.offset = 0

    def records(self, events: Iterable[Event]) -> Iterator[Record]:
        """All of them."""
        return map(self.record, events)

    def record(self, event: Event) -> Record:
        """As the relay sends it."""
        place = event.topic, event.key
        self.versions[place] = self.versions.get(place, 0) + 1
        self.offset += 1
        headers = {
            "content-type": "application/json",
            "ce_specversion": "1.0",
            "ce_id": str(UUID(int=self.draw.getrandbits(128), version=4)),
            "ce_source": "/bench",
            "ce_type": event.ce_type(),
            "ce_subject": str(event.key),
            "ce_time": BEGIN.isoformat(),
            "ce_organisation": str(ORGANISATION),
            "ce_aggregateversion": str(self.versions[place]),
        }
        key, value = str(event.key).encode(), event.model_dump_json().encode()
        sent = [(name, text.encode()) for name, text in headers.items()]
        return ConsumerRecord(event.topic, 0, self.offset, 0, 0, key, value, None, len(key), len(value), sent)
