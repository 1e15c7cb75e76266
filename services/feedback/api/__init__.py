"""What programs may ask of feedback, as JSON."""

from services.feedback.api import (
    batteries,
    changes,
    check_ins,
    concerns,
    contacts,
    fhir,
    instruments,
    kiosks,
    milestones,
    rotas,
    stories,
    voices,
)
from services.feedback.imports import FILES
from shared.doors import files

ANSWERS = (check_ins, fhir, kiosks)
MODULES = (instruments, batteries, contacts, rotas, concerns, *ANSWERS, voices, changes, stories, milestones)
ROUTERS = (files.for_programs("feedback", FILES), *(module.router for module in MODULES))

__all__ = ["ROUTERS"]
