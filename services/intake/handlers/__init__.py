"""What intake does when it hears something, when something falls due, and when a message is to be sent."""

from services.intake.handlers.due import on_link_kept_long_enough, on_qualification_lapses
from services.intake.handlers.heard import HANDLERS, before_batch
from services.intake.handlers.reminding import on_reminder_due
from services.intake.handlers.sending import send

__all__ = ["HANDLERS", "before_batch", "on_link_kept_long_enough", "on_qualification_lapses", "on_reminder_due", "send"]
