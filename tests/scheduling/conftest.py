"""A store of scheduling that is told what the others say, with its timers, its clock and its doors."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.scheduling import handlers
from services.scheduling.app import create
from shared import clock, idempotency
from shared.events import CATALOGUE, Event, Heard
from shared.inbox import handle
from shared.timers import Timers
from tests.doors import doors
from tests.scheduling.examples import ORGANISATION, facilitator_qualified, program_published, site_opened

ROUNDS_MAX = 50


class Told:
    """Tells scheduling events, each in a transaction of its own, and lets its clocks ring."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.timers = Timers(store.machinery, {**idempotency.TIMERS, **create().timers})

    async def tell(self, *events: Event, at: datetime | None = None, organisation: UUID = ORGANISATION) -> None:
        for event in events:
            async with self.store.machinery.transaction(organisation) as tx:
                heard = Heard(event, uuid4(), organisation, at or clock.now(), 1)
                await handle(handlers.HANDLERS, tx, [heard])

    async def ring(self) -> None:
        """Let everything that is due by now happen."""
        for _ in range(ROUNDS_MAX):
            if not await self.timers._one_round():
                return
        raise AssertionError("the clocks do not stop ringing")

    async def said(self, *kinds: type[Event]) -> list[Any]:
        """What scheduling has said, in order."""
        rows = await self.rows("select headers, value from machinery.outbox order by id")
        events = [CATALOGUE[_type(row["headers"])].model_validate_json(row["value"]) for row in rows]
        return [one for one in events if not kinds or isinstance(one, kinds)]

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        async with self.store.machinery.transaction(ORGANISATION) as tx:
            found: list[Any] = await tx.fetch(sql, *values)
            return found

    async def occasions(self, enrolment_id: UUID) -> dict[str, str]:
        """The states of the occasions of an enrolment, by their codes."""
        rows = await self.rows("select code, state from occasions where enrolment_id = $1", enrolment_id)
        return {row["code"]: row["state"] for row in rows}


def _type(headers: Any) -> str:
    """The CloudEvents type out of the headers as they wait in the outbox."""
    found: str = (json.loads(headers) if isinstance(headers, str) else headers)["ce_type"]
    return found


@pytest.fixture
async def store(fresh_store: Any) -> Any:
    return await fresh_store("scheduling")


@pytest.fixture
async def told(store: Any) -> Told:
    return Told(store)


@pytest.fixture
async def at_site(told: Told) -> Told:
    """A site with a program and a facilitator."""
    await told.tell(site_opened(), program_published(), facilitator_qualified())
    return told


@pytest.fixture
async def client(store: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with doors(create(), store) as opened:
        yield opened


@pytest.fixture
def at(moved_clock: Callable[[float], None]) -> Callable[[datetime], None]:
    """Moves the clock of this process to a moment."""

    def move(moment: datetime) -> None:
        moved_clock(0)
        moved_clock((moment - clock.now()).total_seconds())

    return move


Act = Callable[[], Awaitable[None]]


@contextlib.asynccontextmanager
async def another(fresh_store: Any) -> AsyncIterator[Told]:
    """One more store of scheduling."""
    yield Told(await fresh_store("scheduling"))


def shuffled(streams: Sequence[Sequence[Event]], draw: Callable[[int], int]) -> list[Event]:
    """Events of several topics as they may arrive: in order within a topic, in any order between them."""
    left = [list(one) for one in streams if one]
    found = []
    while left:
        stream = left[draw(len(left))]
        found.append(stream.pop(0))
        left = [one for one in left if one]
    return found
