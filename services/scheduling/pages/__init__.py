"""The pages of scheduling: today, who needs follow-up, groups, sessions, files."""

from services.scheduling.pages import group, groups, imports, session, today
from services.scheduling.pages.frame import PAGES

ROUTERS = (imports.router, today.router, groups.router, group.router, session.router)

__all__ = ["PAGES", "ROUTERS"]
