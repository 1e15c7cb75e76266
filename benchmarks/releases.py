"""How long a release takes, its audit included: 40 sites, 8 programs, 6 attributes; the first one and those after it.

Run: uv run python -m benchmarks.releases [PEOPLE] [RELEASES]
"""

import sys
import time

import uvloop

from benchmarks.crowd import ORGANISATION, Crowd
from benchmarks.heard import Analytics, analytics
from benchmarks.parts import parts
from services.analytics.acts import Made, make_release
from shared.clock import now

PROGRAMS, ATTRIBUTES, SECONDS_MAX = 8, 6, 60


async def main(people: int, releases: int) -> None:
    """Measure and print. Before each release more people are enrolled, and answer twice."""
    crowd = Crowd(people // releases, PROGRAMS, attributes=ATTRIBUTES)
    taken = []
    async with parts(kafka=False) as servers, analytics(servers) as one:
        await one.hear(crowd.founded())
        for _ in range(releases):
            crowd.members.clear()
            for story in (crowd.enrolled(), crowd.asked("baseline"), crowd.asked("end")):
                await one.hear(story)
            await one.count()
            began = time.perf_counter()
            made = await released(one)
            taken.append(time.perf_counter() - began)
            print(f"  {made}: {taken[-1]:.1f} s", flush=True)
    print(f"release of {PROGRAMS} programs: longest {max(taken):.1f} s, goal at most {SECONDS_MAX}")


async def released(one: Analytics) -> Made:
    """As `kith release` does it."""
    async with one.machinery.transaction(ORGANISATION) as tx:
        return await make_release(tx, ORGANISATION, now())


if __name__ == "__main__":
    given = [int(told) for told in sys.argv[1:]]
    uvloop.run(main(*(given + [20_000, 3][len(given) :])))
