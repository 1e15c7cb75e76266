"""The order of an import: each file by the service that owns it, each service asked until it has heard."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from deploy import Trouble
from deploy.importer import organisation
from deploy.importer.doors import Doors, Refused
from deploy.importer.rows import AT_ONCE, PATIENCE_SECONDS, PAUSE_SECONDS, FileReport, Refusal, Row, upload
from deploy.importer.set_up import SetUp
from deploy.importer.standing import changed_here
from deploy.importer.tables import TABLES
from shared.errors import Refusal as TableRefusal
from shared.events.base import Code
from shared.fields import field_errors
from shared.tables import read_cells

ASK_AT_ONCE = 200  # with the longest codes so many fit into a body
SCORED = ("instrument", "scale", "total", "answered_on")  # what a row says of the answer itself
Show = Callable[[str, int, int], None]  # file, rows done, rows in all


@dataclass(slots=True)
class Summary:
    """What became of a folder."""

    files: list[FileReport] = field(default_factory=list)

    @property
    def refused(self) -> list[Refusal]:
        """Every row that was left out."""
        return [one for report in self.files for one in report.refused]

    @property
    def left(self) -> list[str]:
        """Everything that differs from the folder and was left as it is."""
        return [one for report in self.files for one in report.left]


class Stopped(Trouble):
    """An import that could not go on, with what had become of the folder by then."""

    def __init__(self, sentence: str, summary: Summary) -> None:
        super().__init__(f"The import was stopped, and what is in stays in. {sentence}")
        self.summary = summary


class _Named(BaseModel):
    """How a row of check-ins names an occasion. Many are asked for at once: one that is no code spoils all."""

    program: Code
    occasion: Code


async def import_folder(
    folder: Path,
    url: str,
    token: str,
    show: Show,
    patience_seconds: float = PATIENCE_SECONDS,
    *,
    replace: bool = False,
) -> Summary:
    """Import what the folder has; every file is optional but for organisation.toml. Raises Stopped.

    What a service has not heard of is waited for until nothing has moved for `patience_seconds`. What was set up
    before and differs stays as it is, unless it is to be replaced. A CSV file of another name is a Trouble at once.
    """
    asked = organisation.read(folder)
    _know_files(folder)
    async with Doors(url, token) as doors:
        own = _Import(folder, doors, SetUp(doors, asked, replace, patience_seconds), show, patience_seconds)
        try:
            return await own.run()
        except Refused as refused:
            raise Stopped(f"{refused.sentence} [{refused.code}]", own.summary) from refused
        except Trouble as trouble:
            raise Stopped(str(trouble), own.summary) from trouble


def _know_files(folder: Path) -> None:
    """A file with a slip in its name would be left out without a word. What begins with a dot is the system's own."""
    ours = [f"{name}.csv" for name in TABLES]
    try:
        there = sorted(path.name for path in folder.iterdir() if path.suffix.lower() == ".csv")
    except OSError as error:
        raise Trouble(f"{folder} cannot be read: {error.strerror}.") from error
    unknown = [name for name in there if name not in ours and not name.startswith(".")]
    if unknown:
        raise Trouble(
            f"{folder} has files that nobody would read: {', '.join(unknown)}. Nothing was sent. "
            f"Move or rename them; the names are {', '.join(ours)}."
        )


