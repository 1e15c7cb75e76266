"""What feedback does when it hears something, when a clock rings, when somebody is to be told or counts."""

from services.feedback.handlers.alerts import send
from services.feedback.handlers.clocks import APART, TIMERS
from services.feedback.handlers.heard import HANDLERS, before_batch
from services.feedback.handlers.measuring import measure

__all__ = ["APART", "HANDLERS", "TIMERS", "before_batch", "measure", "send"]
