"""`kith parked`: what waits for a person. It works on the stores themselves, also while a service is stopped."""

import asyncio
import base64
import getpass
import json
import logging
import os
import socket
from collections.abc import Coroutine, Sequence
from typing import Annotated, Any, TypeVar

import structlog
import typer

from deploy import Trouble
from deploy.cli.replaying import Outcome, look, replay_all, replay_one
from deploy.cli.stores import known, store_of
from deploy.cli.terminal import harmless, plainly
from deploy.postgres.provision import SERVICES
from shared import clock
from shared.database import OUTAGES
from shared.errors import Refusal
from shared.inbox.parked import Decision
from shared.operations import waiting
from shared.operations.health import age
from shared.operations.shapes import event_shown, key_shown, outcome_shown
from shared.operations.waiting import Done, Shown, Waiting

T = TypeVar("T")
EVENTS_MAX = 100_000
app = typer.Typer(no_args_is_help=True, help="What waits for a person: list, show, replay, drop.")
ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help="Whose store.")]
Topic = Annotated[str, typer.Argument(help="The topic, as `list` shows it.")]
Key = Annotated[str, typer.Argument(help="The key, as `list` shows it.")]
Only = Annotated[str | None, typer.Option("--service", help="Only this service; needed with KITH_DATABASE_MACHINERY.")]
By = Annotated[str | None, typer.Option(help="Who decides; by default the account at this terminal.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print facts for machines.")]


@app.command("list")
@plainly
def list_(service: Only = None, as_json: AsJson = False) -> None:
    """One line for each key that waits: why, which field, since when, and how many wait behind.

    Example: kith parked list --service feedback
    """
    found = {name: _run(_everything(name)) for name in chosen(service)}
    if as_json:
        _print([{"service": name, **_key(one)} for name, keys in found.items() for one in keys])
        return
    for name, keys in found.items():
        for one in keys:
            typer.echo(_line(name, one))
    if not any(found.values()):
        typer.echo("Nothing waits for a person.")


@app.command()
@plainly
def show(service: ServiceName, topic: Topic, key: Key, as_json: AsJson = False) -> None:
    """Each event of a key: why it waits, its headers, and its bytes (as base64 where they are no text).

    Example: kith parked show feedback kith.participants 0198a4f2-7f3e-7c31-9a0e-5d2c6b1f8e44
    """
    found, events = _run(_one(service, topic, key))
    if as_json:
        shown = [event_shown(one).model_dump(mode="json") for one in events]
        _print({"service": service, "key": _key(found), "events": shown})
        return
    typer.echo(_line(service, found))
    for one in events:
        _tell_event(one)


