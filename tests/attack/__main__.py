"""`python -m tests.attack`: makes releases of organisations that never were, attacks them, and says what was found."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track

from services.analytics.domain.rules import Rules
from shared.clock import now
from tests.attack.figures import RULES, of_occasions, of_parts
from tests.attack.running import Tally, attacked
from tests.attack.sums import Rest, few
from tests.attack.worlds import NEW, SMALL, TINY, WHOLE, Size, sequence, table

Job = tuple[str, int, Size, Rules]
HEAD = """# The attack

What `make attack` found when it was run last. What it does, and what it cannot tell: [small numbers](small-numbers.md).

{when:%Y-%m-%d}, seeds {seed} and on, `people_min` {people_min}, {seconds:,} s.

| what | worlds | releases | cells | small | not small, with a number | exact | narrower than `people_min` |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""
FIGURES = """
And of what people scored, sequences of 1 to 10 releases:

| subtracted from each other | worlds | subtractions | of a few people |
| --- | ---: | ---: | ---: |
"""


def main() -> None:
    """Read the command line, attack, report, and leave with 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--tables", type=int, default=1000, help="so many first releases")
    parser.add_argument("--sequences", type=int, default=1000, help="so many sequences of 3 to 10 releases")
    parser.add_argument("--figures", type=int, default=1000, help="so many sequences of figures, of each kind")
    parser.add_argument("--seed", type=int, default=202_600_000, help="of the first world; the next has the next one")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="so many processes")
    parser.add_argument("--people-min", type=int, default=11)
    parser.add_argument("--zeros-hidden", action="store_true")
    parser.add_argument("--report", type=Path, help="write what was found to this file, too")
    asked = parser.parse_args()
    start = now()
    found = dict(_attacked(asked, Rules(asked.people_min, asked.zeros_hidden)))
    rests = dict(_subtracted(asked))
    head = HEAD.format(when=start.astimezone(UTC), seconds=(now() - start).seconds, **vars(asked))
    report = head + "".join(_line(what, tally) for what, tally in found.items() if tally.worlds)
    report += FIGURES + "".join(
        f"| {what} | {asked.figures:,} | {n:,} | {len(bad)} |\n" for what, (n, bad) in rests.items()
    )
    Console(soft_wrap=True, highlight=False).print(report, *_findings(found), markup=False)
    if asked.report:
        asked.report.write_text(report)
    sys.exit(any(tally.findings for tally in found.values()) or any(bad for _, bad in rests.values()))


def _subtracted(asked: argparse.Namespace) -> Iterator[tuple[str, tuple[int, list[Rest]]]]:
    """How many subtractions of each kind, and which of them tell of a few people."""
    seeds = range(asked.seed, asked.seed + asked.figures)
    with ProcessPoolExecutor(asked.workers) as workers:
        for what, read in (
            ("a whole and its parts", of_parts),
            ("who answered once, twice, three times", of_occasions),
        ):
            many, found = 0, list[Rest]()
            for rests in track(workers.map(partial(_all, read), seeds), what, total=asked.figures):
                many += len(rests)
                found += few(rests, RULES.people_min)
            yield what, (many, found)


def _all(read: Callable[[int], Iterator[Rest]], seed: int) -> list[Rest]:
    return list(read(seed))


def _attacked(asked: argparse.Namespace, rules: Rules) -> Iterator[tuple[str, Tally]]:
    """What came of each kind of world."""
    with ProcessPoolExecutor(asked.workers) as workers:
        for kind, many in (("tables", asked.tables), ("sequences", asked.sequences)):
            jobs = [(kind, asked.seed + number, _size(kind, number), rules) for number in range(many)]
            every, whole = Tally(), Tally()
            for job, one in zip(jobs, track(workers.map(_attack, jobs), kind, total=many), strict=True):
                every += one
                if job[2] is WHOLE:
                    whole += one
            yield kind, every
            yield f"{kind} of 20,000 people and more", whole


def _size(kind: str, number: int) -> Size:
    """Most worlds are small, where a few people are most in danger, or new; of tables some are as large as they get."""
    if kind == "tables" and number % 20 == 0:
        return WHOLE if number % 100 == 0 else Size()
    return {0: SMALL, 5: NEW}.get(number % 10, TINY)


def _attack(job: Job) -> Tally:
    kind, seed, size, rules = job
    return attacked([table(seed, size)] if kind == "tables" else list(sequence(seed, size)), rules)


def _line(what: str, found: Tally) -> str:
    exact, narrow = (sum(n for kind, n in found.kinds().items() if kind.startswith(one)) for one in ("exact", "narrow"))
    seen = f"{found.large_seen / found.large:.1%}" if found.large else ""
    counts = (f"{n:,}" for n in (found.worlds, found.releases, found.cells, found.small))
    return f"| {' | '.join((what, *counts, seen, f'{exact:,}', f'{narrow:,}'))} |\n"


def _findings(found: dict[str, Tally]) -> list[str]:
    return [f"\n{what}: {one}" for what, tally in found.items() for one in tally.findings[:10]]


if __name__ == "__main__":
    main()
