"""What became of a group of people: shares of them, their intervals, and what those who are missing could change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.analytics.domain.change import Asked, Numbers, numbers
from services.analytics.domain.completeness import Bounds, bounds, difference_of_means, is_enough
from services.analytics.domain.figures import Estimate
from services.analytics.domain.pairs import Pairs
from services.analytics.domain.people import Cut, People
from services.analytics.domain.rates import share
from services.analytics.domain.reliable import Course, Lasting, Quads, Threshold, counted, lasting, talking_therapies

TALKING_THERAPIES = ("phq-9", "gad-7")
"""The instruments that the four rates of NHS Talking Therapies take together."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many. Without an estimate too few of those who were to be asked have answered to say it."""

    some: int
    of: int
    estimate: Estimate | None
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One group. None is a figure that must not be shown, or that does not exist."""

    group: str | None
    n: Numbers
    suppressed: bool
    cut: Cut
    is_complete: bool | None = None
    answered: Rate | None = None
    improved: Rate | None = None
    deteriorated: Rate | None = None
    recovered: Rate | None = None
    clinically: Mapping[str, int] | None = None
    difference: float | None = None
    course: Course | None = None
    course_rates: Mapping[str, Rate] = field(default_factory=dict)


def outcomes(asked: Asked, people: People, group: str | None = None, *, quads: Quads | None = None) -> Outcomes:
    """The shares of one group who answered, improved, deteriorated and recovered between two occasions.

    Improved and deteriorated are of those who answered twice; their bounds are of all who were to be asked the second
    time. Recovered is of those who were cases the first time. `difference` compares the first scores of those who
    answered again with those who have not, or were not asked yet, in SDs.
    """
    pairs = people.pairs(asked.instrument, asked.first, asked.later)
    paired, n = sum(pairs.values()), numbers(asked, people)
    if paired < people.people_min:
        return Outcomes(group, n, suppressed=True, cut=n.cut)
    eligible, responded = people.at("eligible", asked.later), people.at("responded", asked.later)
    is_of_these = paired <= min(responded, eligible) and people.has_all(asked.pairs, asked.asked_later)
    enough, everybody = is_enough(people, asked, paired), eligible if is_of_these else 0
    threshold = asked.instrument.threshold
    reliably = counted(pairs, threshold.of) if threshold else {}
    course = _course(quads) if quads and people.people_min <= sum(quads.values()) <= paired else None
    return Outcomes(
        group,
        n,
        suppressed=False,
        cut=people.as_of(asked.pairs, asked.asked_later),
        is_complete=enough,
        answered=Rate(responded, eligible, share(responded, eligible)) if eligible >= people.people_min else None,
        improved=_rate(reliably.get("improved", 0), paired, everybody, enough) if threshold else None,
        deteriorated=_rate(reliably.get("deteriorated", 0), paired, everybody, enough) if threshold else None,
        recovered=_recovered(pairs, threshold, enough, people.people_min),
        clinically=counted(pairs, threshold.clinically) if threshold and threshold.caseness is not None else None,
        difference=_difference(asked, people, pairs),
        course=course,
        course_rates=_course_rates(asked, people, course) if course else {},
    )


def _rate(some: int, of: int, everybody: int, enough: bool) -> Rate:
    return Rate(some, of, share(some, of) if enough else None, bounds(some, of, everybody))


def _recovered(pairs: Pairs, threshold: Threshold | None, enough: bool, people_min: int) -> Rate | None:
    if threshold is None or threshold.caseness is None:
        return None
    cases = {scores: many for scores, many in pairs.items() if threshold.is_case(scores[0])}
    of, some = sum(cases.values()), sum(many for (_, later), many in cases.items() if not threshold.is_case(later))
    return Rate(some, of, share(some, of) if enough else None) if of >= people_min else None


def _difference(asked: Asked, people: People, pairs: Pairs) -> float | None:
    """Those who answered at first alone have not answered again, or were not asked yet: as of the same release."""
    bases = asked.pairs, asked.answered(asked.first)
    if len(people.cuts_of(*bases)) > 1 or not people.has_all(*bases):
        return None
    again: dict[int, int] = {}
    for (first, _), many in pairs.items():
        again[first] = again.get(first, 0) + many
    every = people.answers(asked.instrument, asked.first)
    silent = {score: many - again.get(score, 0) for score, many in every.items() if many > again.get(score, 0)}
    return difference_of_means(again, silent) if sum(silent.values()) >= people.people_min else None


def _course(quads: Quads) -> Course:
    """The cut-offs and reliable changes that the manual states: PHQ-9 10 and 6, GAD-7 8 and 4 points."""
    return talking_therapies(quads, Threshold(6, -1, 10), Threshold(4, -1, 8))


def _course_rates(asked: Asked, people: People, course: Course) -> dict[str, Rate]:
    """Recovery is of the cases, change of all who answered both twice. None of fewer cases than are shown."""
    enough = is_enough(people, asked, course.finished)
    parts = {
        "recovered": (course.recovered, course.cases),
        "reliably_recovered": (course.reliably_recovered, course.cases),
        "improved": (course.improved, course.finished),
        "deteriorated": (course.deteriorated, course.finished),
    }
    return {
        name: Rate(some, of, share(some, of) if enough else None)
        for name, (some, of) in parts.items()
        if of >= people.people_min
    }


@dataclass(frozen=True, slots=True)
class Lasted:
    """One group at its follow-up: of those who had reliably improved at the end, what became of it."""

    group: str | None
    n: int | None
    suppressed: bool
    improved: int | None = None
    is_complete: bool | None = None
    states: Mapping[Lasting, int] | None = None
    maintained: Estimate | None = None


Triples = Mapping[tuple[int, ...], int]
"""How many people scored (first, end, follow-up), in counts."""


def lasted(asked: Asked, triples: Triples, people: People, group: str | None = None) -> Lasted:
    """Whether what people gained is still there at the later occasion; of those who answered all three times.

    Of how many it is, is a rate only where enough of those who were to be asked then answered all three times. Where
    more did than twice, they answered a version that does not compare with the one shown: nothing is said of it.
    """
    n, threshold = sum(triples.values()), asked.instrument.threshold
    if not people.people_min <= n <= people.paired(asked.instrument, asked.first, asked.later):
        return Lasted(group, None, suppressed=True)
    if threshold is None:
        return Lasted(group, n, suppressed=False)
    states: dict[Lasting, int] = {}
    for (first, end, later), many in triples.items():
        state = lasting(threshold, first, end, later)
        states[state] = states.get(state, 0) + many
    improved = sum(states.get(one, 0) for one in ("maintained", "partly", "lost"))
    enough = is_enough(people, asked, n)
    kept = share(states.get("maintained", 0), improved) if enough and improved >= people.people_min else None
    return Lasted(group, n, False, improved, enough, states, kept)
