"""How long it takes to erase people from what a store keeps, by the length of its logs: one, and a hundred at once.

Both logs (said and heard) get as many check-ins as asked for, of a hundred each a person.
Run: uv run python -m benchmarks.erasing [EVENTS ...]
"""

import sys
import time
from itertools import pairwise
from uuid import UUID

import uvloop

from benchmarks.freshness import ORGANISATION
from benchmarks.parts import fresh_database, parts, run_sql, spread
from shared import clock
from shared.database import Database
from shared.erasing import TIMER, on_erase
from shared.timers import Timer

ROUNDS, TOGETHER = 5, 100
FILL = """
    with events as (
        select i, gen_random_uuid() as key, lpad(to_hex(i / 100), 32, '0')::uuid as person
        from generate_series({first}, {last}) as i
    ), told as (
        select i, key::text, convert_to(jsonb_build_object(
            'check_in_id', key, 'participant_id', person, 'enrolment_id', gen_random_uuid(),
            'site_id', gen_random_uuid(), 'submitted_at', now(),
            'scores', jsonb_build_array(jsonb_build_object('instrument', 'phq-9', 'score', 12))
        )::text, 'UTF8') as value from events
    ), said as (
        insert into machinery.event_log
        select 'kith.check-ins', key, 1, '{organisation}', '{{}}', value, now() from told
    )
    insert into machinery.heard
    select 'kith.check-ins', 0, i, '{organisation}', key, '{{}}', value, now() from told"""


async def main(lengths: list[int]) -> None:
    """Measure and print."""
    async with parts(kafka=False) as servers:
        bench = await fresh_database(servers, "feedback")
        database = await Database.open(bench.dsn_machinery, size=3, name="bench erasing")
        person = 0
        for shorter, length in pairwise([0, *lengths]):
            await run_sql(bench.dsn_admin, FILL.format(first=shorter + 1, last=length, organisation=ORGANISATION))
            await run_sql(bench.dsn_admin, "vacuum analyze machinery.heard, machinery.event_log")
            taken: dict[int, list[float]] = {1: [], TOGETHER: []}
            for _ in range(ROUNDS):
                for together, seconds in taken.items():
                    seconds.append(await erasing(database, range(person, person + together)))
                    person += together
            for together, seconds in taken.items():
                print(f"{length:,} events said and heard, {together} at once: {spread(seconds)} s")
        await database.close()


async def erasing(database: Database, people: range) -> float:
    """Seconds until nothing of these is left."""
    told = {"ids": [str(UUID(int=person)) for person in people]}
    began = time.perf_counter()
    async with database.transaction(ORGANISATION) as tx:
        await on_erase(tx, Timer(TIMER, str(people), ORGANISATION, clock.now(), told))
    return time.perf_counter() - began


if __name__ == "__main__":
    uvloop.run(main([int(one) for one in sys.argv[1:]] or [100_000, 1_000_000]))
