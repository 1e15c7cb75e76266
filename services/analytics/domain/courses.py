"""Scores that are taken again and again: by week, by session, and person by person."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import mul

from services.analytics.domain.figures import Estimate, mean_of

Point = tuple[int, int]
"""Session number and score, in counts."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Of scores at one time: how many, their sum and the sum of their squares, in counts."""

    n: int
    total: int
    squares: int

    def mean(self, unit: int) -> Estimate | None:
        """Points, with Student's interval."""
        return mean_of(self.n, Fraction(self.total, unit), Fraction(self.squares, unit**2))


Slopes = Mapping[int, Sequence[int]]
"""Of each person the numerator, by their denominator, in counts: exact, and who came to the same sessions share one."""


def slopes(people: Iterable[Sequence[Point]]) -> Slopes:
    """By least squares: how much each person's score moves from session to session. It takes two sessions."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for points in people:
        n, sessions, scores = len(points), [session for session, _ in points], [score for _, score in points]
        across = sum(sessions)
        if spread := n * sum(map(mul, sessions, sessions)) - across**2:
            found[spread].append(n * sum(map(mul, sessions, scores)) - across * sum(scores))
    return found


def mean_slope(found: Slopes, unit: int) -> Estimate | None:
    """The mean of the personal slopes, points a session.

    Who stays and who leaves moves the plain mean of each session, but not this one.
    """
    total = sum((Fraction(sum(own), spread * unit) for spread, own in found.items()), Fraction())
    squares = sum(
        (Fraction(sum(map(mul, own, own)), (spread * unit) ** 2) for spread, own in found.items()), Fraction()
    )
    return mean_of(sum(map(len, found.values())), total, squares)


def by_session(people: Iterable[Sequence[Point]], unit: int) -> Mapping[int, tuple[int, Estimate | None]]:
    """The plain mean at each session with its n: other people at each, so it is no course of anybody."""
    scores: dict[int, list[int]] = {}
    for points in people:
        for session, score in points:
            scores.setdefault(session, []).append(score)
    return {
        session: (len(found), Sums(len(found), sum(found), sum(map(mul, found, found))).mean(unit))
        for session, found in sorted(scores.items())
    }
