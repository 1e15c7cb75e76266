"""Files by way of a page: the same report as for programs, as a table."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile

from services.intake.domain.rows import TABLES
from services.intake.imports import Kind, check_may_import, take_in
from services.intake.pages.frame import PAGES
from shared.doors import Db, Reader
from shared.errors import Invalid
from shared.fields import invalid

router = APIRouter(prefix="/intake", include_in_schema=False)


@router.get("/{kind}/import")
async def import_page(kind: Kind, request: Request, who: Reader) -> HTMLResponse:
    """The form for a file, with its columns."""
    check_may_import(who, kind)
    return PAGES.render(request, "import.html", kind=kind, table=TABLES[kind], report=None, errors=[])


@router.post("/{kind}/import-file")
async def import_form(kind: Kind, request: Request, db: Db, who: Reader) -> HTMLResponse:
    """The same report as a page."""
    file = (await request.form()).get("file")
    report, errors, status = None, [], 200
    try:
        if not isinstance(file, UploadFile) or not file.size:
            raise invalid("file", "missing", "Choose a file.")
        report = await take_in(db, who, kind, await file.read(), 1)
    except Invalid as refusal:
        errors, status = list(refusal.errors), refusal.status
    return PAGES.render(request, "import.html", status, kind=kind, table=TABLES[kind], report=report, errors=errors)
