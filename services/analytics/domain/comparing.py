"""A program beside its comparison: the only place where a difference may be called more than change."""

from dataclasses import dataclass

from services.analytics.domain.change import Asked
from services.analytics.domain.completeness import is_enough
from services.analytics.domain.figures import Estimate
from services.analytics.domain.gain import gain_over
from services.analytics.domain.pairs import moments
from services.analytics.domain.people import Cut, People, oldest
from services.analytics.domain.rates import gap
from services.analytics.domain.reliable import improved

Part = tuple[int, int]
"""So many of so many people."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Both programs. None is a figure that must not be shown, or that does not exist."""

    n: int | None
    n_comparison: int | None
    suppressed: bool
    cut: Cut
    gain_over: Estimate | None = None
    improved: tuple[Part, Part] | None = None
    is_complete: bool | None = None
    improved_gap: Estimate | None = None


def compared(asked: Asked, people: People, comparison: People) -> Compared:
    """How much more those of the program gained, in SDs at the start, and how many more improved reliably.

    How many more is a gap of rates: there is none where of one of the two there is no rate.
    """
    one, other = (each.pairs(asked.instrument, asked.first, asked.later) for each in (people, comparison))
    n, m = sum(one.values()), sum(other.values())
    cut = oldest(each.as_of(asked.pairs) for each in (people, comparison))
    if min(n, m) < people.people_min:
        shown = [None if each < people.people_min else each for each in (n, m)]
        return Compared(shown[0], shown[1], suppressed=True, cut=cut)
    unit, sign, threshold = asked.instrument.unit, asked.instrument.sign, asked.instrument.threshold
    found, against = moments(one, unit, sign), moments(other, unit, sign)
    assert found
    assert against
    better = (improved(one, threshold), improved(other, threshold)) if threshold else None
    enough = is_enough(people, asked, n) and is_enough(comparison, asked, m)
    return Compared(
        n,
        m,
        suppressed=False,
        cut=cut,
        gain_over=gain_over(found, against),
        is_complete=enough,
        improved=better,
        improved_gap=gap(*better[0], *better[1]) if better and enough else None,
    )
