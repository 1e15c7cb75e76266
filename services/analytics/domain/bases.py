"""What a figure rests on: the facts of one kind about one group of people, released together or not at all."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from services.analytics.domain.courses import slopes
from services.analytics.domain.instrument import Instrument
from services.analytics.domain.people import Fact, taken_together

Base = tuple[str, ...]
"""Such as ("pair", "phq-9", "baseline", "end"): who answered this instrument at both."""
Facts = Mapping[Fact, int]


def base_of(fact: Fact) -> Base:
    """The base that a fact belongs to: no version and no score is in its name."""
    match fact:
        case ("answer", instrument, _, occasion, _):
            return "answer", instrument, occasion
        case ("pair", instrument, _, _, first, later, _, _):
            return "pair", instrument, first, later
        case ("week" | "in-week", instrument, _, week, *_):
            return "week", instrument, week
        case ("eligible" | "invited" | "reached" | "responded", occasion):
            return "asked", occasion
        case ("stay", *_):
            return ("stay",)
        case ("together" | "sessions" as kind, asked, *_):
            return kind, asked
        case _:
            return fact


def base_beginning(words: Sequence[str]) -> Base:
    """How the bases begin of facts that begin with these words."""
    match words:
        case ["answer", instrument, _, *occasion]:
            return "answer", instrument, *occasion
        case ["pair", instrument, _, _, *occasions]:
            return "pair", instrument, *occasions
        case ["in-week", *instrument]:
            return "week", *instrument
        case ["eligible" | "invited" | "reached" | "responded", *occasion]:
            return "asked", *occasion
        case _:
            return tuple(words)


def by_base(facts: Facts) -> dict[Base, dict[Fact, int]]:
    """Facts, each with the others of its base."""
    found: dict[Base, dict[Fact, int]] = {}
    for fact, n in facts.items():
        found.setdefault(base_of(fact), {})[fact] = n
    return found


def as_one(parts: Collection[Facts], people_min: int) -> Facts:
    """Parts that are shown one by one, too, together: without bases whose sum would tell of the few that are hidden."""
    few, alike, found = Counter[Base](), set[Base](), Counter[Fact]()
    for facts in parts:
        found.update(facts)
        for base, own in by_base(facts).items():
            n = people_in(own)
            few[base] += n if n < people_min else 0
            alike |= {base} if tells_on_everybody(own, people_min) else set()
    untold = alike | {base for base, n in few.items() if 0 < n < people_min}
    return {fact: n for fact, n in found.items() if base_of(fact) not in untold}


def people_in(facts: Facts) -> int:
    """How many people these facts of one base are about."""
    kinds = Counter[str]()
    for fact, n in facts.items():
        kinds[fact[0]] += n
    return next((kinds[kind] for kind in ("in-week", "eligible") if kind in kinds), kinds.total())


def newest_to_show(versions: Sequence[Instrument], facts: Facts, people_min: int) -> Instrument | None:
    """Of the versions of an instrument the newest one that enough people answered twice; or else once, or in a week.

    What people answered before a new version came stays to be seen until the new one has something to show.
    """
    newest_first = sorted(versions, key=lambda one: one.version, reverse=True)
    for kind in ("pair", "answer", "week"):
        for one in newest_first:
            bases = by_base(taken_together(facts, {one.code: one}))
            if any(people_in(own) >= people_min for base, own in bases.items() if base[:2] == (kind, one.code)):
                return one
    return None


def changed(before: Facts, now: Facts) -> int:
    """The fewest people whose change makes the one of the other: what somebody with both in hand can tell.

    Of a base with several kinds of facts it is the kind that the fewest of them changed in.
    """
    up, down = Counter[str](), Counter[str]()
    for fact in {*before, *now}:
        more = now.get(fact, 0) - before.get(fact, 0)
        (up if more > 0 else down)[fact[0]] += abs(more)
    return min((max(up[kind], down[kind]) for kind in {*up, *down} if up[kind] or down[kind]), default=0)


def tells_on_everybody(facts: Facts, people_min: int) -> bool:
    """All the same score or slope, or one person with more of it than all others together: numbers about persons."""
    scores: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for fact, n in facts.items():
        for at, score in _scores(fact):
            scores[at][score] += n
    slopes = _slopes(facts)
    alike: list[Counter[Any]] = [one for one in scores.values() if len(one) == 1]
    shown: list[Counter[Any]] = [slopes] if slopes else [*scores.values()]  # no release has a mean after each session
    if any(one.total() >= people_min and _is_of_one(one) for one in (*alike, *shown)):
        return True
    sessions = [int(fact[1]) for fact, n in facts.items() if fact[0] == "stay" for _ in range(min(n, 2))]
    total = sum(int(fact[1]) * n for fact, n in facts.items() if fact[0] == "stay")
    return bool(sessions) and 2 * max(sessions) > total > 0


def _is_of_one(scores: Counter[Any]) -> bool:
    """All the same, or so but for one person: whose distance from the lowest, or the highest, is most of all distances.

    Of ten who score 0 and one who scores 27 the exact mean and spread tell what each of them does. The lowest of all
    stands for the end of the scale: it hides whatever that would, and other scores that are nearly all the same.
    """
    low, high, n = min(scores), max(scores), scores.total()
    above = sum((score - low) * many for score, many in scores.items())
    return bool(low == high or 2 * (high - low) > min(above, (high - low) * n - above))


def _slopes(facts: Facts) -> Counter[Fraction]:
    """How many people's scores move by how much from session to session."""
    found = Counter[Fraction]()
    for fact, n in facts.items():
        if fact[0] == "sessions":
            points = [one.partition(":") for one in fact[2].split()]
            course = [int(session) for session, _, _ in points], [int(score) for _, _, score in points]
            found.update({Fraction(own, spread): n for spread, (own,) in slopes([course]).items()})
    return found


def _scores(fact: Fact) -> Iterator[tuple[str, int]]:
    """What figures are made of: each score with its time; of a pair the change, too."""
    match fact:
        case ("answer" | "week", _, _, _, score):
            yield "", int(score)
        case ("pair", _, _, _, _, _, first, later):
            yield from (("first", int(first)), ("later", int(later)), ("change", int(later) - int(first)))
        case ("together", _, scores):
            yield from ((str(place), int(score)) for place, score in enumerate(scores.split()))
        case ("sessions", _, course):
            for session, _, score in (one.partition(":") for one in course.split()):
                yield session, int(score)


def scored(facts: Facts) -> Facts:
    """Without mere numbers of people: of two days these may be near each other and of quite other people."""
    return {fact: n for fact, n in facts.items() if any(_scores(fact))}
