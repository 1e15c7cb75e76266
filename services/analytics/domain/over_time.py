"""Over time: how long a group stays, how its scores move, and what of that is of too few people to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from services.analytics.domain.courses import Course, by_session, mean_slope, slopes
from services.analytics.domain.figures import Estimate, mean_of
from services.analytics.domain.instrument import Instrument
from services.analytics.domain.people import People
from services.analytics.domain.retention import Step, kaplan_meier

At = tuple[str, int | None, Estimate | None]
"""When, how many, their mean. Without a number it is too few to be shown."""


@dataclass(frozen=True, slots=True)
class Staying:
    """One group. None is a figure that must not be shown."""

    group: str | None
    n: int | None
    suppressed: bool
    steps: list[Step] | None = None
    mean: float | None = None
    median: float | None = None


def staying(people: People, group: str | None = None) -> Staying:
    """How long people stay, for as long as enough of them are left to follow."""
    stays = people.stays
    n = sum(stays.values())
    if n < people.people_min:
        return Staying(group, None, suppressed=True)
    steps = [step for step in kaplan_meier(stays) if step.at_risk >= people.people_min]
    sessions = sorted(session for (session, _), many in stays.items() for _ in range(many))
    return Staying(group, n, False, steps, sum(sessions) / n, float(median(sessions)))


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
        _at(week.upper(), present.get(week, 0), _mean(scores, instrument.unit), people.people_min)
        for week, scores in people.weeks(instrument).items()
    ]
    found = slopes(courses)
    with_slope = sum(map(len, found.values()))
    personal = mean_slope(found, instrument.unit) if with_slope >= people.people_min else None
    return Trend(weeks, with_slope, personal and _signed(personal, instrument.sign))


def after_sessions(instrument: Instrument, courses: Sequence[Course], people_min: int) -> list[At]:
    """The plain mean after each session. One of too few people has no number."""
    return [_at(str(one), n, mean, people_min) for one, (n, mean) in by_session(courses, instrument.unit).items()]


def _at(when: str, n: int, mean: Estimate | None, people_min: int) -> At:
    return (when, n, mean) if n >= people_min else (when, None, None)


def _mean(scores: Mapping[int, int], unit: int) -> Estimate | None:
    total = sum(score * many for score, many in scores.items())
    return mean_of(sum(scores.values()), total, sum(score * score * many for score, many in scores.items()), unit)


def _signed(one: Estimate, sign: int) -> Estimate:
    if sign > 0:
        return one
    return Estimate(-one.value, None if one.high is None else -one.high, None if one.low is None else -one.low)
