"""The parts of feedback, named."""

from services.feedback import api, handlers, pages, store
from shared.mail import Sender
from shared.service import Service


def create() -> Service:
    """The service; raises Malformed if an instrument that ships cannot be used."""
    store.library()
    sender = Sender(handlers.send)
    return Service(
        name="feedback",
        pages=pages.PAGES,
        routers=(*api.ROUTERS, *pages.ROUTERS),
        handlers=handlers.HANDLERS,
        timers={**handlers.TIMERS, store.ALERT_TIMER: sender.on_message_due},
        apart=handlers.APART,
        tasks=sender.tasks,
        before_batch=handlers.before_batch,
        measure=handlers.measure,
    )
