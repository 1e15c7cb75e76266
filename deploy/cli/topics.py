"""`kith topics`: the topics of the language of events, made or verified."""

import asyncio
import os

import typer

from deploy.cli.terminal import plainly
from deploy.kafka.topics import RETENTION_DAYS, ensure_topics
from deploy.local import folder
from deploy.local.settings import data_folder
from shared.events import PARTITIONS, TOPICS


@plainly
def topics() -> None:
    """Create the topics that are missing and verify the others, on KITH_KAFKA or the Kith that runs here.

    Example: KITH_KAFKA=broker:9092 kith topics
    """
    bootstrap = os.environ.get("KITH_KAFKA") or folder.read_run(data_folder())["urls"]["kafka"]
    made = asyncio.run(ensure_topics(bootstrap, TOPICS))
    for name in TOPICS:
        typer.echo(f"{name}  {'created' if name in made else 'verified'}")
    typer.echo(f"{PARTITIONS} partitions each; new ones keep events for {RETENTION_DAYS} days.")
