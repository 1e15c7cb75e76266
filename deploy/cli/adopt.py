"""`kith adopt`: a store that was restored from an older backup takes what it has said since, so that it may go on."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy import Trouble
from deploy.cli.events import reading
from deploy.cli.parked import AsJson, By, decision
from deploy.cli.servers import servers
from deploy.cli.stores import known, store_of
from deploy.cli.terminal import plainly
from shared.database import OUTAGES, Database
from shared.events import CATALOGUE
from shared.inbox.decode import Incoming
from shared.inbox.parked import Decision
from shared.operations import ahead
from shared.outbox import adopting
from shared.outbox.adopting import TAKEN, Decided, heard

AGGREGATES_A_TURN = 100
WHY = "The store was restored from an older backup."


@dataclass(slots=True)
class Found:
    """What a store has not said although the log has it, and what became of that: in earlier runs, and in this one."""

    earlier: list[Decided] = field(default_factory=list)
    unsaid: list[Incoming] = field(default_factory=list)
    passed_over: list[Incoming] = field(default_factory=list)
    moved: int = 0
    is_complete: bool = False

    def lines(self, service: str, is_dry: bool) -> Iterator[str]:
        """For people."""
        before = [one for one in self.earlier if one.act == TAKEN]
        for wire, count in Counter(_type(one) for one in before).most_common():
            yield f"{count:>9,}  {wire} (earlier)"
        if self.is_complete and not self.unsaid and not self.passed_over:
            yield f"The log has nothing that the store of {service} has not said."
        else:
            yield from self._of_this_run(is_dry)
        if erasures := sum(map(_erases, before)) + sum(heard(one).event.erases for one in self.unsaid):
            yield f"Erase again who was erased since ({erasures}): this store has them back. --json says who."
        if before or self.unsaid or self.passed_over:
            yield f"The others know what these tell, and the tables of {service} do not: it has to be entered again."

    def _of_this_run(self, is_dry: bool) -> Iterator[str]:
        times = sorted(heard(one).happened_at for one in self.unsaid)
        for wire, count in Counter(heard(one).event.wire for one in self.unsaid).most_common():
            yield f"{count:>9,}  {wire}"
        since = f", of what happened from {times[0]:%Y-%m-%d %H:%M} UTC on" if times else ""
        aggregates = len({one.aggregate for one in self.unsaid})
        done = "would be taken" if is_dry else "taken"
        yield f"{_many(len(self.unsaid), 'event')} of {_many(aggregates, 'aggregate')} {done}{since}."
        if self.passed_over:
            yield f"{_many(len(self.passed_over), 'event')} passed over: another one had the same version before."
        if self.moved:
            yield f"{_many(self.moved, 'event')} of this store put behind them, under a later version."

    def as_json(self, service: str, is_dry: bool) -> dict[str, Any]:
        """For machines; no payload."""
        before = [(one.act, _decided(one)) for one in self.earlier]
        return {
            "service": service,
            "dry_run": is_dry,
            "complete": self.is_complete,
            "taken": [one for act, one in before if act == TAKEN] + [_event(one) for one in self.unsaid],
            "passed_over": [one for act, one in before if act != TAKEN] + [_event(one) for one in self.passed_over],
            "moved": self.moved,
        }


@plainly
def adopt(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Whose store was restored.")],
    by: By = None,
    reason: Annotated[str, typer.Option(help="Why, kept with your name. Name no participant.")] = WHY,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take what a restored store has said since its backup, out of the log, so that it may speak again.

    Killed at any point, the same command goes on where it was, and lists what earlier runs have taken as well. What the
    events tell of is not made again in the tables of the service: --json lists it.

    Example: kith adopt intake --by "Ira Novak" --json > adopted.json
    """
    why = None if dry_run else decision(by, reason)
    found = Found()
    try:
        asyncio.run(reading.answered(_adopt_here(found, known(service), why, as_json)))
    finally:  # what was done by now is told, however it ends
        if found.is_complete or found.earlier or found.unsaid or found.passed_over:
            _show(found, service, dry_run, as_json)


