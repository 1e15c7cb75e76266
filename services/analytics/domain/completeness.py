"""Whom the figures speak for: how many were asked and answered, and how those who did not answer differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from services.analytics.domain.change import Asked
from services.analytics.domain.figures import variance_of
from services.analytics.domain.people import People

DIFFERENCE_MAX = 0.25
"""From here on those who answered are said to differ from those who did not."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rate as it would be if everybody who is missing were a no, or a yes."""

    low: float
    high: float


def is_complete(answered: int, eligible: int, answered_min: int) -> bool:
    """Whether so many percent of those who were to be asked have answered: from there on a rate is printed."""
    return eligible > 0 and 100 * answered >= answered_min * eligible


def is_enough(people: People, asked: Asked, twice: int) -> bool:
    """Whether of those who were to be asked at the later occasion enough answered twice for a rate of those who did.

    Whoever answered at the later one alone is in no such rate. Not where more answered twice than these numbers say:
    who was asked may be of an earlier release than the pairs, or of other sites.
    """
    responded, eligible = people.at("responded", asked.later), people.at("eligible", asked.later)
    is_of_these = twice <= min(responded, eligible) and people.has_all(asked.pairs, asked.asked_later)
    return is_of_these and is_complete(twice, eligible, people.answered_min)


def bounds(some: int, answered: int, eligible: int) -> Bounds | None:
    """Worst and best case of a rate over all who were to be asked (Manski 1989)."""
    if eligible < answered or eligible == 0:
        return None
    return Bounds(some / eligible, (some + eligible - answered) / eligible)


def difference_of_shares(some: int, of: int, other: int, of_other: int) -> float | None:
    """Standardized difference of two shares (Austin 2009): of those who answered and those who did not."""
    if not of or not of_other:
        return None
    p, q = some / of, other / of_other
    spread = (p * (1 - p) + q * (1 - q)) / 2
    if spread:
        return (p - q) / sqrt(spread)
    return 0.0 if p == q else None


def differing(groups: Mapping[str, tuple[int, int]], every: tuple[int, int], people_min: int) -> dict[str, float]:
    """Of (answered, eligible) by group: the share of each among those who answered beside that among the silent.

    `every` is the same of all together. Where groups do not add up to it, one of them is hidden, or of an earlier
    release: then nothing is said.
    """
    answered, eligible = every
    if min(answered, eligible - answered) < people_min or every != tuple(map(sum, zip(*groups.values(), strict=True))):
        return {}
    found = {
        group: difference_of_shares(some, answered, of - some, eligible - answered)
        for group, (some, of) in groups.items()
        if not any(0 < one < people_min for one in (some, of - some))
    }
    return {group: one for group, one in found.items() if one is not None}


def difference_of_means(answered: Mapping[int, int], silent: Mapping[int, int]) -> float | None:
    """Standardized mean difference of two groups, each given as how many people have which score or count."""
    if min(sum(answered.values()), sum(silent.values())) < 2:
        return None
    (mean, variance), (other, other_variance) = _moments(answered), _moments(silent)
    spread = (variance + other_variance) / 2
    if spread:
        return float(mean - other) / sqrt(spread)
    return 0.0 if mean == other else None


def _moments(people: Mapping[int, int]) -> tuple[Fraction, Fraction]:
    n = sum(people.values())
    total = sum(value * many for value, many in people.items())
    squares = sum(value * value * many for value, many in people.items())
    return Fraction(total, n), variance_of(n, total, squares)
