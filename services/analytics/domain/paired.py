"""Before and after as a small table: where on the scale people began, and where they were later."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from services.analytics.domain.instrument import Instrument
from services.analytics.domain.pairs import Pairs
from services.analytics.domain.people import PEOPLE_MIN

PARTS_MAX = 4


@dataclass(frozen=True, slots=True)
class Paired:
    """Parts of the scale as (lowest, highest) counts, and how many people were in which part first and later."""

    parts: list[tuple[int, int]]
    people: dict[tuple[int, int], int]

    def better(self, sign: int) -> int:
        """How many are in a better part later."""
        return sum(many for (first, later), many in self.people.items() if sign * (later - first) > 0)


def paired(pairs: Pairs, instrument: Instrument, people_min: int = PEOPLE_MIN) -> Paired | None:
    """The finest division in which no cell is of some people and yet of too few; None: there is none.

    The scale is divided where it divides all scores of both times into equally many, as nearly as that goes.
    """
    scores = sorted(score for both, many in pairs.items() for score in both for _ in range(many))
    if sum(pairs.values()) < people_min:
        return None
    for parts in range(PARTS_MAX, 1, -1):
        borders = {scores[len(scores) * part // parts] for part in range(1, parts)} - {scores[0], instrument.minimum}
        found = _divided(pairs, instrument, sorted(borders))
        if len(found.parts) > 1 and all(many >= people_min for many in found.people.values()):
            return found
    return None


def _divided(pairs: Pairs, instrument: Instrument, borders: list[int]) -> Paired:
    edges = [instrument.minimum, *borders, instrument.maximum + 1]
    people: Counter[tuple[int, int]] = Counter()
    for (first, later), many in pairs.items():
        people[_part(first, borders), _part(later, borders)] += many
    return Paired([(low, high - 1) for low, high in pairwise(edges)], dict(people))


def _part(score: int, borders: list[int]) -> int:
    return sum(score >= border for border in borders)