@dataclass(slots=True)
class _Import:
    folder: Path
    doors: Doors
    set_up: SetUp
    show: Show
    patience_seconds: float
    summary: Summary = field(default_factory=Summary)

    async def run(self) -> Summary:
        self.summary.files.append(self.set_up.report)
        await self.set_up.register()
        for file in ("sites", "programs", "facilitators"):
            await self._table(file, partial(self._unless_changed_here, file))
        await self.set_up.the_rest()
        await self._table("groups", partial(self._unless_changed_here, "groups"))
        await self._table("participants")
        await self._table("sessions", self._with_facilitators)
        await self._table("attendance", self._with_participants)
        await self._table("check-ins", self._with_occasions, at_once=AT_ONCE)
        return self.summary

    async def _table(
        self,
        name: str,
        resolve: Callable[[list[Row], FileReport], Awaitable[list[Row]]] | None = None,
        at_once: int = 1,
    ) -> None:
        path = self.folder / f"{name}.csv"
        if not path.exists():
            return
        service, table = TABLES[name]
        report = FileReport(path.name)
        self.summary.files.append(report)
        try:
            rows = [Row(line, cells) for line, cells in read_cells(path.read_bytes(), list(table.columns))]
        except OSError as error:
            raise Trouble(f"{path} cannot be read: {error.strerror}.") from error
        except TableRefusal as refusal:
            report.refused += [Refusal(path.name, 1, one.field, one.code, one.message) for one in refusal.errors]
            return
        report.rows, done = len(rows), 0

        def progress(more: int) -> None:
            nonlocal done
            done += more
            self.show(path.name, done, report.rows)

        progress(0)
        sendable = await resolve(rows, report) if resolve else rows
        progress(len(rows) - len(sendable))
        door = f"/{service}/api/v1/{name}/import-file"
        await upload(self.doors, door, sendable, report, progress, self.patience_seconds, at_once)

    async def _references(self, kind: str) -> dict[str, Any]:
        """What the organisation's own references of people stand for; they never leave intake and this importer."""
        found: dict[str, Any] = {}
        after = ""
        while True:
            params = {"kind": kind, "limit": 1000} | ({"after": after} if after else {})
            page = await self.doors.ask("GET", "/intake/api/v1/references", params=params)
            if not page:
                return found
            found |= page
            after = max(page)

    async def _unless_changed_here(self, file: str, rows: list[Row], report: FileReport) -> list[Row]:
        """What stands and says something else stays, unless it is to be replaced."""
        changed = {} if self.set_up.replace else await changed_here(self.doors, file, rows)
        report.left += changed.values()
        report.took("unchanged", len(changed))
        return [row for row in rows if row.line not in changed]

    async def _with_facilitators(self, rows: list[Row], report: FileReport) -> list[Row]:
        known = await self._references("facilitator") if any("facilitator" in row.cells for row in rows) else {}
        for row in rows:
            reference = row.cells.get("facilitator")
            if reference in known:
                row.cells["facilitator"] = known[reference]["id"]
            if row.cells.get("group"):
                row.together = row.cells["group"]
        return rows

    async def _with_participants(self, rows: list[Row], report: FileReport) -> list[Row]:
        """Attendance speaks of participants by id, and a session's rows stay together."""
        people = await self._references("participant")
        good = [row for row in rows if self._know(row, people, report)]
        ids = sorted({people[row.cells["participant"]]["id"] for row in good})
        await self._heard("/scheduling/api/v1/participants/known", ids)
        for row in good:
            row.cells["participant"] = people[row.cells["participant"]]["id"]
            row.together = f"{row.cells.get('group')} {row.cells.get('date')}"
        return good

    async def _with_occasions(self, rows: list[Row], report: FileReport) -> list[Row]:
        """Check-ins speak of occasions; scheduling, which mints them, is asked for their ids."""
        people = await self._references("participant")
        good = [row for row in rows if self._know(row, people, report) and _can_be_asked_for(row, report)]
        await self._heard("/scheduling/api/v1/participants/known", sorted({p["id"] for p in people.values()}))
        wanted = {_occasion_of(row, people) for row in good}
        ids = await self._occasions(sorted(wanted))
        found = [row for row in good if self._know_occasion(row, people, ids, report)]
        await self._heard("/feedback/api/v1/occasions/known", sorted(set(ids.values())))
        for row in found:
            occasion = ids[_occasion_of(row, people)]
            row.cells = {name: row.cells[name] for name in SCORED if name in row.cells}
            row.cells["occasion"] = row.together = occasion
        return found

    def _know(self, row: Row, people: dict[str, Any], report: FileReport) -> bool:
        reference = row.cells.get("participant", "")
        if reference not in people:
            message = "There is no participant with this reference: check participants.csv."
            report.refused.append(Refusal(report.file, row.line, "participant", "participant-not-found", message))
        return reference in people

    def _know_occasion(
        self, row: Row, people: dict[str, Any], ids: dict[tuple[str, str, str], str], report: FileReport
    ) -> bool:
        known = _occasion_of(row, people) in ids
        if not known:
            message = (
                "The program's battery has no such occasion for this participant (yet): check program and occasion."
            )
            report.refused.append(Refusal(report.file, row.line, "occasion", "occasion-not-found", message))
        return known

    async def _heard(self, path: str, ids: Sequence[str]) -> None:
        """Wait, by asking, until a service has heard of all of these, or of no more of them for a while."""
        unknown, patient_until = list(ids), time.monotonic() + self.patience_seconds
        while unknown and time.monotonic() < patient_until:
            still: list[str] = []
            for start in range(0, len(unknown), ASK_AT_ONCE):
                some = unknown[start : start + ASK_AT_ONCE]
                still += (await self.doors.ask("POST", path, json={"ids": some}))["unknown"]
            if len(still) < len(unknown):
                patient_until = time.monotonic() + self.patience_seconds
            unknown = still
            if unknown:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _occasions(self, wanted: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """The ids of occasions by participant, program and code; those that never come are left out."""
        ids: dict[tuple[str, str, str], str] = {}
        patient_until = time.monotonic() + self.patience_seconds
        missing = list(wanted)
        while missing and time.monotonic() < patient_until:
            before = len(ids)
            for start in range(0, len(missing), ASK_AT_ONCE):
                ids |= await self._ask_occasions(missing[start : start + ASK_AT_ONCE])
            if len(ids) > before:
                patient_until = time.monotonic() + self.patience_seconds
            missing = [one for one in missing if one not in ids]
            if missing:
                await asyncio.sleep(PAUSE_SECONDS)
        return ids

    async def _ask_occasions(self, some: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        requests = [dict(zip(("participant_id", "program", "occasion"), one, strict=True)) for one in some]
        answer = await self.doors.ask("POST", "/scheduling/api/v1/occasions/ids", json={"requests": requests})
        return {
            (one["participant_id"], one["program"], one["occasion"]): one["occasion_id"]
            for one in answer["occasions"]
            if one["occasion_id"]
        }


def _occasion_of(row: Row, people: dict[str, Any]) -> tuple[str, str, str]:
    person = people[row.cells["participant"]]["id"]
    return person, row.cells["program"], row.cells["occasion"]


def _can_be_asked_for(row: Row, report: FileReport) -> bool:
    try:
        _Named.model_validate({name: cell for name, cell in row.cells.items() if cell})
    except ValidationError as error:
        wrong = field_errors(error.errors())
        report.refused += [Refusal(report.file, row.line, one.field, one.code, one.message) for one in wrong]
        return False
    return True
