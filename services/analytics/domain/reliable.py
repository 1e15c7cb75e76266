"""What changed for single people by more than their instrument's noise, and who crossed into or out of its cut-off."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from services.analytics.domain.figures import Z
from services.analytics.domain.pairs import Pairs

Reliably = Literal["improved", "unchanged", "deteriorated"]
Clinically = Literal["recovered", "improved", "unchanged", "deteriorated", "harmed"]
Lasting = Literal["maintained", "partly", "lost", "late", "never"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The smallest change of one person that is reliable, in counts, and which way is better."""

    counts: int
    sign: int
    caseness: int | None = None  # the best score, in counts, that is still clinical

    def of(self, first: int, later: int) -> Reliably:
        """What a pair of scores says of one person."""
        change = self.sign * (later - first)
        if change >= self.counts:
            return "improved"
        return "deteriorated" if -change >= self.counts else "unchanged"

    def is_case(self, score: int) -> bool:
        """Whether a score is on the clinical side; the cut-off itself is."""
        assert self.caseness is not None
        return self.sign * (score - self.caseness) <= 0

    def clinically(self, first: int, later: int) -> Clinically:
        """Jacobson and Truax 1991: reliable, and on which side of the cut-off before and after."""
        reliably = self.of(first, later)
        before, after = self.is_case(first), self.is_case(later)
        if reliably == "improved":
            return "recovered" if before and not after else "improved"
        if reliably == "deteriorated":
            return "harmed" if after and not before else "deteriorated"
        return "unchanged"


def reliable_change(sd: float, reliability: float) -> float:
    """From this many points on a change is more than noise: 1.96 * sqrt(2) * SE (Jacobson and Truax 1991)."""
    return Z * sqrt(2) * sd * sqrt(1 - reliability)


def counted(pairs: Pairs, judge: Callable[[int, int], str]) -> Mapping[str, int]:
    """How many people are what."""
    found: Counter[str] = Counter()
    for (first, later), many in pairs.items():
        found[judge(first, later)] += many
    return found


def improved(pairs: Pairs, threshold: Threshold) -> tuple[int, int]:
    """How many of how many improved reliably."""
    return counted(pairs, threshold.of).get("improved", 0), sum(pairs.values())


def lasting(threshold: Threshold, first: int, end: int, follow_up: int) -> Lasting:
    """Whether what somebody had gained at the end is still there later.

    Of those reliably improved at the end: maintained if the improvement since the first score is still reliable and
    nothing was reliably lost since the end, partly if one of the two holds, lost if neither. `late`: reliably improved
    only at the follow-up. `never`: neither at the end nor later.
    """
    is_still = threshold.of(first, follow_up) == "improved"
    if threshold.of(first, end) != "improved":
        return "late" if is_still else "never"
    is_kept = threshold.of(end, follow_up) != "deteriorated"
    if is_still and is_kept:
        return "maintained"
    return "partly" if is_still or is_kept else "lost"


@dataclass(frozen=True, slots=True)
class Course:
    """The four published rates of NHS Talking Therapies; `finished` is who answered both instruments at both times."""

    finished: int
    cases: int
    recovered: int
    improved: int
    reliably_recovered: int
    deteriorated: int


Quads = Mapping[tuple[int, ...], int]
"""How many people scored (PHQ-9 first, GAD-7 first, PHQ-9 later, GAD-7 later), points."""


def talking_therapies(quads: Quads, depression: Threshold, anxiety: Threshold) -> Course:
    """Over PHQ-9 and GAD-7 together (NHS Talking Therapies manual).

    Recovery is of those who were cases at the start. Reliable improvement and deterioration are of all who answered
    both instruments at both times, whether they completed the program or not.
    """
    found: Counter[str] = Counter()
    for (phq, gad, phq_later, gad_later), many in quads.items():
        was_case = depression.is_case(phq) or anxiety.is_case(gad)
        is_case = depression.is_case(phq_later) or anxiety.is_case(gad_later)
        ways = {depression.of(phq, phq_later), anxiety.of(gad, gad_later)}
        improved = "improved" in ways and "deteriorated" not in ways
        recovered = was_case and not is_case
        found["finished"] += many
        found["cases"] += many * was_case
        found["recovered"] += many * recovered
        found["improved"] += many * improved
        found["reliably_recovered"] += many * (recovered and improved)
        found["deteriorated"] += many * ("deteriorated" in ways and "improved" not in ways)
    names = ("finished", "cases", "recovered", "improved", "reliably_recovered", "deteriorated")
    return Course(*(found[name] for name in names))
