"""One cell, from a fresh organisation to the checker's verdict."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from shared.events import TOPICS
from shared.identity import organisation_id
from tests.faults.cells import Cell
from tests.faults.checker import Finding, Mark, check, check_log, ends
from tests.faults.checker.stores import keep_diary
from tests.faults.driver import Driver, Tenant
from tests.faults.installation import LOUD, SERVICES, Installation
from tests.faults.machine import Share
from tests.faults.meddling import Meddler
from tests.faults.people import enrolling
from tests.faults.proxy import Weather
from tests.faults.scene import Injection, Scene

PEOPLE_PER_SECOND = 12.0
REST_SECONDS = 60.0
BACKLOG_MAX = 25


@dataclass(frozen=True, slots=True)
class Size:
    """How much a cell must have seen."""

    events: int
    injections: int
    seconds_max: float


@dataclass(slots=True)
class Result:
    """What became of a cell."""

    cell: str
    seed: str
    findings: list[Finding] = field(default_factory=list)
    injections: list[Injection] = field(default_factory=list)
    events: int = 0
    writes: int = 0
    repeated: int = 0
    parked: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)
    others: float = 0.0  # what others took of the machine meanwhile

    @property
    def hits(self) -> list[Injection]:
        """Injections that hit work in flight."""
        return [one for one in self.injections if one.work.is_any]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not self.findings


async def run_cell(installation: Installation, cell: Cell, size: Size, seed: str) -> Result:
    """Run it. The seed gives the plan: who comes when, what strikes whom."""
    began, share, chance = time.monotonic(), Share(), random.Random(f"{seed}:{cell.code}")
    result = Result(cell.code, seed)
    tenants = [_tenant(installation, f"{cell.code.lower()}-{uuid4().hex[:6]}-{one}") for one in "ab"]
    for service in SERVICES:
        await keep_diary(await installation.admin(service))
    before = _ends_of(installation)
    since = await asyncio.to_thread(ends, installation.kafka, TOPICS)
    driver = Driver(installation, tenants, cell.workload.mix, random.Random(chance.getrandbits(64)), enrolling)
    scene = Scene(installation, driver, random.Random(chance.getrandbits(64)), TOPICS)
    meddler = Meddler(installation.kafka, tenants, random.Random(chance.getrandbits(64)), since)
    try:
        async with _working(driver):
            with _phase(result, "set-up"):
                await asyncio.gather(*(driver.set_up(tenant) for tenant in tenants))
            with _phase(result, "faults"):
                await _storm_and_stress(scene, cell, size, result, meddler)
            with _phase(result, "rest"):
                await meddler.flush()
                await _come_to_rest(scene, result)
    except Exception as error:
        result.findings.append(Finding("harness", f"{type(error).__name__}: {str(error)[:300]}"))
    try:  # also of a cell that broke off: what there is must be right
        with _phase(result, "check"):
            await _verdict(scene, cell, result, meddler, since)
    except Exception as error:
        result.findings.append(Finding("harness", f"the checker: {type(error).__name__}: {str(error)[:300]}"))
    finally:
        await driver.close()
    _judge(scene, cell, size, result, before)
    result.seconds, result.others = time.monotonic() - began, share.of_others()
    return result


@contextlib.contextmanager
def _phase(result: Result, name: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        result.phases[name] = time.monotonic() - began


def _tenant(installation: Installation, code: str) -> Tenant:
    return Tenant(code, organisation_id(code), {"authorization": f"Bearer {installation.token(code)}"})


@contextlib.asynccontextmanager
async def _working(driver: Driver) -> AsyncIterator[None]:
    task = asyncio.create_task(driver.work())
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _storm_and_stress(scene: Scene, cell: Cell, size: Size, result: Result, meddler: Meddler) -> None:
    """People come, faults strike, until there was enough of both."""
    began, first = time.monotonic(), await scene.events()
    coming = asyncio.create_task(_arrivals(scene, cell, meddler))
    try:
        await asyncio.sleep(1.0)
        while time.monotonic() - began < size.seconds_max:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                result.events = await scene.events() - first
            if coming.done():
                coming.result()
            wanted = 1 if cell.fault.is_destructive else size.injections
            waits = cell.fault.is_destructive and result.events < size.events  # afterwards nothing goes on
            if len(result.hits) >= wanted and result.events >= size.events:
                break
            if waits or len(result.hits) >= wanted:
                await asyncio.sleep(0.2)
            else:
                result.injections.append(await _strike(scene, cell))
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _strike(scene: Scene, cell: Cell) -> Injection:
    assert cell.fault.strike
    struck = await cell.fault.strike(scene)
    if cell.fault.is_destructive:
        return Injection(struck.how, struck.work, 0.0)
    seconds = await scene.recovered(cell.fault.within_seconds)
    await asyncio.sleep(scene.random.uniform(0.2, 0.8))
    return Injection(struck.how, struck.work, seconds)


async def _arrivals(scene: Scene, cell: Cell, meddler: Meddler) -> None:
    """People come at a steady rate, or in bursts; with them whatever else the workload brings."""
    loop, number, workload = asyncio.get_running_loop(), 0, cell.workload
    at = loop.time()
    while True:
        number += 1
        if workload.burst > 1:  # the same number of people on average, most of them within a moment
            at += 1.2 if number % 18 == 0 else 0.2 / workload.burst
        else:
            at += 1 / PEOPLE_PER_SECOND
        await asyncio.sleep(max(0.0, at - loop.time()))
        while scene.driver.overdue > BACKLOG_MAX:  # the system is away, or slow: people wait at home
            await asyncio.sleep(0.1)
            at = loop.time()
        scene.driver.arrive()
        if scene.random.random() < workload.poison:
            meddler.poison_one()
        if scene.random.random() < workload.newer:
            meddler.newer_one()
        if workload.doubles and number % 40 == 0:
            with contextlib.suppress(Exception):  # the broker is away just now
                await meddler.double_some(int(40 * workload.doubles))


async def _come_to_rest(scene: Scene, result: Result) -> None:
    """Relieve everything, and wait until nobody wants anything any more and nothing is under way."""
    for proxy in scene.installation.proxies():
        proxy.trap = None
        proxy.set(Weather())
    for service in SERVICES:
        seconds = float(scene.installation.clock_file(service).read_text())
        if seconds:  # what is due at the most advanced clock is due
            scene.installation.move_clock(service, 3600.0)
    deadline, rests = time.monotonic() + (5 if scene.expects_loud else REST_SECONDS), 0
    while time.monotonic() < deadline and rests < 3:
        await asyncio.sleep(0.25)
        is_still = scene.driver.is_idle and not (await scene.work()).is_any and not await _due(scene)
        rests = rests + 1 if is_still else 0
    if rests < 3 and not scene.expects_loud:
        result.findings.append(Finding("I8", f"no rest after {REST_SECONDS:.0f} s: {await scene.work()}"))


async def _due(scene: Scene) -> int:
    """Timers that are due by the clock of their service."""
    due = 0
    for service in SERVICES:
        seconds = float(scene.installation.clock_file(service).read_text())
        pool = await scene.installation.admin(service)
        due += await pool.fetchval(
            """select count(*) from machinery.timers
               where coalesce(retry_at, due_at) <= now() + make_interval(secs => $1)""",
            seconds,
        )
    return due


async def _verdict(scene: Scene, cell: Cell, result: Result, meddler: Meddler, since: Mark) -> None:
    """Ask the checker."""
    installation = scene.installation
    pools = {name: await installation.admin(name) for name in SERVICES}
    opened: dict[str, Any] = {}

    async def as_service(service: str) -> Any:
        if service not in opened:
            own = urlsplit(installation.environment[service]["KITH_DATABASE"])
            at = f"{own.netloc.rpartition('@')[0]}@127.0.0.1:{installation.servers.postgres.port}"
            opened[service] = await asyncpg.connect(own._replace(netloc=at).geturl())
        return opened[service]

    if cell.fault.is_destructive:  # whoever has stopped has views of the past: nothing said may be lost
        organisations = [str(one.organisation_id) for one in scene.driver.tenants]
        result.findings += await check_log(pools, organisations, scene.driver.writes)
        return
    findings, seen = await check(
        installation.kafka,
        pools,
        since=since,
        organisations=[str(one.organisation_id) for one in scene.driver.tenants],
        writes=scene.driver.writes,
        injected=meddler.places,
        as_service=as_service,
    )
    for connection in opened.values():
        await connection.close()
    result.findings += findings
    result.repeated, result.parked = len(seen.story.repeated), len(seen.story.parked)
    if result.parked != meddler.poison and not scene.expects_loud:
        sentence = f"{meddler.poison} bad records were injected, and {result.parked} stand in the topics"
        result.findings.append(Finding("I7", sentence))


def _ends_of(installation: Installation) -> dict[str, int]:
    return {name: len(one.ends) for name, one in installation.runners.items()}


def _judge(scene: Scene, cell: Cell, size: Size, result: Result, before: dict[str, int]) -> None:
    """What the checker cannot see: strikes that hit nothing, late recoveries, processes that left by themselves."""
    result.writes = len(scene.driver.writes)
    result.notes += scene.notes
    add = result.findings.append
    if len(result.hits) < (1 if cell.fault.is_destructive else size.injections):
        add(Finding("harness", f"{len(result.hits)} of {len(result.injections)} injections hit work in flight"))
    if result.events < size.events:
        add(Finding("harness", f"only {result.events} events in {size.seconds_max:.0f} s"))
    for one in result.injections:
        if one.recovery_seconds is None:
            add(Finding("I8", f"not caught up {cell.fault.within_seconds:.0f} s after: {one.how}"))
    result.findings += [Finding("loud", sentence) for sentence in scene.not_loud]
    for sentence in sorted(set(scene.driver.unexpected))[:5]:
        add(Finding("doors", f"{scene.driver.unexpected.count(sentence)} x {sentence}"))
    if scene.driver.without_retry_after:
        result.notes.append(f"{scene.driver.without_retry_after} answers 503 had no Retry-After")
    for name, runner in scene.installation.runners.items():
        _judge_ends(scene, result, name, runner.ends[before.get(name, 0) :])


def _judge_ends(scene: Scene, result: Result, name: str, left: list[int]) -> None:
    """Processes that nobody has stopped."""
    if LOUD in left and not scene.expects_loud:
        result.findings.append(Finding("loud", f"{name} stopped with status 3, and nobody had reason to expect it"))
    elif left:
        result.notes.append(f"{name} left by itself: {left}")
