"""What feedback does when it hears something, when a clock rings, and when somebody is to be told."""

from services.feedback.handlers.alerts import send
from services.feedback.handlers.clocks import TIMERS
from services.feedback.handlers.heard import HANDLERS

__all__ = ["HANDLERS", "TIMERS", "send"]
