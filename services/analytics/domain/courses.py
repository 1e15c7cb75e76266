"""Scores that are taken again and again: by week, by session, and person by person."""

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


def slope(points: Sequence[Point]) -> Fraction | None:
    """By least squares: how much one person's score moves from session to session, in counts; exact."""
    n = len(points)
    sessions, scores = [session for session, _ in points], [score for _, score in points]
    across = sum(sessions)
    spread = n * sum(map(mul, sessions, sessions)) - across**2
    return Fraction(n * sum(map(mul, sessions, scores)) - across * sum(scores), spread) if spread else None


def mean_slope(people: Iterable[Sequence[Point]], unit: int) -> Estimate | None:
    """The mean of the personal slopes, points a session.

    Who stays and who leaves moves the plain mean of each session, but not this one.
    """
    slopes = [found / unit for points in people if (found := slope(points)) is not None]
    return mean_of(len(slopes), sum(slopes, Fraction()), sum((one * one for one in slopes), Fraction()))


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
