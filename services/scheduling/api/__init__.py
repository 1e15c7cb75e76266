"""The JSON doors of scheduling."""

from services.scheduling.api import groups, imports, occasions, sessions

ROUTERS = (groups.router, sessions.router, occasions.router, imports.router)
