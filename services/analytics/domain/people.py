"""A group of people as cells tell it: how many are what. Every figure about them is read out of here."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import product

from services.analytics.domain.instrument import Instrument
from services.analytics.domain.pairs import Pairs

Fact = tuple[str, ...]
"""What kind of fact, and its parts, such as ("pair", "phq-9", "1", "1", "baseline", "end", "14", "9")."""
STAYING: Fact = ("stay",)
"""The base of how long people stay."""
COMPLETED: Fact = ("completed",)
"""The base of how many have completed the program."""
UNKNOWN = "unknown"
PEOPLE_MIN = 11
"""A cell with fewer people than this shows a sentence instead of numbers, unless the organisation decided otherwise."""
ANSWERED_MIN = 60
"""Under so many percent of answers no rate is given, only counts, unless the organisation decided otherwise."""
PARTS = {"answer": 4, "pair": 6, "week": 3, "in-week": 2}
"""Of facts that name an instrument next: how many parts say what was counted; how they scored comes after these.

Who answered in a week is counted once, with all versions that they answered: ("in-week", "phq-9", "1+2", "2025-w10").
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a number is as of: the release in which it moved last (None: now), and the newest event in its data."""

    release: int | None = None
    data_through: datetime | None = None


NOW = Cut()


@dataclass(frozen=True)
class People:
    """How many people of a group are what each fact says, and how many it takes to show a number about them.

    `answered_min`: how many percent of those asked have to have answered before a rate is given.
    `cut` is as of when all of it is, but for the bases that moved last in an earlier release: of several sites
    together in one or another. `hidden`: the bases that are not shown of some of them.
    """

    counts: Mapping[Fact, int] = field(default_factory=dict)
    people_min: int = PEOPLE_MIN
    cut: Cut = NOW
    cuts: Mapping[Fact, frozenset[Cut]] = field(default_factory=dict)
    answered_min: int = ANSWERED_MIN
    hidden: frozenset[Fact] = frozenset()

    def as_of(self, *bases: Fact) -> Cut:
        """As of when a figure is that rests on these bases: as of when the oldest of them is."""
        return oldest(self.cuts_of(*bases))

    def cuts_of(self, *bases: Fact) -> set[Cut]:
        """As of when these bases are. Numbers of two releases are not taken from each other, nor set side by side."""
        return {cut for one in bases for cut in self.cuts.get(one, (self.cut,))}

    def has_all(self, *bases: Fact) -> bool:
        """Whether these bases are of everybody here: of several sites together some may be hidden, each in its own."""
        return self.hidden.isdisjoint(bases)

    @property
    def enrolled(self) -> int:
        """People who agreed to be counted."""
        return self.counts.get(("enrolled",), 0)

    @property
    def completed(self) -> int:
        """Of these, who completed the program."""
        return self.counts.get(COMPLETED, 0)

    def at(self, state: str, occasion: str) -> int:
        """How many were eligible, invited, reached, or have responded, at an occasion."""
        return self.counts.get((state, occasion), 0)

    def answers(self, instrument: Instrument, occasion: str) -> Mapping[int, int]:
        """How many people scored what at an occasion, in counts of the unit."""
        found: Counter[int] = Counter()
        for version in versions(instrument):
            for fact, many in self._facts("answer", instrument.code, str(version), occasion):
                found[int(fact[4])] += many
        return found

    def pairs(self, instrument: Instrument, first: str, later: str) -> Pairs:
        """Those who answered at both occasions. Only versions that count the same are paired."""
        asked = instrument, first, later
        if asked not in self._paired:
            self._paired[asked] = self._pairs(*asked)
        return self._paired[asked]

    def _pairs(self, instrument: Instrument, first: str, later: str) -> Pairs:
        found: Counter[tuple[int, int]] = Counter()
        occasions = sorted((first, later))
        for one, two in product(map(str, versions(instrument)), repeat=2):
            for fact, many in self._facts("pair", instrument.code, one, two, *occasions):
                scores = int(fact[6]), int(fact[7])
                found[scores if fact[4] == first else scores[::-1]] += many
        return found

    def paired(self, instrument: Instrument, first: str, later: str) -> int:
        """How many answered at both occasions."""
        return sum(self.pairs(instrument, first, later).values())

    @property
    def stays(self) -> Mapping[tuple[int, bool], int]:
        """How many came to so many sessions and then left, or stay away (True), or are there or completed (False)."""
        return {(int(fact[1]), fact[2] == "left"): many for fact, many in self._facts("stay")}

    @property
    def came(self) -> int:
        """How many came to at least one session."""
        return sum(many for (sessions, _), many in self.stays.items() if sessions)

    @property
    def followed(self) -> int:
        """Of how many it is known whether they stay."""
        return sum(self.stays.values())

    @property
    def stayed(self) -> int:
        """How many have not left."""
        return sum(many for (_, is_gone), many in self.stays.items() if not is_gone)

    def weeks(self, instrument: Instrument) -> Mapping[str, Mapping[int, int]]:
        """By ISO week of the answer: how many answers had which score."""
        found: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for version in versions(instrument):
            for fact, many in self._facts("week", instrument.code, str(version)):
                found[fact[3]][int(fact[4])] += many
        return dict(sorted(found.items()))

    def in_week(self, instrument: Instrument) -> Mapping[str, int]:
        """By ISO week: how many people these answers are of, however often they answered."""
        found: Counter[str] = Counter()
        answered = dict(self._facts("in-week", instrument.code))
        for fact, many in taken_together(answered, {instrument.code: instrument}).items():
            found[fact[3]] += many
        return found

    def without(self, others: Collection["People"]) -> "People":
        """Those who are in none of the others: of whom it is not known to which they belong."""
        left = Counter(self.counts)
        for one in others:
            left.subtract(one.counts)
        return replace(self, counts={fact: many for fact, many in left.items() if many})

    def _facts(self, *place: str) -> Sequence[tuple[Fact, int]]:
        """Those of one kind that say that this was counted."""
        return self._placed.get(place, ())

    @cached_property
    def _paired(self) -> dict[tuple[Instrument, str, str], Pairs]:
        """Each sheet of a page asks for some of the same."""
        return {}

    @cached_property
    def _placed(self) -> Mapping[Fact, Sequence[tuple[Fact, int]]]:
        found: dict[Fact, list[tuple[Fact, int]]] = {}
        for one in self.counts.items():
            fact = one[0]
            found.setdefault(fact[: PARTS.get(fact[0], 1)], []).append(one)
        return found


def oldest(cuts: Iterable[Cut]) -> Cut:
    """Of what rests on all of these: whatever is newer in it, this much is in all of it."""
    return min(cuts, key=lambda one: one.release or 0)


def about(instrument: str, *kinds: str) -> list[str]:
    """How the facts of these kinds begin; those that tell of an instrument tell of this one."""
    return [f"{kind} {instrument}" if kind in PARTS else kind for kind in kinds]


def taken_together(facts: Mapping[Fact, int], known: Mapping[str, Instrument]) -> dict[Fact, int]:
    """Those that figures are made of: without what was answered to other versions than these, which no reader sees."""
    together = {code: frozenset(map(str, versions(one))) for code, one in known.items()}
    found: Counter[Fact] = Counter()
    for fact, many in facts.items():
        if own := _by(fact, together):
            found[own] += many
    return found


def _by(fact: Fact, together: Mapping[str, frozenset[str]]) -> Fact | None:
    """What it says of these versions, if it says anything."""
    match fact:
        case ("answer" | "week", instrument, version, *_):
            return fact if version in together.get(instrument, ()) else None
        case ("pair", instrument, first, later, *_):
            return fact if {first, later} <= together.get(instrument, frozenset()) else None
        case ("in-week", instrument, answered, week):
            own = together.get(instrument, frozenset()).intersection(answered.split("+"))
            return ("in-week", instrument, "+".join(sorted(own)), week) if own else None
    return fact


def versions(instrument: Instrument) -> frozenset[int]:
    """The versions whose scores may be taken together with those of this one."""
    return frozenset((instrument.version, *instrument.comparable_versions))
