"""Sending the messages to participants: what is looked at once more just before, and what is written down after."""

from datetime import datetime, timedelta
from uuid import UUID

from services.intake import store
from services.intake.domain.invitation import Occasion, has_consent, is_over, why_not
from services.intake.domain.letters import letter
from services.intake.domain.reminders import invitation_at, reminder_at, why_none
from shared import clock, mail, outbox
from shared.database import Database, Tx
from shared.events.intake import InvitationFailed, InvitationSent
from shared.settings import Settings


async def send(database: Database, settings: Settings, organisation_id: UUID, message_id: UUID) -> mail.Refused | None:
    """Send one message, unless it is not wanted any more; gives why it did not go out."""
    async with database.transaction(organisation_id) as tx:
        occasion = await store.find_occasion_of_message(tx, message_id)  # locked first, as those who hear of it do
        moment = clock.now()
        claim = await store.claim_message(tx, organisation_id, message_id, moment, moment + mail.LEASE)
        if occasion is None or claim is None:
            await store.let_ended_message_rest(tx, message_id)
            return None
        if not await _is_wanted(tx, occasion, message_id, claim.reminder):
            return None
        if await _waits(tx, occasion, message_id, claim):
            return None
    refused = await mail.deliver(settings, _letter(settings, claim, occasion, message_id))
    async with database.transaction(organisation_id) as tx:
        moment = clock.now()
        if refused is None:
            await _sent(tx, occasion, message_id, moment, claim.reminder)
        elif refused.is_final or (refused.counts and claim.attempts >= mail.ATTEMPTS_MAX):
            await _give_up(tx, occasion, message_id, moment, "refused-by-mail-server", claim.reminder)
        else:
            again = moment + timedelta(seconds=mail.seconds_until_next_attempt(refused, claim.attempts))
            attempts_max = claim.attempts if refused.counts else claim.attempts - 1
            await store.postpone_message(tx, organisation_id, message_id, again, attempts_max, refused)
    return refused


async def _is_wanted(tx: Tx, occasion: Occasion, message_id: UUID, reminder: int) -> bool:
    """Look once more, just before sending: an answer, a withdrawal or the end of the time may have come."""
    moment = clock.now()
    is_left_in_peace = reminder > 0 and why_none(occasion, moment) in ("completed", "withdrawn")
    if is_over(occasion, moment) or not has_consent(occasion) or is_left_in_peace:
        await store.end_message(tx, message_id, "dropped", moment, "not-wanted")
        return False
    if reason := why_not(occasion):
        await _give_up(tx, occasion, message_id, moment, reason, reminder)
        return False
    return True


async def _waits(tx: Tx, occasion: Occasion, message_id: UUID, claim: store.Claim) -> bool:
    """Put it off where the day has had its messages, or the site sleeps: a mail server may have been away till now."""
    moment = clock.now()
    pace = await store.pace_of(tx, occasion.occasion_id, moment, message_id)
    at = (
        reminder_at(pace, moment)
        if claim.reminder
        else invitation_at(pace, occasion.kind, moment, is_again=occasion.is_again)
    )
    if at <= moment or (claim.reminder == 0 and at >= occasion.closes_at):
        return False
    if at >= occasion.closes_at:
        await store.end_message(tx, message_id, "dropped", moment, "closed")
    else:
        attempts_max = claim.attempts - 1
        await store.postpone_message(tx, occasion.organisation_id, message_id, at, attempts_max, None)
    return True


async def _sent(tx: Tx, occasion: Occasion, message_id: UUID, moment: datetime, reminder: int) -> None:
    if await store.end_message(tx, message_id, "sent", moment):
        event = InvitationSent(occasion_id=occasion.occasion_id, sent_at=moment, reminder=reminder)
        outbox.put(tx, event, organisation=occasion.organisation_id, at=moment)


async def _give_up(tx: Tx, occasion: Occasion, message_id: UUID, moment: datetime, reason: str, reminder: int) -> None:
    if not await store.end_message(tx, message_id, "failed", moment, reason):
        return
    failed = InvitationFailed.model_validate(
        {"occasion_id": occasion.occasion_id, "reason": reason, "reminder": reminder}
    )
    outbox.put(tx, failed, organisation=occasion.organisation_id, at=moment)


def _letter(settings: Settings, claim: store.Claim, occasion: Occasion, message_id: UUID) -> mail.Letter:
    words = letter(
        language=occasion.language,
        kind=occasion.kind,
        name=claim.name,
        organisation=claim.organisation,
        link=f"{settings.public_url}/c/{claim.token}",
        closes_at=occasion.closes_at,
        time_zone=claim.time_zone,
        is_reminder=claim.reminder > 0,
    )
    assert occasion.email  # whoever has none was given up before
    return mail.Letter(message_id, occasion.email, words.subject, words.body, occasion.language)
