"""Writes through the JSON doors as people would: sets up organisations, enrols, enters check-ins, and counts answers.

Whatever gets no answer is sent again with the same Idempotency-Key. Only a 2xx counts as an answered write.
"""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import httpx

from tests.faults.installation import Installation

SITES = {"old-town": "Europe/London", "north-quay": "Europe/Madrid", "hill-side": "America/Bogota"}
PROGRAMS = ("new-roots", "second-wind", "evening-circle")
ASKED = ("phq-4", "bdi-ii", "belonging", "phq-4", "bdi-ii", "phq-4", "bdi-ii", "phq-4")  # at each occasion
AREAS = ("north", "east", "south")
WORKERS = 10
ANSWER_SECONDS_MAX = 6.0
AGAIN = (500, 502, 503, 504)
REFUSED: dict[str, Any] = {}  # an answer too, but no write
BELONGING = ("welcome", "honest", "understood", "missed", "giving", "part")
INTAKE, FEEDBACK, SCHEDULING = "/intake/api/v1", "/feedback/api/v1", "/scheduling/api/v1"


@dataclass(frozen=True, slots=True)
class Write:
    """A write that was answered: what was asked, of which organisation, and the ids that it must show up under."""

    what: str
    organisation_id: str
    ids: dict[str, str]
    canaries: tuple[str, ...] = ()  # of whoever was erased: what must not be found any more


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation of a cell."""

    code: str
    organisation_id: UUID
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Mix:
    """How people behave in a workload: shares of what may happen to an enrolment."""

    consent: float = 0.08
    correct: float = 0.05
    take_back: float = 0.03
    withdraw: float = 0.03
    complete: float = 0.05
    resume: float = 0.3  # of those who have left or completed
    give_up: float = 0.2  # of those who have a place, or wait for one
    link: float = 0.10
    email: float = 0.05
    answer: float = 0.4
    late: float = 0.0
    doubled: float = 0.0
    hot: float = 1 / 3  # the share of the first program
    erase: float = 0.0
    attends: bool = False  # there is a group that has met, and its attendance is corrected


Story: TypeAlias = "Callable[[Driver, Tenant, random.Random], Callable[[], Awaitable[None]]]"


@dataclass(eq=False)
class Driver:
    """The people of a cell, and what they were answered."""

    installation: Installation
    tenants: list[Tenant]
    mix: Mix
    random: random.Random
    story: "Story"  # how a participant begins
    writes: list[Write] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    without_retry_after: int = 0
    in_flight: int = 0
    waiting: int = 0
    is_over: bool = False  # what would go on for ever ends
    meetings: dict[str, UUID] = field(default_factory=dict)  # of each organisation, the session that was held
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    queue: "asyncio.PriorityQueue[tuple[float, int, Callable[[], Awaitable[None]]]]" = field(
        default_factory=asyncio.PriorityQueue
    )
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def close(self) -> None:
        """Close all connections."""
        for client in self.clients.values():
            await client.aclose()

    async def ask(
        self,
        tenant: Tenant,
        method: str,
        path: str,
        body: Any,
        key: str | None = None,
        refused: Collection[int] = (409,),
    ) -> Any:
        """Ask until there is an answer; None while something in it is not known yet (404), REFUSED after a 409."""
        headers = tenant.headers | ({"idempotency-key": key} if key else {})
        for attempt in range(400):
            answer = await self._try(method, path, body, headers, attempt)
            if answer is None or answer.status_code in AGAIN:
                await asyncio.sleep(min(0.1 * 2**attempt, 1.0))
                continue
            if answer.is_success:
                return answer.json()
            if answer.status_code not in (404, *refused):
                self.unexpected.append(f"{answer.status_code} {method} {path}: {answer.text[:200]}")
            return None if answer.status_code == 404 else REFUSED
        self.unexpected.append(f"no answer at all: {method} {path}")
        return None

    async def _try(
        self, method: str, path: str, body: Any, headers: dict[str, str], attempt: int
    ) -> httpx.Response | None:
        client = self._client(path.split("/")[1], attempt)
        if client is None:
            return None
        self.in_flight += 1
        try:
            answer = await client.request(method, path, json=body, headers=headers)
        except httpx.HTTPError:
            self.statuses["no answer"] += 1
            return None
        finally:
            self.in_flight -= 1
        self.statuses[str(answer.status_code)] += 1
        if answer.status_code == 503 and "retry-after" not in answer.headers:
            self.without_retry_after += 1
        if answer.status_code == 500:
            self.unexpected.append(f"500 {method} {path}: {answer.text[:200]}")
        return answer

    def _client(self, service: str, attempt: int) -> httpx.AsyncClient | None:
        """A living process of the service; another one at each attempt."""
        runners = [one for one in self.installation.running(service) if one.is_alive]
        if not runners:
            return None
        runner = runners[attempt % len(runners)]
        if runner.name not in self.clients:
            self.clients[runner.name] = httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{runner.port}", timeout=ANSWER_SECONDS_MAX, trust_env=False
            )
        return self.clients[runner.name]

    async def must(self, tenant: Tenant, method: str, path: str, body: Any) -> Any:
        """Ask until the service has heard of what is named."""
        for _ in range(250):
            answer = await self.ask(tenant, method, path, body)
            if answer:
                return answer
            await asyncio.sleep(0.1)
        raise AssertionError(f"{method} {path} was never accepted: {self.unexpected[-3:]}")

    async def set_up(self, tenant: Tenant) -> None:
        """Everything that an enrolment needs, by way of all services."""
        put = self.must
        area = {"code": "area", "label": "Area", "options": [{"code": code, "label": code} for code in AREAS]}
        await put(tenant, "PUT", f"{INTAKE}/organisation", {"name": tenant.code, "attributes": [area]})
        for code, zone in SITES.items():
            site = {"name": code, "time_zone": zone, "languages": ["en", "es"]}
            await put(tenant, "PUT", f"{INTAKE}/sites/{code}", site)
        for code in PROGRAMS:
            await put(tenant, "PUT", f"{INTAKE}/programs/{code}", {"name": code, "sites": list(SITES)})
        for number in range(3):
            fit = [{"code": "peer-lead", "valid_until": "2190-01-01"}]
            person = {"name": f"Peer {number}", "sites": list(SITES), "qualifications": fit}
            await put(tenant, "PUT", f"{INTAKE}/facilitators/peer-{number}", person)
        entries = [
            {"occasion": f"start-{number}", "kind": "baseline", "ordinal": number, "instruments": [asked]}
            for number, asked in enumerate(ASKED)
        ]
        entries.append({"occasion": "after", "kind": "follow-up", "months_after": 2, "instruments": ["phq-4"]})
        for code in PROGRAMS:
            await put(tenant, "PUT", f"{FEEDBACK}/batteries/{code}", {"entries": entries})
        group = {
            "name": "Circle", "program": PROGRAMS[0], "site": "old-town", "capacity": 60, "weekday": 2,
            "starts_at_local": "18:00", "minutes": 60, "first_on": "2025-01-07",
        }  # fmt: skip
        await put(tenant, "PUT", f"{SCHEDULING}/groups/circle", group)
        await self.is_heard(tenant, "scheduling", "select count(distinct program_id) from battery_entries", 3)
        await self.is_heard(tenant, "intake", "select count(*) from groups", 1)

    async def is_heard(self, tenant: Tenant, service: str, counting: str, wanted: int) -> None:
        """Wait: a check-in that is due before its battery is heard of would come later than this cell can wait."""
        pool = await self.installation.admin(service)
        for _ in range(250):
            if await pool.fetchval(f"{counting} where organisation_id = $1", tenant.organisation_id) == wanted:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{service} has not heard of the set-up of {tenant.code}")

    def later(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        """Do this so many seconds from now."""
        self.waiting += 1
        at = asyncio.get_running_loop().time() + seconds
        self.queue.put_nowait((at, next(self.numbers), action))

    def end(self) -> None:
        """Nothing goes on for ever any more, and nobody waits: what was planned for later is done now, in its order."""
        self.is_over = True
        planned = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        latest = max((at for at, _, _ in planned), default=0)
        sooner = max(0.0, latest - asyncio.get_running_loop().time())
        for at, number, action in planned:
            self.queue.put_nowait((at - sooner, number, action))

    async def work(self) -> None:
        """Do what falls due until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            at, number, action = await self.queue.get()
            if at > loop.time():  # not yet: something earlier may come meanwhile
                await asyncio.sleep(min(at - loop.time(), 0.02))
                self.queue.put_nowait((at, number, action))
                continue
            try:
                await action()
            finally:
                self.waiting -= 1

    def arrive(self) -> None:
        """Somebody new comes, and their story begins."""
        tenant = self.tenants[0] if self.random.random() < 0.8 else self.tenants[-1]
        self.later(0, self.story(self, tenant, random.Random(self.random.getrandbits(64))))

    @property
    def overdue(self) -> int:
        """How much should have been done already."""
        now = asyncio.get_running_loop().time()
        return sum(at <= now for at, _, _ in self.queue._queue)  # type: ignore[attr-defined]

    @property
    def is_idle(self) -> bool:
        """Nobody wants anything any more."""
        return self.waiting == 0
