"""Scores that are taken again and again: by week, by session, and person by person."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from operator import mul

from services.analytics.domain.figures import Estimate, mean_of

Course = tuple[Sequence[int], Sequence[int]]
"""The numbers of somebody's sessions, in order, and what they scored after each, in counts."""


Slopes = Mapping[int, Sequence[int]]
"""Of each person the numerator, by their denominator, in counts: exact, and who came to the same sessions share one."""


def slopes(people: Iterable[Course]) -> Slopes:
    """By least squares: how much each person's score moves from session to session. It takes two sessions."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for sessions, scores in people:
        n, across = len(sessions), sum(sessions)
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


def by_session(people: Iterable[Course], unit: int) -> Mapping[int, tuple[int, Estimate | None]]:
    """The plain mean at each session with its n: other people at each, so it is no course of anybody."""
    scores: dict[int, list[int]] = {}
    for course in people:
        for session, score in zip(*course, strict=True):
            scores.setdefault(session, []).append(score)
    return {
        session: (len(found), mean_of(len(found), sum(found), sum(map(mul, found, found)), unit))
        for session, found in sorted(scores.items())
    }
