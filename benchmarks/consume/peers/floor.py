"""What is left when nothing is checked: no envelope, no versions, nobody's partitions can be taken; only the views.

The bodies are read by msgspec, and a batch is read while the one before is written: what Python on aiokafka could reach
at most, for comparison. Nobody should run this.
"""

import asyncio
import gc
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer

from benchmarks.consume.peers.views import Task, told
from benchmarks.consume.workload import ORGANISATION, TOPIC, statements


class Scored(msgspec.Struct):
    """What the views need, and no more."""

    person_id: UUID
    program_id: UUID
    score: int
    answered_at: datetime


read = msgspec.json.Decoder(Scored).decode


async def write(task: Task, connection: Any, events: list[Scored]) -> None:
    """Three statements in a transaction."""
    async with connection.transaction():
        for sql, columns in statements(events):
            await connection.execute(sql, ORGANISATION, *columns)
    task.tick(len(events))


async def main() -> None:
    """Read so many, and print how long that took."""
    task = told()
    gc.disable()
    connection = await asyncpg.connect(task.dsn)
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=task.kafka, group_id=task.group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    writing: asyncio.Task[None] | None = None
    while True:
        found = await consumer.getmany(timeout_ms=50, max_records=task.settings["batch"])
        if not found:
            continue
        task.begin()
        events = [read(one.value) for records in found.values() for one in records]
        if writing:
            await writing
        writing = asyncio.create_task(write(task, connection, events))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
