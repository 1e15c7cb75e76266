"""Shares of people, with intervals that hold at both ends of the scale and for few people."""

from math import sqrt

from services.analytics.domain.figures import Estimate, Z

FEW = 5


def share(some: int, of: int) -> Estimate | None:
    """A proportion with Wilson's score interval (Wilson 1927; Newcombe 1998, method 3). No share of nothing."""
    if of == 0:
        return None
    p, z2 = some / of, Z * Z
    middle = 2 * some + z2
    margin = Z * sqrt(z2 + 4 * some * (1 - p))
    below = 2 * (of + z2)
    low = 0.0 if some == 0 else (middle - margin) / below
    high = 1.0 if some == of else (middle + margin) / below
    return Estimate(p, low, high)


def is_short(some: int, of: int) -> bool:
    """Whether the interval of a share holds the truth less often than its name says: docs/statistics.md, last table."""
    return min(some, of - some) < FEW


def gap(some: int, of: int, other: int, of_other: int) -> Estimate | None:
    """The difference of two proportions of different people (Newcombe 1998, method 10)."""
    one, two = share(some, of), share(other, of_other)
    if one is None or two is None:
        return None
    assert one.low is not None and one.high is not None and two.low is not None and two.high is not None  # noqa: PT018
    difference = one.value - two.value
    low = difference - sqrt((one.value - one.low) ** 2 + (two.high - two.value) ** 2)
    high = difference + sqrt((one.high - one.value) ** 2 + (two.value - two.low) ** 2)
    return Estimate(difference, low, high)
