"""The JSON door of analytics: the same figures as on the pages, in full precision."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from services.analytics import domain, store
from shared.doors import Db, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.security import Who

router = APIRouter(prefix="/analytics/api/v1", tags=["analytics"])
Analyst = Annotated[Who, Depends(allow("program-manager", "coordinator", "administrator"))]


class ChangeRow(BaseModel):
    """How a score changed between two occasions. A null number is too small to be shown safely, or does not exist."""

    program: str
    instrument: str
    from_: str = Field(serialization_alias="from", description="code of the first occasion")
    to: str = Field(description="code of the later occasion")
    n_enrolled: int | None = Field(description="people enrolled who agreed to be counted in reports")
    n_first: int | None = Field(description="of these, answered at the first occasion")
    n_later: int | None = Field(description="of these, answered at the later occasion")
    n_paired: int | None = Field(description="of these, answered at both")
    mean_first: float | None = Field(description="points, mean over the paired")
    mean_later: float | None = Field(description="points, mean over the paired")
    mean_change: float | None = Field(description="points, mean over the paired, signed so that more is better")
    change_low: float | None = Field(description="lower end of the 95 % interval of mean_change (Student's t)")
    change_high: float | None = Field(description="upper end of the 95 % interval of mean_change (Student's t)")
    suppressed: bool = Field(description="fewer than 11 people are paired: the numbers are not shown")
    data_through: datetime | None = Field(description="time of the newest event in the data")

    @classmethod
    def of(cls, row: domain.Change) -> "ChangeRow":
        """As other programs read it."""
        values = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        return cls(from_=row.first_occasion, to=row.later_occasion, **values)


class ChangeRows(BaseModel):
    """The answer: rows, so that later versions can add more of them."""

    rows: list[ChangeRow]


@router.get("/change", response_model=ChangeRows, response_model_by_alias=True)
async def change(
    who: Analyst,
    db: Db,
    program: Annotated[Code, Query(description="code of a program")],
    instrument: Annotated[Code, Query(description="code of an instrument")],
    first: Annotated[Code, Query(alias="from", description="code of the first occasion, such as `baseline`")],
    later: Annotated[Code, Query(alias="to", description="code of the later occasion, such as `month-2`")],
) -> ChangeRows:
    """Change of a score between two occasions of a program, without a comparison group: not an effect."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.get_program(tx, who.organisation_id, program, who.site_ids)
        measured = await store.get_instrument(tx, instrument)
        for occasion in (first, later):
            if occasion not in found.occasions(instrument):
                raise NotFound("occasion")
        sums = await store.sums(tx, found.program_id, measured, (first, later), who.site_ids)
        horizon = await store.find_horizon(tx)
    return ChangeRows(rows=[ChangeRow.of(domain.change(program, measured, (first, later), sums, horizon))])
