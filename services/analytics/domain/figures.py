"""What every figure is made of: a value and its 95 % interval, and the two distributions that intervals come from."""

from dataclasses import dataclass
from fractions import Fraction
from math import exp, gamma, lgamma, sqrt

from scipy.special import ndtri, stdtrit

CONFIDENCE = 0.95
Z = float(ndtri((1 + CONFIDENCE) / 2))
"""1.959964: so many standard errors either side hold 95 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval. Without ends there is no interval, and the page says why."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of nothing."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def around(value: float, variance: float, critical: float = Z) -> Estimate:
    """The value, and so many standard errors either side. Without any variance nothing is known of its uncertainty."""
    if not variance:
        return Estimate(value)
    margin = critical * sqrt(variance)
    return Estimate(value, value - margin, value + margin)


def mean_of(n: int, total: Fraction | int, squares: Fraction | int, unit: int = 1) -> Estimate | None:
    """A mean with Student's interval, from the sum and the sum of squares of counts, so many (`unit`) to a point.

    No mean of nothing.
    """
    if n == 0:
        return None
    spread = n * squares - total * total
    return student(n, total / (n * unit), spread / (n * n * (n - 1) * unit**2) if spread else 0)


def student(n: int, mean: Fraction | float, variance: Fraction | float) -> Estimate:
    """The mean of `n` with Student's interval, from the variance of that mean.

    Where there is one value only, or all are the same, there is no interval.
    """
    return around(float(mean), float(variance), float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)))


def variance_of(n: int, total: Fraction | int, squares: Fraction | int) -> Fraction:
    """The sample variance (n - 1) from a sum and a sum of squares, exactly."""
    return Fraction(n * squares - total * total, n * (n - 1))


def small_sample(degrees: int) -> float:
    """J, which takes the bias of small samples from a standardized difference (Hedges 1981, exact), for 2 and more."""
    if degrees < 300:
        return gamma(degrees / 2) / (sqrt(degrees / 2) * gamma((degrees - 1) / 2))
    return exp(lgamma(degrees / 2) - lgamma((degrees - 1) / 2)) / sqrt(degrees / 2)
