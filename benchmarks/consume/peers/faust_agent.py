"""Faust: an agent that takes so many at a time."""

import logging
import tempfile

import asyncpg
import faust

from benchmarks.consume.peers.views import read, told
from benchmarks.consume.workload import ORGANISATION, PARTITIONS, TOPIC, statements

task = told()
app = faust.App(
    task.group,
    broker=f"kafka://{task.kafka}",
    value_serializer="raw",
    key_serializer="raw",
    topic_partitions=PARTITIONS,
    topic_disable_leader=True,
    web_enabled=False,
    worker_redirect_stdouts=False,
    datadir=tempfile.mkdtemp(prefix="kith-bench-faust-"),
    consumer_auto_offset_reset="earliest",
    stream_buffer_maxsize=task.settings["buffer"],
    consumer_max_fetch_size=4 * 1024 * 1024,
    broker_max_poll_records=task.settings["batch"],
)
topic = app.topic(TOPIC, value_type=bytes, key_type=bytes)


@app.agent(topic)
async def views(stream: "faust.Stream[bytes]") -> None:
    """A batch at a time."""
    connection = await asyncpg.connect(task.dsn)
    async for values in stream.take(task.settings["batch"], within=1.0):
        task.begin()
        async with connection.transaction():
            for sql, columns in statements(map(read, values)):
                await connection.execute(sql, ORGANISATION, *columns)
        task.tick(len(values))


if __name__ == "__main__":
    worker = faust.Worker(app, loglevel=logging.ERROR, quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()
