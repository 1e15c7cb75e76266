"""Files by way of the JSON door: a CSV body, and a report of each row that was left out."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from services.intake.imports import Kind, take_in
from shared.doors import Db, Reader

router = APIRouter(prefix="/intake/api/v1", tags=["imports"])
CSV = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}


class RefusedShape(BaseModel):
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
    refused: list[RefusedShape]


@router.post("/{kind}/import-file", response_model=ReportShape, openapi_extra=CSV)
async def import_file(
    kind: Kind,
    request: Request,
    db: Db,
    who: Reader,
    first_line: Annotated[int, Query(ge=1, le=100_000_000, description="the header's line in the whole file")] = 1,
) -> dict[str, Any]:
    """Take in a CSV file. The same file again changes nothing; a bad row is reported, the others go in."""
    report = await take_in(db, who, kind, await request.body(), first_line)
    return report.as_json()
