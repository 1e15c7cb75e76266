"""Sites of a program side by side: a rate each, the limits of chance for its size, and what its people made likely."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.analytics.domain.change import Asked
from services.analytics.domain.figures import Estimate
from services.analytics.domain.people import People
from services.analytics.domain.rates import share
from services.analytics.domain.reliable import improved
from services.analytics.domain.sites import LIMITS, Adjusted, Funnel, adjusted, funnel

Measure = Literal["improved", "answered", "stayed"]
BANDS = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """One site. None is a figure that must not be shown, or that does not exist."""

    site: str
    suppressed: bool
    some: int | None = None
    of: int | None = None
    rate: Estimate | None = None
    within: tuple[tuple[float, float], ...] = ()
    is_outside: tuple[bool, ...] = ()
    adjusted: Adjusted | None = None


@dataclass(frozen=True, slots=True)
class Standings:
    """All sites, in the order of their names: never in that of their rates."""

    funnel: Funnel | None
    sites: list[Standing]


def counts(measure: Measure, asked: Asked, people: People) -> tuple[int, int]:
    """So many of so many: reliably improved of those who answered twice, answered of those asked, there of enrolled."""
    if measure == "answered":
        return people.at("responded", asked.later), people.at("eligible", asked.later)
    if measure == "stayed":
        return people.stayed, people.followed
    assert asked.instrument.threshold
    return improved(people.pairs(asked.instrument, asked.first, asked.later), asked.instrument.threshold)


def standings(measure: Measure, asked: Asked, sites: Mapping[str, People]) -> Standings:
    """The rates of all sites; those of too few people are in no figure of the others."""
    every = {site: counts(measure, asked, people) for site, people in sites.items()}
    shown = {site: one for site, one in every.items() if one[1] >= sites[site].people_min}
    all_sites = funnel(list(shown.values()))
    expected = _adjusted(asked, {site: sites[site] for site in shown}) if measure == "improved" else {}
    rows = []
    for site in sorted(sites):
        if site not in shown or all_sites is None:
            rows.append(Standing(site, suppressed=True))
            continue
        some, of = shown[site]
        within = tuple(all_sites.limits(of, level) for level in LIMITS)
        is_outside = tuple(all_sites.is_outside(some, of, level) for level in LIMITS)
        rows.append(Standing(site, False, some, of, share(some, of), within, is_outside, expected.get(site)))
    return Standings(all_sites, rows)


def _adjusted(asked: Asked, sites: Mapping[str, People]) -> Mapping[str, Adjusted]:
    """By severity at the start: which fourth of all first scores somebody's was in."""
    threshold = asked.instrument.threshold
    assert threshold
    pairs = {site: people.pairs(asked.instrument, asked.first, asked.later) for site, people in sites.items()}
    firsts = sorted(first for found in pairs.values() for (first, _), many in found.items() for _ in range(many))
    borders = [firsts[len(firsts) * part // BANDS] for part in range(1, BANDS)] if firsts else []
    bands: dict[str, dict[str, tuple[int, int]]] = {}
    for site, found in pairs.items():
        some, of = Counter[int](), Counter[int]()
        for (first, later), many in found.items():
            band = bisect_right(borders, first)
            of[band] += many
            some[band] += many * (threshold.of(first, later) == "improved")
        bands[site] = {str(band): (some[band], of[band]) for band in of}
    return adjusted(bands)
