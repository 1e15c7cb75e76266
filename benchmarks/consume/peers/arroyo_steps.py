"""Sentry arroyo: batches of a size or an age, committed to Kafka once a second."""

from collections.abc import Mapping
from typing import Any

from arroyo.backends.kafka import KafkaConsumer
from arroyo.backends.kafka.configuration import build_kafka_consumer_configuration
from arroyo.commit import ONCE_PER_SECOND
from arroyo.processing import StreamProcessor
from arroyo.processing.strategies import BatchStep, CommitOffsets, RunTask
from arroyo.processing.strategies.abstract import ProcessingStrategyFactory
from arroyo.types import Commit, Message, Partition, Topic

from benchmarks.consume.peers.views import connect, told, write
from benchmarks.consume.workload import TOPIC

task = told()
connection = connect(task)


def started(message: Message[Any]) -> Any:
    """Only looks at the clock."""
    task.begin()
    return message.payload


def views(message: Message[Any]) -> Any:
    """A batch."""
    write(connection, [one.payload.value for one in message.payload])
    task.tick(len(message.payload))
    return message.payload


class Steps(ProcessingStrategyFactory[Any]):
    """From the record to the commit."""

    def create_with_partitions(self, commit: Commit, partitions: Mapping[Partition, int]) -> Any:
        """Made anew at each assignment."""
        after = RunTask(views, CommitOffsets(commit))
        return RunTask(started, BatchStep(task.settings["batch"], 1.0, after))


def main() -> None:
    """Run until all is read."""
    settings = build_kafka_consumer_configuration(
        {"fetch.queue.backoff.ms": task.settings.get("backoff", 1000)},
        group_id=task.group,
        bootstrap_servers=[task.kafka],
        queued_min_messages=task.settings["queued"],
        auto_offset_reset="earliest",
    )
    StreamProcessor(KafkaConsumer(settings), Topic(TOPIC), Steps(), ONCE_PER_SECOND).run()


if __name__ == "__main__":
    main()
