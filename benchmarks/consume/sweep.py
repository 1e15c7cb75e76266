"""Which settings are best for each of the others. What it finds is written into ways.py by hand.

Run: uv run python -m benchmarks.consume.sweep [ROUNDS]
"""

import statistics
import sys

import uvloop

from benchmarks.consume.measure import filled, measured
from benchmarks.consume.ways import SWEEP, Way


async def main(rounds: int) -> None:
    """Measure and print."""
    async with filled() as (servers, bench):
        for module, every in SWEEP.items():
            found = await measured(servers, bench, [Way(module, module, one) for one in every], rounds)
            print(f"\n| {module} | events/s | CPU us/event |\n| --- | ---: | ---: |")
            for way, runs in found.items():
                rate, cpu = (statistics.median(one) for one in zip(*runs, strict=True))
                print(f"| {way.settings} | {rate:,.0f} | {cpu:.0f} |", flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
