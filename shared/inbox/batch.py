"""Applying a batch: each event takes effect once, in the order of its aggregate, or is parked."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from pydantic import ValidationError

from shared import clock, erasing
from shared.database import OUTAGES, Tx, see_only
from shared.errors import Refusal
from shared.events import Heard
from shared.identity import is_stranger
from shared.inbox import store
from shared.inbox.decode import Handlers, Incoming, Unreadable, handle

log = structlog.get_logger()
BeforeBatch = Callable[[Tx, Sequence[Heard[Any]]], Awaitable[None]]
"""Locks what the handlers of a batch will change, in one order: two processes then never wait for each other."""
AfterBatch = Callable[[Tx, Sequence[Heard[Any]]], Awaitable[None]]
Key = tuple[str, str]
DATA_ERRORS = (
    Refusal,
    ValidationError,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.InsufficientPrivilegeError,  # as far as `_is_of_another_house`
    asyncpg.RaiseError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What the data of one event can cause. Anything else is an outage, and is waited out."""
CHECKS_ROWS = "ExecWithCheckOptions"
"""The function of PostgreSQL that refuses a row of another organisation; its sentence may be in any language."""
BEHIND = Unreadable("behind-a-parked-event", None, "An earlier event of the same key is parked.")


@dataclass(slots=True)
class Standing:
    """What is known of the aggregates in a batch, kept up to date while it is applied."""

    versions: dict[Key, int]
    parked: set[Key]
    moved: dict[Key, int] = field(default_factory=dict)
    effective: list[Incoming] = field(default_factory=list)
    to_park: list[tuple[Incoming, Unreadable]] = field(default_factory=list)
    results: list[tuple[str, str]] = field(default_factory=list)  # (topic, what became of the record)

    def is_repeated(self, one: Incoming) -> bool:
        """Whether this event took effect before."""
        return one.heard is not None and one.heard.version <= self.versions.get(one.aggregate, 0)

    def take(self, one: Incoming, result: str) -> None:
        """The event takes effect."""
        assert one.heard
        self.versions[one.aggregate] = self.moved[one.aggregate] = one.heard.version
        self.effective.append(one)
        self.results.append((one.record.topic, result))

    def park(self, one: Incoming, why: Unreadable) -> None:
        """The event waits for a person, and the later ones of its aggregate behind it."""
        self.to_park.append((one, why))
        self.parked.add(one.aggregate)
        self.results.append((one.record.topic, "behind" if why is BEHIND else "parked"))

    def reason_to_park(self, one: Incoming) -> Unreadable | None:
        """Why the event cannot take effect, as far as can be told before it is handled."""
        if one.heard and one.heard.event.erases:
            return None  # it waits behind nothing: what is parked of them goes with them
        if one.aggregate in self.parked:
            return BEHIND
        if one.unreadable:
            return one.unreadable
        seen = self.versions.get(one.aggregate)
        if one.heard and seen is not None and one.heard.version > seen + 1:
            sentence = f"Version {seen + 1} is missing before {one.heard.version}."
            return Unreadable("version-gap", "ce_aggregateversion", sentence)
        return None


