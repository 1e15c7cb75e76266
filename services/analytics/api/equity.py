"""For whom: groups of people beside everybody else."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.analytics import domain, store
from services.analytics.api.asking import (
    NEWEST,
    Analyst,
    Dated,
    Defined,
    From,
    OfInstrument,
    OfProgram,
    Suppressed,
    To,
    dated,
    groups,
    question,
)
from services.analytics.domain import Apart, Gained, named
from shared.doors import Db
from shared.events.base import Code

router = APIRouter()
Attribute = Annotated[Code, Query(description="an attribute of the organisation, such as `age-band`")]


class ApartShape(BaseModel):
    """A share of a group, and how far it is from that of everybody else."""

    n: int = Field(description="people of the group of whom it is true")
    of: int = Field(description="people of the group of whom it could be")
    rate: float | None = Field(
        description="n / of; null of `outcome` where too few of those who were to be asked have answered"
    )
    low: float | None = Field(description="lower end of its 95 % interval (Wilson)")
    high: float | None = Field(description="upper end of its 95 % interval (Wilson)")
    gap: float | None = Field(
        description="rate less that of everybody else; null where these are too few, or the group has not moved in the "
        "same release as everybody"
    )
    gap_low: float | None = Field(description="lower end of its 95 % interval (Newcombe 10)")
    gap_high: float | None = Field(description="upper end of its 95 % interval (Newcombe 10)")
    is_flagged: bool = Field(description="the interval of the gap excludes zero")

    @classmethod
    def of_share(cls, one: Apart | None) -> "ApartShape | None":
        """As other programs read it."""
        if one is None:
            return None
        return cls(
            n=one.some,
            of=one.of,
            rate=one.share and one.share.value,
            low=one.share and one.share.low,
            high=one.share and one.share.high,
            gap=one.gap and one.gap.value,
            gap_low=one.gap and one.gap.low,
            gap_high=one.gap and one.gap.high,
            is_flagged=one.is_flagged,
        )


class GainedShape(BaseModel):
    """The mean change of a group, and how far it is from that of everybody else, in points; more is better."""

    n: int = Field(description="people of the group who answered twice")
    mean_change: float = Field(description="points, signed so that more is better")
    change_low: float | None = Field(description="lower end of its 95 % interval, points (Student 1908)")
    change_high: float | None = Field(description="upper end of its 95 % interval, points (Student 1908)")
    n_others: int | None = Field(description="everybody else who answered twice; null where there is no gap")
    mean_change_others: float | None = Field(description="points, signed so that more is better; null as n_others is")
    gap: float | None = Field(
        description="points: mean_change less mean_change_others; null where everybody else are too few, or the group "
        "has not moved in the same release as everybody"
    )
    gap_low: float | None = Field(description="lower end of its 95 % interval, points (Welch 1947)")
    gap_high: float | None = Field(description="upper end of its 95 % interval, points (Welch 1947)")
    is_flagged: bool = Field(description="the interval of the gap excludes zero")

    @classmethod
    def of_change(cls, one: Gained | None) -> "GainedShape | None":
        """As other programs read it."""
        if one is None:
            return None
        return cls(
            n=one.n,
            mean_change=one.mean.value,
            change_low=one.mean.low,
            change_high=one.mean.high,
            n_others=one.n_others,
            mean_change_others=one.mean_others,
            gap=one.gap and one.gap.value,
            gap_low=one.gap and one.gap.low,
            gap_high=one.gap and one.gap.high,
            is_flagged=one.is_flagged,
        )


class EquityRow(Dated):
    """One group of people. A null is too small to be shown safely, or does not exist."""

    group: str = Field(description="value of the attribute; people of whom it is not known are `unknown`")
    n: int | None = Field(description="people enrolled who agreed to be counted in reports")
    reach: ApartShape | None = Field(description="came to at least one session, of those enrolled")
    retention: ApartShape | None = Field(description="have not left, of those enrolled")
    outcome: ApartShape | None = Field(description="reliably improved, of those who answered twice")
    gained: GainedShape | None = Field(
        description="the mean change of those who answered twice: in place of `outcome`, where no source says how much "
        "change on the instrument is reliable"
    )
    suppressed: Suppressed


class EquityRows(BaseModel):
    """One row a group."""

    attribute: str = Field(description="as it was asked for: by what people are told apart")
    rows: list[EquityRow] = Field(description="one a group")
    definition: Defined = named.EQUITY
    data_through: datetime | None = Field(description=NEWEST)


@router.get("/equity")
async def equity(
    who: Analyst, db: Db, program: OfProgram, instrument: OfInstrument, first: From, later: To, attribute: Attribute
) -> EquityRows:
    """Who came, who stayed and who improved, by an attribute: each group beside everybody else."""
    async with db.transaction(who.organisation_id) as tx:
        one = await question(tx, who, program, instrument, first, later)
        wanted = [*one.asked.facts, "stay"]
        everybody = await store.everybody(tx, one.program.program_id, one.seen, wanted)
        people = await groups(tx, one.seen, one.program, attribute, wanted)
    known = {group: found for group, found in people.items() if group is not None}
    rows = [
        EquityRow(
            group=row.group,
            n=row.n,
            reach=ApartShape.of_share(row.reach),
            retention=ApartShape.of_share(row.retention),
            outcome=ApartShape.of_share(row.outcome),
            gained=GainedShape.of_change(row.gained),
            suppressed=row.suppressed,
            **dated(named.EQUITY, row.cut),
        )
        for row in domain.equity(one.asked, everybody, known)
    ]
    return EquityRows(attribute=attribute, rows=rows, data_through=one.seen.data_through)
