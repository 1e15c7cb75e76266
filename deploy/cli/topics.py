"""`kith topics`: the topics of the language of events, made or verified."""

import asyncio

import typer

from deploy.cli.events.reading import kafka_address
from deploy.cli.terminal import plainly
from deploy.kafka.topics import RETENTION_DAYS, ensure_topics
from shared.events import PARTITIONS, TOPICS


@plainly
def topics() -> None:
    """Create the topics that are missing and verify the others, on KITH_KAFKA or the Kith that runs here.

    Example: KITH_KAFKA=broker:9092 kith topics
    """
    became = asyncio.run(ensure_topics(kafka_address(), TOPICS))
    for name in TOPICS:
        typer.echo(f"{name}  {became[name]}")
    typer.echo(f"{PARTITIONS} partitions each; events are kept for {RETENTION_DAYS} days.")
