"""What programs may ask of intake, as JSON."""

from services.intake.api import (
    enrolments,
    facilitators,
    imports,
    invitations,
    organisation,
    participants,
    readers,
    sites,
)

ROUTERS = tuple(
    module.router
    for module in (imports, organisation, sites, facilitators, participants, enrolments, invitations, readers)
)

__all__ = ["ROUTERS"]
