"""Each consumer in turn, forwards and backwards, each in a fresh process over fresh tables.

Run: uv run python -m benchmarks.consume [ROUNDS]
"""

import statistics
import sys

import uvloop

from benchmarks.consume.measure import Found, filled, measured
from benchmarks.consume.ways import FLOOR, GOALS, NAIVE, OURS, PEERS, SAFE, Way


async def main(rounds: int) -> None:
    """Measure and print."""
    async with filled() as (servers, bench):
        report(await measured(servers, bench, (NAIVE, SAFE, *PEERS, *OURS, FLOOR), rounds))


def report(found: Found) -> None:
    """Medians with their range, and the ratios that were asked for."""
    print("\n| consumer | events/s, median [range] | CPU us/event |\n| --- | ---: | ---: |")
    for way, runs in found.items():
        rates = sorted(rate for rate, _ in runs)
        cpu = statistics.median(cpu for _, cpu in runs)
        print(f"| {way.name} | {statistics.median(rates):,.0f} [{rates[0]:,.0f} .. {rates[-1]:,.0f}] | {cpu:.0f} |")
    print("\n| ours against | goal | bare | as shipped |\n| --- | ---: | ---: | ---: |")
    for other, goal in zip((NAIVE, SAFE, *PEERS), GOALS, strict=True):
        print(f"| {other.name} | {goal} | {ratio(found, OURS[0], other)} | {ratio(found, OURS[-1], other)} |")


def ratio(found: Found, own: Way, other: Way) -> str:
    """Round by round: what shared the machine in a round slowed both."""
    ratios = sorted(a / b for (a, _), (b, _) in zip(found[own], found[other], strict=True))
    return f"{statistics.median(ratios):.2f} [{ratios[0]:.2f} .. {ratios[-1]:.2f}]"


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
