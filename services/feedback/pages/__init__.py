"""The pages of feedback: the check-in on a phone, and what staff see and set up."""

from services.feedback.imports import FILES
from services.feedback.pages import (
    batteries,
    check_ins,
    concerns,
    contact,
    contacts,
    instruments,
    link,
    own_instruments,
    rotas,
)
from services.feedback.pages.templates import PAGES
from shared.doors import files

MODULES = (link, contact, check_ins, concerns, rotas, batteries, contacts, instruments, own_instruments)
ROUTERS = (files.for_people(PAGES, FILES), *(module.router for module in MODULES))

__all__ = ["PAGES", "ROUTERS"]
