"""`kith events`: what was said, as it is in Kafka: look along, find one, verify that the promises are kept."""

import asyncio
import heapq
import json
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from deploy import Trouble
from deploy.cli.events import finding, reading, verifying
from deploy.cli.events.reading import Wanted
from deploy.cli.terminal import plainly
from shared.events import TOPICS
from shared.inbox.decode import Record

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="What was said: tail, show, verify.")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, with the exact bytes in base64.")]


@app.command()
@plainly
def tail(
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; may be given again.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Only this type, such as session-held.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only about this aggregate, by its id.")] = None,
    organisation: Annotated[str | None, typer.Option(help="Only of this organisation, by code or id.")] = None,
    since: Annotated[str, typer.Option(help="From when: 30s, 15m, 2h, 7d, a time with its zone, or all.")] = "1h",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is said from now on.")] = False,
    as_json: AsJson = False,
) -> None:
    """One line for each event, in the order of its aggregate. Nothing is moved or committed by looking.

    Example: kith events tail --type session-held --organisation harbour-trust --since 2h
    """
    wanted = Wanted.of(topic or TOPICS, kind, subject, organisation)
    begin = reading.moment(since)
    _run(_tail(wanted, begin, follow, as_json))


@app.command()
@plainly
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id (header ce_id).")],
    as_json: AsJson = False,
) -> None:
    """One event with its headers and body: from the event log of its speaker, else from Kafka; and where it is parked.

    Example: kith events show 0198a4f2-7f3e-7c31-9a0e-5d2c6b1f8e44
    """
    try:
        wanted = UUID(event_id)
    except ValueError:
        raise Trouble(f"{event_id} is no id of an event: give the UUID of its header ce_id.") from None
    found = _run(finding.find(wanted))
    if as_json:
        typer.echo(json.dumps(found.as_json()))
        return
    for line in found.lines():
        typer.echo(line)


@app.command()
@plainly
def verify(
    topic: Annotated[str | None, typer.Argument(help="The topic.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All topics of the language of events.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts for machines.")] = False,
) -> None:
    """Walk a topic from its beginning: envelope, promised schema, key, order of each aggregate. 1 if anything is wrong.

    Example: kith events verify kith.sessions
    """
    if everything == (topic is not None):
        raise Trouble("Name one topic, or --all.")
    results = _run(verifying.verify([topic] if topic else list(TOPICS), quiet=as_json))
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in results], indent=2))
    else:
        for line in (line for one in results for line in one.lines()):
            typer.echo(line)
    if any(one.faults for one in results):
        raise typer.Exit(1)


async def _tail(wanted: Wanted, begin: datetime | None, follow: bool, as_json: bool) -> None:
    async for batch in reading.walk(reading.kafka_address(), wanted.topics, begin, follow=follow):
        for record in in_order(list(filter(wanted.has, batch))):
            typer.echo(json.dumps(reading.exactly(record)) if as_json else reading.line(record))


def in_order(batch: Sequence[Record]) -> Iterator[Record]:
    """By the time that Kafka keeps, which a speaker's clock may turn back: never against the order of a partition."""
    partitions = defaultdict[tuple[str, int], list[Record]](list)
    for record in batch:
        partitions[record.topic, record.partition].append(record)
    return heapq.merge(*partitions.values(), key=lambda one: one.timestamp)


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(reading.answered(work))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
