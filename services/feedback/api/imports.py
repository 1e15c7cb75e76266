"""Check-ins out of a file: each check-in in a transaction of its own."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from services.feedback import store
from services.feedback.domain.check_in import enter
from services.feedback.domain.rows import Answered, read_check_ins
from shared import outbox
from shared.clock import now
from shared.database import Database
from shared.doors import Db, allow
from shared.errors import Refusal
from shared.security import Who
from shared.tables import Outcome

router = APIRouter(prefix="/feedback/api/v1", tags=["check-ins"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


class RefusedRowShape(BaseModel):
    """A row that was left out."""

    line: int
    column: str
    code: str
    message: str


class ReportShape(BaseModel):
    """What became of a file."""

    rows: int
    created: int
    changed: int
    unchanged: int
    refused: list[RefusedRowShape]


@router.post(
    "/check-ins/import-file",
    response_model=ReportShape,
    openapi_extra={"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}, "required": True}},
)
async def import_check_ins(
    request: Request, db: Db, who: Coordinator, first_line: Annotated[int, Query(ge=1, le=100_000_000)] = 1
) -> dict[str, Any]:
    """Bring in scores. Rows of one occasion beside each other are one check-in; the same file again changes nothing."""
    batch = read_check_ins(await request.body(), first_line)
    for one in batch.check_ins:
        try:
            batch.took(one, await _bring_in(db, who, one))
        except Refusal as refusal:
            batch.refuse(one, refusal)
    return batch.report.as_json()


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
