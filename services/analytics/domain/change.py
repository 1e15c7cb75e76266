"""One row of an answer: how a score changed between two occasions, for one group of people."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from services.analytics.domain.figures import Estimate
from services.analytics.domain.gain import gain, gain_by_change, mean_change
from services.analytics.domain.instrument import Instrument
from services.analytics.domain.pairs import Moments, moments
from services.analytics.domain.people import Cut, Fact, People, versions
from services.analytics.domain.reliable import counted
from shared.fields import invalid

DEFINITION = "change-1"
"""Which formulas: docs/statistics.md has them by this name."""


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
    """How many people; None is a number that must not be shown."""

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
    cut: Cut
    found: Moments | None = None
    mean: Estimate | None = None
    gain: Estimate | None = None
    gain_by_change: Estimate | None = None
    reliably: Mapping[str, int] | None = None


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
        people.as_of(asked.pairs),
        found=found,
        mean=mean_change(found) if found else None,
        gain=gain(found) if found else None,
        gain_by_change=gain_by_change(found) if found else None,
        reliably=counted(pairs, threshold.of) if found and threshold else None,
    )


def numbers(asked: Asked, people: People) -> Numbers:
    """How many people the figures of a group speak for."""
    counts = (
        people.enrolled,
        people.at("eligible", asked.later),
        people.at("invited", asked.later),
        people.at("reached", asked.later),
        sum(people.answers(asked.instrument, asked.first).values()),
        sum(people.answers(asked.instrument, asked.later).values()),
        people.paired(asked.instrument, asked.first, asked.later),
    )
    return Numbers(*(None if one < people.people_min else one for one in counts))
