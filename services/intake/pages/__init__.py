"""What people see of intake."""

from services.intake.imports import FILES
from services.intake.pages import (
    enrol,
    erasing,
    facilitators,
    fragments,
    organisation,
    participant,
    participants,
    programs,
    set_up,
    sign_in,
    sites,
)
from services.intake.pages.frame import PAGES
from shared.doors import files

MODULES = (
    sign_in,
    fragments,
    enrol,
    erasing,
    participants,
    participant,
    set_up,
    organisation,
    sites,
    programs,
    facilitators,
)
# What has a name of its own stands before the page of one participant, whose address it would otherwise be.
ROUTERS = (files.for_people(PAGES, FILES), *(module.router for module in MODULES))

__all__ = ["PAGES", "ROUTERS"]
