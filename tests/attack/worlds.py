"""Organisations that never were: seeded people in programs, sites and cohorts, who join, leave and are told wrongly."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

Joint = dict[tuple[str, str, str, str, str], int]
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Person:
    """Where somebody is, and the values of their attributes."""

    program: int
    site: int
    cohort: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world may be."""

    people: tuple[int, int] = (200, 20_000)
    sites: int = 40
    programs: int = 8
    cohorts: int = 8
    attributes: int = 6


SMALL = Size(people=(200, 1_500), sites=8, programs=4, cohorts=3, attributes=3)
TINY = Size(people=(100, 600), sites=4, programs=2, cohorts=2, attributes=1)
NEW = Size(people=(2, 60), sites=4, programs=2, cohorts=2, attributes=2)
WHOLE = Size(people=(20_000, 25_000))


class World:
    """One organisation: how large its parts are is drawn once, its people come and go."""

    def __init__(self, seed: int, size: Size) -> None:
        self.chance = np.random.default_rng(seed)
        chance, (least, most) = self.chance, size.people
        self.aim = int(least * (most / least) ** chance.random())
        self.programs = int(chance.integers(1, size.programs + 1))
        self.cohorts = int(chance.integers(1, size.cohorts + 1))
        sites = int(chance.integers(2, max(3, min(size.sites, self.aim // 25) + 1)))
        self.open = [self._programs_of_a_site() for _ in range(sites)]
        self.sizes = [float(self._heavy()) for _ in range(sites)]
        self.shares = [
            self._shares(int(chance.integers(2, 7))) for _ in range(int(chance.integers(0, size.attributes + 1)))
        ]
        self.people: list[Person] = []

    def fill(self, share: float = 1.0) -> None:
        """So many of all people are there."""
        self.join(int(self.aim * share), newest=False)

    def join(self, many: int, newest: bool = True) -> None:
        """So many more; while a program runs, most are of the newest cohort."""
        chance = self.chance
        weights = np.array(self.sizes) / sum(self.sizes)
        sites = chance.choice(len(self.open), size=many, p=weights)
        columns = [chance.choice(len(shares), size=many, p=shares) for shares in self.shares]
        for at, site in enumerate(sites):
            programs = self.open[site]
            late = newest and chance.random() < 0.8
            self.people.append(
                Person(
                    programs[min(int(chance.exponential(1.0)), len(programs) - 1)],
                    int(site),
                    self.cohorts - 1 if late else int(chance.integers(self.cohorts)),
                    tuple(UNKNOWN if column[at] == 0 else f"v{column[at]}" for column in columns),
                )
            )

    def a_day(self) -> None:
        """Some days few join, some many; now and then somebody leaves, is corrected, a site opens, or more is asked."""
        chance = self.chance
        if chance.random() < 0.15:
            self.open.append(self._programs_of_a_site())
            self.sizes.append(float(np.median(self.sizes)))
        if chance.random() < 0.1:
            self.cohorts += 1
        self._ask_otherwise()
        many = (int(chance.integers(1, 11)), len(self.people) // 40 + 1, len(self.people) // 6 + 1)
        self.join(many[int(chance.choice(3, p=(0.5, 0.3, 0.2)))])
        if chance.random() < 0.25:
            for _ in range(min(int(chance.integers(1, 4)), len(self.people) - 1)):
                self.people.pop(int(chance.integers(len(self.people))))
        if chance.random() < 0.1:  # of one site most leave
            site = int(chance.integers(len(self.open)))
            self.people = [one for one in self.people if one.site != site or chance.random() < 0.2] or self.people
        if self.shares and chance.random() < 0.15:
            at = int(chance.integers(len(self.people)))
            values = ("v1", *self.people[at].values[1:])
            self.people[at] = replace(self.people[at], values=values)

    def _ask_otherwise(self) -> None:
        """Another attribute, of which nobody who is there was ever asked; or one that nobody has any more."""
        chance = self.chance
        if chance.random() < 0.08:
            self.shares.append(self._shares(int(chance.integers(2, 7))))
            self.people = [replace(one, values=(*one.values, UNKNOWN)) for one in self.people]
        if self.shares and chance.random() < 0.04:
            at = int(chance.integers(len(self.shares)))
            self.shares[at] = [1.0]
            self.people = [replace(one, values=_without(one.values, at)) for one in self.people]

    def joint(self) -> Joint:
        """How many people are what at once, as the store counts them."""
        found: Counter[tuple[str, str, str, str, str]] = Counter()
        for person, n in Counter(self.people).items():
            place = f"p{person.program}", f"s{person.site:02}", f"c{person.cohort}"
            found[*place, "", ""] += n
            for number, value in enumerate(person.values):
                found[*place, f"a{number}", value] += n
        return dict(found)

    def _programs_of_a_site(self) -> list[int]:
        """Most sites run few of the programs, so the table of both is sparse."""
        many = min(self.programs, 1 + int(self.chance.geometric(0.6)) - 1)
        return [int(one) for one in self.chance.choice(self.programs, size=max(1, many), replace=False)]

    def _heavy(self) -> float:
        return float(self.chance.pareto(1.2)) + 0.1

    def _shares(self, values: int) -> list[float]:
        """Of each value; some are rare. The first is unknown."""
        own = np.array([0.15 * self._heavy(), *(self._heavy() for _ in range(values))])
        return list(own / own.sum())


def _without(values: tuple[str, ...], at: int) -> tuple[str, ...]:
    return (*values[:at], UNKNOWN, *values[at + 1 :])


def sequence(seed: int, size: Size) -> Iterator[Joint]:
    """One organisation on the days of 3 to 10 releases."""
    world = World(seed, size)
    world.fill(0.3 + 0.7 * world.chance.random())
    yield world.joint()
    for _ in range(int(world.chance.integers(2, 10))):
        world.a_day()
        yield world.joint()


def table(seed: int, size: Size) -> Joint:
    """One organisation on one day."""
    world = World(seed, size)
    world.fill()
    return world.joint()
