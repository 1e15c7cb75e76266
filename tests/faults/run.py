"""One cell, from a fresh organisation to the checker's verdict."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg

from shared import clock
from shared.events import TOPICS
from shared.identity import organisation_id
from tests.faults.attending import meet
from tests.faults.cells import Cell
from tests.faults.checker import Finding, ends
from tests.faults.checker.stores import keep_diary
from tests.faults.driver import Driver, Tenant
from tests.faults.installation import SERVICES, Installation
from tests.faults.machine import Share
from tests.faults.meddling import Meddler
from tests.faults.people import enrolling
from tests.faults.rebuilding import Rebuilder
from tests.faults.rest import REST_SECONDS, come_to_rest
from tests.faults.result import Result, Size
from tests.faults.scene import PEOPLE_PER_SECOND, Injection, Scene
from tests.faults.verdict import deadlocks, ends_of, judge, verdict

WHEN_STRUCK, WHEN_SEEN = 24.0, 6.0  # no recovery is measured any more; there were events enough
BACKLOG_MAX = 25
INSTRUMENTS = 1500  # so that a rebuild takes long enough to be struck


async def run_cell(installation: Installation, cell: Cell, size: Size, seed: str) -> Result:
    """Run it. The seed gives the plan: who comes when, what strikes whom."""
    began, share, chance = time.monotonic(), Share(), random.Random(f"{seed}:{cell.code}")
    result = Result(cell.code, seed)
    tenants = [_tenant(installation, f"{cell.code.lower()}-{uuid4().hex[:6]}-{one}") for one in "ab"]
    for service in SERVICES:
        await keep_diary(await installation.admin(service))
    before, crosswise = ends_of(installation), await deadlocks(installation)
    since = await asyncio.to_thread(ends, installation.kafka, TOPICS)
    driver = Driver(installation, tenants, cell.workload.mix, random.Random(chance.getrandbits(64)), enrolling)
    scene = Scene(installation, driver, random.Random(chance.getrandbits(64)), TOPICS, is_full=size.is_full)
    meddler = Meddler(installation.kafka, tenants, random.Random(chance.getrandbits(64)), since)
    scene.rebuilder = Rebuilder(installation, [str(one.organisation_id) for one in tenants])
    try:
        await _live(scene, cell, size, result, meddler)
    except Exception as error:
        sentence = f"{type(error).__name__}: {str(error)[:300]}"
        result.findings.append(Finding("harness", sentence, is_of_time=isinstance(error, TimeoutError)))
    try:  # also of a cell that broke off: what there is must be right
        with _phase(result, "check"):
            await verdict(scene, cell, result, meddler, since)
            if (more := await deadlocks(installation) - crosswise) > 0:
                result.notes.append(f"{more} times two waited for each other, and one had to give way")
    except Exception as error:
        result.findings.append(Finding("harness", f"the checker: {type(error).__name__}: {str(error)[:300]}"))
    finally:
        await driver.close()
    result.others = share.of_others()
    judge(scene, cell, size, result, before)
    result.seconds = time.monotonic() - began
    return result


async def _live(scene: Scene, cell: Cell, size: Size, result: Result, meddler: Meddler) -> None:
    """From the set-up through the faults to the rest."""
    assert scene.rebuilder
    async with _working(scene.driver):
        with _phase(result, "set-up"):
            await asyncio.gather(*(scene.driver.set_up(tenant) for tenant in scene.driver.tenants))
            if cell.workload.mix.attends:
                await meet(scene.driver)
            if cell.fault.code == "F19":
                meddler.publish_instruments(INSTRUMENTS)
                await meddler.flush()
                await scene.recovered(REST_SECONDS)
        with _phase(result, "faults"):
            async with _rebuilding(scene.rebuilder if cell.workload.rebuilds else None):
                await _storm_and_stress(scene, cell, size, result, meddler)
        with _phase(result, "rest"):
            scene.driver.end()
            await meddler.flush()
            await come_to_rest(scene, result)
            if cell.rebuilds and not cell.fault.is_destructive:
                await scene.rebuilder.finish()


@contextlib.asynccontextmanager
async def _rebuilding(rebuilder: Rebuilder | None) -> AsyncIterator[None]:
    """Meanwhile a view is made again, and again."""
    task = asyncio.create_task(rebuilder.work()) if rebuilder else None
    try:
        yield
        if task and task.done():
            task.result()
    finally:
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


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
        await asyncio.sleep(0.3)
        while time.monotonic() - began < size.seconds_max:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                result.events = await scene.events() - first
            if coming.done():
                coming.result()
            has_struck = len(result.hits) >= (1 if cell.fault.is_destructive else size.injections)
            has_seen = result.events >= size.events
            if has_struck and has_seen:
                break
            scene.people_per_second = WHEN_SEEN if has_seen else WHEN_STRUCK if has_struck else PEOPLE_PER_SECOND
            if has_struck or (cell.fault.is_destructive and not has_seen):  # afterwards nothing goes on
                await asyncio.sleep(0.2)
            else:
                result.injections.append(await _strike(scene, cell))
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _strike(scene: Scene, cell: Cell) -> Injection:
    assert cell.fault.strike
    await scene.recovered(cell.fault.within_seconds)  # what came since the last strike: each is judged by itself
    await asyncio.sleep(scene.random.uniform(0.1, 0.4))
    began = clock.now().timestamp()
    struck = await cell.fault.strike(scene)
    if cell.fault.is_destructive:
        return Injection(struck.how, struck.work, 0.0)
    seconds = await scene.recovered(cell.fault.within_seconds)
    scene.strikes.append((began, clock.now().timestamp()))
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
            at += 1 / scene.people_per_second
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
                erased = {one.ids["participant_id"] for one in scene.driver.writes if one.canaries}
                await meddler.double_some(int(40 * workload.doubles), erased)
