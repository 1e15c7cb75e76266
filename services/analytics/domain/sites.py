"""Sites side by side, with what chance and their own differences make of them. Never a league table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asin, pi, sin, sqrt
from statistics import fmean

from scipy.special import gammaincc, gammaincinv, ndtri

from services.analytics.domain.figures import CONFIDENCE, Estimate

PEOPLE_MIN = 10
"""A site with fewer people is "too few"."""
LIMITS = (0.95, 0.998)
WINSORISED = 0.10
SITES_MIN = 6
"""Of fewer sites the one that lies apart makes most of tau, and limits widened by it would take that one in."""


@dataclass(frozen=True, slots=True)
class Funnel:
    """The rate of all sites together, and how far single sites scatter around it beyond chance.

    `dispersion` is phi, the mean squared z-score of the sites, winsorised; `between` is tau, the standard deviation
    between sites on the arcsine scale that explains it, 0 where chance does. None: too few sites to estimate it.
    `is_beyond_chance`: sites that differ by chance alone are so dispersed less than once in twenty times.
    """

    target: float
    dispersion: float
    between: float | None
    is_beyond_chance: bool = False

    def limits(self, people: float, level: float) -> tuple[float, float]:
        """Between these rates lie so many of the sites with this many people, if they differ by chance and by tau."""
        spread = float(ndtri((1 + level) / 2)) * sqrt(_error(people) ** 2 + (self.between or 0.0) ** 2)
        middle = asin(sqrt(self.target))
        return sin(max(middle - spread, 0.0)) ** 2, sin(min(middle + spread, pi / 2)) ** 2

    def is_outside(self, some: int, people: int, level: float) -> bool:
        """Whether a site lies outside of the limits for its size."""
        low, high = self.limits(people, level)
        return not low <= some / people <= high


def funnel(sites: Sequence[tuple[int, int]]) -> Funnel | None:
    """Of (some, people) a site: target, overdispersion (Spiegelhalter 2005; as FunnelPlotR computes it, arcsine scale).

    The z-scores are winsorised at 10 % at both ends. tau is added when phi is above what chance makes of it, and there
    are sites enough to estimate it. None of fewer than two sites: one alone is not compared with itself.
    """
    known = [(some, people) for some, people in sites if people >= PEOPLE_MIN]
    if len(known) < 2:
        return None
    target = sum(some for some, _ in known) / sum(people for _, people in known)
    middle = asin(sqrt(target))
    errors = [_error(people) for _, people in known]
    scores = [(asin(sqrt(some / n)) - middle) / error for (some, n), error in zip(known, errors, strict=True)]
    phi = fmean(one * one for one in _winsorised(scores))
    between = sqrt(_between(phi, [error**-2 for error in errors])) if len(known) >= SITES_MIN else None
    return Funnel(target, phi, between, _is_beyond_chance(phi, len(known)))


def _error(people: float) -> float:
    """Standard error of a proportion on the arcsine scale."""
    return 1 / (2 * sqrt(people))


def _winsorised(scores: Sequence[float]) -> list[float]:
    """The extreme tenths are drawn in to the values at their borders."""
    ranked = sorted(scores)
    low, high = _quantile(ranked, WINSORISED), _quantile(ranked, 1 - WINSORISED)
    return [min(max(one, low), high) for one in scores]


def _quantile(ranked: Sequence[float], share: float) -> float:
    place = share * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (place - below) * (ranked[above] - ranked[below])


def _between(phi: float, weights: Sequence[float]) -> float:
    """tau squared, by moments (DerSimonian and Laird 1986)."""
    many, total = len(weights), sum(weights)
    spread = total - sum(one * one for one in weights) / total
    return max(0.0, (many * phi - (many - 1)) / spread) if spread > 0 else 0.0


def _is_beyond_chance(phi: float, many: int) -> bool:
    """Cochran's test, at 95 %: the squared z-scores add up to a chi-squared of one degree less than there are sites."""
    return bool(gammaincc((many - 1) / 2, many * phi / 2) < 1 - CONFIDENCE)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What a site reached, what it would have if its people fared as such people do everywhere, and the ratio."""

    observed: int
    expected: float
    ratio: Estimate | None


Bands = Mapping[str, tuple[int, int]]
"""(some, people) in each band of severity at the start."""


def adjusted(sites: Mapping[str, Bands]) -> dict[str, Adjusted]:
    """Indirect standardization by severity at the start; exact Poisson interval of observed / expected (Ulm 1990)."""
    pooled: dict[str, tuple[int, int]] = {}
    for bands in sites.values():
        for band, (some, people) in bands.items():
            before = pooled.get(band, (0, 0))
            pooled[band] = (before[0] + some, before[1] + people)
    rates = {band: some / people for band, (some, people) in pooled.items() if people}
    found = {}
    for site, bands in sites.items():
        observed = sum(some for some, _ in bands.values())
        expected = sum(rates[band] * people for band, (_, people) in bands.items() if people)
        found[site] = Adjusted(observed, expected, _ratio(observed, expected))
    return found


def _ratio(observed: int, expected: float) -> Estimate | None:
    if not expected:
        return None
    tail = (1 - CONFIDENCE) / 2
    low = float(gammaincinv(observed, tail)) if observed else 0.0
    return Estimate(observed / expected, low / expected, float(gammaincinv(observed + 1, 1 - tail)) / expected)
