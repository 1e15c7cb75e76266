"""What several doors do alike: invitations, of whoever is due and of whoever gets an address later."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.intake import store
from services.intake.domain.contact import Participant
from services.intake.domain.invitation import Occasion, invited, is_over, why_not
from services.intake.domain.reminders import planned, why_none
from shared import outbox
from shared.database import Tx
from shared.events.intake import CheckInInvited, InvitationFailed
from shared.inbox import locks


async def invite(tx: Tx, occasions: Sequence[Occasion], moment: datetime, causes: Mapping[UUID, UUID]) -> None:
    """Make links and queue their messages, or say why there are none. A link's token is in its message alone.

    `causes` has what was heard of an occasion; without it a person is the cause.
    """
    links: list[tuple[UUID, CheckInInvited]] = []
    messages: list[tuple[Occasion, str]] = []
    for occasion in occasions:
        if is_over(occasion, moment):
            continue
        tx.causation = causes.get(occasion.occasion_id)
        if reason := why_not(occasion):
            failed = InvitationFailed(occasion_id=occasion.occasion_id, reason=reason)
            outbox.put(tx, failed, organisation=occasion.organisation_id, at=moment)
            continue
        token = secrets.token_urlsafe(16)
        event = invited(occasion, hashlib.sha256(token.encode()).hexdigest(), "email")
        links.append((occasion.organisation_id, event))
        messages.append((occasion, token))
        outbox.put(tx, event, organisation=occasion.organisation_id, at=moment)
    await store.add_invitations(tx, links, moment)
    await store.add_messages(tx, messages, moment)
    await _plan_reminders(tx, [occasion for occasion, _ in messages], moment)


async def _plan_reminders(tx: Tx, invited: Sequence[Occasion], invited_at: datetime) -> None:
    """Whoever was invited just now is reminded on these days, unless something comes first.

    Of what comes first a completion may be known by now. It may be taken back: then these are the days.
    """
    reminded = [one for one in invited if one.reminders]
    hours = await store.hours_of(tx, [one.occasion_id for one in reminded])
    await store.plan_reminders(
        tx,
        [(one, number, at) for one in reminded for number, at in planned(one, hours[one.occasion_id], invited_at)],
    )
    completed = [one.occasion_id for one in reminded if why_none(one, invited_at) == "completed"]
    await store.cancel_reminders(tx, completed, "completed")


async def get_to_correct(tx: Tx, participant_id: UUID, site_ids: Sequence[UUID] | None) -> Participant:
    """A participant of one of these sites, locked, of whom nothing falls due before their contact is saved."""
    await locks.alone_with(tx, [participant_id])
    return await store.get_participant(tx, participant_id, site_ids)


async def save_contact(tx: Tx, before: Participant, after: Participant, moment: datetime) -> None:
    """Save a contact; whoever gets an address is asked at it what is open and was never sent to them."""
    await store.save_participant(tx, after)
    if after.email is None or after.email == before.email:
        return
    open_ones = await store.find_occasions(tx, await store.unsent_occasions(tx, after.participant_id))
    await invite(tx, [one for one in open_ones.values() if why_not(one) is None], moment, {})
