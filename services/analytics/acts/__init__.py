"""What doors and clocks of analytics both do."""

from services.analytics.acts.release import Made, make_release
from services.analytics.acts.small_numbers import SmallNumbers, set_small_numbers

__all__ = ["Made", "SmallNumbers", "make_release", "set_small_numbers"]
