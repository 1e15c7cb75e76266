"""Over time: how long people stay, and how scores move from week to week and from session to session."""

from datetime import datetime

from fastapi import APIRouter
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
    Suppressed,
    To,
    dated,
    groups,
    question,
    source,
)
from services.analytics.domain import Cut, Estimate, named
from shared.doors import Db
from shared.errors import NotFound

router = APIRouter()
DOSE = (
    "People who come more often differ from those who come less: by how they fare, and by who they are. Sessions "
    "attended beside change do not show what more sessions would do. All sessions count, also after the check-in."
)


class StepShape(BaseModel):
    """A session after which people left. The steps end where fewer people are left to follow than are shown."""

    session: int = Field(description="how many sessions people had come to")
    n_at_risk: int = Field(description="people who had stayed until then")
    n_left: int = Field(
        description="people who left after it: who have withdrawn, or were absent from their last three sessions, not "
        "excused, and have not completed"
    )
    staying: float = Field(description="share that stays beyond it (Kaplan and Meier)")
    low: float | None = Field(description="lower end of its 95 % interval (Greenwood, log(-log) scale)")
    high: float | None = Field(description="upper end of its 95 % interval (Greenwood, log(-log) scale)")


class RetentionRow(Dated):
    """One group. A null is too small to be shown safely."""

    group: OfGroup
    n: int | None = Field(description="people enrolled who agreed to be counted in reports")
    n_completed: int | None = Field(
        description="of these, completed the program; null, too, where it has not moved in the same release as the "
        "steps"
    )
    steps: list[StepShape] | None = Field(
        description="sessions after which people left, for as long as enough are left to follow; null: too few people"
    )
    sessions_mean: float | None = Field(description="sessions attended, mean over these people")
    sessions_median: float | None = Field(description="sessions attended, median over these people")
    suppressed: Suppressed


class Retention(BaseModel):
    """The answer: one row, or one a group."""

    rows: list[RetentionRow] = Field(description="one for everybody, or one a group")
    about_sessions: str = Field(default=DOSE, description="what the number of sessions does not say")
    definition: Defined = named.RETENTION
    data_through: datetime | None = Field(description=NEWEST)


@router.get("/retention")
async def retention(who: Analyst, db: Db, program: OfProgram, by: By = None) -> Retention:
    """How many people stay for how many sessions. Who is still there, or completed, counts for as long as they came."""
    async with db.transaction(who.organisation_id) as tx:
        seen = await store.seen_by(tx, who)
        found = await store.get_program(tx, who.organisation_id, program, who.site_ids, seen)
        people = await groups(tx, seen, found, by, ("enrolled", "stay", "completed"))
    rows = [domain.staying(one, group) for group, one in people.items()]
    return Retention(rows=[_retention(row) for row in rows], data_through=seen.data_through)


def _retention(row: domain.Staying) -> RetentionRow:
    steps = [
        StepShape(
            session=one.session,
            n_at_risk=one.at_risk,
            n_left=one.left,
            staying=one.staying.value,
            low=one.staying.low,
            high=one.staying.high,
        )
        for one in row.steps or ()
    ]
    return RetentionRow(
        group=row.group,
        n=row.n,
        n_completed=row.completed,
        steps=None if row.steps is None else steps,
        sessions_mean=row.mean,
        sessions_median=row.median,
        suppressed=row.suppressed,
        **dated(named.RETENTION, row.cut),
    )


class DoseRow(Dated):
    """Those who came to so many sessions. A null is too small to be shown safely, or does not exist."""

    sessions: str = Field(
        description="how many sessions of the program they have come to until now: `0-1`, `2-4`, `5-8` or `9+`"
    )
    n_paired: int | None = Field(description="people who answered at both occasions; all figures are about them")
    mean_first: float | None = Field(description="points")
    mean_change: float | None = Field(description="points, signed so that more is better")
    change_low: float | None = Field(description="lower end of its 95 % interval (Student's t)")
    change_high: float | None = Field(description="upper end of its 95 % interval (Student's t)")
    reliably_improved: int | None = Field(description="people; null where no source gives a reliable change")
    improved_share: float | None = Field(description="of these; null where too few of those asked have answered")
    improved_low: float | None = Field(description="lower end of its 95 % interval (Wilson)")
    improved_high: float | None = Field(description="upper end of its 95 % interval (Wilson)")
    suppressed: Suppressed

    @classmethod
    def of(cls, one: domain.Dose) -> "DoseRow":
        """As other programs read it."""
        rate = one.improved and one.improved.estimate
        return cls(
            sessions=one.sessions,
            n_paired=one.n,
            mean_first=one.mean_first,
            mean_change=one.mean and one.mean.value,
            change_low=one.mean and one.mean.low,
            change_high=one.mean and one.mean.high,
            reliably_improved=one.improved and one.improved.some,
            improved_share=rate and rate.value,
            improved_low=rate and rate.low,
            improved_high=rate and rate.high,
            suppressed=one.suppressed,
            **dated(named.DOSE, one.cut),
        )


