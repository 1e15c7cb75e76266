"""For whom: groups of people beside everybody else, by who came, who stayed and what became of them, each apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from services.analytics.domain.change import Asked
from services.analytics.domain.completeness import is_enough
from services.analytics.domain.figures import Estimate
from services.analytics.domain.gain import gap_of_changes, mean_change
from services.analytics.domain.pairs import moments
from services.analytics.domain.people import STAYING, Cut, Fact, People
from services.analytics.domain.rates import gap, share
from services.analytics.domain.reliable import improved

Part = tuple[int, int]
"""So many of so many people."""


@dataclass(frozen=True, slots=True)
class Apart:
    """A share of a group, and how far it is from that of everybody else.

    None: too few have answered to say it, or, of the gap, everybody and the group are not of one release. `others` are
    so many of so many of everybody else, where there is a gap.
    """

    some: int
    of: int
    share: Estimate | None
    gap: Estimate | None
    others: Part | None = None

    @property
    def is_flagged(self) -> bool:
        """Whether chance alone hardly makes such a gap."""
        return self.gap is not None and self.gap.excludes_zero


@dataclass(frozen=True, slots=True)
class Gained:
    """The mean change of a group, and how far it is from that of everybody else: points, more is better.

    None: everybody and the group are not of one release, or everybody else are too few.
    """

    n: int
    mean: Estimate
    gap: Estimate | None = None
    n_others: int | None = None
    mean_others: float | None = None

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
    gained: Gained | None = None


def equity(asked: Asked, everybody: People, groups: Mapping[str, People]) -> list[Equity]:
    """Each group against everybody else, also who is in a group that is hidden or of whom it is not known.

    Reach: came to at least one session, of those enrolled. Retention: has not left, of those enrolled. Outcome:
    reliably improved, of those who answered twice; where no source says how much is reliable, the mean change of them.
    """

    def better(people: People) -> Part:
        threshold = asked.instrument.threshold
        return improved(people.pairs(asked.instrument, asked.first, asked.later), threshold) if threshold else (0, 0)

    came = _came if everybody.came else _nobody
    outcome = (asked.pairs, asked.asked_later) if asked.instrument.threshold else (asked.pairs,)
    found = []
    for group, people in groups.items():
        cut = people.as_of(STAYING, *outcome)
        if people.enrolled < people.people_min:
            found.append(Equity(group, None, suppressed=True, cut=cut))
            continue
        others = _others(everybody, people, STAYING)
        reach, retention = (_apart(measure, people, others) for measure in (came, _stayed))
        rest = _others(everybody, people, *outcome)
        became = _apart(better, people, rest, asked), _gained(asked, people, rest)
        found.append(Equity(group, people.enrolled, False, cut, reach, retention, *became))
    return found


def _gained(asked: Asked, people: People, others: People) -> Gained | None:
    """Of those who answered twice, if they are enough, and it is not said of single people who improved."""
    instrument, both = asked.instrument, (asked.instrument, asked.first, asked.later)
    found, rest = (moments(one.pairs(*both), instrument.unit, instrument.sign) for one in (people, others))
    if instrument.threshold or found is None or found.n < people.people_min:
        return None
    if rest is None or rest.n < people.people_min:
        return Gained(found.n, mean_change(found))
    return Gained(found.n, mean_change(found), gap_of_changes(found, rest), rest.n, float(rest.change))


def _others(everybody: People, people: People, *bases: Fact) -> People:
    """Everybody less the group. Nobody, where the two are not of one release: of whom the difference is, none knows."""
    is_of_one = all(len(everybody.cuts_of(one) | people.cuts_of(one)) == 1 for one in bases) and everybody.has_all(
        *bases
    )
    return everybody.without([people]) if is_of_one else replace(everybody, counts={})


def _nobody(_: People) -> Part:
    """No session was held: nobody could come."""
    return 0, 0


def _came(people: People) -> Part:
    return people.came, people.followed


def _stayed(people: People) -> Part:
    return people.stayed, people.followed


def _apart(
    measure: Callable[[People], Part], people: People, others: People, answered: Asked | None = None
) -> Apart | None:
    """`answered`: it is of those who answered then, so enough must have."""
    some, of = measure(people)
    if of < people.people_min:
        return None
    rest = measure(others)
    if answered and not is_enough(people, answered, of):
        return Apart(some, of, None, None)
    has_gap = rest[1] >= people.people_min and not (answered and not is_enough(others, answered, rest[1]))
    return Apart(some, of, share(some, of), *((gap(some, of, *rest), rest) if has_gap else (None,)))
