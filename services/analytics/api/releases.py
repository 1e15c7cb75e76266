"""Releases: what most readers see, how one is made at once, and how small a number the organisation hides."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from services.analytics import store
from services.analytics.acts import SmallNumbers, make_release, set_small_numbers
from services.analytics.api.asking import Analyst
from shared import idempotency
from shared.clock import now
from shared.doors import Db, IdempotencyKey, allow
from shared.security import Who

router = APIRouter()
Administrator = Annotated[Who, Depends(allow("administrator"))]


class ReleaseMade(BaseModel):
    """What a release moved."""

    release: int | None = Field(description="its number; null: not enough people changed for any figure to move")
    moved: int = Field(description="groups of people whose facts of one kind are shown as they are now")
    hidden: int = Field(description="groups of people whose facts of one kind are hidden from now on")


class ReleaseRow(BaseModel):
    """One release."""

    release: int = Field(description="its number")
    released_at: datetime = Field(description="when it was made")
    data_through: datetime | None = Field(description="time of the newest event in its data")
    people_min: int = Field(description="groups of fewer people are hidden, and changes of fewer wait")
    zeros_hidden: bool = Field(description="whether groups of nobody are hidden, too")
    offsets: dict[str, int] | None = Field(
        description="how far each topic had been heard, by topic/partition: the data cut. For administrators; "
        "others would count by it the events between two releases"
    )


class ReleaseRows(BaseModel):
    """All releases, the newest first."""

    rows: list[ReleaseRow] = Field(description="one a release, the newest first")


class CellRow(BaseModel):
    """A cell of the tables of people: everybody in it is all that `of` says. Who is in two programs is so twice."""

    of: dict[str, str] = Field(description="dimensions and their values; none is everybody")
    n: int | None = Field(
        description="enrolments, within a program people; null: hidden, as of fewer people than people_min"
    )
    is_current: bool = Field(description="as of this release; else as of the last one that showed it")


class TableRows(BaseModel):
    """Every one- and two-way table of program, site, cohort and one attribute at a time, with totals."""

    release: int = Field(description="number of the newest release")
    rows: list[CellRow] = Field(description="one a cell")


@router.post("/releases", status_code=201)
async def release(who: Administrator, db: Db, key: IdempotencyKey) -> JSONResponse:
    """Make a release now: what changed for enough people moves, everything else stays as it was."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        made = await make_release(tx, who.organisation_id, now())
        body = ReleaseMade(release=made.release, moved=made.moved, hidden=made.hidden)
        return await idempotency.keep(tx, key, 201, body.model_dump())


@router.get("/releases")
async def releases(who: Analyst, db: Db) -> ReleaseRows:
    """All releases, the newest first."""
    async with db.transaction(who.organisation_id) as tx:
        rows = await store.release_list(tx)
    hidden: dict[str, Any] = {} if "administrator" in who.roles else {"offsets": None}
    return ReleaseRows(rows=[ReleaseRow(**dict(row) | hidden) for row in rows])


@router.get("/tables")
async def tables(who: Analyst, db: Db) -> TableRows:
    """How many people are what, as released. Of readers of single sites: nothing of others, and no totals over them."""
    async with db.transaction(who.organisation_id) as tx:
        number, rows = await store.find_tables(tx, who.sites)
    return TableRows(release=number, rows=[CellRow(of=dict(cell), n=n, is_current=new) for cell, n, new in rows])


@router.put("/small-numbers")
async def small_numbers(who: Administrator, db: Db, body: SmallNumbers) -> SmallNumbers:
    """Set how small a number is hidden, from the next release on."""
    async with db.transaction(who.organisation_id) as tx:
        await set_small_numbers(tx, who, body)
    return body
