"""What scheduling does with what it hears, and when its clocks ring."""

from services.scheduling.handlers.clocks import TIMERS
from services.scheduling.handlers.heard import HANDLERS, before_batch

__all__ = ["HANDLERS", "TIMERS", "before_batch"]
