"""How long people stay, by session number; and why no figure here says what more sessions do."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, sqrt

from services.analytics.domain.figures import Estimate, Z

Stays = Mapping[tuple[int, bool], int]
"""How many people were there for so many sessions and then left (True), or are there still or completed (False)."""


@dataclass(frozen=True, slots=True)
class Step:
    """At a session: how many had stayed until then, how many left after it, and the share that stays beyond."""

    session: int
    at_risk: int
    left: int
    staying: Estimate


def kaplan_meier(stays: Stays) -> list[Step]:
    """The share that stays beyond each session at which somebody left (Kaplan and Meier 1958).

    Who is there still, or completed, is censored after their last session. Interval: Greenwood's variance on the
    log(-log) scale (Kalbfleisch and Prentice 1980), so that it stays between 0 and 1.
    """
    at_risk, staying, spread, steps = sum(stays.values()), 1.0, 0.0, []
    for session in sorted({one for one, _ in stays}):
        left = stays.get((session, True), 0)
        if left:
            staying *= 1 - left / at_risk
            spread = spread + left / (at_risk * (at_risk - left)) if at_risk > left else 0.0
            steps.append(Step(session, at_risk, left, _with_interval(staying, spread)))
        at_risk -= left + stays.get((session, False), 0)
    return steps


def _with_interval(staying: float, spread: float) -> Estimate:
    if not 0 < staying < 1:
        return Estimate(staying)
    margin = Z * sqrt(spread) / abs(log(staying))
    return Estimate(staying, staying ** exp(margin), staying ** exp(-margin))