class Doses(BaseModel):
    """The answer: a row for each number of sessions."""

    rows: list[DoseRow] = Field(description="one for each number of sessions")
    about_sessions: str = Field(default=DOSE, description="what the number of sessions does not say")
    definition: Defined = named.DOSE
    data_through: datetime | None = Field(description=NEWEST)


@router.get("/dose")
async def dose(who: Analyst, db: Db, program: OfProgram, instrument: OfInstrument, first: From, later: To) -> Doses:
    """What changed, by how many sessions people came to: not what more sessions would do."""
    async with db.transaction(who.organisation_id) as tx:
        one = await question(tx, who, program, instrument, first, later)
        people = await store.by(tx, one.program.program_id, domain.SESSIONS, one.seen, one.asked.facts)
    found = [domain.dose(one.asked, people.get(band, one.seen.nobody), band) for band in domain.BANDS]
    return Doses(rows=[DoseRow.of(each) for each in found], data_through=one.seen.data_through)


class Point(Dated):
    """Scores at one time. Other people answer at each, so the line through the points is nobody's course."""

    at: str = Field(
        description="ISO week by the clock of the site, such as `2026-W07`, or how many sessions people had come to"
    )
    n: int | None = Field(description="people who answered")
    mean: float | None = Field(description="points")
    low: float | None = Field(description="lower end of its 95 % interval (Student's t)")
    high: float | None = Field(description="upper end of its 95 % interval (Student's t)")
    suppressed: Suppressed

    @classmethod
    def of(cls, at: str, n: int | None, mean: Estimate | None, cut: Cut) -> "Point":
        """As other programs read it."""
        return cls(
            at=at,
            n=n,
            mean=mean and mean.value,
            low=mean and mean.low,
            high=mean and mean.high,
            suppressed=n is None,
            **dated(named.TREND, cut),
        )


class SlopeShape(Dated):
    """How single people's scores move: the mean of everybody's own slope. Who stays does not move it."""

    n: int = Field(description="people with answers after at least two sessions")
    slope: float = Field(description=f"points a session, signed so that more is better ({source('personal slopes')})")
    low: float | None = Field(description="lower end of its 95 % interval (Student's t)")
    high: float | None = Field(description="upper end of its 95 % interval (Student's t)")


class Trend(BaseModel):
    """Scores over time."""

    program: str = Field(description="its code")
    instrument: str = Field(description="its code")
    weeks: list[Point] = Field(description="means by week, of what different people answered")
    sessions: list[Point] = Field(
        description="plain means: compare with `personal`. None of a release: one more answer after a session would "
        "tell its score, however many others answered after other sessions meanwhile"
    )
    personal: SlopeShape | None = Field(description="null: too few people, or not asked after sessions")
    definition: Defined = named.TREND
    data_through: datetime | None = Field(description=NEWEST)


@router.get("/trend")
async def trend(who: Analyst, db: Db, program: OfProgram, instrument: OfInstrument) -> Trend:
    """Means by week and by session with their numbers of people, beside the mean of the personal slopes."""
    async with db.transaction(who.organisation_id) as tx:
        seen = await store.seen_by(tx, who)
        found = await store.get_program(tx, who.organisation_id, program, who.site_ids, seen)
        measured = await store.get_instrument(tx, found.program_id, instrument, seen)
        if instrument not in found.instruments:
            raise NotFound("instrument")
        people = await store.everybody(tx, found.program_id, seen, domain.about(instrument, "week", "in-week"))
        courses = await store.by_session(tx, found.program_id, seen, measured)
        cuts = await store.cuts(tx, found.program_id, seen, None, store.base_by_session(measured))
    one, cut = domain.trend(measured, people, courses[None]), cuts.get(None, seen.cut)
    sessions = domain.after_sessions(measured, courses[None], people.people_min, cut) if seen.is_live else []
    return Trend(
        program=program,
        instrument=instrument,
        weeks=[Point.of(*at) for at in one.weeks],
        sessions=[Point.of(*at) for at in sessions],
        personal=one.personal and _slope(one.people, one.personal, cut),
        data_through=seen.data_through,
    )


def _slope(n: int, mean: Estimate, cut: Cut) -> SlopeShape:
    return SlopeShape(n=n, slope=mean.value, low=mean.low, high=mean.high, **dated(named.TREND, cut))
