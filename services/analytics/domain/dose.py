"""By how many sessions people came to: what changed for them. It says nothing of what more sessions would do."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.analytics.domain.change import Asked, change
from services.analytics.domain.figures import Estimate
from services.analytics.domain.outcomes import Rate, outcomes
from services.analytics.domain.people import Cut, People

SESSIONS = "sessions attended"
"""The label by which people are told apart so. No attribute has this name: its code would have no space."""
BANDS: Mapping[str, str] = {"0-1": "0 or 1", "2-4": "2 to 4", "5-8": "5 to 8", "9+": "9 or more"}
"""How many sessions, in words. From two on somebody takes part; the cells are counted by the same borders."""


@dataclass(frozen=True, slots=True)
class Dose:
    """Those who came to so many sessions. None is a figure that must not be shown, or that does not exist."""

    sessions: str
    suppressed: bool
    cut: Cut
    n: int | None = None
    mean_first: float | None = None
    mean: Estimate | None = None
    improved: Rate | None = None


def dose(asked: Asked, people: People, sessions: str) -> Dose:
    """Their first scores, their mean change, and how many of them improved reliably; of those who answered twice."""
    changed = change(asked, people)
    if changed.found is None:
        return Dose(sessions, suppressed=True, cut=changed.cut)
    became = outcomes(asked, people)
    first, n = float(changed.found.first), changed.n.paired
    return Dose(sessions, False, became.cut, n, first, changed.mean, became.improved)
