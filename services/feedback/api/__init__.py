"""What programs may ask of feedback, as JSON."""

from services.feedback.api import batteries, check_ins, contacts, imports, instruments

ROUTERS = tuple(module.router for module in (instruments, batteries, contacts, check_ins, imports))

__all__ = ["ROUTERS"]
