"""Scheduling: groups, sessions, attendance, and every due date."""

from services.scheduling import api, handlers, pages
from shared.service import Service


def create() -> Service:
    """The parts of scheduling."""
    return Service(
        name="scheduling",
        pages=pages.PAGES,
        routers=(*api.ROUTERS, *pages.ROUTERS),
        handlers=handlers.HANDLERS,
        before_batch=handlers.before_batch,
        timers=handlers.TIMERS,
    )
