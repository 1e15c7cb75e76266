"""Occasions: what falls due for an enrolment, when, and what becomes of it.

The state of an occasion follows from facts alone (enrolment, battery, attendance, answer) and the time, never from
the order in which the facts were heard. Only what has been said to others is never taken back silently.
"""

from services.scheduling.domain.occasions.plan import Wanted, plan
from services.scheduling.domain.occasions.settle import Settled, due, settle
from services.scheduling.domain.occasions.shapes import (
    OVERDUE_AFTER,
    Basis,
    Came,
    Enrolment,
    Entry,
    Occasion,
    OccasionState,
    Scored,
    TakenBack,
    ended_of,
    entries_of,
    months_between,
    occasion_id_of,
)

__all__ = [
    "OVERDUE_AFTER",
    "Basis",
    "Came",
    "Enrolment",
    "Entry",
    "Occasion",
    "OccasionState",
    "Scored",
    "Settled",
    "TakenBack",
    "Wanted",
    "due",
    "ended_of",
    "entries_of",
    "months_between",
    "occasion_id_of",
    "plan",
    "settle",
]
