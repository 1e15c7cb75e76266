"""What doors and clocks of analytics both do."""

from services.analytics.acts.release import Made, make_release
from services.analytics.acts.reproduce import ASIDE, Figure, Published, compute_again, figure_of, find_published
from services.analytics.acts.small_numbers import SmallNumbers, set_small_numbers

__all__ = [
    "ASIDE",
    "Figure",
    "Made",
    "Published",
    "SmallNumbers",
    "compute_again",
    "figure_of",
    "find_published",
    "make_release",
    "set_small_numbers",
]
