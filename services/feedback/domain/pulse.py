"""The pulse before and after a change: what people said of their sessions, beside it. Never called its effect."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from math import sqrt

from services.feedback.domain.told import PEOPLE_MIN

INSTRUMENT = "session-pulse"
WINDOW = timedelta(days=56)
"""So long before and after the day since when a change is made: about eight sessions of a weekly group."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over people with its 95 % interval (Student's t); None is what must not be shown."""

    n: int | None
    mean: Fraction | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Pulse:
    """Before and after. The two need not be the same people."""

    before: Mean
    after: Mean
    most: Fraction

    @property
    def is_shown(self) -> bool:
        """Whether both can be set beside each other."""
        return self.before.mean is not None and self.after.mean is not None


HIDDEN = Mean(None, None, None, None)
Answers = Mapping[str, Collection[Fraction]]
"""What each person answered."""


def pulse_of(before: Answers, after: Answers, most: Fraction) -> Pulse:
    """Both, or none where either is of too few people: one alone says nothing of a change."""
    found = Pulse(mean_of(before), mean_of(after), most)
    return found if found.is_shown else Pulse(HIDDEN, HIDDEN, most)


def mean_of(answers: Answers) -> Mean:
    """Each person counts once, with the mean of what they answered."""
    own = [sum(points, Fraction(0)) / len(points) for points in answers.values() if points]
    n = len(own)
    if n < PEOPLE_MIN:
        return HIDDEN
    from scipy.special import stdtrit  # only now: it would be half of what this service loads at its start

    mean = sum(own, Fraction(0)) / n
    variance = sum(((one - mean) ** 2 for one in own), Fraction(0)) / (n - 1)
    margin = float(stdtrit(n - 1, 0.975)) * sqrt(variance / n)
    return Mean(n, mean, float(mean) - margin, float(mean) + margin)
