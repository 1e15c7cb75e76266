"""The JSON doors of scheduling."""

from services.scheduling.api import groups, occasions, sessions
from services.scheduling.imports import FILES
from shared.doors import files

ROUTERS = (files.for_programs("scheduling", FILES), groups.router, sessions.router, occasions.router)
