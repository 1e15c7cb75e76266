"""The parts of analytics, named."""

from services.analytics import api, handlers, pages
from shared.service import Service, run


def create() -> Service:
    """The service."""
    return Service(
        name="analytics",
        pages=pages.PAGES,
        routers=(api.router, pages.router),
        handlers=handlers.HANDLERS,
        keeps_heard=True,
        after_batch=handlers.after_batch,
    )


if __name__ == "__main__":
    run(create())
