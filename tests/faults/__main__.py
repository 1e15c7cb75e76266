"""`python -m tests.faults`: run cells of the fault matrix, show a table as it goes, write one report."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from tests.faults import report
from tests.faults.cells import ALL, QUICK, Cell
from tests.faults.installation import installation
from tests.faults.result import Result, Size
from tests.faults.run import run_cell

REBUILDS_TOGETHER = 4
console = Console(soft_wrap=True, highlight=False)


def main() -> None:
    """Read the command line, run, and leave with 1 when a cell has failed."""
    asked = _arguments()
    cells = _cells(asked)
    size = Size(asked.events, asked.injections, asked.seconds, is_full=asked.all)
    results = uvloop.run(_run(cells, size, asked))
    slow = [one for one in results if asked.any_pace and one.is_only_slow and one.hits]
    if slow:
        console.print(
            f"Too slow twice, which on a machine of any pace is no failure: {', '.join(one.cell for one in slow)}"
        )
    sys.exit(0 if results and all(one.is_good or one in slow for one in results) else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the 24 cells of every commit (the default)")
    parser.add_argument("--all", action="store_true", help="every cell, or those of --cells, in full: hours")
    parser.add_argument("--cells", help="these, such as W1F1,W4F9")
    parser.add_argument("--events", type=int, help="at least so many a cell (3,000; with --all 12,000)")
    parser.add_argument("--injections", type=int, help="at least so many that hit (3; with --all 10)")
    parser.add_argument("--seconds", type=float, help="a cell that takes longer has failed (120; with --all 1,200)")
    parser.add_argument("--seed", default=str(random.randrange(10**6)), help="gives the same plan again")
    parser.add_argument("--report", type=Path, help="write the Markdown report here")
    parser.add_argument("--resume", action="store_true", help="leave out what the report's run has done already")
    parser.add_argument("--any-pace", action="store_true", help="a cell in which nothing is wrong but the time holds")
    parser.add_argument("--keep", type=Path, help="copy the logs of the processes to this folder")
    asked = parser.parse_args()
    defaults = (12_000, 10, 1200.0) if asked.all else (3_000, 3, 120.0)
    for name, value in zip(("events", "injections", "seconds"), defaults, strict=True):
        setattr(asked, name, value if getattr(asked, name) is None else getattr(asked, name))
    return asked


def _cells(asked: argparse.Namespace) -> list[Cell]:
    codes: Sequence[str] = asked.cells.split(",") if asked.cells else QUICK
    if asked.all and not asked.cells:
        codes = list(ALL)
    unknown = [code for code in codes if code not in ALL]
    if unknown:
        sys.exit(f"There is no cell {', '.join(unknown)}: they are called W1F1 to W8F20.")
    return [ALL[code] for code in codes]


async def _run(cells: Sequence[Cell], size: Size, asked: argparse.Namespace) -> list[Result]:
    began = time.monotonic()
    kept = asked.report.with_suffix(".json") if asked.report else None
    results = report.load(kept) if kept and asked.resume else []
    left = [cell for cell in cells if cell.code not in {one.cell for one in results}]
    console.print(f"seed {asked.seed}, {len(left)} cells of {size.events:,} events and {size.injections} injections")
    console.print(report.HEAD)
    console.print(report.LINE)
    for group in groups_of(left):
        await _together(group, size, asked, results, began, kept)
    for group in groups_of([ALL[one.cell] for one in results if one.is_only_slow and not one.first_time]):
        await _together(group, size, asked, results, began, kept)
    console.print(report.summary(results, time.monotonic() - began))
    return results


def groups_of(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that can share an installation. What was heard grows with each, so rebuilds come first, a few together."""
    alone = [[cell] for cell in cells if cell.fault.is_destructive]
    on_small_disk = [cell for cell in cells if cell.fault.needs_small_disk]
    others = [cell for cell in cells if not (cell.fault.is_destructive or cell.fault.needs_small_disk)]
    rebuilds = [cell for cell in others if cell.rebuilds]
    shared = [cell for cell in others if not cell.rebuilds]
    few = [rebuilds[place : place + REBUILDS_TOGETHER] for place in range(0, len(rebuilds), REBUILDS_TOGETHER)]
    last = few.pop() if few else []
    return [group for group in (*few, last + shared, on_small_disk, *alone) if group]


async def _together(
    group: Sequence[Cell], size: Size, asked: argparse.Namespace, results: list[Result], began: float, kept: Path | None
) -> None:
    """Cells on one installation, each with organisations of its own."""
    with tempfile.TemporaryDirectory(prefix="kith-faults-") as name:
        plan = random.Random(asked.seed).getrandbits(32)
        is_small = any(cell.fault.needs_small_disk for cell in group)
        async with installation(Path(name), plan, has_small_disk=is_small) as installed:
            for cell in group:
                with console.status(f"{cell.code}: {cell.workload.title}; {cell.fault.title}"):
                    result = await run_cell(installed, cell, size, asked.seed)
                for before in [one for one in results if one.cell == cell.code]:
                    result.first_time = [one.sentence for one in before.findings]
                    results.remove(before)
                results.append(result)
                _show(result)
                if kept:
                    report.save(results, kept)
                    asked.report.write_text(report.page(results, asked.seed, time.monotonic() - began))
        if asked.keep:
            shutil.copytree(Path(name) / "logs", asked.keep, dirs_exist_ok=True)


def _show(result: Result) -> None:
    console.print(report.row(result))
    phases = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in result.phases.items())
    console.print(f"    {phases}; others took {result.others:.0%} of the machine", style="dim")
    for finding in result.findings:
        console.print(f"    {finding.invariant}: {finding.sentence}", markup=False)
    for note in result.notes:
        console.print(f"    {note}", markup=False)


if __name__ == "__main__":
    main()
