"""Sites of a program side by side: a rate each, the limits for its size, and what its people made likely."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.analytics.domain.change import Asked
from services.analytics.domain.completeness import is_enough
from services.analytics.domain.figures import Estimate
from services.analytics.domain.people import STAYING, Cut, Fact, People
from services.analytics.domain.rates import share
from services.analytics.domain.reliable import improved
from services.analytics.domain.sites import LIMITS, PEOPLE_MIN, Adjusted, Funnel, adjusted, funnel

Measure = Literal["improved", "answered", "stayed"]
BANDS = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """One site. None is a figure that must not be shown, or that does not exist.

    Without a rate too few of those who were to be asked have answered to say it.
    """

    site: str
    suppressed: bool
    cut: Cut
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


def base(measure: Measure, asked: Asked) -> Fact:
    """What a measure rests on."""
    return {"improved": asked.pairs, "answered": asked.asked_later, "stayed": STAYING}[measure]


def standings(measure: Measure, asked: Asked, sites: Mapping[str, People]) -> Standings:
    """The rates of all sites; those of too few people, or of whom too few answered, are in no figure of the others.

    Limits and what was expected are made of all rates together: of one alone there are none.
    """
    every = {site: counts(measure, asked, people) for site, people in sites.items()}
    shown = {site for site, (some, of) in every.items() if _may_be_shown(measure, some, of, sites[site].people_min)}
    rated = {site for site in shown if measure != "improved" or is_enough(sites[site], asked, every[site][1])}
    all_sites = funnel([every[site] for site in rated])
    has_expected = all_sites and measure == "improved"
    expected = _adjusted(asked, {site: sites[site] for site in rated}) if has_expected else {}
    rows = []
    for site in sorted(sites):
        (some, of), cut = every[site], sites[site].as_of(base(measure, asked))
        if site in rated:
            within = tuple(all_sites.limits(of, level) for level in LIMITS) if all_sites else ()
            is_outside = tuple(all_sites.is_outside(some, of, level) for level in LIMITS) if all_sites else ()
            rows.append(Standing(site, False, cut, some, of, share(some, of), within, is_outside, expected.get(site)))
        else:
            rows.append(Standing(site, False, cut, some, of) if site in shown else Standing(site, True, cut))
    return Standings(all_sites, rows)


def _may_be_shown(measure: Measure, some: int, of: int, people_min: int) -> bool:
    """Of a few who have answered nothing is said, here as wherever else it says how many have."""
    return of >= max(people_min, PEOPLE_MIN) and not (measure == "answered" and 0 < some < people_min)


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
