"""Where a program has begun: counts of sites and groups, which tell of no person."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Adoption:
    """At so many of so many sites sessions were held, in so many groups."""

    sites: int
    of: int
    groups: int


def adoption(groups: Mapping[str, int]) -> Adoption:
    """From how many groups of each site of a program have held a session."""
    return Adoption(sum(many > 0 for many in groups.values()), len(groups), sum(groups.values()))
