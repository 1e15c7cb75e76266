"""Files that a service takes in: for programs and for people, with the same acts and the same report."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile

from shared.database import OUTAGES, Database, Tx
from shared.doors.dependencies import Db, Reader
from shared.errors import Invalid, Refusal
from shared.fields import invalid
from shared.security import Who
from shared.tables import Outcome, Report, Table, apply_rows
from shared.web import Pages

log = structlog.get_logger()
CSV = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}
FirstLine = Annotated[int, Query(ge=1, le=100_000_000, description="the header's line in the whole file")]
TakeIn = Callable[[Database, Who, bytes, int], Awaitable[Report]]


@dataclass(frozen=True, slots=True)
class File:
    """A kind of file: its table, what becomes of one, who may bring it, and the page that its own stands under.

    Either a row sets what it says, also where somebody has changed that since, or what stands stays as it is.
    """

    table: Table[Any]
    take_in: TakeIn
    roles: tuple[str, ...]
    above: tuple[str, str]  # words, address
    sets_what_it_says: bool
    example: Mapping[str, str] = field(default_factory=dict)  # where a page's example differs from a folder's


class BrokenOff(Refusal):
    """The store went away in the middle of a file, of which each row is a transaction of its own."""

    status = 503
    headers = MappingProxyType({"Retry-After": "60"})


async def _taken_in(file: File, db: Database, who: Who, data: bytes, first_line: int = 1) -> Report:
    try:
        return await file.take_in(db, who, data, first_line)
    except OUTAGES as error:
        log.warning("a file was broken off", file=file.table.name, error=type(error).__name__)
        sentence = "The store was away or busy in the middle of the file, and some of its rows may be in."
        raise BrokenOff("file-broken-off", f"{sentence} Import the whole file again in a minute.") from error


def row_by_row(
    table: Table[Any],
    act: Callable[[Tx, Who, Any], Awaitable[Outcome]],
    roles: tuple[str, ...],
    above: tuple[str, str],
    *,
    sets_what_it_says: bool,
) -> File:
    """A file whose rows are acts of their own: each in its own transaction, so a bad one leaves nothing behind."""

    async def take_in(db: Database, who: Who, data: bytes, first_line: int) -> Report:
        async def one(row: Any) -> Outcome:
            async with db.transaction(who.organisation_id) as tx:
                return await act(tx, who, row)

        return await apply_rows(table, data, one, first_line)

    return File(table, take_in, roles, above, sets_what_it_says)


def for_programs(service: str, files: Iterable[File]) -> APIRouter:
    """The JSON doors: a CSV body, and a report of each row that was left out."""
    router = APIRouter(prefix=f"/{service}/api/v1", tags=["imports"])
    for file in files:
        _add_json(router, file)
    return router


def _add_json(router: APIRouter, file: File) -> None:
    since = "becomes what its row says" if file.sets_what_it_says else "stays as it is"
    description = (
        "Take in a CSV file: a bad row is reported, the others go in. The same file again changes nothing; "
        f"what somebody has changed since {since}."
    )

    @router.post(f"/{file.table.name}/import-file", openapi_extra=CSV, description=description)
    async def import_file(request: Request, db: Db, who: Reader, first_line: FirstLine = 1) -> Report:
        who.must_be(*file.roles)
        return await _taken_in(file, db, who, await request.body(), first_line)


def for_people(pages: Pages, files: Iterable[File]) -> APIRouter:
    """The pages: a form with what stands in the columns, and the same report as a table."""
    router = APIRouter(prefix=f"/{pages.service}", include_in_schema=False)
    for file in files:
        _add_page(router, pages, file)
    return router


def _add_page(router: APIRouter, pages: Pages, file: File) -> None:
    def shown(request: Request, report: Report | None, refusal: Invalid | None = None) -> HTMLResponse:
        errors, status = (refusal.errors, refusal.status) if refusal else ((), 200)
        return pages.render(
            request, "import.html", status, service=pages.service, file=file, report=report, errors=errors
        )

    @router.get(f"/{file.table.name}/import")
    async def import_page(request: Request, who: Reader) -> HTMLResponse:
        who.must_be(*file.roles)
        return shown(request, None)

    @router.post(f"/{file.table.name}/import-file")
    async def import_form(request: Request, db: Db, who: Reader) -> HTMLResponse:
        who.must_be(*file.roles)
        sent = (await request.form(max_files=1, max_fields=10)).get("file")
        try:
            if not isinstance(sent, UploadFile) or not sent.size:
                raise invalid("file", "missing", "Choose a file.")
            return shown(request, await _taken_in(file, db, who, await sent.read()))
        except Invalid as refusal:
            return shown(request, None, refusal)