@app.command()
@plainly
def replay(
    service: Annotated[str | None, typer.Argument(help="Whose store.")] = None,
    topic: Annotated[str | None, typer.Argument(help="The topic, as `list` shows it.")] = None,
    key: Annotated[str | None, typer.Argument(help="The key, as `list` shows it.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All keys of all services, or of one.")] = False,
    accept_gap: Annotated[
        bool, typer.Option("--accept-gap", help="Give up versions missing before the first.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why the missing ones will never come.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Let what waits take effect, in the order of its key, while live events flow. Exit status 1 if some still wait.

    Example: kith parked replay feedback kith.participants 0198a4f2-7f3e-7c31-9a0e-5d2c6b1f8e44
    """
    if everything == (topic is not None) or (topic is None) != (key is None) or (not service and not everything):
        raise Trouble("Name SERVICE TOPIC KEY, or --all (with SERVICE for one service).")
    if accept_gap and (everything or not (reason and reason.strip())):
        raise Trouble("A gap is accepted for one key, with --reason: say why the missing events will never come.")
    gap = decision(by, reason) if accept_gap and reason else None
    one = replay_one(service, topic, key, gap) if service and topic and key else None
    outcomes, away = _run(one or replay_all(chosen(service), quiet=as_json))
    if outcomes or not away:
        _tell_outcomes(outcomes, as_json)
    if away:
        raise Trouble("\n".join(away))
    if any(done.left for _, _, _, done in outcomes):
        raise typer.Exit(1)


@app.command()
@plainly
def drop(
    service: ServiceName,
    topic: Topic,
    key: Key,
    reason: Annotated[str, typer.Option(prompt="Why may it go", help="Kept with your name. Name no participant.")],
    first: Annotated[bool, typer.Option("--first", help="Only the event that stands in the way.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Give up the events of a key, or the first. Who, when, why and a hash of the bytes are kept.

    Example: kith parked drop feedback kith.participants KEY --first --reason "A test machine sent it."
    """
    if not reason.strip():
        raise Trouble("Say why with --reason: it is kept with your name.")
    done = _run(_drop(service, topic, key, decision(by, reason), first))
    _tell_outcomes([(service, topic, key, done)], as_json)


def chosen(service: str | None) -> list[str]:
    """The services that a command is about."""
    if service:
        return [known(service)]
    if os.environ.get("KITH_DATABASE_MACHINERY"):
        raise Trouble("KITH_DATABASE_MACHINERY is the store of one service: say which with --service.")
    return list(SERVICES)


def decision(by: str | None, reason: str) -> Decision:
    """Who sits at this terminal decides, unless somebody is named."""
    return Decision((by or "").strip()[:200] or _account(), reason.strip()[:200], clock.now())


def _account() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError) as error:  # as in a container; from Python 3.13 on it is an OSError
        raise Trouble("The account at this terminal has no name: say who you are with --by.") from error


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it; a refusal or a store that is away is one sentence."""
    # What a handler logs of a bad event is for the service's log; here its reason is told.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        return asyncio.run(work)
    except Refusal as refusal:
        raise Trouble(f"{refusal.message} [{refusal.code}]") from refusal
    except OUTAGES as error:
        raise Trouble(f"The store was away or busy, and nothing was done: {error}. Try again.") from error


async def _everything(service: str) -> list[Waiting]:
    async with store_of(service) as database, database.transaction() as tx:
        return await waiting.everything(tx, mine=None)


async def _one(service: str, topic: str, key: str) -> tuple[Waiting, list[Shown]]:
    async with store_of(service) as database, database.transaction() as tx:
        return await waiting.one(tx, topic, key, mine=None, limit=EVENTS_MAX)


async def _drop(service: str, topic: str, key: str, why: Decision, first: bool) -> Done:
    async with store_of(service) as database:
        found = await look(database, topic, key)
        return await waiting.drop(database, topic, key, why, only=(found.first or "") if first else None)


def _key(found: Waiting) -> dict[str, Any]:
    return key_shown(found).model_dump(mode="json")


def _done(done: Done) -> dict[str, Any]:
    return outcome_shown(done).model_dump(mode="json")


def _line(service: str, found: Waiting) -> str:
    waits = f"{found.since:%Y-%m-%d %H:%M} UTC ({age((clock.now() - found.since).total_seconds())})"
    why = "ready to be replayed" if found.is_free else found.reason
    behind = f"{found.behind} behind it" if found.behind else "nothing behind it"
    return f"{service}  {found.topic}  {harmless(found.key)}  {why}{_at(found.field)}  since {waits}  {behind}"


def _tell_event(one: Shown) -> None:
    typer.echo()
    typer.secho(f"{one.name}  {one.reason}{_at(one.field)}", bold=True)
    typer.echo(f"  {harmless(one.message)}")
    for name, value in (("key", one.key), *one.headers, ("body", one.value)):
        text = waiting.as_text(value)
        shown = "null" if value is None else _base64(value) if text is None else text
        typer.echo(f"  {harmless(name)}: {shown}")


def _at(field: str | None) -> str:
    return f" at {harmless(field)}" if field else ""


def _base64(value: bytes) -> str:
    return f"base64 {base64.b64encode(value).decode()}"


def _tell_outcomes(outcomes: Sequence[Outcome], as_json: bool) -> None:
    if as_json:
        _print([{"service": at, "topic": topic, "key": key} | _done(done) for at, topic, key, done in outcomes])
        return
    if not outcomes:
        typer.echo("Nothing waits for a person.")
    for service, topic, key, done in outcomes:
        typer.echo(f"{service}  {topic}  {harmless(key)}  {told(done)}")


def told(done: Done) -> str:
    """What became of a key, in words."""
    counts = [
        (done.handled, "took effect"),
        (done.passed_over, "had taken effect before, or were about somebody who was erased"),
        (done.said_again, "will be said again in a moment"),
        (done.dropped, "dropped"),
        (done.left, "still wait"),
    ]
    words = ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing waited"
    if done.blocked_by:
        stops = done.blocked_by
        return f"{words}: {stops.reason}{_at(stops.field)}. {harmless(stops.message)}"
    return words + ("; replay them" if done.left else "") + "."


def _print(facts: object) -> None:
    typer.echo(json.dumps(facts, indent=2))
