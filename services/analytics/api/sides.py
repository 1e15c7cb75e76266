"""Side by side: sites, and a program with its comparison."""

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
    question,
    source,
)
from services.analytics.domain import Estimate, Measure, Standing, named
from shared.doors import Db
from shared.errors import NotFound, Refusal

router = APIRouter()
OfMeasure = Annotated[
    Measure,
    Query(
        description="`improved` reliably of those who answered twice, `answered` of those asked, `stayed` of enrolled"
    ),
]


class SiteRow(Dated):
    """One site. A null is too small to be shown safely, or does not exist.

    Limits, and what was expected, are null where no other site has a rate.
    """

    site: str = Field(description="its code")
    n: int | None = Field(description="people of whom it is true")
    of: int | None = Field(description="people of whom it could be")
    rate: float | None = Field(
        description="n / of; null, and with it all that follows, where too few of those who were to be asked "
        "have answered: of `improved` then only counts are given"
    )
    low: float | None = Field(description="lower end of its 95 % interval (Wilson)")
    high: float | None = Field(description="upper end of its 95 % interval (Wilson)")
    limit_low_95: float | None = Field(
        description="between this and `limit_high_95` lie 95 in 100 sites of this size that differ by chance, and by "
        f"`between` ({source('limits')})"
    )
    limit_high_95: float | None = Field(description="upper end of the same")
    limit_low_998: float | None = Field(
        description="between this and `limit_high_998` lie 99.8 in 100 sites of this size that differ by chance, and "
        f"by `between` ({source('limits')})"
    )
    limit_high_998: float | None = Field(description="upper end of the same")
    is_outside_95: bool | None = Field(description="whether `rate` is beyond the limits that hold 95 in 100")
    is_outside_998: bool | None = Field(description="whether `rate` is beyond the limits that hold 99.8 in 100")
    expected: float | None = Field(
        description="people, if they fared as people who started as badly do at all sites: indirect standardization by "
        f"fourth of the first scores ({source('observed / expected')})"
    )
    observed_to_expected: float | None = Field(description="n / expected: above 1, more than such people elsewhere")
    observed_to_expected_low: float | None = Field(description="lower end of its 95 % interval (exact Poisson)")
    observed_to_expected_high: float | None = Field(description="upper end of its 95 % interval (exact Poisson)")
    suppressed: Suppressed

    @classmethod
    def of_site(cls, row: Standing) -> "SiteRow":
        """As other programs read it."""
        (low_95, high_95), (low_998, high_998) = row.within or ((None, None), (None, None))
        is_outside_95, is_outside_998 = row.is_outside or (None, None)
        ratio = row.adjusted.ratio if row.adjusted else None
        return cls(
            site=row.site,
            n=row.some,
            of=row.of,
            rate=row.rate and row.rate.value,
            low=row.rate and row.rate.low,
            high=row.rate and row.rate.high,
            limit_low_95=low_95,
            limit_high_95=high_95,
            limit_low_998=low_998,
            limit_high_998=high_998,
            is_outside_95=is_outside_95,
            is_outside_998=is_outside_998,
            expected=row.adjusted and row.adjusted.expected,
            observed_to_expected=ratio and ratio.value,
            observed_to_expected_low=ratio and ratio.low,
            observed_to_expected_high=ratio and ratio.high,
            suppressed=row.suppressed,
            **dated(named.SITES, row.cut),
        )


class Sites(BaseModel):
    """All sites of the reader, by name. It is no league table: sites differ by chance, and in whom they serve."""

    measure: Measure = Field(description="as it was asked for: what the rate is of")
    rows: list[SiteRow] = Field(description="one a site, by name")
    target: float | None = Field(description="the rate of all sites with a rate together; null of fewer than two")
    dispersion: float | None = Field(
        description="phi, the mean squared z-score of sites, winsorised at 10 %: about 1 where they differ by chance "
        f"alone ({source('dispersion and spread')})"
    )
    between: float | None = Field(
        description="tau, standard deviation between sites beyond chance, arcsine scale, by moments "
        f"({source('dispersion and spread')}). Limits are widened by it: of 0 they are those of chance alone, and so "
        "they are of fewer than 6 sites, of which it is not estimated and null"
    )
    definition: Defined = named.SITES
    data_through: datetime | None = Field(description=NEWEST)


