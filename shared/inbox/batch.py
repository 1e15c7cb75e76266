"""Applying a batch: each event takes effect once, in the order of its aggregate, or is parked."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog
from pydantic import ValidationError

from shared import clock
from shared.database import OUTAGES, Tx
from shared.errors import Refusal
from shared.events import Heard
from shared.inbox import store
from shared.inbox.decode import Handlers, Incoming, Unreadable

log = structlog.get_logger()
AfterBatch = Callable[[Tx, Sequence[Heard[Any]]], Awaitable[None]]
DATA_ERRORS = (
    Refusal,
    ValidationError,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.RaiseError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What the data of one event can cause. Anything else is an outage, and is waited out."""


class Flood(Exception):
    """Too many bad events in a row: that is our fault, or a broken speaker. A person should look."""


@dataclass(slots=True)
class Standing:
    """What is known of the aggregates in a batch, kept up to date while it is applied."""

    versions: dict[tuple[str, str], int]
    parked: set[tuple[str, str]]
    moved: dict[tuple[str, str], int] = field(default_factory=dict)
    results: list[tuple[str, str]] = field(default_factory=list)  # (topic, result), counted after the commit
    parked_in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Applying:
    """How a service applies what it hears."""

    handlers: Handlers
    keeps_heard: bool
    after_batch: AfterBatch | None
    in_a_row_max: int

    async def __call__(self, tx: Tx, batch: Sequence[Incoming], *, carefully: bool) -> list[tuple[str, str]]:
        """Apply a batch in `tx`. Carefully: with a savepoint an event, so that the culprit alone is parked."""
        keys = [(one.record.topic, one.key) for one in batch]
        standing = Standing(*await store.standing(tx, keys))
        effective = [one for one in batch if await self._one(tx, one, standing, carefully=carefully)]
        await store.save_versions(tx, standing.moved)
        if self.keeps_heard and effective:
            await store.keep_heard(tx, effective, clock.now())
        if self.after_batch and effective:
            await self.after_batch(tx, [one.heard for one in effective if one.heard])
        return standing.results

    async def _one(self, tx: Tx, incoming: Incoming, standing: Standing, *, carefully: bool) -> bool:
        key = (incoming.record.topic, incoming.key)
        why = _reason_to_park(incoming, standing, key)
        if why is None and incoming.heard and incoming.heard.version <= standing.versions.get(key, 0):
            standing.results.append((key[0], "repeated"))
            return False
        if why is None and incoming.heard:
            why = await self._handle(tx, incoming.heard, carefully=carefully)
        if why is not None:
            await self._park(tx, incoming, why, standing, key)
            return False
        assert incoming.heard
        standing.parked_in_a_row = 0
        standing.versions[key] = standing.moved[key] = incoming.heard.version
        standing.results.append((key[0], "handled" if type(incoming.heard.event) in self.handlers else "ignored"))
        return True

    async def _handle(self, tx: Tx, heard: Heard[Any], *, carefully: bool) -> Unreadable | None:
        handler = self.handlers.get(type(heard.event))
        if handler is None:
            return None
        tx.causation = heard.id
        if not carefully:
            await handler(tx, heard)
            return None
        try:
            async with tx.savepoint():
                await handler(tx, heard)
        except OUTAGES:
            raise
        except DATA_ERRORS as error:
            code = error.code if isinstance(error, Refusal) else type(error).__name__
            log.warning("event is parked", event_id=str(heard.id), type=heard.event.wire, reason=code, exc_info=True)
            return Unreadable("handler-failed", None, f"{heard.event.wire} cannot be handled here: {code}.")
        return None

    async def _park(
        self, tx: Tx, incoming: Incoming, why: Unreadable, standing: Standing, key: tuple[str, str]
    ) -> None:
        if why.reason != "behind-a-parked-event":
            standing.parked_in_a_row += 1
            if standing.parked_in_a_row >= self.in_a_row_max:
                raise Flood(f"{standing.parked_in_a_row} bad events in a row on {key[0]}, the last: {why.message}")
        await store.park(tx, incoming, why, clock.now())
        standing.parked.add(key)
        standing.results.append((key[0], "parked"))


def _reason_to_park(incoming: Incoming, standing: Standing, key: tuple[str, str]) -> Unreadable | None:
    if key in standing.parked:
        return Unreadable("behind-a-parked-event", None, "An earlier event of the same key is parked.")
    if incoming.unreadable:
        return incoming.unreadable
    seen = standing.versions.get(key)
    if incoming.heard and seen is not None and incoming.heard.version > seen + 1:
        return Unreadable(
            "version-gap", "ce_aggregateversion", f"Version {seen + 1} is missing before {incoming.heard.version}."
        )
    return None
