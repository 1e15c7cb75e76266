"""Scheduling: groups, sessions, attendance, and every due date."""

from services.scheduling import api, handlers, pages
from shared.service import Service, run


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


if __name__ == "__main__":
    run(create())
