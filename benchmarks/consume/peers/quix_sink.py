"""Quix Streams with a sink into PostgreSQL.

Its own PostgreSQLSink writes a row for each event and folds nothing; its BatchingSink writes each partition apart. So
this is a BaseSink that folds all partitions of a checkpoint together.
"""

import tempfile
from typing import Any

from quixstreams import Application
from quixstreams.sinks import BaseSink

from benchmarks.consume.peers.views import connect, told, write
from benchmarks.consume.workload import TOPIC

task = told()


class Views(BaseSink):
    """Keeps what comes until the checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = connect(task)
        self.values: list[bytes] = []

    def add(self, value: bytes, *_: Any, **__: Any) -> None:
        """One more."""
        task.begin()
        self.values.append(value)

    def flush(self) -> None:
        """The checkpoint."""
        values, self.values = self.values, []
        if values:
            write(self.connection, values)
        task.tick(len(values))


def main() -> None:
    """Run until all is read."""
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as state:  # it makes one, though it keeps nothing there
        application = Application(
            task.kafka,
            consumer_group=task.group,
            auto_offset_reset="earliest",
            commit_every=task.settings["batch"],
            consumer_extra_config={
                "queued.min.messages": task.settings["queued"],
                "fetch.queue.backoff.ms": task.settings.get("backoff", 1000),
            },
            loglevel="ERROR",
            state_dir=state,
        )
        topic = application.topic(TOPIC, value_deserializer="bytes", key_deserializer="bytes")
        application.dataframe(topic).sink(Views())
        application.run()


if __name__ == "__main__":
    main()
