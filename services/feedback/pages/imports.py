"""Check-ins out of a file, on a page: the same as programs can send, with the report as a table."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile

from services.feedback import store
from services.feedback.domain.check_in import enter
from services.feedback.domain.rows import TABLES, Answered, read_check_ins
from services.feedback.pages.templates import PAGES, Coordinator
from shared import outbox
from shared.clock import now
from shared.database import Database
from shared.doors import Db
from shared.errors import FieldError, Invalid, Refusal
from shared.security import Who
from shared.tables import Outcome, Report

router = APIRouter(prefix="/feedback/check-ins", include_in_schema=False)


@router.get("/import")
async def import_page(request: Request, who: Coordinator) -> HTMLResponse:
    """What the file must look like, and where to choose it."""
    return _page(request, None, None)


@router.post("/import-file")
async def import_on_page(request: Request, db: Db, who: Coordinator) -> HTMLResponse:
    """Bring it in, and say of every row that was left out why."""
    sent = await request.form(max_files=1, max_fields=10)
    file = sent.get("file")
    if not isinstance(file, UploadFile) or not (content := await file.read()):
        return _page(request, None, Invalid(FieldError("file", "missing", "Choose a file.")))
    try:
        batch = read_check_ins(content)
    except Invalid as refusal:
        return _page(request, None, refusal)
    for one in batch.check_ins:
        try:
            batch.took(one, await _bring_in(db, who, one))
        except Refusal as refusal:
            batch.refuse(one, refusal)
    return _page(request, batch.report, None)


async def _bring_in(db: Database, who: Who, one: Answered) -> Outcome:
    moment, library = now(), store.library()
    async with db.transaction(who.organisation_id) as tx:
        occasion = await store.get_occasion_of(tx, who.organisation_id, one.first, who.site_ids)
        command = one.command(occasion.occasion_id, occasion.time_zone, moment)
        entered = enter(occasion, command, library, moment, "import")
        if entered is None:
            return "unchanged"
        check_in, event = entered
        await store.add_check_in(tx, who.organisation_id, check_in, {}, library, moment, who.subject)
        outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    return "created"


def _page(request: Request, report: Report | None, refusal: Refusal | None) -> HTMLResponse:
    return PAGES.render(
        request,
        "import.html",
        refusal.status if refusal else 200,
        table=TABLES["check-ins"],
        report=report,
        errors=list(refusal.errors) if refusal else [],
    )
