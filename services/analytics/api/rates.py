"""What became of people: who answered, improved, recovered, and whether it lasted."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.analytics import domain, store
from services.analytics.api.asking import Analyst, By, From, OfInstrument, OfProgram, To, groups, question
from services.analytics.domain import TALKING_THERAPIES, Instrument, Lasted, Outcomes, Rate
from shared.doors import Db
from shared.errors import Refusal
from shared.events.base import Code

router = APIRouter()
AtEnd = Annotated[Code, Query(alias="end", description="code of the occasion at the end, such as `end`")]


class RateShape(BaseModel):
    """A share of people. Its formula and source: docs/statistics.md, "Rates"."""

    n: int = Field(description="people of whom it is true")
    of: int = Field(description="people of whom it could be")
    rate: float | None = Field(description="n / of; null where too few of those who were to be asked have answered")
    low: float | None = Field(description="lower end of its 95 % interval (Wilson)")
    high: float | None = Field(description="upper end of its 95 % interval (Wilson)")
    if_missing_not: float | None = Field(description="the rate if it is true of nobody who did not answer")
    if_missing_all: float | None = Field(description="the rate if it is true of everybody who did not answer")

    @classmethod
    def of_rate(cls, one: Rate | None) -> "RateShape | None":
        """As other programs read it."""
        if one is None:
            return None
        ends = one.bounds
        return cls(
            n=one.some,
            of=one.of,
            rate=one.estimate and one.estimate.value,
            low=one.estimate and one.estimate.low,
            high=one.estimate and one.estimate.high,
            if_missing_not=ends and ends.low,
            if_missing_all=ends and ends.high,
        )


class CourseShape(BaseModel):
    """The four rates of NHS Talking Therapies, over PHQ-9 and GAD-7 together, as counts of people."""

    finished: int = Field(
        description="answered PHQ-9 and GAD-7 at both occasions; whether they completed the program is not asked"
    )
    cases: int = Field(description="clinical on at least one of the two at first; recovery is of these")
    recovered: int = Field(description="below both cut-offs later")
    improved: int = Field(description="reliably on one, and reliably worse on none")
    reliably_recovered: int = Field(description="recovered and reliably improved")
    deteriorated: int = Field(description="reliably worse on one, and reliably better on none")


class RatesRow(BaseModel):
    """One group. A null is too small to be shown safely, or does not exist."""

    group: str | None = Field(description="which group of people, by what `by` asked for; null is everybody")
    n_enrolled: int | None
    n_eligible: int | None = Field(description="were to be asked at the later occasion")
    n_invited: int | None
    n_reached: int | None = Field(description="of these, touched its page; who answered on paper is not among them")
    n_first: int | None
    n_later: int | None
    n_paired: int | None = Field(description="answered at both occasions")
    is_complete: bool | None = Field(
        description="whether as many of the eligible answered as `floor` asks for, and no more answered twice"
    )
    answered: RateShape | None = Field(description="of those who were to be asked at the later occasion")
    improved: RateShape | None = Field(description="reliably, of those who answered at both")
    deteriorated: RateShape | None = Field(description="reliably, of those who answered at both")
    recovered: RateShape | None = Field(description="crossed the cut-off, of those on its clinical side at first")
    categories: dict[str, int] | None = Field(
        description="people who recovered, improved, stayed unchanged, deteriorated or were harmed (Jacobson and Truax)"
    )
    difference: float | None = Field(
        description="first scores of those who answered again less those who did not, in SDs"
    )
    talking_therapies: CourseShape | None = Field(description="where both PHQ-9 and GAD-7 are asked")
    suppressed: bool

    @classmethod
    def of(cls, row: Outcomes) -> "RatesRow":
        """As other programs read it."""
        n, course = row.n, row.course
        shares = {name: RateShape.of_rate(getattr(row, name)) for name in RATES}
        return cls(
            group=row.group,
            n_enrolled=n.enrolled,
            n_eligible=n.eligible,
            n_invited=n.invited,
            n_reached=n.reached,
            n_first=n.first,
            n_later=n.later,
            n_paired=n.paired,
            is_complete=row.is_complete,
            categories=row.clinically and dict(row.clinically),
            difference=row.difference,
            talking_therapies=course and CourseShape(**{one: getattr(course, one) for one in CourseShape.model_fields}),
            suppressed=row.suppressed,
            **shares,
        )


RATES = ("answered", "improved", "deteriorated", "recovered")


class Rates(BaseModel):
    """The answer: one row, or one a group."""

    rows: list[RatesRow]
    floor: float = Field(description="share of answers under which no rate is given, only counts")
    definition: str = "rates-1"
    data_through: datetime | None = Field(description="time of the newest event in the data")


@router.get("/rates")
async def rates(
    who: Analyst, db: Db, program: OfProgram, instrument: OfInstrument, first: From, later: To, by: By = None
) -> Rates:
    """Shares of people who answered, improved, deteriorated and recovered, with 95 % intervals and bounds."""
    async with db.transaction(who.organisation_id) as tx:
        one = await question(tx, who, program, instrument, first, later)
        people = await groups(tx, one.seen, one.program, by, one.asked.facts)
        quads = {}
        if instrument in TALKING_THERAPIES and all(
            {first, later} <= set(one.program.occasions(code)) for code in TALKING_THERAPIES
        ):
            both: list[Instrument] = [await store.get_instrument(tx, code) for code in TALKING_THERAPIES]
            asked = [(each, at) for at in (first, later) for each in both]
            quads = await store.together(tx, one.program.program_id, one.seen, by, asked)
    rows = [domain.outcomes(one.asked, found, group, quads=quads.get(group)) for group, found in people.items()]
    return Rates(rows=[RatesRow.of(row) for row in rows], floor=float(domain.FLOOR), data_through=one.seen.data_through)


class LastingRow(BaseModel):
    """One group. A null is too small to be shown safely, or does not exist."""

    group: str | None
    n: int | None = Field(description="people who answered at all three occasions")
    improved_at_end: int | None = Field(description="of these, reliably improved at the end")
    maintained: int | None = Field(description="of these, still so, and nothing reliably lost since the end")
    partly: int | None = Field(description="one of the two")
    lost: int | None = Field(description="neither")
    late: int | None = Field(description="reliably improved at the follow-up only")
    maintained_rate: float | None = Field(description="maintained / improved_at_end")
    maintained_low: float | None = Field(description="lower end of its 95 % interval (Wilson)")
    maintained_high: float | None = Field(description="upper end of its 95 % interval (Wilson)")
    suppressed: bool

    @classmethod
    def of(cls, row: Lasted) -> "LastingRow":
        """As other programs read it."""
        states, kept = row.states, row.maintained
        return cls(
            group=row.group,
            n=row.n,
            improved_at_end=row.improved,
            maintained=None if states is None else states.get("maintained", 0),
            partly=None if states is None else states.get("partly", 0),
            lost=None if states is None else states.get("lost", 0),
            late=None if states is None else states.get("late", 0),
            maintained_rate=kept and kept.value,
            maintained_low=kept and kept.low,
            maintained_high=kept and kept.high,
            suppressed=row.suppressed,
        )


class LastingRows(BaseModel):
    """The answer: one row, or one a group."""

    rows: list[LastingRow]
    definition: str = "lasting-1"
    data_through: datetime | None = Field(description="time of the newest event in the data")


def _released(three: tuple[str, str, str] | None) -> str:
    if three is None:
        return "Of this instrument no three check-ins are released: it is not asked at three occasions."
    return f"Of three check-ins these are released: from {three[0]}, end {three[1]}, to {three[2]}. Ask for them."


@router.get("/lasting")
async def lasting(
    who: Analyst,
    db: Db,
    program: OfProgram,
    instrument: OfInstrument,
    first: From,
    end: AtEnd,
    later: To,
    by: By = None,
) -> LastingRows:
    """Of those who had reliably improved at the end, how many still had at the follow-up."""
    async with db.transaction(who.organisation_id) as tx:
        one = await question(tx, who, program, instrument, first, end, later)
        released = one.program.lasting(instrument)
        if not one.seen.is_live and (first, end, later) != released:
            raise Refusal("not-released", _released(released))
        asked = [(one.instrument, at) for at in (first, end, later)]
        await groups(tx, one.seen, one.program, by, ("enrolled",))
        triples = await store.together(tx, one.program.program_id, one.seen, by, asked)
    people_min = one.seen.rules.people_min
    rows = [domain.lasted(one.instrument, triples[group], group, people_min=people_min) for group in triples]
    return LastingRows(rows=[LastingRow.of(row) for row in rows], data_through=one.seen.data_through)
