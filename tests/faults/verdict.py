"""The checker's verdict on a cell, and what the checker cannot see."""

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from tests.faults.cells import Cell
from tests.faults.checker import Finding, Mark, check, check_log, holds
from tests.faults.installation import LOUD, SERVICES, Installation
from tests.faults.meddling import Meddler
from tests.faults.result import Result, Size
from tests.faults.scene import Scene


async def verdict(scene: Scene, cell: Cell, result: Result, meddler: Meddler, since: Mark) -> None:
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
        logs=installation.data / "logs",
    )
    for connection in opened.values():
        await connection.close()
    scene.holds = await holds(seen)
    result.findings += findings
    result.repeated, result.parked = len(seen.story.repeated), len(seen.story.parked)
    if result.parked != meddler.poison and not scene.expects_loud:
        sentence = f"{meddler.poison} bad records were injected, and {result.parked} stand in the topics"
        result.findings.append(Finding("I7", sentence))


def ends_of(installation: Installation) -> dict[str, int]:
    """How often each process has left by itself so far."""
    return {name: len(one.ends) for name, one in installation.runners.items()}


async def deadlocks(installation: Installation) -> int:
    """How often PostgreSQL has found two that waited for each other, in all stores; it forgets that in a crash."""
    pool = await installation.admin(SERVICES[0])
    return int(await pool.fetchval("select coalesce(sum(deadlocks), 0) from pg_stat_database"))


def judge(scene: Scene, cell: Cell, size: Size, result: Result, before: dict[str, int]) -> None:
    """What the checker cannot see: strikes that hit nothing, late recoveries, processes that left by themselves."""
    result.writes = len(scene.driver.writes)
    result.notes += scene.notes
    result.findings += scene.findings
    _judge_rebuilds(scene, cell, result)
    _judge_changes(scene, cell, result)
    _tell_holds(scene, result)
    add = result.findings.append
    if len(result.hits) < (1 if cell.fault.is_destructive else size.injections):
        add(Finding("harness", f"{len(result.hits)} of {len(result.injections)} injections hit work in flight", True))
    if result.events < size.events:
        add(Finding("harness", f"only {result.events} events in {size.seconds_max:.0f} s", True))
    for one in result.injections:
        if one.recovery_seconds is None:
            add(Finding("I8", f"not caught up {cell.fault.within_seconds:.0f} s after: {one.how}", True))
    result.findings += [Finding("loud", sentence) for sentence in scene.not_loud]
    for sentence in sorted(set(scene.driver.unexpected))[:5]:
        add(Finding("doors", f"{scene.driver.unexpected.count(sentence)} x {sentence}"))
    if scene.driver.without_retry_after:
        result.notes.append(f"{scene.driver.without_retry_after} answers 503 had no Retry-After")
    for name, runner in scene.installation.runners.items():
        _judge_ends(scene, result, name, runner.ends[before.get(name, 0) :])


def _judge_rebuilds(scene: Scene, cell: Cell, result: Result) -> None:
    """What was seen of the view that was made again meanwhile, and that it was."""
    if scene.rebuilder:
        result.findings += scene.rebuilder.findings
        result.notes += scene.rebuilder.notes
        if cell.workload.rebuilds and not cell.fault.is_destructive and scene.rebuilder.counts["completed"] < 2:
            result.findings.append(Finding("harness", "no rebuild was completed while the fault struck", True))


def _judge_changes(scene: Scene, cell: Cell, result: Result) -> None:
    """Whoever was to be erased was, and attendance was corrected."""
    did = Counter(one.what for one in scene.driver.writes)
    erased, said = did["participant-erased"], did["session-held"] + did["attendance-corrected"]
    if cell.workload.mix.erase:
        result.notes.append(f"{erased} people were erased, attendance was said {said} times")
        if not erased or not did["attendance-corrected"]:
            result.findings.append(Finding("harness", result.notes[-1]))


def _tell_holds(scene: Scene, result: Result) -> None:
    """How long a bad record held its partition. No limit: a full batch takes as long as the machine lets it."""
    calm = [one for one in scene.holds if not one.overlaps(scene.strikes)]
    kinds = {
        "at a reader abreast": [one.seconds for one in calm if one.is_abreast],
        "at a reader behind": [one.seconds for one in calm if not one.is_abreast],
        "in a strike or its recovery": [one.seconds for one in scene.holds if one.overlaps(scene.strikes)],
    }
    told = ", ".join(f"{max(held):.2f} s {where} ({len(held)})" for where, held in kinds.items() if held)
    if told:
        result.notes.append(f"a bad record held its partition for at most {told}")


def _judge_ends(scene: Scene, result: Result, name: str, left: list[int]) -> None:
    """Processes that nobody has stopped."""
    if LOUD in left and not scene.expects_loud:
        result.findings.append(Finding("loud", f"{name} stopped with status 3, and nobody had reason to expect it"))
    elif left:
        result.notes.append(f"{name} left by itself: {left}")
