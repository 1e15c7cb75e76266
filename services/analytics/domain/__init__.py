"""What the facts add up to: exact counts in, figures with their uncertainty out."""

from services.analytics.domain.change import DEFINITION, PEOPLE_MIN, Asked, Change, change
from services.analytics.domain.figures import Estimate
from services.analytics.domain.hiding import hidden
from services.analytics.domain.instrument import Instrument
from services.analytics.domain.people import UNKNOWN, Fact, People

__all__ = [
    "DEFINITION",
    "PEOPLE_MIN",
    "UNKNOWN",
    "Asked",
    "Change",
    "Estimate",
    "Fact",
    "Instrument",
    "People",
    "change",
    "hidden",
]
