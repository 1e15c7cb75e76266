"""How much a score changed: in points, in standard deviations, and against a comparison group."""

from math import sqrt

from scipy.special import stdtrit

from services.analytics.domain.figures import CONFIDENCE, Estimate, around, small_sample, student
from services.analytics.domain.pairs import Moments

PAIRS_MIN = 3  # below, J does not exist


def mean_change(found: Moments) -> Estimate:
    """Points, more is better, with Student's paired interval."""
    return student(found.n, found.change, found.variance_change / found.n)


def gap_of_changes(found: Moments, others: Moments) -> Estimate:
    """Points by which one group changed more for the better than other people, with Welch's interval (Welch 1947)."""
    one, two = found.variance_change / found.n, others.variance_change / others.n
    spread = one * one / (found.n - 1) + two * two / (others.n - 1)
    degrees = float((one + two) ** 2 / spread) if spread else 1.0
    critical = float(stdtrit(degrees, (1 + CONFIDENCE) / 2))
    return around(float(found.change - others.change), float(one + two), critical)


def gain(found: Moments) -> Estimate | None:
    """Standardized mean gain: the mean change in standard deviations of the first scores (SMCR).

    Becker 1988 with the exact J and the large-sample variance, as metafor's SMCR. None where it does not exist: fewer
    than three pairs, or a first or later score that is the same for everybody.
    """
    r = found.correlation
    if found.n < PAIRS_MIN or r is None:
        return None
    g = small_sample(found.n - 1) * float(found.change) / found.sd_first
    return around(g, 2 * (1 - r) / found.n + g * g / (2 * found.n))


def gain_by_change(found: Moments) -> Estimate | None:
    """The mean change in standard deviations of the change (SMCC). Another question than `gain`: never mixed."""
    if found.n < PAIRS_MIN or not found.variance_change:
        return None
    g = small_sample(found.n - 1) * float(found.change) / found.sd_change
    return around(g, 1 / found.n + g * g / (2 * found.n))


def gain_over(found: Moments, comparison: Moments) -> Estimate | None:
    """How much more one group gained than its comparison group, in standard deviations at the start (d_ppc2).

    Morris 2008, equations 8 to 10 and 25: pooled SD of the first scores, exact J; its variance takes one correlation,
    for which both groups' are pooled by their degrees of freedom.
    """
    n, m = found.n, comparison.n
    r, s = found.correlation, comparison.correlation
    if min(n, m) < PAIRS_MIN or r is None or s is None:
        return None
    degrees = n + m - 2
    pooled = sqrt(((n - 1) * found.variance_first + (m - 1) * comparison.variance_first) / degrees)
    j = small_sample(degrees)
    d = j * float(found.change - comparison.change) / pooled
    correlation = ((n - 1) * r + (m - 1) * s) / degrees
    spread = 2 * (1 - correlation) * (n + m) / (n * m)
    variance = j * j * spread * degrees / (degrees - 2) * (1 + d * d / spread) - d * d if spread else 0.0
    return around(d, max(variance, 0.0))
