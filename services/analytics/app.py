"""The parts of analytics, named."""

from services.analytics import api, handlers, pages, store
from shared.service import Service


def create() -> Service:
    """The service."""
    return Service(
        name="analytics",
        pages=pages.PAGES,
        routers=(api.router, pages.router),
        handlers=handlers.HANDLERS,
        keeps_heard=True,
        timers=handlers.TIMERS,
        apart=handlers.APART,
        after_batch=handlers.after_batch,
        views={"facts": store.FACTS},
        after_switch=store.touch_everybody,
    )
