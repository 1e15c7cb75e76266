"""Faults of PostgreSQL and of the wire to it."""

import asyncio
import contextlib
import resource
import signal
import time
from statistics import median
from urllib.parse import urlsplit

import asyncpg

from deploy.local.child import until
from tests.faults.checker import Finding
from tests.faults.proxy import Weather
from tests.faults.scene import Injection, Scene, Work

FRESH_SECONDS_MAX, FRESH_BESIDE_SECONDS = 10.0, 5.0
FULL_SECONDS, FULL_SECONDS_MAX = 3.0, 20.0  # since the first error; in all
COMMITS = ("doors", "consumer", "relay", "timers")


async def crash(scene: Scene) -> Injection:
    """F4: an immediate stop or a killed postmaster, and crash recovery."""
    work = await scene.in_flight()
    how = scene.random.choice((signal.SIGQUIT, signal.SIGKILL))
    await scene.installation.servers.crash_postgres(how)
    await scene.installation.servers.start_postgres()
    return Injection(f"postmaster {how.name}", work)


async def lose_commit(scene: Scene) -> Injection:
    """F5: the connection is cut exactly at a COMMIT: before it arrives, or before its answer does."""
    whose = scene.random.choice(COMMITS)
    service = scene.any_service("analytics") if whose != "consumer" else scene.any_service()
    if whose == "timers":
        service = "scheduling" if scene.random.random() < 0.3 else "intake"
    work = await scene.in_flight()
    moment = f"{whose}-commit-{scene.random.choice(('asked', 'answered'))}"
    found = await scene.trapped(service, moment, limit_seconds=4)
    if found is None:
        found = await scene.trapped(service, "consumer-commit-answered", "doors-commit-answered")
    return Injection(f"{service} {found} lost", work) if found else Injection("no COMMIT came", work)


async def bad_wire(scene: Scene) -> Injection:
    """F6: delay, resets, little bandwidth, sliced packets; three seconds of it."""
    weathers = {
        "+50 ms": Weather(delay_seconds=0.05),
        "+200 ms": Weather(delay_seconds=0.2),
        "1 % resets": Weather(reset_share=0.01),
        "64 kB/s": Weather(bytes_per_second=65536),
        "7-byte slices": Weather(slice_bytes=7),
    }
    how = scene.random.choice(list(weathers))
    service, work = scene.any_service(), await scene.in_flight()
    proxy = scene.installation.postgres_proxies[service]
    proxy.set(weathers[how])
    await asyncio.sleep(3)
    proxy.set(Weather())
    return Injection(f"{service} {how}", work)


async def rival(scene: Scene) -> Injection:
    """F7: a rival holds locks, provokes a deadlock, cancels statements or ends sessions."""
    service = scene.any_service()
    how = scene.random.choice(("row locks for 2 s", "table lock for 6 s", "deadlock", "cancelled", "terminated"))
    work = await scene.in_flight()
    connection = await asyncpg.connect(scene.installation.admin_dsn(service))
    try:
        with contextlib.suppress(asyncpg.PostgresError):
            await {
                "row locks for 2 s": _row_locks,
                "table lock for 6 s": _table_lock,
                "deadlock": _deadlock,
                "cancelled": _cancel,
                "terminated": _terminate,
            }[how](connection, service)
    finally:
        connection.terminate()
    return Injection(f"{service} {how}", work)


async def _row_locks(rival: "asyncpg.Connection[asyncpg.Record]", service: str) -> None:
    async with rival.transaction():
        await rival.execute("select from machinery.offsets order by topic, part for update")
        await rival.execute("select from machinery.outbox_lanes where lane < 8 for update")
        await asyncio.sleep(2)


async def _table_lock(rival: "asyncpg.Connection[asyncpg.Record]", service: str) -> None:
    table = {"intake": "occasions", "scheduling": "enrolments", "feedback": "check_ins", "analytics": "scores"}[service]
    async with rival.transaction():
        await rival.execute(f"lock table {table} in access exclusive mode")
        await asyncio.sleep(6)


async def _deadlock(rival: "asyncpg.Connection[asyncpg.Record]", service: str) -> None:
    """The rival waits for what the service holds and holds what it wants next; the service's own check strikes."""
    await rival.execute("set deadlock_timeout = '20s'")
    async with rival.transaction():
        await rival.execute("lock table machinery.seen_versions in exclusive mode")
        await asyncio.sleep(0.4)
        await rival.execute("set local statement_timeout = '4s'")
        await rival.execute("lock table machinery.offsets in exclusive mode")


_ACTIVE = """select {what}(pid) from pg_stat_activity
             where usename like $1 || '%' and usename <> 'postgres' and state <> 'idle'"""


async def _cancel(rival: "asyncpg.Connection[asyncpg.Record]", service: str) -> None:
    for _ in range(20):
        await rival.execute(_ACTIVE.format(what="pg_cancel_backend").replace("$1", f"'{service}'"))
        await asyncio.sleep(0.05)


async def _terminate(rival: "asyncpg.Connection[asyncpg.Record]", service: str) -> None:
    for _ in range(4):
        await rival.execute(_ACTIVE.format(what="pg_terminate_backend").replace("$1", f"'{service}'"))
        await asyncio.sleep(0.2)


