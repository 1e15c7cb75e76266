"""What became of people: who answered, improved, recovered, and whether it lasted."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.analytics import domain, store
from services.analytics.api.asking import (
    NEWEST,
    Analyst,
    By,
    Dated,
    Defined,
    From,
    OfGroup,
    OfInstrument,
    OfProgram,
    Question,
    Suppressed,
    To,
    dated,
    groups,
    question,
    source,
)
from services.analytics.domain import TALKING_THERAPIES, Cut, Lasted, Outcomes, Rate, named
from services.analytics.domain.reliable import Course, Quads
from shared.database import Tx
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
    if_missing_not: float | None = Field(
        description=f"the rate if it is true of nobody who did not answer ({source('bounds')})"
    )
    if_missing_all: float | None = Field(
        description=f"the rate if it is true of everybody who did not answer ({source('bounds')})"
    )

    @classmethod
    def of_rate(cls, one: Rate | None) -> "RateShape | None":
        """As other programs read it, if there is one."""
        return cls.shown(one) if one else None

    @classmethod
    def shown(cls, one: Rate) -> "RateShape":
        """As other programs read it."""
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
    """The four rates of NHS Talking Therapies, over PHQ-9 and GAD-7 together: counts of people, and their shares."""

    finished: int = Field(
        description="answered PHQ-9 and GAD-7 at both occasions; whether they completed the program is not asked"
    )
    cases: int = Field(description="clinical on at least one of the two at first; recovery is of these")
    recovered: int = Field(description="below both cut-offs later")
    improved: int = Field(description="reliably on one, and reliably worse on none")
    reliably_recovered: int = Field(description="recovered and reliably improved")
    deteriorated: int = Field(description="reliably worse on one, and reliably better on none")
    rates: dict[str, RateShape] = Field(
        description="`recovered` and `reliably_recovered` of the cases, `improved` and `deteriorated` of all who "
        "finished; none of fewer people than are shown"
    )

    @classmethod
    def of_course(cls, one: Course | None, rates: Mapping[str, Rate]) -> "CourseShape | None":
        """As other programs read it."""
        if one is None:
            return None
        return cls(**asdict(one), rates={name: RateShape.shown(rate) for name, rate in rates.items()})


class RatesRow(Dated):
    """One group. A null is too small to be shown safely, or does not exist."""

    group: OfGroup
    n_enrolled: int | None = Field(description="people enrolled who agreed to be counted in reports")
    n_eligible: int | None = Field(
        description="were to be asked at the later occasion; this and the next four are null, too, where they have not "
        "moved in the same release as n_paired"
    )
    n_invited: int | None = Field(description="of these, invited to the later occasion")
    n_reached: int | None = Field(description="of these, touched its page; who answered on paper is not among them")
    n_first: int | None = Field(description="people who answered at the first occasion")
    n_later: int | None = Field(description="people who answered at the later occasion")
    n_paired: int | None = Field(description="answered at both occasions")
    is_complete: bool | None = Field(
        description="whether as many of the eligible answered at both occasions as `floor` asks for; false, too, if "
        "shown of other people"
    )
    answered: RateShape | None = Field(description="of those who were to be asked at the later occasion")
    improved: RateShape | None = Field(description="reliably, of those who answered at both")
    deteriorated: RateShape | None = Field(description="reliably, of those who answered at both")
    recovered: RateShape | None = Field(description="crossed the cut-off, of those on its clinical side at first")
    categories: dict[str, int] | None = Field(
        description="people who recovered, improved, stayed unchanged, deteriorated or were harmed (Jacobson and Truax)"
    )
    difference: float | None = Field(
        description="first scores of those who answered again less those who have not, or were not asked yet, in SDs "
        f"({source('difference of those who answered again')}); null where they have not moved in the same release"
    )
    talking_therapies: CourseShape | None = Field(description="where both PHQ-9 and GAD-7 are asked")
    suppressed: Suppressed

    @classmethod
    def of(cls, row: Outcomes, cut: Cut) -> "RatesRow":
        """As other programs read it."""
        n = row.n
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
            talking_therapies=CourseShape.of_course(row.course, row.course_rates),
            suppressed=row.suppressed,
            **dated(named.RATES, cut),
            **shares,
        )


RATES = ("answered", "improved", "deteriorated", "recovered")


class Rates(BaseModel):
    """The answer: one row, or one a group."""

    rows: list[RatesRow] = Field(description="one for everybody, or one a group")
    floor: float = Field(description="share of answers under which no rate is given, only counts")
    definition: Defined = named.RATES
    data_through: datetime | None = Field(description=NEWEST)


@router.get("/rates")
async def rates(
    who: Analyst, db: Db, program: OfProgram, instrument: OfInstrument, first: From, later: To, by: By = None
) -> Rates:
    """Shares of people who answered, improved, deteriorated and recovered, with 95 % intervals and bounds."""
    async with db.transaction(who.organisation_id) as tx:
        one = await question(tx, who, program, instrument, first, later)
        people = await groups(tx, one.seen, one.program, by, one.asked.facts)
        quads, cuts = await _quads(tx, one, by)
    rows = [domain.outcomes(one.asked, found, group, quads=quads.get(group)) for group, found in people.items()]
    shown = [RatesRow.of(row, domain.oldest((row.cut, cuts.get(row.group, row.cut)))) for row in rows]
    return Rates(rows=shown, floor=one.seen.answered_min / 100, data_through=one.seen.data_through)


async def _quads(tx: Tx, one: Question, by: str | None) -> tuple[dict[str | None, Quads], dict[str | None, Cut]]:
    """What people scored by PHQ-9 and GAD-7 at both occasions, by group, and as of when; if both are asked then."""
    known = await store.instruments(tx, one.program.program_id, one.seen)
    asked = store.both_asked(one.program, known, one.asked.first, one.asked.later)
    if one.instrument.code not in TALKING_THERAPIES or not asked:
        return {}, {}
    place = tx, one.program.program_id, one.seen, by
    return await store.together(*place, asked), await store.cuts(*place, store.base_together(asked))


class LastingRow(Dated):
    """One group. A null is too small to be shown safely, or does not exist."""

    group: OfGroup
    n: int | None = Field(description="people who answered at all three occasions")
    improved_at_end: int | None = Field(description="of these, reliably improved at the end")
    maintained: int | None = Field(description="of these, still so, and nothing reliably lost since the end")
    partly: int | None = Field(description="one of the two")
    lost: int | None = Field(description="neither")
    late: int | None = Field(description="reliably improved at the follow-up only")
    is_complete: bool | None = Field(
        description="whether enough of those who were to be asked at the follow-up answered all three times: else no "
        "rate is given"
    )
    maintained_rate: float | None = Field(description="maintained / improved_at_end")
    maintained_low: float | None = Field(description="lower end of its 95 % interval (Wilson)")
    maintained_high: float | None = Field(description="upper end of its 95 % interval (Wilson)")
    suppressed: Suppressed

    @classmethod
    def of(cls, row: Lasted, cut: Cut) -> "LastingRow":
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
            is_complete=row.is_complete,
            maintained_rate=kept and kept.value,
            maintained_low=kept and kept.low,
            maintained_high=kept and kept.high,
            suppressed=row.suppressed,
            **dated(named.LASTING, cut),
        )


class LastingRows(BaseModel):
    """The answer: one row, or one a group."""

    rows: list[LastingRow] = Field(description="one for everybody, or one a group")
    definition: Defined = named.LASTING
    data_through: datetime | None = Field(description=NEWEST)


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
    """Of those who had reliably improved at the end, how many had kept it at the follow-up."""
    async with db.transaction(who.organisation_id) as tx:
        one = await question(tx, who, program, instrument, first, end, later)
        released = one.program.lasting(instrument)
        if not one.seen.is_live and (first, end, later) != released:
            raise Refusal("not-released", _released(released))
        asked = [(one.instrument, at) for at in (first, end, later)]
        people = await groups(tx, one.seen, one.program, by, one.asked.facts)
        place = tx, one.program.program_id, one.seen, by
        triples = await store.together(*place, asked)
        cuts = await store.cuts(*place, store.base_together(asked))
    rows = []
    for group, scores in triples.items():
        row = domain.lasted(one.asked, scores, people.get(group, one.seen.nobody), group)
        rows.append(LastingRow.of(row, cuts.get(group, one.seen.cut)))
    return LastingRows(rows=rows, data_through=one.seen.data_through)
