"""Over time: how long a group stays, how its scores move, and what of that is of too few people to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from services.analytics.domain.courses import Course, by_session, mean_slope, slopes
from services.analytics.domain.figures import Estimate, mean_of
from services.analytics.domain.instrument import Instrument
from services.analytics.domain.people import COMPLETED, STAYING, Cut, People
from services.analytics.domain.retention import Step, kaplan_meier

At = tuple[str, int | None, Estimate | None, Cut]
"""When, how many, their mean, and as of when. Without a number it must not be shown."""


@dataclass(frozen=True, slots=True)
class Staying:
    """One group. None is a figure that must not be shown."""

    group: str | None
    n: int | None
    suppressed: bool
    cut: Cut
    has_left: bool | None = None
    steps: list[Step] | None = None
    mean: float | None = None
    median: float | None = None
    completed: int | None = None


def staying(people: People, group: str | None = None) -> Staying:
    """How long people stay, for as long as enough of them are left to follow, and how many have completed."""
    stays = people.stays
    n, cut = sum(stays.values()), people.as_of(STAYING)
    if n < people.people_min:
        return Staying(group, None, suppressed=True, cut=cut)
    steps = [step for step in kaplan_meier(stays) if step.at_risk >= people.people_min]
    sessions = sorted(session for (session, _), many in stays.items() for _ in range(many))
    is_of_one = len(people.cuts_of(STAYING, COMPLETED)) == 1 and people.has_all(STAYING, COMPLETED)
    completed = people.completed if people.completed >= people.people_min and is_of_one else None
    mean = sum(sessions) / n
    return Staying(group, n, False, cut, people.stayed < n, steps, mean, float(median(sessions)), completed)


@dataclass(frozen=True, slots=True)
class Trend:
    """Means by week, and the mean of the personal slopes of so many people."""

    weeks: list[At]
    people: int
    personal: Estimate | None


def trend(instrument: Instrument, people: People, courses: Sequence[Course]) -> Trend:
    """Scores over time. A week of too few people has no number."""
    present = people.in_week(instrument)
    weeks = [
        _at(week.upper(), present.get(week, 0), _mean(scores, instrument.unit), people.people_min, cut)
        for week, scores in people.weeks(instrument).items()
        for cut in [people.as_of(("week", instrument.code, week))]
    ]
    found = slopes(courses)
    with_slope = sum(map(len, found.values()))
    personal = mean_slope(found, instrument.unit) if with_slope >= people.people_min else None
    return Trend(weeks, with_slope, personal and _signed(personal, instrument.sign))


def after_sessions(instrument: Instrument, courses: Sequence[Course], people_min: int, cut: Cut) -> list[At]:
    """The plain mean after each session, all as of the same. One of too few people has no number."""
    found = by_session(courses, instrument.unit)
    return [_at(str(session), n, mean, people_min, cut) for session, (n, mean) in found.items()]


def _at(when: str, n: int, mean: Estimate | None, people_min: int, cut: Cut) -> At:
    return (when, n, mean, cut) if n >= people_min else (when, None, None, cut)


def _mean(scores: Mapping[int, int], unit: int) -> Estimate | None:
    total = sum(score * many for score, many in scores.items())
    return mean_of(sum(scores.values()), total, sum(score * score * many for score, many in scores.items()), unit)


def _signed(one: Estimate, sign: int) -> Estimate:
    if sign > 0:
        return one
    return Estimate(-one.value, None if one.high is None else -one.high, None if one.low is None else -one.low)
