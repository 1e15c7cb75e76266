"""What people see of intake."""

from services.intake.pages import (
    enrol,
    facilitators,
    fragments,
    imports,
    organisation,
    participant,
    participants,
    programs,
    set_up,
    sign_in,
    sites,
)

# The form for enrolling stands before the page of one participant, whose address it would otherwise be.
ROUTERS = tuple(
    module.router
    for module in (
        sign_in,
        fragments,
        enrol,
        imports,
        participants,
        participant,
        set_up,
        organisation,
        sites,
        programs,
        facilitators,
    )
)

__all__ = ["ROUTERS"]
