"""What bad records cost the good ones: the same good ones alone, and with one bad one for every nine of them.

Every bad one has a key of its own and is parked. Run: uv run python -m benchmarks.bad_input [GOOD] [ROUNDS]
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from uuid import uuid4

import uvloop

from benchmarks.consume.measure import fill, fresh_tables
from benchmarks.consume.readers import Reader, ending, until_shared
from benchmarks.consume.workload import PARTITIONS, TOPIC, Record, records
from benchmarks.parts import Bench, Servers, fetch, fresh_database, parts, spread

POSITION = "select coalesce(sum(next_offset), 0) as n from machinery.offsets"
PARKED = "select count(*) as n from machinery.parked"
HELD = """
    with one as (select heard_at - lag(heard_at) over same as gap, position - lag(position) over same > 1 as is_over_bad
                 from machinery.heard window same as (partition by topic, part order by position))
    select extract(epoch from max(gap) filter (where is_over_bad))::float as over_bad,
           extract(epoch from max(gap) filter (where not is_over_bad))::float as over_none from one
"""
"""The longest time from a good record to the next good one of its partition, with bad ones between them and without."""


def spoilt(good: Record, number: int) -> Record:
    """In one of the ways in which a record cannot be read."""
    key, value, headers = good
    without_type = [(name, text) for name, text in headers if name != "ce_type"]
    other_time = [(name, b"yesterday" if name == "ce_time" else text) for name, text in headers]
    ways = (
        (key, value[:-9], headers),
        (key, b"\xff\xfe", headers),
        (key, value.replace(b"phq-4", b"PHQ 4"), headers),
        (key, value, without_type),
        (key, value, other_time),
        (str(uuid4()).encode(), value, headers),
    )
    return ways[number % len(ways)]


def mixed(good: int) -> Iterator[Record]:
    """Nine good ones, a bad one, and so on."""
    for number, one in enumerate(records(good + good // 9)):
        yield spoilt(one, number // 10) if number % 10 == 9 else one


async def main(good: int, rounds: int) -> None:
    """Measure and print. Each side has a broker's topic of its own, so each has its own servers."""
    ratios = []
    async with parts() as clean, parts() as dirty:
        await fill(clean.kafka, list(records(good)))
        await fill(dirty.kafka, list(mixed(good)))
        sides = [(clean, await fresh_database(clean, "analytics"), 0)]
        sides.append((dirty, await fresh_database(dirty, "analytics"), good // 9))
        for number in range(rounds):
            order = sides if number % 2 == 0 else sides[::-1]
            rates = {bad: await rate(servers, bench, good, bad) for servers, bench, bad in order}
            ratios.append(rates[good // 9] / rates[0])
            print(f"  alone {rates[0]:,.0f}, with bad ones {rates[good // 9]:,.0f} good events/s", flush=True)
    print(f"good events with 10 % bad against none, {TOPIC}: {spread(ratios)}, goal at least 0.90")


async def rate(servers: Servers, bench: Bench, good: int, bad: int) -> float:
    """Good events a second."""
    await fresh_tables(bench, is_protected=True)
    reader = await Reader.start("reader", servers, bench, f"bad-{uuid4().hex[:8]}")
    async with ending([reader]):
        await until_shared([reader], PARTITIONS)
        began = time.perf_counter()
        reader.go()
        while (await fetch(bench.dsn_admin, POSITION))[0]["n"] < good + bad:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        taken = time.perf_counter() - began
    [row] = await fetch(bench.dsn_admin, PARKED)
    assert row["n"] == bad, row
    if bad:
        [row] = await fetch(bench.dsn_admin, HELD)
        over_bad, over_none = row["over_bad"], row["over_none"]
        print(
            f"  to the next good one over a bad one {over_bad:.2f} s at most, over none {over_none:.2f} s", flush=True
        )
    return good / taken


if __name__ == "__main__":
    told = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(told + [90_000, 5][len(told) :])))
