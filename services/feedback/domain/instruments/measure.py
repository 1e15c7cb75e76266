"""What a scale can measure: its unit, its range, and every count that is a possible score.

A score is a whole count of 1/unit points, so nothing is ever rounded. The unit is the smallest that makes every score
exact, also one that is prorated: ten items of which one may be left out are counted in ninths of a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import lcm

from services.feedback.domain.instruments.shapes import Item, Option, Scale


@dataclass(frozen=True, slots=True)
class Measure:
    """A scale of an instrument, with the items and values that it is made of."""

    scale: Scale
    items: tuple[str, ...]
    values: tuple[int, ...]
    unit: int
    counts: tuple[int, ...]

    @property
    def minimum(self) -> int:
        """The lowest score, in counts."""
        return self.counts[0]

    @property
    def maximum(self) -> int:
        """The highest score, in counts."""
        return self.counts[-1]

    def mirrored(self, value: int) -> int:
        """What the answer to a reversed item counts: from the other end."""
        return self.values[0] + self.values[-1] - value


def measure(scale: Scale, items: Sequence[Item], options: Sequence[Option]) -> Measure:
    """A scale with what it is made of."""
    own = scale.items or tuple(one.code for one in items if one.kind == "choice")
    values = tuple(one.value for one in options if one.is_scored)
    fewest = max(len(own) - scale.missing.max, 1)
    unit = lcm(*(_denominator(scale, len(own), answered) for answered in range(fewest, len(own) + 1)))
    return Measure(scale, own, values, unit, _counts(values, len(own), fewest, unit, scale.scoring, scale.factor or 1))


def points(scale: Scale, asked: int, answered: int, total: int) -> Fraction:
    """The score of so many answers that add up to a total."""
    if scale.scoring == "mean":
        return Fraction(total, answered)
    return Fraction(total * asked * (scale.factor or 1), answered)  # prorated, if some are missing


def _denominator(scale: Scale, asked: int, answered: int) -> int:
    return points(scale, asked, answered, 1).denominator


@lru_cache(maxsize=1024)
def _counts(values: tuple[int, ...], asked: int, fewest: int, unit: int, scoring: str, factor: int) -> tuple[int, ...]:
    found: set[int] = set()
    sums = {0}
    for answered in range(1, asked + 1):
        sums = {one + value for one in sums for value in values}
        if answered >= fewest:
            whole = unit if scoring == "mean" else unit * asked * factor
            found |= {one * whole // answered for one in sums}
    return tuple(sorted(found))


def is_mirror(values: Sequence[int]) -> bool:
    """Whether the values look the same from either end: only then an item can be reversed."""
    steps = [later - earlier for earlier, later in pairwise(values)]
    return steps == steps[::-1]
