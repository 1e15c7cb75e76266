"""For whom: groups of people beside everybody else, by who came, who stayed and who improved, each apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.analytics.domain.change import Asked
from services.analytics.domain.completeness import is_enough
from services.analytics.domain.figures import Estimate
from services.analytics.domain.people import STAYING, Cut, People
from services.analytics.domain.rates import gap, share
from services.analytics.domain.reliable import improved

Part = tuple[int, int]
"""So many of so many people."""


@dataclass(frozen=True, slots=True)
class Apart:
    """A share of a group, and how far it is from that of everybody else. None: too few have answered to say it."""

    some: int
    of: int
    share: Estimate | None
    gap: Estimate | None

    @property
    def is_flagged(self) -> bool:
        """Whether chance alone hardly makes such a gap."""
        return self.gap is not None and self.gap.excludes_zero


@dataclass(frozen=True, slots=True)
class Equity:
    """One group. None is a figure that must not be shown, or that does not exist."""

    group: str
    n: int | None
    suppressed: bool
    cut: Cut
    reach: Apart | None = None
    retention: Apart | None = None
    outcome: Apart | None = None


def equity(asked: Asked, groups: Mapping[str, People]) -> list[Equity]:
    """Each group against all others together, those of whom it is not known as a group of their own.

    Reach: came to at least one session, of those enrolled. Retention: has not left, of those enrolled. Outcome:
    reliably improved, of those who answered twice.
    """

    def better(people: People) -> Part:
        threshold = asked.instrument.threshold
        return improved(people.pairs(asked.instrument, asked.first, asked.later), threshold) if threshold else (0, 0)

    met = any(people.came for people in groups.values())
    found = []
    for group, people in groups.items():
        cut = people.as_of(STAYING, asked.pairs)
        if people.enrolled < people.people_min:
            found.append(Equity(group, None, suppressed=True, cut=cut))
            continue
        others = [other for name, other in groups.items() if name != group]
        came, stayed = (_apart(measure, people, others) for measure in (_came if met else _nobody, _stayed))
        found.append(Equity(group, people.enrolled, False, cut, came, stayed, _apart(better, people, others, asked)))
    return found


def _nobody(_: People) -> Part:
    """No session was held: nobody could come."""
    return 0, 0


def _came(people: People) -> Part:
    return people.came, people.followed


def _stayed(people: People) -> Part:
    return people.stayed, people.followed


def _apart(
    measure: Callable[[People], Part], people: People, others: list[People], answered: Asked | None = None
) -> Apart | None:
    """`answered`: it is of those who answered then, so enough must have."""
    some, of = measure(people)
    if of < people.people_min:
        return None
    parts = [measure(one) for one in others]
    rest = sum(one for one, _ in parts), sum(one for _, one in parts)
    if answered and not is_enough([people], answered.later, of):
        return Apart(some, of, None, None)
    has_gap = rest[1] >= people.people_min and not (answered and not is_enough(others, answered.later, rest[1]))
    return Apart(some, of, share(some, of), gap(some, of, *rest) if has_gap else None)
