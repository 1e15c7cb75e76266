"""People who answered twice, as counts of pairs of scores: whole numbers, and enough for every figure of change."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import copysign, sqrt

from services.analytics.domain.figures import variance_of

Pairs = Mapping[tuple[int, int], int]
"""How many people scored (first, later), in counts of the instrument's unit."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Exact means and variances (n - 1) of pairs, in points; `change` is signed so that more is better."""

    n: int
    first: Fraction
    later: Fraction
    change: Fraction
    variance_first: Fraction
    variance_later: Fraction
    variance_change: Fraction

    @property
    def sd_first(self) -> float:
        """Standard deviation at the first occasion, points."""
        return sqrt(self.variance_first)

    @property
    def sd_later(self) -> float:
        """Standard deviation at the later occasion, points."""
        return sqrt(self.variance_later)

    @property
    def sd_change(self) -> float:
        """Standard deviation of the change, points."""
        return sqrt(self.variance_change)

    @property
    def correlation(self) -> float | None:
        """Pearson's r of both scores; there is none where one of them is the same for everybody.

        Its square is exact until the root is taken, so it is never beyond -1 and 1.
        """
        if not self.variance_first or not self.variance_later:
            return None
        covariance = (self.variance_first + self.variance_later - self.variance_change) / 2
        return copysign(sqrt(covariance**2 / (self.variance_first * self.variance_later)), covariance)


def moments(pairs: Pairs, unit: int, sign: int) -> Moments | None:
    """Of two people and more; `sign` is 1 where more is better, else -1."""
    n = sum(pairs.values())
    if n < 2:
        return None
    firsts = [(first, many) for (first, _), many in pairs.items()]
    laters = [(later, many) for (_, later), many in pairs.items()]
    changes = [(sign * (later - first), many) for (first, later), many in pairs.items()]
    found = [_mean_and_variance(n, unit, counts) for counts in (firsts, laters, changes)]
    (first, first_variance), (later, later_variance), (change, change_variance) = found
    return Moments(n, first, later, change, first_variance, later_variance, change_variance)


def _mean_and_variance(n: int, unit: int, counts: list[tuple[int, int]]) -> tuple[Fraction, Fraction]:
    total = sum(count * many for count, many in counts)
    squares = sum(count * count * many for count, many in counts)
    return Fraction(total, n * unit), variance_of(n, total, squares) / unit**2
