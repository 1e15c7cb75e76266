"""After the faults: everything is relieved, and nobody wants anything any more."""

import asyncio
import time

from tests.faults.checker import Finding
from tests.faults.installation import SERVICES
from tests.faults.proxy import Weather
from tests.faults.result import Result
from tests.faults.scene import Scene

REST_SECONDS = 60.0  # a letter that was claimed just as its sender lost the store is free again after half a minute
TIMERS = """
    select kind, count(*) from machinery.timers
    where coalesce(retry_at, due_at) <= now() + make_interval(secs => $1) group by kind
"""
MAIL = """
    select 'letter' as kind, count(*) from messages
    where state = 'queued' and next_attempt_at <= now() + make_interval(secs => $1) + interval '30 s'
    having count(*) > 0
"""
"""Due, or claimed by somebody who sends it: one who lost the store meanwhile leaves it so for half a minute."""


async def come_to_rest(scene: Scene, result: Result) -> None:
    """Relieve everything, and wait until nobody wants anything any more and nothing is under way."""
    for proxy in scene.installation.proxies():
        proxy.trap = None
        proxy.set(Weather())
    if scene.installation.latest:  # what one clock has said is due by it, also once that clock was put back
        for service in SERVICES:
            scene.installation.move_clock(service, scene.installation.latest)
    deadline, rests = time.monotonic() + (5 if scene.expects_loud else REST_SECONDS), 0
    while time.monotonic() < deadline and rests < 3:
        await asyncio.sleep(0.25)
        is_still = scene.driver.is_idle and not (await scene.work()).is_any and not await due(scene)
        rests = rests + 1 if is_still else 0
    if rests < 3 and not scene.expects_loud:
        left = f"{await scene.work()} under way, {scene.driver.waiting} people want something, due: {await due(scene)}"
        result.findings.append(Finding("I8", f"no rest after {REST_SECONDS:.0f} s: {left}"))


async def due(scene: Scene) -> dict[str, int]:
    """How many timers are due by the clock of their service, of each kind, and letters that are just being sent."""
    due: dict[str, int] = {}
    for service in SERVICES:
        seconds = float(scene.installation.clock_file(service).read_text())
        pool = await scene.installation.admin(service)
        for sql in (TIMERS, MAIL) if service == "intake" else (TIMERS,):
            due |= {f"{service} {kind}": number for kind, number in await pool.fetch(sql, seconds)}
    return due
