"""The change of a score: the same figures as on the pages, in full precision."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.analytics import domain
from services.analytics.api.asking import (
    Analyst,
    By,
    Dated,
    From,
    OfGroup,
    OfInstrument,
    OfProgram,
    Suppressed,
    To,
    dated,
    groups,
    question,
)
from services.analytics.domain import named
from shared.doors import Db

router = APIRouter()


class ChangeRow(Dated):
    """How a score changed between two occasions. A null number is too small to be shown safely, or does not exist.

    Formulas and sources: docs/statistics.md, beside the name in `definition`.
    """

    program: str = Field(description="its code")
    instrument: str = Field(description="its code")
    version: int = Field(
        description="of the instrument; answers to versions that cannot be compared with it are in no figure"
    )
    from_: str = Field(serialization_alias="from", description="code of the first occasion")
    to: str = Field(description="code of the later occasion")
    group: OfGroup
    n_enrolled: int | None = Field(description="people enrolled who agreed to be counted in reports")
    n_eligible: int | None = Field(
        description="of these, were to be asked at the later occasion; this and the next four are null, too, where "
        "they have not moved in the same release as n_paired"
    )
    n_invited: int | None = Field(description="of these, invited to the later occasion")
    n_reached: int | None = Field(
        description="of these, touched the page of the later one; who answered on paper is not among them"
    )
    n_first: int | None = Field(description="people who answered at the first occasion")
    n_later: int | None = Field(description="people who answered at the later occasion")
    n_paired: int | None = Field(description="people who answered at both; all figures below are about them")
    mean_first: float | None = Field(description="points")
    sd_first: float | None = Field(description="points, standard deviation (n - 1)")
    mean_later: float | None = Field(description="points")
    sd_later: float | None = Field(description="points, standard deviation (n - 1)")
    mean_change: float | None = Field(description="points, signed so that more is better")
    sd_change: float | None = Field(description="points, standard deviation of the change (n - 1)")
    correlation: float | None = Field(description="Pearson's r of both scores")
    change_low: float | None = Field(description="lower end of the 95 % interval of mean_change (Student's t)")
    change_high: float | None = Field(description="upper end of the 95 % interval of mean_change (Student's t)")
    gain: float | None = Field(description="standardized mean gain in SDs of the first scores (SMCR, exact J)")
    gain_low: float | None = Field(description="lower end of its 95 % interval")
    gain_high: float | None = Field(description="upper end of its 95 % interval")
    gain_by_change: float | None = Field(
        description="mean change in SDs of the change (SMCC): another question than gain, never mix them"
    )
    gain_by_change_low: float | None = Field(description="lower end of its 95 % interval")
    gain_by_change_high: float | None = Field(description="upper end of its 95 % interval")
    reliably_improved: int | None = Field(description="people; null where no source gives a reliable change")
    reliably_unchanged: int | None = Field(description="people")
    reliably_deteriorated: int | None = Field(description="people")
    suppressed: Suppressed

    @classmethod
    def of(cls, row: domain.Change) -> "ChangeRow":
        """As other programs read it."""
        asked, found, mean, gain, reliably = row.asked, row.found, row.mean, row.gain, row.reliably
        by_change = row.gain_by_change
        return cls(
            program=asked.program,
            instrument=asked.instrument.code,
            version=asked.instrument.version,
            from_=asked.first,
            to=asked.later,
            group=row.group,
            n_enrolled=row.n.enrolled,
            n_eligible=row.n.eligible,
            n_invited=row.n.invited,
            n_reached=row.n.reached,
            n_first=row.n.first,
            n_later=row.n.later,
            n_paired=row.n.paired,
            mean_first=found and float(found.first),
            sd_first=found and found.sd_first,
            mean_later=found and float(found.later),
            sd_later=found and found.sd_later,
            mean_change=mean and mean.value,
            sd_change=found and found.sd_change,
            correlation=found and found.correlation,
            change_low=mean and mean.low,
            change_high=mean and mean.high,
            gain=gain and gain.value,
            gain_low=gain and gain.low,
            gain_high=gain and gain.high,
            gain_by_change=by_change and by_change.value,
            gain_by_change_low=by_change and by_change.low,
            gain_by_change_high=by_change and by_change.high,
            reliably_improved=reliably and reliably.get("improved", 0),
            reliably_unchanged=reliably and reliably.get("unchanged", 0),
            reliably_deteriorated=reliably and reliably.get("deteriorated", 0),
            suppressed=row.suppressed,
            **dated(named.CHANGE, row.cut),
        )


class ChangeRows(BaseModel):
    """The answer: one row, or one a group."""

    rows: list[ChangeRow] = Field(description="one for everybody, or one a group")


@router.get("/change", response_model=ChangeRows, response_model_by_alias=True)
async def change(
    who: Analyst, db: Db, program: OfProgram, instrument: OfInstrument, first: From, later: To, by: By = None
) -> ChangeRows:
    """Change of a score between two occasions of a program, without a comparison group: not an effect."""
    async with db.transaction(who.organisation_id) as tx:
        one = await question(tx, who, program, instrument, first, later)
        people = await groups(tx, one.seen, one.program, by, one.asked.facts)
    rows = [domain.change(one.asked, found, group) for group, found in people.items()]
    return ChangeRows(rows=[ChangeRow.of(row) for row in rows])
