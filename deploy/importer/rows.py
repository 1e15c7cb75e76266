"""Rows of a file on their way through a door: in chunks, tried again while the next service has not heard yet."""

import asyncio
import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from deploy.importer.doors import Doors, Refused
from shared.tables import read

CHUNK_ROWS = 100
PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.2
AT_ONCE = 4
NOT_HEARD_YET = (
    *("-not-found", "not-at-site", "unknown-facilitator", "unknown-group"),
    *("unknown-participant", "unknown-program", "unknown-site"),
)


@dataclass(slots=True)
class Row:
    """One row of a file; `together` is what must not be split between two requests."""

    line: int
    cells: dict[str, str]
    together: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was left out."""

    file: str
    line: int
    column: str
    code: str
    message: str


@dataclass(slots=True)
class FileReport:
    """What became of one file."""

    file: str
    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # differs from the file and was left as it is; counted as unchanged

    def took(self, outcome: str, rows: int = 1) -> None:
        """So many rows went in, or were in before."""
        setattr(self, outcome, getattr(self, outcome) + rows)


Progress = Callable[[int], None]


async def upload(
    doors: Doors,
    path: str,
    rows: Sequence[Row],
    report: FileReport,
    done: Progress,
    patience_seconds: float,
    at_once: int = 1,
) -> None:
    """Send rows until each is in or refused. A row that names something unheard of is tried again for a while."""
    pending, patient_until, gate = list(rows), time.monotonic() + patience_seconds, asyncio.Semaphore(at_once)

    async def send(chunk: list[Row]) -> list[tuple[Row, Refusal]]:
        refused = await _send(doors, path, chunk, report, gate)
        done(len(chunk) - len(_that_may_come(refused)))
        return refused

    while pending:
        refused = await asyncio.gather(*(send(chunk) for chunk in _chunks(pending)))
        found = [pair for chunk in refused for pair in chunk]
        if len({row.line for row, _ in found}) < len(pending):
            patient_until = time.monotonic() + patience_seconds
        later = _that_may_come(found)
        if time.monotonic() >= patient_until:
            done(len(later))
            later = set()
        report.refused += [why for row, why in found if row.line not in later]
        pending = [row for row in pending if row.line in later]
        if pending:
            await asyncio.sleep(PAUSE_SECONDS)


def _that_may_come(refused: Sequence[tuple[Row, Refusal]]) -> set[int]:
    """The lines that name something which may only not have been heard of yet."""
    return {row.line for row, why in refused if why.code.endswith(NOT_HEARD_YET)}


def _chunks(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """At most so many rows, but never a part of what belongs together."""
    chunk: list[Row] = []
    for _, group in groupby(rows, key=lambda row: row.together or str(row.line)):
        members = list(group)
        if chunk and len(chunk) + len(members) > CHUNK_ROWS:
            yield chunk
            chunk = []
        chunk += members
    if chunk:
        yield chunk


async def _send(
    doors: Doors, path: str, rows: list[Row], report: FileReport, gate: asyncio.Semaphore
) -> list[tuple[Row, Refusal]]:
    data, lines = _as_csv(rows)
    async with gate:
        try:
            answer = await doors.ask("POST", path, content=data, headers={"content-type": "text/csv"})
        except Refused as refused:
            if refused.is_of_the_caller:  # the token has run out: no row could go in any more
                raise
            return [(row, Refusal(report.file, row.line, "", refused.code, refused.sentence)) for row in rows]
    for outcome in ("created", "changed", "unchanged"):
        report.took(outcome, answer[outcome])
    return [(lines[one["line"]], _refusal(report.file, lines[one["line"]], one)) for one in answer["refused"]]


def _refusal(file: str, row: Row, one: dict[str, Any]) -> Refusal:
    return Refusal(file, row.line, one["column"], one["code"], one["message"])


def _as_csv(rows: Sequence[Row]) -> tuple[bytes, dict[int, Row]]:
    """The rows as a file, and which row stands on which of its lines."""
    columns = list(dict.fromkeys(name for row in rows for name in row.cells))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a lone CR, too, ends a line
    writer.writeheader()
    writer.writerows(row.cells for row in rows)
    data = out.getvalue().encode()
    return data, dict(zip((line for line, _ in read(data, columns)), rows, strict=True))
