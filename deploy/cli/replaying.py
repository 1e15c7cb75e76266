"""Replaying what is parked: key after key, whatever becomes of one of them."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.progress import track

from deploy import Trouble
from deploy.cli.stores import parts_of, store_of
from shared.database import OUTAGES, Database
from shared.errors import NotFound
from shared.inbox.batch import Applying
from shared.inbox.parked import Decision
from shared.operations import waiting
from shared.operations.waiting import Done, Waiting

Outcome = tuple[str, str, str, Done]  # service, topic, key, what became of it
Outcomes = tuple[list[Outcome], list[str]]  # besides, a sentence for each store that could not be asked
HELD_UP = "store-away-or-busy"
TRIES = 3  # of a replay that a busy partition held up


async def replay_one(service: str, topic: str, key: str, gap: Decision | None) -> Outcomes:
    """What became of a key; with `gap`, the versions missing before its first event are given up."""
    async with store_of(service) as database:
        found = await look(database, topic, key)
        return [(service, topic, key, await _replay(database, parts_of(service).applying, found, gap))], []


async def replay_all(services: Sequence[str], *, quiet: bool) -> Outcomes:
    """What became of each key; a store or a key that is held up keeps no other waiting."""
    outcomes: list[Outcome] = []
    away: list[str] = []
    for service in services:
        try:
            outcomes += await _replay_service(service, quiet=quiet)
        except Trouble as trouble:
            away.append(str(trouble))
        except OUTAGES as error:
            away.append(f"The store of {service} is away or busy: {error}. Try again.")
    return outcomes, away


async def _replay_service(service: str, *, quiet: bool) -> list[Outcome]:
    outcomes: list[Outcome] = []
    async with store_of(service) as database:
        async with database.transaction() as tx:
            keys = await waiting.everything(tx, mine=None)
        applying, bar = parts_of(service).applying, Console(stderr=True)
        for one in track(keys, service, console=bar, disable=quiet or len(keys) < 2):
            with contextlib.suppress(NotFound):  # gone meanwhile
                outcomes.append((service, one.topic, one.key, await _replay(database, applying, one, None)))
    return outcomes


async def _replay(database: Database, applying: Applying, before: Waiting, gap: Decision | None) -> Done:
    """A long queue takes several transactions: what took effect before an outage stays so, and a try goes on there."""
    found, gone = before, 0
    for _ in range(TRIES):
        try:
            done = await waiting.replay(database, applying, before.topic, before.key, gap=gap)
            return replace(done, handled=done.handled + gone)
        except OUTAGES as error:
            held_up = type(error).__name__
        try:
            found = await look(database, before.topic, before.key)
        except NotFound:
            return Done(handled=before.count)
        except OUTAGES:
            break
        gone = max(0, before.count - found.count)
        if found.first != before.first:
            gap = None  # it was passed; another one further on is another decision
    why = f"The store was away or busy ({held_up}). What has taken effect stays so; look at what waits, and try again."
    return Done(handled=gone, left=found.count, blocked_by=replace(found, reason=HELD_UP, field=None, message=why))


async def look(database: Database, topic: str, key: str) -> Waiting:
    """What waits of a key; raises NotFound."""
    async with database.transaction() as tx:
        found, _ = await waiting.one(tx, topic, key, mine=None, limit=1)
    return found
