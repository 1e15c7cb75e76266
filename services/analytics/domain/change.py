"""One row of an answer: how a score changed between two occasions, for one group of people."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from services.analytics.domain.figures import Estimate
from services.analytics.domain.gain import gain, gain_by_change, mean_change
from services.analytics.domain.instrument import Instrument
from services.analytics.domain.pairs import Moments, moments
from services.analytics.domain.people import Cut, Fact, People, oldest, versions
from services.analytics.domain.reliable import counted
from shared.fields import invalid


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: an instrument at two occasions of a program."""

    program: str
    instrument: Instrument
    first: str
    later: str

    @property
    def pairs(self) -> Fact:
        """The base of the figures about those who answered at both."""
        return "pair", self.instrument.code, *sorted((self.first, self.later))

    def answered(self, occasion: str) -> Fact:
        """The base of the figures about those who answered at an occasion."""
        return "answer", self.instrument.code, occasion

    @property
    def asked_later(self) -> Fact:
        """The base of how many were to be asked at the later one, and have answered."""
        return "asked", self.later

    @property
    def answering(self) -> list[str]:
        """How the facts begin that tell who was asked at the later one, and who answered."""
        return [f"{state} {self.later}" for state in ("eligible", "invited", "reached", "responded")]

    @property
    def facts(self) -> list[str]:
        """How the facts begin that tell of these occasions."""
        code, known = self.instrument.code, sorted(versions(self.instrument))
        first, later = sorted((self.first, self.later))
        return [
            "enrolled",
            *self.answering,
            *(f"answer {code} {version} {at}" for version, at in product(known, (first, later))),
            *(f"pair {code} {one} {two} {first} {later}" for one, two in product(known, known)),
        ]


def must_differ(*occasions: str) -> None:
    """Refuse a change from one check-in to the same one."""
    if len(set(occasions)) < len(occasions):
        raise invalid("to", "same-check-in", "That names one check-in twice: give different ones, the later one last.")


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many people, as of one release; None is a number that must not be shown, or that is of another one.

    How many are enrolled has a clock of its own.
    """

    cut: Cut

    enrolled: int | None
    eligible: int | None
    invited: int | None
    reached: int | None
    first: int | None
    later: int | None
    paired: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """None is a figure that must not be shown, or that does not exist."""

    asked: Asked
    group: str | None
    n: Numbers
    suppressed: bool
    found: Moments | None = None
    mean: Estimate | None = None
    gain: Estimate | None = None
    gain_by_change: Estimate | None = None
    reliably: Mapping[str, int] | None = None

    @property
    def cut(self) -> Cut:
        """As of when it is."""
        return self.n.cut


def change(asked: Asked, people: People, group: str | None = None) -> Change:
    """The figures of one group."""
    instrument, threshold = asked.instrument, asked.instrument.threshold
    pairs = people.pairs(instrument, asked.first, asked.later)
    n = sum(pairs.values())
    suppressed = n < people.people_min
    found = None if suppressed else moments(pairs, instrument.unit, instrument.sign)
    return Change(
        asked,
        group,
        numbers(asked, people),
        suppressed,
        found=found,
        mean=mean_change(found) if found else None,
        gain=gain(found) if found else None,
        gain_by_change=gain_by_change(found) if found else None,
        reliably=counted(pairs, threshold.of) if found and threshold else None,
    )


def numbers(asked: Asked, people: People) -> Numbers:
    """How many people the figures of a group speak for, as of when those who answered twice are.

    Where these are hidden, as of when the first of the other numbers is.
    """
    paired = people.paired(asked.instrument, asked.first, asked.later)
    others = asked.asked_later, asked.answered(asked.first), asked.answered(asked.later)
    of_pairs = people.cuts_of(asked.pairs) if paired >= people.people_min else set()
    cut = oldest(of_pairs or people.cuts_of(*others))

    def shown(n: int) -> int | None:
        return None if n < people.people_min else n

    def beside(n: int, base: Fact) -> int | None:
        is_of_these = people.has_all(base, *([asked.pairs] if of_pairs else []))
        return shown(n) if is_of_these and people.cuts_of(base) | of_pairs == {cut} else None

    return Numbers(
        cut,
        enrolled=shown(people.enrolled),
        eligible=beside(people.at("eligible", asked.later), asked.asked_later),
        invited=beside(people.at("invited", asked.later), asked.asked_later),
        reached=beside(people.at("reached", asked.later), asked.asked_later),
        first=beside(sum(people.answers(asked.instrument, asked.first).values()), asked.answered(asked.first)),
        later=beside(sum(people.answers(asked.instrument, asked.later).values()), asked.answered(asked.later)),
        paired=shown(paired),
    )
