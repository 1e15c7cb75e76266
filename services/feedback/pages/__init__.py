"""The pages of feedback: the check-in on a phone, and what staff see and set up."""

from services.feedback.pages import batteries, check_ins, contacts, imports, link
from services.feedback.pages.templates import PAGES

ROUTERS = tuple(module.router for module in (link, imports, check_ins, batteries, contacts))

__all__ = ["PAGES", "ROUTERS"]