@dataclass(frozen=True, slots=True)
class Applying:
    """How a service applies what it hears."""

    handlers: Handlers
    keeps_heard: bool = False
    after_batch: AfterBatch | None = None
    before_batch: BeforeBatch | None = None

    @property
    def topics(self) -> list[str]:
        """What is to be heard for it."""
        return sorted({event.topic for event in self.handlers})

    async def __call__(self, tx: Tx, batch: Sequence[Incoming], *, carefully: bool) -> Standing:
        """Apply a batch in `tx`. Carefully: with a savepoint an event, so that the culprit alone is parked."""
        erases = any(one.heard and one.heard.event.erases for one in batch)
        await (erasing.alone(tx) if erases else erasing.together(tx))
        if self.before_batch:
            await self.before_batch(tx, [one.heard for one in batch if one.heard and self._hears(one)])
        standing = Standing(*await store.standing(tx, {one.aggregate for one in batch}))
        everybody = {one.organisation_id for one in batch if one.heard}
        for part in erasures_last(batch):
            await self._apply(tx, part, standing, carefully=carefully)
        await see_only(tx, everybody)
        await self._keep(tx, standing)
        return standing

    async def _apply(self, tx: Tx, batch: Sequence[Incoming], standing: Standing, *, carefully: bool) -> None:
        done = len(standing.effective)
        living, late = await _of_the_living(tx, batch)
        standing.results += [(one.record.topic, "erased") for one in late]
        for one in living:
            why = standing.reason_to_park(one)
            if why is None and standing.is_repeated(one):
                standing.results.append((one.record.topic, "repeated"))
                continue
            if why is None and carefully:
                why = await self._try(tx, one)
            if why is None:
                standing.take(one, "handled" if self._hears(one) else "ignored")
            else:
                standing.park(one, why)
        if not carefully:
            await self._fold(tx, standing.effective[done:])

    async def again(self, tx: Tx, batch: Sequence[Incoming]) -> None:
        """The effects of what was heard before, and nothing of the inbox: the log may still tell of who was erased."""
        living, _ = await _of_the_living(tx, batch)
        await self._fold(tx, living)

    async def _fold(self, tx: Tx, batch: Sequence[Incoming]) -> None:
        """The effects of events, in the order of their aggregates; those of a house touch no row of another one."""
        houses = defaultdict[UUID, list[Incoming]](list)
        for one in batch:
            if self._hears(one):
                houses[one.organisation_id].append(one)
        for organisation, own in houses.items():
            await see_only(tx, {organisation})
            for together in turns(own):
                await handle(self.handlers, tx, together)

    def _hears(self, one: Incoming) -> bool:
        return one.heard is not None and type(one.heard.event) in self.handlers

    async def _try(self, tx: Tx, one: Incoming) -> Unreadable | None:
        if one.heard is None or not self._hears(one):
            return None
        await see_only(tx, {one.organisation_id})
        try:
            async with tx.savepoint():
                await handle(self.handlers, tx, [one.heard])
        except OUTAGES:
            raise
        except DATA_ERRORS as error:
            if isinstance(error, asyncpg.InsufficientPrivilegeError) and not _is_of_another_house(error):
                raise
            code = error.code if isinstance(error, Refusal) else type(error).__name__
            wire = one.heard.event.wire
            log.warning("event is parked", event_id=str(one.heard.id), type=wire, reason=code, exc_info=True)
            return Unreadable("handler-failed", None, f"{wire} cannot be handled here: {code}.")
        return None

    async def _keep(self, tx: Tx, standing: Standing) -> None:
        now = clock.now()
        if standing.to_park:
            await store.park(tx, standing.to_park, now)
        if not standing.effective:
            return
        await store.save_versions(tx, standing.moved)
        if self.keeps_heard:
            await store.keep_heard(tx, standing.effective, now)
        if self.after_batch:
            await self.after_batch(tx, [one.heard for one in standing.effective if one.heard])


def _is_of_another_house(error: asyncpg.InsufficientPrivilegeError) -> bool:
    """Whether an event would change what another organisation has. Else a grant is missing, and no event's fault."""
    return bool(error.server_source_function == CHECKS_ROWS)


async def _of_the_living(tx: Tx, batch: Sequence[Incoming]) -> tuple[Sequence[Incoming], list[Incoming]]:
    """Without what comes late about those who were erased, and with strangers where they are named among others."""
    events = [one.heard.event for one in batch if one.heard]
    gone = await erasing.erased(tx, {one for event in events for one in (*event.about, *event.naming)})
    # What was parked when they were erased tells of a stranger alone by now.
    gone |= {one for event in events for one in event.about if is_stranger(one)}
    if not gone:
        return batch, []
    living, late, theirs = list[Incoming](), list[Incoming](), set[UUID]()
    for one in batch:
        if one.heard and gone.intersection(one.heard.event.about):
            late.append(one)
            theirs.add(one.heard.event.key)
            gone.add(one.heard.event.key)  # what follows under this key may name nobody, and is theirs too
            continue
        is_named = one.heard and gone.intersection(one.heard.event.naming)
        living.append(one.without(gone) if is_named else one)
    await erasing.remember(tx, theirs, clock.now())
    return living, late


def erasures_last(batch: Sequence[Incoming]) -> Iterator[Sequence[Incoming]]:
    """All else, then the erasures together, then what comes after one under its own key and must find it done."""
    others, erasures, late = list[Incoming](), list[Incoming](), list[Incoming]()
    erased = set[Key]()
    for one in batch:
        if one.heard and one.heard.event.erases:
            erasures.append(one)
            erased.add(one.aggregate)
        elif one.aggregate in erased:
            late.append(one)
        else:
            others.append(one)
    return filter(None, (others, erasures, late))


def turns(events: Sequence[Incoming]) -> Iterator[list[Heard[Any]]]:
    """Events of one type together, as many at a time as the order within each aggregate allows."""
    waiting: dict[Key, deque[Heard[Any]]] = {}
    for one in events:
        assert one.heard
        waiting.setdefault(one.aggregate, deque()).append(one.heard)
    while waiting:
        kind = type(next(iter(waiting.values()))[0].event)
        together = []
        for key, queue in list(waiting.items()):
            while queue and type(queue[0].event) is kind:
                together.append(queue.popleft())
            if not queue:
                del waiting[key]
        yield together
