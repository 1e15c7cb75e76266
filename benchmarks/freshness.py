"""From the writer's statement to the committed view: feedback's outbox, relay, Kafka, analytics' scores.

The real analytics service runs as a process of its own. Its commit times are PostgreSQL's own (track_commit_timestamp);
the writer puts the time just before its transaction into the event.

Run: uv run python -m benchmarks.freshness [EVENTS_PER_SECOND]
"""

import asyncio
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import uvloop

from benchmarks.parts import Bench, Servers, fetch, fresh_database, parts, percentile, run_sql
from deploy.kafka.topics import ensure_topics
from shared.database import Database
from shared.events import TOPICS
from shared.events.feedback import CheckInSubmitted, Score
from shared.outbox import Relay, put

EVENTS_PER_SECOND = int(sys.argv[1]) if len(sys.argv) == 2 else 500
SECONDS, WARM_UP_SECONDS, WRITERS = 25, 5, max(8, EVENTS_PER_SECOND // 100)
PERCENTILES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
GOALS = {500: "p50 25, p99 60", 3000: "p99 250"}
ORGANISATION = uuid4()
LATENCIES = """
    select extract(epoch from pg_xact_commit_timestamp(xmin) - answered_at) * 1000 as ms, answered_at
    from scores where answered_at > $1 order by 1
"""


async def main() -> None:
    """Measure and print."""
    async with parts() as servers:
        await run_sql(servers.admin_dsn, "alter system set track_commit_timestamp = on")
        await servers.restart_postgres()
        await ensure_topics(servers.kafka, TOPICS)
        feedback, analytics = [await fresh_database(servers, name) for name in ("feedback", "analytics")]
        reader = await start_analytics(servers, analytics)
        try:
            began = await write(servers, feedback, analytics)
            await until_there_are(1 + SECONDS * EVENTS_PER_SECOND // WRITERS * WRITERS, analytics)
            report(await read(analytics, began))
        finally:
            reader.terminate()
            await reader.wait()


async def start_analytics(servers: Servers, bench: Bench) -> asyncio.subprocess.Process:
    """The service as it is shipped."""
    told = {
        "KITH_ENVIRONMENT": "development",
        "KITH_DATABASE": bench.dsn,
        "KITH_DATABASE_MACHINERY": bench.dsn_machinery,
        "KITH_KAFKA": servers.kafka,
        "KITH_ISSUER": "http://127.0.0.1:1",
        "KITH_PUBLIC_URL": "http://127.0.0.1",
        "KITH_LISTEN": f"127.0.0.1:{bench.port}",
        "KITH_OPS_LISTEN": f"127.0.0.1:{bench.other_port}",
    }
    log = Path(tempfile.gettempdir()) / "kith-bench-analytics.log"
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.analytics.app", env=os.environ | told, stdout=output, stderr=output
        )


async def write(servers: Servers, bench: Bench, reader: Bench) -> datetime:
    """Say check-ins at a steady rate, a relay beside; gives the end of the warm-up.

    One is said and waited for first: what a new topic takes until it has leaders is nobody's freshness.
    """
    doors = await Database.open(bench.dsn, size=WRITERS, name="bench writer")
    machinery = await Database.open(bench.dsn_machinery, size=3, name="bench relay")
    relay = Relay(machinery, servers.kafka)
    doors.on_said = relay.wake.set
    relaying = asyncio.create_task(relay.run())
    async with doors.transaction(ORGANISATION) as tx:
        put(tx, check_in(now()), organisation=ORGANISATION, at=now())
    await until_there_are(1, reader)
    await asyncio.gather(*(writer(doors, number) for number in range(WRITERS)))
    while await machinery.pool.fetchval("select exists (select from machinery.outbox)"):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)
    await doors.close()
    await machinery.close()
    return began_at


began_at = datetime.min.replace(tzinfo=UTC)


async def writer(doors: Database, number: int) -> None:
    """One of the writers: each event at its own time, whether or not the last one was slow."""
    global began_at
    start, step = time.perf_counter(), WRITERS / EVENTS_PER_SECOND
    for count in range(SECONDS * EVENTS_PER_SECOND // WRITERS):
        await asyncio.sleep(start + (count + number / WRITERS) * step - time.perf_counter())
        at = now()
        if time.perf_counter() - start < WARM_UP_SECONDS:
            began_at = at
        async with doors.transaction(ORGANISATION) as tx:
            put(tx, check_in(at), organisation=ORGANISATION, at=at)


def now() -> datetime:
    """By the machine's clock, which is PostgreSQL's, too."""
    return datetime.fromtimestamp(time.time(), UTC)


def check_in(at: datetime) -> CheckInSubmitted:
    """An answer like any other."""
    ids: list[UUID] = [uuid4() for _ in range(5)]
    return CheckInSubmitted(
        occasion_id=ids[0],
        participant_id=ids[1],
        enrolment_id=ids[2],
        program_id=ids[3],
        site_id=ids[4],
        kind="baseline",
        code="baseline",
        ordinal=0,
        scores=[Score(instrument="belonging", version=1, count=12, unit=6)],
        answered_at=at,
        entered_by="participant",
    )


async def until_there_are(wanted: int, bench: Bench) -> None:
    """Wait for the last one."""
    while (await fetch(bench.dsn_admin, "select count(*) as n from scores"))[0]["n"] < wanted:  # noqa: ASYNC110
        await asyncio.sleep(0.2)


async def read(bench: Bench, after: datetime) -> list[tuple[float, datetime]]:
    """Milliseconds from the writer's statement to the commit of the view, in order, and when the statement was."""
    return [(float(row["ms"]), row["answered_at"]) for row in await fetch(bench.dsn_admin, LATENCIES, after)]


def report(found: list[tuple[float, datetime]]) -> None:
    """The percentiles, and how many a second there really were."""
    ms, at = [one for one, _ in found], [at for _, at in found]
    rate = len(found) / (max(at) - min(at)).total_seconds()
    shown = ", ".join(f"{name} {percentile(ms, share):.1f}" for name, share in PERCENTILES)
    goal = GOALS.get(EVENTS_PER_SECOND, "none")
    print(f"{len(ms)} events, {rate:,.0f} of {EVENTS_PER_SECOND} a second: {shown}, max {ms[-1]:.1f} ms; goal {goal}")


if __name__ == "__main__":
    uvloop.run(main())
