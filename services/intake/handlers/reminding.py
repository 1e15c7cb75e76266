"""Reminding whoever was invited and has not answered: planned with the invitation, looked at when it is time."""

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

from services.intake import store
from services.intake.domain.invitation import Occasion, invited
from services.intake.domain.reminders import reminder_at, why_none
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.timers import Timer


async def on_reminder_due(tx: Tx, timer: Timer) -> None:
    """Look once more whether somebody is to be reminded, and whether now is the time; then make a new link.

    The link of the invitation cannot be sent again: nothing is kept of it but a hash. Older links go on working.
    """
    moment, number = now(), int(timer.payload["number"])
    occasion = await store.find_occasion(tx, UUID(timer.payload["occasion_id"]))
    if occasion is None or not await store.is_planned(tx, occasion.occasion_id, number):
        return
    if reason := why_none(occasion, moment):
        await store.cancel_reminders(tx, [occasion.occasion_id], reason)
        return
    at = reminder_at(await store.pace_of(tx, occasion.occasion_id, moment), moment)
    if at >= occasion.closes_at:
        await store.cancel_reminders(tx, [occasion.occasion_id], "closed")
    elif at > moment:
        await store.plan_reminders(tx, [(occasion, number, at)])
    else:
        await _remind(tx, occasion, number, moment)


async def _remind(tx: Tx, occasion: Occasion, number: int, moment: datetime) -> None:
    token, organisation_id = secrets.token_urlsafe(16), occasion.organisation_id
    event = invited(occasion, hashlib.sha256(token.encode()).hexdigest(), "email", number)
    await store.add_invitations(tx, [(organisation_id, event)], moment)
    await store.queue_reminder(tx, occasion.occasion_id, number)
    await store.add_messages(tx, [(occasion, token)], moment, number)
    outbox.put(tx, event, organisation=organisation_id, at=moment)
