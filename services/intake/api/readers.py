"""For importers and other programs of the organisation: groups as heard, and what references stand for."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints

from services.intake import store
from services.intake.api.shapes import GroupShape, ReferenceShape
from shared.doors import Db, Reader, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.security import Who

router = APIRouter(prefix="/intake/api/v1", tags=["readers"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]
After = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f]*$")]


@router.get("/groups")
async def get_groups(db: Db, who: Reader) -> list[GroupShape]:
    """The groups that intake has heard of, at the sites that the reader sees."""
    async with db.transaction(who.organisation_id) as tx:
        return [GroupShape.model_validate(dict(row)) for row in await store.groups(tx, who.site_ids)]


@router.get("/groups/{code}")
async def get_group(code: Code, db: Db, who: Reader) -> GroupShape:
    """One group; 404 until intake has heard of it."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.groups(tx, who.site_ids, code)
    if not found:
        raise NotFound("group")
    return GroupShape.model_validate(dict(found[0]))


@router.get("/references")
async def get_references(
    kind: Literal["participant", "facilitator"],
    db: Db,
    who: Coordinator,
    after: After = "",
    limit: Annotated[int, Query(ge=1, le=5000)] = 5000,
) -> dict[str, ReferenceShape]:
    """The organisation's own references with our ids, in order; ask again `after` the last one for more."""
    async with db.transaction(who.organisation_id) as tx:
        rows = await store.references(tx, who.site_ids, kind, after, limit)
    return {row["reference"]: ReferenceShape.model_validate(dict(row)) for row in rows}
