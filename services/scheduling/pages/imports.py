"""Files by way of a page: the same report as for programs, as a table."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile

from services.scheduling.domain.rows import TABLES
from services.scheduling.imports import Kind, take_in
from services.scheduling.pages.frame import PAGES
from shared.doors import Db, allow
from shared.errors import Invalid
from shared.fields import invalid
from shared.security import Who

router = APIRouter(prefix="/scheduling", include_in_schema=False)
Importer = Annotated[Who, Depends(allow("administrator", "coordinator"))]


@router.get("/{kind}/import")
async def import_page(kind: Kind, request: Request, who: Importer) -> HTMLResponse:
    """The form for a file, with its columns."""
    return PAGES.render(request, "import.html", kind=kind, table=TABLES[kind], report=None, errors=[])


@router.post("/{kind}/import-file")
async def import_form(kind: Kind, request: Request, db: Db, who: Importer) -> HTMLResponse:
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
