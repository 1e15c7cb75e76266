"""What doors and clocks of analytics both do."""

from services.analytics.acts.release import Made, make_release
from services.analytics.acts.reproduce import ASIDE, NAMES, Figure, Published, compute_again, find_published
from services.analytics.acts.small_numbers import SmallNumbers, set_small_numbers

__all__ = [
    "ASIDE",
    "NAMES",
    "Figure",
    "Made",
    "Published",
    "SmallNumbers",
    "compute_again",
    "find_published",
    "make_release",
    "set_small_numbers",
]