@router.get("/sites")
async def sites(
    who: Analyst, db: Db, program: OfProgram, instrument: OfInstrument, first: From, later: To,
    measure: OfMeasure = "improved",
) -> Sites:  # fmt: skip
    """Sites beside the limits within which sites of their size lie."""
    async with db.transaction(who.organisation_id) as tx:
        one = await question(tx, who, program, instrument, first, later)
        people = await store.by(tx, one.program.program_id, store.BY_SITE, one.seen, [*one.asked.facts, "stay"])
    if measure == "improved" and one.instrument.threshold is None:
        raise Refusal(
            "no-reliable-change",
            f"No source says how much change on {instrument} is reliable: ask for answered or stayed instead.",
        )
    found = domain.standings(measure, one.asked, people)
    return Sites(
        measure=measure,
        rows=[SiteRow.of_site(row) for row in found.sites],
        target=found.funnel and found.funnel.target,
        dispersion=found.funnel and found.funnel.dispersion,
        between=found.funnel and found.funnel.between,
        data_through=one.seen.data_through,
    )


class Comparison(Dated):
    """A program beside its comparison. The groups were not drawn by lot unless the organisation says so."""

    program: str = Field(description="its code")
    comparison: str = Field(description="code of the program that it is compared with")
    n: int | None = Field(description="people who answered twice")
    n_comparison: int | None = Field(description="people of the comparison who answered twice")
    gain_over: float | None = Field(description="how much more people gained, in pooled SDs at the start (d_ppc2)")
    gain_over_low: float | None = Field(description="lower end of its 95 % interval (Morris 2008)")
    gain_over_high: float | None = Field(description="upper end of its 95 % interval (Morris 2008)")
    improved: int | None = Field(description="people who reliably improved, of n")
    improved_comparison: int | None = Field(description="the same, of n_comparison")
    improved_gap: float | None = Field(description="share that reliably improved, less that of the comparison")
    improved_gap_low: float | None = Field(description="lower end of its 95 % interval (Newcombe 10)")
    improved_gap_high: float | None = Field(description="upper end of its 95 % interval (Newcombe 10)")
    is_complete: bool | None = Field(
        description="whether in both enough of those who were to be asked answered twice: else there is no improved_gap"
    )
    suppressed: Suppressed


@router.get("/comparison")
async def comparison(
    who: Analyst, db: Db, program: OfProgram, instrument: OfInstrument, first: From, later: To
) -> Comparison:
    """How much more people gained than those of the program that this one is compared with."""
    async with db.transaction(who.organisation_id) as tx:
        one = await question(tx, who, program, instrument, first, later)
        other = one.program.comparison_program_id
        code = await store.find_program_code(tx, other) if other else None
        if code is None:
            raise NotFound("comparison")
        against = await question(tx, who, code, instrument, first, later)
        people = [
            await store.everybody(tx, each.program.program_id, one.seen, one.asked.facts) for each in (one, against)
        ]
    found = domain.compared(one.asked, *people)
    return Comparison(
        program=program,
        comparison=code,
        n=found.n,
        n_comparison=found.n_comparison,
        **_ends("gain_over", found.gain_over),
        improved=found.improved and found.improved[0][0],
        improved_comparison=found.improved and found.improved[1][0],
        **_ends("improved_gap", found.improved_gap),
        is_complete=found.is_complete,
        suppressed=found.suppressed,
        **dated(named.COMPARISON, found.cut),
    )


def _ends(name: str, one: Estimate | None) -> dict[str, float | None]:
    value, low, high = (one.value, one.low, one.high) if one else (None, None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}
