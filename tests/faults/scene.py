"""What a fault sees of a cell: the installation, the people, what is in flight, and whether it has recovered."""

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from tests.faults.checker import Finding, Hold, Mark, ends
from tests.faults.driver import Driver
from tests.faults.installation import SERVICES, Installation, Runner
from tests.faults.machine import Share
from tests.faults.proxy import Trap

if TYPE_CHECKING:
    from tests.faults.rebuilding import Rebuilder

POLL_SECONDS = 0.1
PEOPLE_PER_SECOND = 12.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work:
    """What was under way when a fault struck."""

    writes: int  # requests without an answer yet
    outbox: int  # events that have not left
    lag: int  # records that a reader has not applied

    @property
    def is_any(self) -> bool:
        """Whether the fault has hit anything."""
        return bool(self.writes or self.outbox or self.lag)

    def __str__(self) -> str:
        return f"{self.writes}/{self.outbox}/{self.lag}"


@dataclass(frozen=True, slots=True)
class Injection:
    """One strike."""

    how: str
    work: Work
    recovery_seconds: float | None = None  # None: not within the limit


@dataclass(eq=False)
class Scene:
    """A cell while it runs."""

    installation: Installation
    driver: Driver
    random: random.Random
    topics: Collection[str]
    notes: list[str] = field(default_factory=list)
    expects_loud: bool = False  # a service may stop with status 3
    not_loud: list[str] = field(default_factory=list)  # who went on where it should have stopped
    people_per_second: float = PEOPLE_PER_SECOND  # who come just now
    is_full: bool = False  # all of the fault, and not what is enough for every commit
    findings: list[Finding] = field(default_factory=list)  # what a strike saw itself
    decks: dict[tuple[Any, ...], list[Any]] = field(default_factory=dict)
    rebuilder: "Rebuilder | None" = None
    strikes: list[tuple[float, float]] = field(default_factory=list)  # from each to the recovery from it
    holds: list[Hold] = field(default_factory=list)  # of partitions, by bad records

    async def in_flight(self, limit_seconds: float = 15) -> Work:
        """Wait until there is something to hit, and say what."""
        deadline = time.monotonic() + limit_seconds
        while True:
            work = await self.work()
            if work.is_any or time.monotonic() > deadline:
                return work
            await asyncio.sleep(0.02)

    async def work(self) -> Work:
        """What is under way."""
        try:
            outbox = sum([await self._value(name, "select count(*) from machinery.outbox") for name in SERVICES])
            end = await asyncio.to_thread(ends, self.installation.kafka, self.topics)
            lag = sum([_behind(await self.offsets(name), end) for name in SERVICES])
        except Exception:  # a server is away just now: requests are all that can be counted
            return Work(self.driver.in_flight, 0, 0)
        return Work(self.driver.in_flight, outbox, lag)

    async def events(self) -> int:
        """How many events have ever been put into an outbox."""
        sql = "select pg_sequence_last_value(pg_get_serial_sequence('machinery.outbox', 'id')::regclass)"
        return sum([int(await self._value(name, sql) or 0) for name in SERVICES])

    async def offsets(self, service: str) -> Mark:
        """Where a service is in the log."""
        pool = await self.installation.admin(service)
        rows = await pool.fetch("select topic, part, next_offset from machinery.offsets")
        return {(row["topic"], row["part"]): row["next_offset"] for row in rows}

    async def recovered(self, limit_seconds: float) -> float | None:
        """Seconds until everything that waits at this moment has left and was applied by everybody; None if longer.

        The limit is for a machine that is ours: what others take of it meanwhile is not held against the services.
        """
        began, share = time.monotonic(), Share()
        end, put = await self._until_known(began + limit_seconds / 0.3)
        if end is None:
            return None
        left = set(SERVICES)
        while (time.monotonic() - began) * (1 - share.of_others()) < limit_seconds:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                left = {name for name in left if not await self._is_through(name, end, put[name])}
            if not left:
                return (time.monotonic() - began) * (1 - share.of_others())
            await asyncio.sleep(POLL_SECONDS)
        self.notes.append(f"behind: {', '.join([await self._behind(name, end, put[name]) for name in sorted(left)])}")
        return None

    async def _behind(self, service: str, end: Mark, put: int) -> str:
        """What a service has not said and not applied."""
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            unsaid = await self._value(service, f"select count(*) from machinery.outbox where id <= {put}")
            return f"{service} has {unsaid} to say and {_behind(await self.offsets(service), end)} to apply"
        return f"{service} cannot be asked"

    async def _until_known(self, deadline: float) -> tuple[Mark | None, dict[str, int]]:
        """What has to be caught up with, as soon as both servers can be asked."""
        while time.monotonic() < deadline:
            try:
                end = await asyncio.to_thread(ends, self.installation.kafka, self.topics)
                sql = "select coalesce(max(id), 0) from machinery.outbox"
                return end, {name: await self._value(name, sql) for name in SERVICES}
            except Exception:
                await asyncio.sleep(POLL_SECONDS)
        return None, {}

    async def _is_through(self, service: str, end: Mark, put: int) -> bool:
        if await self._value(service, f"select exists (select from machinery.outbox where id <= {put})"):
            return False
        return _behind(await self.offsets(service), end) == 0

    async def _value(self, service: str, sql: str) -> Any:
        pool = await self.installation.admin(service)
        return await pool.fetchval(sql)

    def one_of(self, *choices: T) -> T:
        """Each of these in turn, in an order that the plan's seed gives: so no few strikes leave one out."""
        deck = self.decks.setdefault(choices, [])
        if not deck:
            deck += self.random.sample(choices, len(choices))
        chosen: T = deck.pop()
        return chosen

    def any_service(self, *but: str) -> str:
        """A service, by the plan's seed: each has its turn."""
        return self.one_of(*(one for one in SERVICES if one not in but))

    def runner(self, service: str) -> Runner:
        """The first process of a service."""
        return self.installation.running(service)[0]

    async def kill_at(self, service: str, *moments: str, limit_seconds: float = 8) -> str:
        """SIGKILL at the first of these moments on the wire; at any moment if none comes. Says which."""
        runner = self.runner(service)
        trap = Trap(frozenset(moments), lambda: runner.signal(signal.SIGKILL))
        if moment := await self.sprung(service, trap, limit_seconds):
            return moment
        runner.signal(signal.SIGKILL)
        return "at any moment"

    async def trapped(self, service: str, *moments: str, limit_seconds: float = 10) -> str | None:
        """Keep back what is on the wire at the first of these moments and reset its connection; None if none came."""
        return await self.sprung(service, Trap(frozenset(moments)), limit_seconds) or None

    async def sprung(self, service: str, trap: Trap, limit_seconds: float) -> str:
        """Lay a trap on the wires of a service; the moment at which it sprang, or nothing."""
        proxies = (self.installation.kafka_proxies[service], self.installation.postgres_proxies[service])
        for proxy in proxies:
            proxy.trap = trap
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_seconds):
                    await trap.sprung.wait()
        finally:
            for proxy in proxies:
                proxy.trap = None
        return trap.moment


def _behind(have: Mark, end: Mark) -> int:
    return sum(max(0, there - have[place]) for place, there in end.items() if place in have)
