"""The pages of scheduling: today, who needs follow-up, groups, sessions, files."""

from services.scheduling.imports import FILES
from services.scheduling.pages import going, group, groups, occasions, session, today
from services.scheduling.pages.frame import PAGES
from shared.doors import files

# The page of a file stands before the page of one group, whose address it would otherwise be.
ROUTERS = (
    files.for_people(PAGES, FILES),
    today.router,
    occasions.router,
    groups.router,
    group.router,
    going.router,
    session.router,
)

__all__ = ["PAGES", "ROUTERS"]