def _show(found: Found, service: str, is_dry: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found.as_json(service, is_dry), indent=2))
        return
    for line in found.lines(service, is_dry):
        typer.echo(line)


async def _adopt_here(found: Found, service: str, why: Decision | None, as_json: bool) -> None:
    async with servers():
        await _adopt(found, service, why, as_json)


async def _adopt(found: Found, service: str, why: Decision | None, as_json: bool) -> None:
    hidden = as_json or bool(os.environ.get("CI"))
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=hidden, transient=True) as bar:
        async with store_of(service) as database:
            try:
                async with database.transaction() as tx:
                    found.earlier = await adopting.earlier(tx)
                for topic in ahead.topics_of(service):
                    await _of_topic(found, database, service, topic, why, bar)
            except OUTAGES as error:
                raise Trouble(
                    f"The store of {service} or Kafka is away or busy: {error}. Type the same again, and it goes on "
                    f"where it was ({_many(len(found.unsaid), 'event')} taken by now)."
                ) from error
    found.is_complete = True


async def _of_topic(
    found: Found, database: Database, service: str, topic: str, why: Decision | None, bar: Progress
) -> None:
    """Look through a topic; if the store lacks any of it, again for all that is said of the same aggregates."""
    unsaid = list[Incoming]()
    async for batch in _walk(service, topic, bar):
        async with database.transaction() as tx:
            unsaid += await adopting.unsaid(tx, batch)
    if why is None:
        found.unsaid += {heard(one).id: one for one in unsaid}.values()  # some are there twice
        return
    aggregates, said = {one.aggregate for one in unsaid}, dict[tuple[str, str], list[Incoming]]()
    if aggregates:
        async for batch in _walk(service, topic, bar):
            for one in batch:
                if one.aggregate in aggregates:
                    said.setdefault(one.aggregate, []).append(one)
    keys = sorted(said)
    for at in range(0, len(keys), AGGREGATES_A_TURN):
        some = [one for key in keys[at : at + AGGREGATES_A_TURN] for one in said[key]]
        async with database.transaction() as tx:
            done = await adopting.adopt(tx, some, why)
        found.unsaid += done.taken
        found.passed_over += done.passed_over
        found.moved += done.moved


async def _walk(service: str, topic: str, bar: Progress) -> AsyncIterator[Sequence[Incoming]]:
    """What this service has said on a topic, as the log has it."""
    task = bar.add_task(topic, total=None)

    def on_total(total: int) -> None:
        bar.update(task, total=total)

    async for batch in reading.walk(reading.kafka_address(), [topic], None, on_total=on_total):
        yield ahead.own(service, batch)
        bar.advance(task, len(batch))


def _event(one: Incoming) -> dict[str, Any]:
    said = heard(one)
    return {
        "topic": one.record.topic,
        "type": said.event.wire,
        "subject": one.key,
        "version": said.version,
        "time": said.happened_at.isoformat(),
        "organisation": str(one.organisation_id),
        "id": str(said.id),
        "earlier": False,
    }


def _decided(one: Decided) -> dict[str, Any]:
    return {
        "topic": one.topic,
        "type": _type(one),
        "subject": one.key,
        "version": one.version,
        "time": _time(one),
        "organisation": str(one.organisation_id),
        "id": str(one.event_id),
        "earlier": True,
    }


def _header(one: Decided, name: str) -> str | None:
    return json.loads(one.headers).get(name) if one.headers else None


def _time(one: Decided) -> str | None:
    time = _header(one, "ce_time")
    return datetime.fromisoformat(time).isoformat() if time else None


def _type(one: Decided) -> str | None:
    kind = _header(one, "ce_type")
    return CATALOGUE[kind].wire if kind in CATALOGUE else kind


def _erases(one: Decided) -> bool:
    kind = _header(one, "ce_type")
    return kind in CATALOGUE and CATALOGUE[kind].erases


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count:,} {word}s"
