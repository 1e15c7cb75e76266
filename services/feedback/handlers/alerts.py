"""Telling those who answer for a concern. Feedback does it itself: a concern waits neither for Kafka nor for intake."""

from datetime import timedelta
from uuid import UUID

from services.feedback import store
from services.feedback.domain.alerts import alert_words
from shared import clock, mail
from shared.database import Database
from shared.settings import Settings
from shared.web.filters import words


async def send(database: Database, settings: Settings, organisation_id: UUID, alert_id: UUID) -> mail.Refused | None:
    """Send one message, unless it was sent; gives why it did not go out."""
    async with database.transaction(organisation_id) as tx:
        now = clock.now()
        alert = await store.claim_alert(tx, organisation_id, alert_id, now, now + mail.LEASE)
        if alert is None:
            await store.let_ended_alert_rest(tx, alert_id)
            return None
    refused = await mail.deliver(settings, _letter(settings, alert))
    async with database.transaction(organisation_id) as tx:
        if refused is None:
            await store.end_alert(tx, alert_id, "sent")
        elif refused.is_final or (refused.counts and alert.attempts >= mail.ATTEMPTS_MAX):
            await store.end_alert(tx, alert_id, "failed")  # the clock of the concern goes on: the next level is asked
        else:
            again = clock.now() + timedelta(seconds=mail.seconds_until_next_attempt(refused, alert.attempts))
            attempts_max = alert.attempts if refused.counts else alert.attempts - 1
            await store.postpone_alert(tx, organisation_id, alert_id, again, attempts_max, refused)
    return refused


def _letter(settings: Settings, alert: store.Alert) -> mail.Letter:
    said = alert_words(
        name=alert.name,
        site=words(alert.site),
        by=alert.due_at,
        time_zone=alert.time_zone,
        public_url=settings.public_url,
        concern_id=alert.concern_id,
        others=alert.others,
    )
    return mail.Letter(alert.alert_id, alert.email, said.subject, said.body, "en")
