"""`python -m tests.attack`: makes releases of organisations that never were, attacks them, and says what was found."""

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC

from rich.console import Console
from rich.progress import track

from services.analytics.domain.rules import Rules
from shared.clock import now
from tests.attack.running import Tally, attacked
from tests.attack.worlds import SMALL, TINY, WHOLE, Size, sequence, table

console = Console(soft_wrap=True, highlight=False)
Job = tuple[str, int, Size, Rules]


def main() -> None:
    """Read the command line, attack, report, and leave with 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--tables", type=int, default=1000, help="so many first releases")
    parser.add_argument("--sequences", type=int, default=1000, help="so many sequences of 3 to 10 releases")
    parser.add_argument("--seed", type=int, default=2026, help="gives the same worlds again")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="so many processes")
    parser.add_argument("--people-min", type=int, default=11)
    parser.add_argument("--zeros-hidden", action="store_true")
    asked = parser.parse_args()
    rules = Rules(asked.people_min, asked.zeros_hidden)
    start = now()
    with ProcessPoolExecutor(asked.workers) as workers:
        for kind, many in (("tables", asked.tables), ("sequences", asked.sequences)):
            jobs = list(_jobs(kind, many, asked.seed, rules))
            results = workers.map(_attack, jobs)
            found = Tally()
            whole = Tally()
            for job, one in zip(jobs, track(results, kind, total=many, console=console), strict=True):
                found += one
                if job[2] is WHOLE:
                    whole += one
            _say(kind, found)
            if whole.worlds:
                _say(f"{kind} of 20,000 people and more", whole)
            asked.found = getattr(asked, "found", 0) + len(found.findings)
    console.print(f"{now().astimezone(UTC):%Y-%m-%d}, seed {asked.seed}, {rules}, {(now() - start).seconds} s")
    sys.exit(1 if asked.found else 0)


def _jobs(kind: str, many: int, seed: int, rules: Rules) -> Iterator[Job]:
    """Most worlds are small, where a few people are most in danger; of tables each fiftieth is as large as they get."""
    for number in range(many):
        middle = Size() if kind == "tables" and number % 5 == 0 else SMALL
        size = WHOLE if kind == "tables" and number % 50 == 0 else middle if number % 5 == 0 else TINY
        yield kind, seed * 100_000 + number, size, rules


def _attack(job: Job) -> Tally:
    kind, seed, size, rules = job
    return attacked([table(seed, size)] if kind == "tables" else list(sequence(seed, size)), rules)


def _say(kind: str, found: Tally) -> None:
    console.print(f"\n[bold]{found.worlds:,} {kind}[/bold]: {found.releases:,} releases of {found.people:,} people")
    console.print(f"cells {found.cells:,}, without a number as of the release {found.without:,}, small {found.small:,}")
    seen = found.large_seen / found.large if found.large else 1
    console.print(f"cells that are not small: {found.large:,}, with a number {seen:.1%}")
    for kind_found, many in sorted(found.kinds().items()):
        console.print(f"  {kind_found}: {many:,}")
    console.print("found nothing" if not found.findings else f"FOUND {sum(found.kinds().values()):,}")
    for one in found.findings[:10]:
        console.print(f"  {one}")


if __name__ == "__main__":
    main()