async def exhaust(scene: Scene) -> Injection:
    """F8: others have taken every connection; a service loses its own and finds no new one for three seconds."""
    service, work = scene.any_service("analytics"), await scene.in_flight()
    runner = scene.runner(service).process.environment["KITH_DATABASE"]
    own = urlsplit(runner)
    dsn = own._replace(
        netloc=f"{own.netloc.rpartition('@')[0]}@127.0.0.1:{scene.installation.servers.postgres.port}"
    ).geturl()
    taken: list[asyncpg.Connection[asyncpg.Record]] = []
    try:
        scene.installation.postgres_proxies[service].reset_all()
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            while True:
                taken.append(await asyncpg.connect(dsn, timeout=5))
        await asyncio.sleep(3)
    finally:
        for connection in taken:
            connection.terminate()
    return Injection(f"{service}: {len(taken)} connections taken by others", work)


async def pin(scene: Scene) -> Injection:
    """F14: a long reader, then a long writer, pins what the relay would like to see cleaned up; it stays fresh."""
    service, work = scene.any_service("analytics"), await scene.in_flight()
    how, seconds = scene.one_of("reader", "writer"), 60 if scene.is_full else 20
    what = f"{service} pinned by a {how} for {seconds} s"
    before = await _ages(scene, FRESH_BESIDE_SECONDS)
    connection = await asyncpg.connect(scene.installation.admin_dsn(service))
    try:
        async with connection.transaction(isolation="repeatable_read"):
            await connection.fetchval("select count(*) from machinery.outbox")
            if how == "writer":
                await connection.execute("create temporary table pinned as select 1")
                await connection.execute("insert into checker.diary (topic, key, version) values ('pin', 'pin', 0)")
            rates, during = await _rates(scene, seconds)
    finally:
        connection.terminate()
    after = await _ages(scene, FRESH_BESIDE_SECONDS)  # the rest of the load is in both
    told = ", ".join(f"{name} {median(ages):.1f} s" for name, ages in (("before", before), ("after", after)))
    scene.notes.append(f"{what}: {rates}; applied by everybody in {median(during):.1f} s, {told}")
    if median(during[len(during) // 2 :]) > 2 * max(median(before), median(after)) + 1:
        scene.findings.append(Finding("I8", f"not fresh any more: {scene.notes[-1]}"))
    return Injection(what, work)


async def _rates(scene: Scene, seconds: float) -> tuple[str, list[float]]:
    """How soon everything is applied meanwhile, and whether the relay keeps up with the writers."""
    began, put, left = time.monotonic(), await scene.events(), (await scene.work()).outbox
    ages = await _ages(scene, seconds)
    passed = time.monotonic() - began
    written, waiting = await scene.events() - put, (await scene.work()).outbox
    return f"{written / passed:.0f} events/s written, {(written - waiting + left) / passed:.0f} relayed", ages


async def _ages(scene: Scene, seconds: float) -> list[float]:
    """How soon what waits is applied by everybody, asked again and again; the limit where it takes longer."""
    deadline, ages = time.monotonic() + seconds, []
    while not ages or time.monotonic() < deadline:
        age = await scene.recovered(FRESH_SECONDS_MAX)
        ages.append(FRESH_SECONDS_MAX if age is None else age)
        await asyncio.sleep(0.2)
    return ages


async def fill_disk(scene: Scene) -> Injection:
    """F20: PostgreSQL's disk is full for some seconds; where none could be mounted, no file of a service may grow."""
    disk, servers, work = scene.installation.disk, scene.installation.servers, await scene.in_flight()
    if disk is None:
        return await _stunt(scene, work)
    log = scene.installation.data / "logs" / "postgresql.log"
    before, is_noticed = log.stat().st_size, False
    try:
        deadline = time.monotonic() + FULL_SECONDS_MAX
        while time.monotonic() < deadline and servers.children["postgresql"].is_alive:
            disk.fill()
            await asyncio.sleep(0.2)
            if not is_noticed and "No space left on device" in log.read_text(errors="replace")[before:]:
                is_noticed, deadline = True, min(deadline, time.monotonic() + FULL_SECONDS)
    finally:
        disk.relieve()
        is_alive = servers.children["postgresql"].is_alive
        if not is_alive:
            await servers.start_postgres()
    await until(servers.postgres.ready, 60)
    how = f"disk full, PostgreSQL {'went on' if is_alive else 'stopped and was started again'}"
    return Injection(how, work) if is_noticed else Injection(f"{how}, noticed by nobody", Work(0, 0, 0))


async def _stunt(scene: Scene, work: Work) -> Injection:
    """The backends of a service may not make any file longer for three seconds."""
    service = scene.any_service()
    pool = await scene.installation.admin(service)
    rows = await pool.fetch(
        "select pid from pg_stat_activity where usename like $1 || '%' and usename <> 'postgres'", service
    )
    for limit in (8192, resource.RLIM_INFINITY):
        for row in rows:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(row["pid"], resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        await asyncio.sleep(3 if limit == 8192 else 0)
    return Injection(f"{service}: no file may grow for 3 s", work)
