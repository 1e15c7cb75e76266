"""`kith doctor`: is everything well, and if not, what is the matter and what to do. In words, or as JSON."""

import asyncio
import json
import logging
import os
import re
from collections.abc import Iterator
from typing import Annotated, Any

import asyncpg
import httpx
import typer

from deploy import Trouble
from deploy.cli.events.reading import kafka_address
from deploy.cli.parked import chosen
from deploy.cli.stores import parts_of, store_of
from deploy.cli.terminal import plainly
from deploy.local import folder
from deploy.local.settings import data_folder
from shared import clock
from shared.operations.health import age, examine
from shared.operations.shapes import Finding, Health, Process, Topic

ANSWER_SECONDS_MAX = 3.0
WORDS = {"away": "does not answer", "not-ready": "is not ready"}


@plainly
def doctor(
    service: Annotated[str | None, typer.Option("--service", help="Only this service.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts for machines.")] = False,
) -> None:
    """Every process, how far it has come and how far behind it is, what waits, clocks, schema. 1 if a person is needed.

    Example: kith doctor --json
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    found = asyncio.run(_examine(chosen(service)))
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=2))
    else:
        for line in _lines(found):
            typer.echo(line)
    if any(one.findings for one in found):
        raise typer.Exit(1)


async def _examine(services: list[str]) -> list[Health]:
    kafka = kafka_address()
    return list(await asyncio.gather(*(_one(name, kafka) for name in services)))


async def _one(service: str, kafka: str) -> Health:
    asked = {name: await _process(name, address) for name, address in _ops_addresses(service).items()}
    try:
        async with store_of(service) as database:
            health = await examine(service, database, kafka, parts_of(service).applying.topics)
    except (Trouble, asyncpg.PostgresError) as trouble:
        todo = "Start PostgreSQL, or look at its log; `kith migrate` makes what is missing in it. Nothing is lost."
        away = Finding(code="store-away", what=f"The store of {service} cannot be asked: {trouble}", todo=todo)
        health = Health(service=service, at=clock.now(), store_answers=False, broker_answers=False, findings=[away])
    health.processes = {name: state for name, (state, _) in asked.items()}
    health.findings = [*(finding for _, finding in asked.values() if finding), *health.findings]
    return health


async def _process(name: str, address: str) -> tuple[Process, Finding | None]:
    """Whether a process answers, and what to do if not."""
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX, trust_env=False) as http:
            alive = await http.get(f"{address}/livez")
            ready = await http.get(f"{address}/readyz")
    except httpx.HTTPError as error:
        what = f"The process {name} does not answer: {type(error).__name__}."
        todo = f"Its log says why it stopped; a status of 3 means that a person must look first. Then start {name}."
        return "away", Finding(code="process-away", what=what, todo=todo)
    if alive.status_code == 200 and ready.status_code == 200:
        return "answers", None
    what = f"The process {name} runs and is not ready."
    todo = "Wait a minute; if it stays so, look at its log and at its store."
    return "not-ready", Finding(code="process-not-ready", what=what, todo=todo)


def _ops_addresses(service: str) -> dict[str, str]:
    """Where to ask each process of a service: locally all are known, in a container only its own."""
    if own := os.environ.get("KITH_OPS_LISTEN"):
        return {service: f"http://127.0.0.1:{own.rpartition(':')[2]}"}
    try:
        urls: dict[str, str] = folder.read_run(data_folder())["urls"]
    except Trouble:
        return {}
    twin = re.compile(rf"({service}(-[0-9]+)?)-ops")
    return {found[1]: url for name, url in urls.items() if (found := twin.fullmatch(name))}


def _lines(found: list[Health]) -> Iterator[str]:
    for one in found:
        yield f"{one.service:<12}{'; '.join(_facts(one))}"
        if one.topics:
            yield f"{'':<12}{', '.join(map(_place, one.topics))}"
    clocks = next((one.clocks for one in found if one.clocks), None)
    if clocks:
        broker = "not known" if clocks.broker_seconds is None else f"{clocks.broker_seconds:+.2f} s"
        yield f"{'clocks':<12}PostgreSQL {clocks.postgresql_seconds:+.2f} s; broker {broker}"
    findings = _together(found)
    yield ""
    one_or_more = "1 thing needs" if len(findings) == 1 else f"{len(findings)} things need"
    yield f"{one_or_more} a person:" if findings else "All is well."
    for services, finding in findings:
        yield f"- {services}: {finding.what}"
        yield f"  {finding.todo}"


def _place(topic: Topic) -> str:
    """How far it has come in one topic, and how much there is beyond that."""
    return f"{topic.topic} {topic.position:,}" + (f" (+{topic.behind:,})" if topic.behind else "")


def _together(found: list[Health]) -> list[tuple[str, Finding]]:
    """The same thing in several services is one thing."""
    named: dict[tuple[str, str], list[str]] = {}
    for one in found:
        for finding in one.findings:
            named.setdefault((finding.what, finding.todo), []).append(one.service)
    codes = {(each.what, each.todo): each for one in found for each in one.findings}
    return [(", ".join(services), codes[key]) for key, services in named.items()]


def _facts(one: Health) -> Iterator[str]:
    states = ((name if name != one.service else "", WORDS.get(state, state)) for name, state in one.processes.items())
    yield ", ".join(" ".join(each).strip() for each in states) or "was not asked"
    if not one.store_answers or one.outbox is None or one.parked is None or one.timers is None:
        yield "its store does not answer"
        return
    behind = [topic.behind for topic in one.topics if topic.behind is not None]
    applied = sum(topic.position for topic in one.topics)
    oldest = max((topic.behind_seconds or 0 for topic in one.topics), default=0)
    yield f"{applied:,} events applied on {len(one.topics)} topics"
    lag = f"{sum(behind):,} behind" + (f" for {age(oldest)}" if sum(behind) else "")
    yield lag if behind or not one.topics else "how far behind is not known"
    outbox = one.outbox
    yield f"{outbox.rows:,} to leave" + (f" for {age(outbox.oldest_seconds)}" if outbox.rows else "")
    yield f"{one.parked.keys} {'key' if one.parked.keys == 1 else 'keys'} parked"
    late = f" for {age(one.timers.latest_seconds)}" if one.timers.overdue else ""
    yield f"{one.timers.overdue} timers overdue{late}"
    schema: Any = one.schema_versions
    yield f"{schema.applied} migrations" if schema and schema.applied is not None else "migrations not known"
