"""The pages of feedback: the check-in on a phone, and what staff see and set up."""

from services.feedback.imports import FILES
from services.feedback.pages import (
    acting,
    batteries,
    changes,
    check_ins,
    coding,
    concerns,
    contact,
    contacts,
    instruments,
    link,
    milestones,
    own_instruments,
    rotas,
    stories,
    voices,
    yours,
)
from services.feedback.pages.templates import PAGES
from shared.doors import files

MODULES = (link, acting, contact, yours, check_ins, concerns, rotas, batteries, contacts, instruments, own_instruments)
LOOP = (coding, voices, changes, stories, milestones)
ROUTERS = (files.for_people(PAGES, FILES), *(module.router for module in (*MODULES, *LOOP)))

__all__ = ["PAGES", "ROUTERS"]
