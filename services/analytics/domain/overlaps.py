"""Answers of the same people in several bases: who is a pair of two occasions is among the answers at each of them.

A reader subtracts the one from the other: what is left scored those who answered at the first and not at the second.
So no such rest is of a few people, nor differs by a few from what was left after an earlier release.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations

from services.analytics.domain.bases import Base, Facts
from services.analytics.domain.people import Fact

Column = tuple[str, str]
"""An instrument and an occasion."""
State = Mapping[Base, Facts]
"""What a reader has seen last of one group."""
Rest = Counter[tuple[str, ...]]
"""How many people with which scores."""
Sum = tuple[tuple[Base, ...], tuple[Base, ...], tuple[Column, ...]]
"""What is added, what is taken away, and the columns that all of these have."""


@cache
def columns(base: Base) -> tuple[Column, ...]:
    """At which occasions everybody in it answered which instrument; of other facts none."""
    match base:
        case ("answer", instrument, at):
            return ((instrument, at),)
        case ("pair", instrument, first, later):
            return (instrument, first), (instrument, later)
        case ("together", asked):
            return tuple((code, at) for code, _, at in (one.partition(":") for one in asked.split()))
        case _:
            return ()


class Scored:
    """What everybody in a base scored, counted once: while a release is made no facts change."""

    def __init__(self) -> None:
        self._scores: dict[tuple[Base, int, tuple[Column, ...]], Rest] = {}
        self._sizes: dict[int, int] = {}

    def rest(self, state: State, one: Sum, less: State | None = None) -> Rest:
        """What is left of a sum of which a reader has seen everything; `less`: what is taken away as seen then."""
        added, taken, shared = one
        found: Rest = Counter()
        for base in added:
            found.update(self._of(base, state[base], shared))
        for base in taken:
            found.subtract(self._of(base, (less or state)[base], shared))
        return found

    def size(self, state: State, one: Sum, less: State | None = None) -> int:
        """How many more people are in what is added than in what is taken away."""
        added, taken, _ = one
        return sum(self._size(state[base]) for base in added) - sum(self._size((less or state)[base]) for base in taken)

    def _size(self, facts: Facts) -> int:
        if id(facts) not in self._sizes:
            self._sizes[id(facts)] = sum(facts.values())
        return self._sizes[id(facts)]

    def _of(self, base: Base, facts: Facts, shared: tuple[Column, ...]) -> Rest:
        key = base, id(facts), shared
        if key not in self._scores:
            places = [columns(base).index(one) for one in shared]
            found: Rest = Counter()
            for fact, n in facts.items():
                scores = _of(fact)
                found[tuple(scores[place] for place in places)] += n
            self._scores[key] = found
        return self._scores[key]


class Overlaps:
    """The bases of one group, and what a reader saw of them after each release.

    `sizes`: how many people of the group are in each base, and how many of everybody: what is so of all is so of these.
    """

    def __init__(self, sizes: Sequence[Mapping[Base, int]], earlier: Sequence[State], scored: Scored) -> None:
        self.earlier, self.scored = list({id(each): each for each in earlier}.values()), scored
        self.sums: defaultdict[Base, list[Sum]] = defaultdict(list)
        for added, taken in _sums({base for base in sizes[0] if columns(base)}, sizes):
            shared = set.intersection(*(set(columns(one)) for one in (*added, *taken)))
            for base in (*added, *taken) if shared else ():
                self.sums[base].append((added, taken, tuple(sorted(shared))))

    def tells(self, state: State, base: Base, people_min: int) -> bool:
        """Whether this base tells of a few people, beside the others and beside what was seen of both before."""
        for one in self.sums[base]:
            used = {*one[0], *one[1]}
            if used <= state.keys():
                before = [each for each in self.earlier if used <= each.keys()]
                near = self._near(self.scored.size(state, one), before, one, people_min)
                if is_of_few(self.scored.rest(state, one), near, people_min):
                    return True
            if self._tells_across(state, base, one, people_min):
                return True
        return False

    def _tells_across(self, state: State, base: Base, one: Sum, people_min: int) -> bool:
        """Whether it does beside the others as they were seen on any earlier day: they were of other people then."""
        added, taken, _ = one
        days = ((state, each) if base in added else (each, state) for each in self.earlier)
        seen = ((of, less) for of, less in days if of.keys() >= set(added) and less.keys() >= set(taken))
        near = ((of, less) for of, less in seen if abs(self.scored.size(of, one, less)) < people_min)
        return any(is_of_few(self.scored.rest(of, one, less), (), people_min) for of, less in near)

    def _near(self, size: int, before: Sequence[State], one: Sum, people_min: int) -> Iterator[Rest]:
        """What was left before of about as many people: of others, as many at least have come or gone."""
        for each in before:
            if abs(self.scored.size(each, one) - size) < people_min:
                yield self.scored.rest(each, one)


def _sums(
    bases: Collection[Base], sizes: Sequence[Mapping[Base, int]]
) -> Iterator[tuple[tuple[Base, ...], tuple[Base, ...]]]:
    """What is added and what is taken away: a whole less a part of it, or less two parts."""
    everywhere = _everywhere(bases, sizes)
    for whole in bases:
        for part in bases:
            if part != whole and everywhere[part].issuperset(columns(whole)):
                yield (whole,), (part,)
    for both in bases:
        yield from _less_two_parts(
            both, {one: set(columns(one)) for one in bases if set(columns(one)) < set(columns(both))}
        )


def _less_two_parts(
    both: Base, inside: Mapping[Base, set[Column]]
) -> Iterator[tuple[tuple[Base, ...], tuple[Base, ...]]]:
    """Who is in both of the parts was taken away twice, and is added once."""
    for one, other in combinations(inside, 2):
        if inside[one] | inside[other] == set(columns(both)):
            for whole in inside:
                if inside[whole] <= inside[one] & inside[other]:
                    yield (whole, both), (one, other)


def _everywhere(bases: Collection[Base], sizes: Sequence[Mapping[Base, int]]) -> dict[Base, set[Column]]:
    """Of each base where everybody in it answered: of as many people as a wider base has, it is these same people."""
    by_columns = {frozenset(columns(one)): one for one in bases}
    same = [
        (set(few), set(columns(wide)))
        for wide in bases
        for many in range(1, len(columns(wide)))
        for few in combinations(columns(wide), many)
        if (narrow := by_columns.get(frozenset(few))) and any(one[narrow] == one[wide] for one in sizes)
    ]
    found = {base: set(columns(base)) for base in bases}
    for own in found.values():
        while more := [wide for few, wide in same if few <= own and not wide <= own]:
            own.update(*more)
    return found


def _of(fact: Fact) -> Sequence[str]:
    match fact:
        case ("answer", _, _, _, score):
            return (score,)
        case ("together", _, scores):
            return scores.split()
        case _:
            return fact[-2:]


def is_of_few(rest: Rest, before: Iterable[Rest], people_min: int) -> bool:
    """Whether what is left is of too few people, or differs by too few from what was left before."""
    return 0 < people(rest) < people_min or any(0 < people(less(rest, one)) < people_min for one in before)


def less(one: Rest, other: Rest) -> Rest:
    """The one without the other; below nobody where there were more in the other."""
    found = Counter(one)
    found.subtract(other)
    return found


def people(rest: Rest) -> int:
    """Of how many people at least it tells."""
    more = sum(n for n in rest.values() if n > 0)
    return max(more, more - sum(rest.values()))
