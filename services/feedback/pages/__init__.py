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
    course,
    instruments,
    kiosk,
    kiosks,
    link,
    milestones,
    own_instruments,
    paper,
    rotas,
    sheet,
    stories,
    taking_back,
    voices,
    yours,
)
from services.feedback.pages.templates import PAGES
from shared.doors import files

ANSWERING = (kiosk, link, acting, contact, yours, course, kiosks, paper, sheet)
MODULES = (check_ins, taking_back, concerns, rotas, batteries, contacts, instruments, own_instruments)
LOOP = (coding, voices, changes, stories, milestones)
ROUTERS = (files.for_people(PAGES, FILES), *(module.router for module in (*ANSWERING, *MODULES, *LOOP)))

__all__ = ["PAGES", "ROUTERS"]
