"""Intake: organisations, participants, consent, places, facilitators, and every message to participants."""

from services.intake import api, pages
from services.intake.handlers import (
    HANDLERS,
    before_batch,
    on_link_kept_long_enough,
    on_qualification_lapses,
    on_reminder_due,
    send,
)
from services.intake.store import FORGET_TIMER, LAPSE_TIMER, REMIND_TIMER, SEND_TIMER
from shared.mail import Sender
from shared.service import Service


def create() -> Service:
    """The parts of intake."""
    sender = Sender(send)
    return Service(
        name="intake",
        pages=pages.PAGES,
        routers=(*api.ROUTERS, *pages.ROUTERS),
        handlers=HANDLERS,
        before_batch=before_batch,
        timers={
            LAPSE_TIMER: on_qualification_lapses,
            FORGET_TIMER: on_link_kept_long_enough,
            REMIND_TIMER: on_reminder_due,
            SEND_TIMER: sender.on_message_due,
        },
        tasks=sender.tasks,
    )
