"""A consumer that keeps one table, under one policy of acknowledging: FastStream's own, or our Hearing."""

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from shared.database import Database, Tx
from shared.events.base import Event, Heard, event
from shared.inbox.batch import Applying
from shared.inbox.hearing import Hearing

TOPIC = os.environ.get("SIDE_TOPIC", "side")
FAILURES = 0.01  # of the messages before their statement, and after it
FAILURES_OF_BATCHES = 0.2  # where a transaction holds many
APPLY = "insert into applied (id, times) values ($1, 1) on conflict (id) do update set times = applied.times + 1"
POLICIES = {"ACK_FIRST": AckPolicy.ACK_FIRST, "ACK": AckPolicy.ACK, "NACK_ON_ERROR": AckPolicy.NACK_ON_ERROR}


@event("side-by-side", topic=TOPIC, key="parcel_id")
class SideBySide(Event):
    """Something was said to everybody."""

    parcel_id: UUID


def fail_sometimes(share: float = FAILURES) -> None:
    """As a network does: it strikes a transaction, not an event in it."""
    if random.random() < share:
        raise ConnectionError("a transient failure, as planned")


async def naive(policy: AckPolicy, dsn: str, kafka: str) -> None:
    """What the tutorial says: one handler, one statement."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4)
    broker = KafkaBroker(kafka, logger=None)

    @broker.subscriber(
        TOPIC, group_id="side", ack_policy=policy, auto_offset_reset="earliest", session_timeout_ms=6000,
        heartbeat_interval_ms=500, no_reply=True,
    )  # fmt: skip
    async def on_parcel(body: dict[str, Any]) -> None:
        fail_sometimes()
        await pool.execute(APPLY, UUID(body["parcel_id"]))
        fail_sometimes()

    await broker.start()
    await asyncio.Event().wait()


async def ours(dsn: str, kafka: str) -> None:
    """The same by way of the inbox."""

    async def on_parcel(tx: Tx, heard: Heard[SideBySide]) -> None:
        await tx.execute(APPLY, heard.event.parcel_id)

    async def after_batch(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
        fail_sometimes(FAILURES_OF_BATCHES)

    handlers: dict[type[Event], Callable[[Tx, Heard[Any]], Awaitable[None]]] = {SideBySide: on_parcel}
    database = await Database.open(dsn, size=4, name="side by side")
    await Hearing(database, kafka, "side", Applying(handlers, after_batch=after_batch)).run()


async def main(policy: str, dsn: str, kafka: str) -> None:
    """Run until killed."""
    work = ours(dsn, kafka) if policy == "ours" else naive(POLICIES[policy], dsn, kafka)
    await work


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:4]))
