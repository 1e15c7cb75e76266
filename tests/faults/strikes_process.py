"""Faults of our own processes: killed, frozen, restarted, out of time, out of file descriptors."""

import asyncio
import resource
import signal
from functools import partial

from deploy.local.child import until
from tests.faults.installation import SERVICES, Runner
from tests.faults.proxy import Trap
from tests.faults.scene import Injection, Scene

CONSUMER_MOMENTS = ("records-answered", "consumer-commit-asked", "consumer-commit-answered")
RELAY_MOMENTS = ("produce-asked", "produce-answered", "relay-commit-asked", "relay-commit-answered")
SESSION_SECONDS = 6
ADDED_TO = {
    "intake": ("groups", "machinery.parked_keys"),
    "scheduling": ("enrolments", "machinery.timers"),
    "feedback": ("occasions", "machinery.outbox_parked"),
    "analytics": ("sites", "machinery.offsets"),
}


async def kill_consumer(scene: Scene) -> Injection:
    """F1: SIGKILL with records in hand, before its COMMIT, before the answer to that, or at any moment."""
    work, service = await scene.in_flight(), scene.any_service()
    where = scene.one_of(*CONSUMER_MOMENTS, "")
    await asyncio.sleep(scene.random.uniform(0, 0.3))
    return Injection(f"{service} {await scene.kill_at(service, where, limit_seconds=8 if where else 0.05)}", work)


async def kill_relay(scene: Scene) -> Injection:
    """F12: SIGKILL around a publish, its answer, the delete and the answer to that."""
    service = scene.any_service("analytics")
    work = await scene.in_flight()
    where = scene.one_of(*RELAY_MOMENTS)
    return Injection(f"{service} {await scene.kill_at(service, where)}", work)


async def freeze(scene: Scene) -> Injection:
    """F2: frozen with records in hand for twice the session timeout; a twin takes over; then the zombie wakes.

    Before its transaction: in one, PostgreSQL would end it by its own limit, and nobody had to fence the zombie off.
    """
    service, moment = scene.any_service(), scene.one_of("records-answered", "batch-begin-asked")
    work, runner, awake = await scene.in_flight(), scene.runner(service), asyncio.Event()
    found = await _freeze_at(scene, runner, moment, awake)
    twin = await _twin(scene, service)
    await asyncio.sleep(2 * SESSION_SECONDS)
    runner.signal(signal.SIGCONT)
    awake.set()
    await asyncio.sleep(1)
    await scene.installation.remove_runner(twin)
    return Injection(f"{service} frozen {2 * SESSION_SECONDS} s, {found}", work)


async def freeze_relay(scene: Scene) -> Injection:
    """F13: frozen while its events are on the wire, longer than its lease; another relay works on; it wakes."""
    service = scene.any_service("analytics")
    twin = await _twin(scene, service)
    work = await scene.in_flight()
    runner = scene.runner(service)
    moment = await _freeze_at(scene, runner, "produce-asked")
    await asyncio.sleep(25)
    runner.signal(signal.SIGCONT)
    await asyncio.sleep(2)
    await scene.installation.remove_runner(twin)
    return Injection(f"{service} frozen 25 s {moment}", work)


async def _freeze_at(scene: Scene, runner: Runner, moment: str, held: asyncio.Event | None = None) -> str:
    """SIGSTOP at this moment on the wire, and what was on its way waits; at any moment if none comes. Says which."""
    trap = Trap(frozenset({moment}), lambda: runner.signal(signal.SIGSTOP), drops=False, until=held)
    if found := await scene.sprung(runner.service, trap, 10):
        return found
    runner.signal(signal.SIGSTOP)
    return "at any moment"


async def storm(scene: Scene) -> Injection:
    """F3: members of a group come and go."""
    service = scene.any_service()
    work = await scene.in_flight()
    for slot in range(1, 4):
        twin = scene.installation.add_runner(service, slot)
        twin.start()
        await asyncio.sleep(scene.random.uniform(1.5, 3))
        if slot % 2:
            twin.signal(signal.SIGKILL)
        await scene.installation.remove_runner(twin)
    return Injection(f"{service}: three members came and went", work)


async def move_clock(scene: Scene) -> Injection:
    """F15: an hour forwards, back again, or services ninety seconds apart."""
    work = await scene.in_flight()
    how = scene.random.choice(("an hour forwards", "an hour back again", "ninety seconds apart"))
    for service in SERVICES:
        seconds = {"an hour forwards": 3600.0, "an hour back again": 0.0}.get(how, scene.random.uniform(-90, 90))
        scene.installation.move_clock(service, seconds)
    await asyncio.sleep(2)
    return Injection(how, work)


async def roll(scene: Scene) -> Injection:
    """F18: a column more in each store, every process stopped and started one after the other, and all the way back."""
    work, column = await scene.in_flight(), f"added_{scene.random.randrange(10**9)}"
    for service in SERVICES:
        pool = await scene.installation.admin(service)
        for table in ADDED_TO[service]:
            await pool.execute(f"alter table {table} add column {column} text")
        runner = scene.runner(service)
        starts = runner.starts
        runner.signal(signal.SIGTERM)
        await until(partial(_is_started, runner, starts), 20)
        await scene.installation.all_ready(20)
    for service in SERVICES:
        pool = await scene.installation.admin(service)
        for table in ADDED_TO[service]:
            await pool.execute(f"alter table {table} drop column {column}")
    return Injection("all four, with an additive migration, and back", work)


async def _is_started(runner: Runner, starts: int) -> bool:
    return runner.starts > starts


async def starve(scene: Scene) -> Injection:
    """F20: no file descriptor is left for a service, then there are some again."""
    service = scene.any_service()
    work, runner = await scene.in_flight(), scene.runner(service)
    before = resource.prlimit(runner.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(runner.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    scene.installation.postgres_proxies[service].reset_all()
    await asyncio.sleep(3)
    if runner.is_alive:
        resource.prlimit(runner.pid, resource.RLIMIT_NOFILE, before)
    return Injection(f"{service} without file descriptors for 3 s", work)


async def _twin(scene: Scene, service: str) -> Runner:
    twin = scene.installation.add_runner(service, 1)
    twin.start()
    await until(twin.ready, 20)
    return twin
