"""F19: a rebuild is killed, wherever it is; the old view is whole, and the same command goes on where it was."""

import asyncio
import contextlib
import json
import signal
from urllib.parse import urlsplit

from deploy.local.ports import free_port
from tests.faults.checker import Standing, folded
from tests.faults.proxy import Proxy, Trap
from tests.faults.rebuilding import AWAY, SECONDS_MAX, Rebuilder, ended
from tests.faults.scene import Injection, Scene, Work
from tests.faults.wire import PgWatch

SHARES = {"at 1 %": 0.01, "at 50 %": 0.5, "at 99 %": 0.985}
MOMENTS = ("switch-asked", "switch-commit-asked", "switch-commit-answered")
MISSED = "somewhere"  # it was over before, or never came there
POLL_SECONDS = 0.002
HAS_BEGUN = "select exists (select from machinery.rebuilds where view = 'facts')"
NOBODY = "select not exists (select from pg_stat_activity where application_name = 'kith command on analytics')"


async def kill_rebuild(scene: Scene) -> Injection:
    """Killed at about 1, 50 or 99 %, or during the switch; looked at; begun once more, to the end."""
    rebuilder = scene.rebuilder
    assert rebuilder
    where = scene.one_of(*SHARES, *MOMENTS)
    async with rebuilder.lock:
        if (await rebuilder.look()).state:
            await rebuilder.drop()
        before = await rebuilder.look()
        work, what, where = await _kill(scene, rebuilder, where)
        await _wait_for(rebuilder, NOBODY)
        killed = await rebuilder.look()
        rebuilder.expect_live(before, killed)
        await rebuilder.check()
        await _go_on(rebuilder, where, before, killed)
        await rebuilder.drop()
    return Injection(f"killed {what}", work)


async def _kill(scene: Scene, rebuilder: Rebuilder, where: str) -> tuple[Work, str, str]:
    """SIGKILL at a share of the folding, or at a moment on its own wire to the store; and where that was, if there."""
    installation = scene.installation
    own = Proxy(free_port(), installation.servers.postgres.port, PgWatch)
    await own.start()
    port = installation.servers.postgres.port if where in SHARES else own.port
    process = await rebuilder.start("--switch", dsn=_by_way_of(scene, port))

    def kill() -> None:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)

    try:
        if where in SHARES:
            await _until_folded(rebuilder, SHARES[where], process)
            share = await folded(await installation.admin("analytics"))
            is_there = process.returncode is None
            work, what = await scene.work(), f"at {share:.1%} ({where[3:]} was meant)"
        else:
            own.trap = trap = Trap(frozenset({where}), kill)
            is_there = await _is_sprung(trap, process)
            work, what = await scene.work(), where
        kill()
        status = (await ended(process)).status
    finally:
        await own.stop()
    if is_there and status == -signal.SIGKILL:
        return work, what, where
    return Work(0, 0, 0), f"too late, {what}", MISSED


async def _is_sprung(trap: Trap, process: asyncio.subprocess.Process) -> bool:
    """Whether the moment came before the process ended by itself."""
    waiting = [asyncio.ensure_future(one) for one in (trap.sprung.wait(), process.wait())]
    await asyncio.wait(waiting, timeout=SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    return trap.sprung.is_set()


def _by_way_of(scene: Scene, port: int) -> str:
    """The store of analytics behind this port."""
    url = urlsplit(scene.installation.environment["analytics"]["KITH_DATABASE_MACHINERY"])
    return url._replace(netloc=f"{url.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()


async def _until_folded(rebuilder: Rebuilder, share: float, process: asyncio.subprocess.Process) -> None:
    pool = await rebuilder.installation.admin("analytics")
    has_begun = False
    while process.returncode is None:
        with contextlib.suppress(*AWAY):
            has_begun = has_begun or await pool.fetchval(HAS_BEGUN)
            if has_begun and await folded(pool) >= share:
                return
        await asyncio.sleep(POLL_SECONDS if has_begun else 10 * POLL_SECONDS)


async def _wait_for(rebuilder: Rebuilder, sql: str) -> None:
    """Until the store has noticed that nobody is there any more."""
    pool = await rebuilder.installation.admin("analytics")
    for _ in range(200):
        if await pool.fetchval(sql):
            return
        await asyncio.sleep(0.05)
    rebuilder.add("I3", "ten seconds after its end the store still serves the rebuild that was killed")


async def _go_on(rebuilder: Rebuilder, where: str, before: Standing, killed: Standing) -> None:
    """The same command once more: it goes on, compares, switches; or says that it has switched already."""
    if killed.state == "building" and where != "switch-commit-answered":
        if not await _is_resumed(rebuilder, killed):
            return
    elif killed.state == "switched" and where not in ("switch-asked", "switch-commit-asked"):
        await _is_switched(rebuilder)
    else:
        rebuilder.add("I3", f"killed {where}, the rebuild is {killed.state}")
        return
    after = await rebuilder.look()
    if set(after.live.values()) & set(before.live.values()):
        rebuilder.add("I3", f"killed {where} and completed, some tables are still the old ones: {after.live}")


async def _is_resumed(rebuilder: Rebuilder, killed: Standing) -> bool:
    reached = await folded(await rebuilder.installation.admin("analytics"))
    how = await rebuilder.run("--switch")
    after = await rebuilder.look()
    rebuilder.counts["begun"] += 1
    if how.status or json.loads(how.out)["differences"]:
        rebuilder.add("I3", f"killed at {reached:.1%}, the rebuild could not go on: {how.out}{how.last_line}")
        return False
    if after.began_at != killed.began_at:
        rebuilder.add("I3", f"killed at {reached:.1%}, the rebuild began anew instead of going on")
    rebuilder.counts["resumed"] += 1
    rebuilder.counts["switched"] += 1
    rebuilder.expect_live(killed, after)
    await rebuilder.check()
    return True


async def _is_switched(rebuilder: Rebuilder) -> None:
    how = await rebuilder.run("--switch")
    if not how.status or "old-view-kept" not in how.err:
        rebuilder.add("I3", f"the old view is kept, and the command went on: {how.out}{how.last_line}")
    rebuilder.counts["switched"] += 1
