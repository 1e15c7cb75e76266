"""The relay: takes what was put out of the outbox, in order within a lane, and gives it to Kafka.

One relay at a time works on a lane; it takes every lane that is free, and the oldest events first. A row is deleted
when Kafka has confirmed it. A crash in between sends it again, in order: readers drop what they have seen.
A topic that cannot be written is left alone for a while, whole, as that keeps its order: all others go on.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from asyncpg import Record

from shared import clock, metrics
from shared.database import OUTAGES, Database, Tx
from shared.outbox import sending
from shared.outbox.resting import Rests
from shared.outbox.sending import Place, Round

log = structlog.get_logger()
ROWS_A_ROUND = 500
WAIT_SECONDS = 0.25
LOOK_AGAIN_SECONDS = 60.0  # where the first look was not shown everything
TURN_ROWS = 10_000  # so many sent rows, at most twice, are walked over while somebody's old snapshot holds them
FREE_LANES = """
    select lane from machinery.outbox_lanes l
    where exists (select from machinery.outbox o where o.lane = l.lane) for update skip locked
"""
ROWS = "select * from machinery.outbox where lane = any($1) and topic <> all($2) order by id limit $3"


async def _nothing() -> bool:
    """All is looked at."""
    return True


class Relay:
    """Moves events from the outbox to Kafka until it is cancelled; raises Lost when a person must look."""

    def __init__(
        self,
        database: Database,
        kafka: str,
        before: Callable[[], Awaitable[bool]] = _nothing,
        *,
        is_looked_at: bool = False,
    ) -> None:
        self.database, self.kafka, self.before, self.is_looked_at = database, kafka, before, is_looked_at
        self.looking: asyncio.Task[None] | None = None  # again, beside the work, at what was not shown
        self.producer: AIOKafkaProducer | None = None
        self.open_to: dict[Place, datetime] = {}  # where this producer is known to the broker: when it sent last
        self.wake = asyncio.Event()  # set it after a commit that said something; without it, look now and then
        self.sent_rows = 0  # since the outbox was turned
        self.rests = Rests()

    async def run(self) -> None:
        """Work until cancelled; whatever is away is waited for."""
        try:
            await self._relay()
        finally:
            await self._stop_looking()
            await self._drop_producer()

    async def _relay(self) -> None:
        while True:
            self.wake.clear()
            try:
                if not self.is_looked_at:  # and again after each outage: the store that is back may be an older one
                    await self._look()
                    self.is_looked_at = True
                if self.looking and self.looking.done():
                    self.looking.result()
                moved = await self._one_round()
            except (*OUTAGES, KafkaError) as error:
                self.is_looked_at = False
                metrics.OUTAGES.labels("relay").inc()
                log.warning("relay waits", error=repr(error))
                await asyncio.sleep(1)
                continue
            if not moved:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WAIT_SECONDS):
                        await self.wake.wait()

    async def _look(self) -> None:
        """Look before anything is said. What is not shown holds nothing up, and is looked at again and again."""
        await self._stop_looking()
        if not await self.before():
            self.looking = asyncio.create_task(self._look_again())

    async def _look_again(self) -> None:
        is_all = False
        while not is_all:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            is_all = await self.before()

    async def _stop_looking(self) -> None:
        old, self.looking = self.looking, None
        if old:
            old.cancel()
            await asyncio.wait([old], timeout=sending.STOP_SECONDS_MAX)

    async def _one_round(self) -> int:
        """Send what waits. Confirmed rows are gone and committed before anything else is done."""
        producer = await self._producer()
        async with self.database.transaction() as tx:
            lanes = [row["lane"] for row in await tx.fetch(FREE_LANES)]
            if not lanes:
                return 0
            await tx.execute("set local idle_in_transaction_session_timeout = '9s'")
            resting = self.rests.topics(asyncio.get_running_loop().time())
            rows = await tx.fetch(ROWS, lanes, resting, ROWS_A_ROUND)  # read once the lanes are ours
            strange = await sending.meet_topics(producer, {row["topic"] for row in rows})
            done = await sending.send(producer, [row for row in rows if row["topic"] not in strange], self.open_to)
            await _settle(tx, done)
        self.sent_rows += len(done.confirmed)
        _count(rows, done)
        self._rest(done, strange)
        if done.errors:
            counts = {"confirmed": len(done.confirmed), "refused": len(done.refused)}
            log.warning("relay takes a new producer", **counts, errors=done.errors)
            await self._drop_producer()
        if self.sent_rows >= TURN_ROWS:
            await self._turn()
        return len(done.confirmed) + len(done.refused)

    def _rest(self, done: Round, strange: dict[str, str]) -> None:
        """Leave alone what cannot be written."""
        failed = strange | {topic: done.errors[topic] for topic in done.failed}
        if failed:
            log.warning("topics cannot be written", topics=failed)
        self.rests.note(done.taken, failed, asyncio.get_running_loop().time())

    async def _turn(self) -> None:
        """Write to the other segment of the outbox, emptied of what was sent from it; if it is in use, next time."""
        async with self.database.transaction() as tx:
            if await tx.fetchval("select machinery.turn_outbox()"):
                self.sent_rows = 0

    async def _producer(self) -> AIOKafkaProducer:
        if self.producer is None:
            self.producer = await sending.start(self.kafka)
        return self.producer

    async def _drop_producer(self) -> None:
        old, self.producer, self.open_to = self.producer, None, {}
        if old:
            await sending.stop(old)


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
