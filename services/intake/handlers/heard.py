"""What intake does when it hears something: groups, occasions, answers."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from services.intake import store
from services.intake.domain.invitation import invited, is_over, why_not
from services.intake.domain.places import Group, fill
from services.intake.domain.sites import today_at
from services.intake.handlers.reminding import plan_reminders
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.events import Heard
from shared.events.feedback import CheckInSubmitted
from shared.events.intake import InvitationFailed
from shared.events.scheduling import CheckInDue, Due, FollowUpDue, GroupFormed, OccasionCancelled
from shared.identity import new_id
from shared.inbox import Handlers, locks


async def before_batch(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
    """Nobody else hears of the same people meanwhile; then groups and occasions are locked, in the order of doors."""
    events = [one.event for one in heard]
    told = {one.about[-1] for one in events}  # participants, and occasions where only these are named
    await locks.alone_with(tx, told | await store.people_of(tx, told))
    await store.lock_groups(tx, {one.key for one in events if isinstance(one, GroupFormed)})
    await store.lock_occasions(tx, {one.key for one in events})


async def on_group_formed(tx: Tx, heard: Heard[GroupFormed]) -> None:
    """A group has a capacity; one that grew takes in who waits."""
    formed, moment = heard.event, now()
    group = Group(
        formed.group_id, heard.organisation_id, formed.code, formed.program_id, formed.site_id, formed.capacity
    )
    await store.save_group(tx, group)
    known = await store.find_group(tx, formed.group_id)
    if known is None or not known.line:
        return
    places, events = fill(known, today_at(await store.find_site(tx, formed.site_id), moment))
    await store.save_places(tx, places)
    for event in events:
        outbox.put(tx, event, organisation=heard.organisation_id, at=moment)


async def on_check_in_due(tx: Tx, heard: Heard[CheckInDue]) -> None:
    """Somebody is to be asked how they are."""
    await _invite(tx, heard)


async def on_follow_up_due(tx: Tx, heard: Heard[FollowUpDue]) -> None:
    """Somebody is to be asked how they are, some time after the end."""
    await _invite(tx, heard)


async def on_occasion_cancelled(tx: Tx, heard: Heard[OccasionCancelled]) -> None:
    """Nobody is to be asked any more."""
    await store.save_occasion_state(tx, heard.organisation_id, heard.event.occasion_id, "cancelled")
    await store.drop_messages(tx, heard.event.occasion_id, now(), "cancelled")
    await store.cancel_reminders(tx, heard.event.occasion_id, "cancelled")


async def on_check_in_submitted(tx: Tx, heard: Heard[CheckInSubmitted]) -> None:
    """They have answered."""
    event = heard.event
    await store.save_occasion_state(tx, heard.organisation_id, event.occasion_id, "answered", event.participant_id)
    await store.drop_messages(tx, heard.event.occasion_id, now(), "answered")
    await store.cancel_reminders(tx, heard.event.occasion_id, "answered")


HANDLERS: Handlers = {
    GroupFormed: on_group_formed,
    CheckInDue: on_check_in_due,
    FollowUpDue: on_follow_up_due,
    OccasionCancelled: on_occasion_cancelled,
    CheckInSubmitted: on_check_in_submitted,
}


async def _invite(tx: Tx, heard: Heard[Due]) -> None:
    """Make a link and queue its message, or say why there is none. The link's token is nowhere but in the message."""
    organisation_id, moment = heard.organisation_id, now()
    await store.save_due(tx, organisation_id, heard.event)
    occasion = await store.find_occasion(tx, heard.event.occasion_id)
    if occasion is None or is_over(occasion, moment):
        return
    if reason := why_not(occasion):
        failed = InvitationFailed(occasion_id=occasion.occasion_id, reason=reason)
        outbox.put(tx, failed, organisation=organisation_id, at=moment)
        return
    token = secrets.token_urlsafe(16)
    event = invited(occasion, hashlib.sha256(token.encode()).hexdigest(), "email")
    await store.add_invitation(tx, organisation_id, event, moment)
    await store.add_message(tx, organisation_id, new_id(), occasion.occasion_id, token, moment)
    outbox.put(tx, event, organisation=organisation_id, at=moment)
    await plan_reminders(tx, occasion, moment)
