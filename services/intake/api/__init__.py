"""What programs may ask of intake, as JSON."""

from services.intake.api import (
    enrolments,
    erasing,
    facilitators,
    invitations,
    organisation,
    participants,
    readers,
    sites,
)
from services.intake.imports import FILES
from shared.doors import files

MODULES = (organisation, sites, facilitators, participants, enrolments, erasing, invitations, readers)
ROUTERS = (files.for_programs("intake", FILES), *(module.router for module in MODULES))

__all__ = ["ROUTERS"]
