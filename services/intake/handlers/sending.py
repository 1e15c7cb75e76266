"""Sending messages. A mail server that is slow or away holds up nothing but the mail.

A timer a message brings it here, and is set again at once, so that a message survives this process. Whoever sends it
claims it first, sends it outside of any transaction, and then writes down what became of it. A process that dies in
between makes a message go out twice, with the same Message-ID, rather than never.
"""

import asyncio
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib
import structlog

from services.intake import store
from services.intake.domain.invitation import Occasion, has_consent, is_over, why_not
from services.intake.domain.letters import ATTEMPTS_MAX, letter, seconds_until_next_attempt
from shared import clock, outbox
from shared.database import OUTAGES, Database, Tx
from shared.doors import Running
from shared.events.intake import InvitationFailed
from shared.settings import Settings
from shared.timers import Timer, set_timer

log = structlog.get_logger()
WORKERS = 3
LEASE = timedelta(seconds=60)  # longer than one attempt can take
QUEUED_MAX = 500
SMTP_SECONDS_MAX = 5.0


class Sender:
    """The messages that are due in this process, and those who send them."""

    def __init__(self) -> None:
        self._due: asyncio.Queue[tuple[UUID, UUID]] = asyncio.Queue(QUEUED_MAX)

    async def on_message_due(self, tx: Tx, timer: Timer) -> None:
        """Hand a message over to the senders; the timer comes back in case they do not get to it."""
        due_at = clock.now() + LEASE
        await set_timer(tx, Timer(timer.kind, timer.key, timer.organisation_id, due_at, timer.payload))
        if not self._due.full():
            self._due.put_nowait((timer.organisation_id, UUID(timer.payload["message_id"])))

    async def run(self, running: Running) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work(running))

    async def _work(self, running: Running) -> None:
        while True:
            organisation_id, message_id = await self._due.get()
            try:
                await send(running.machinery, running.settings, organisation_id, message_id)
            except OUTAGES as error:  # the store is away; the message comes back
                log.warning("sending waits", error=repr(error))


async def send(database: Database, settings: Settings, organisation_id: UUID, message_id: UUID) -> None:
    """Send one message, unless it is not wanted any more."""
    async with database.transaction(organisation_id) as tx:
        occasion = await store.find_occasion_of_message(tx, message_id)  # locked first, as those who hear of it do
        claim = await store.claim_message(tx, message_id, clock.now(), clock.now() + LEASE)
        if occasion is None or claim is None:
            await store.let_ended_message_rest(tx, message_id)
            return
        if not await _is_wanted(tx, occasion, message_id):
            return
    mail = _mail(settings, claim, occasion, message_id)
    refused = await _deliver(settings, mail)
    async with database.transaction(organisation_id) as tx:
        moment = clock.now()
        if refused is None:
            await store.end_message(tx, message_id, "sent", moment)
        elif refused.is_final or (refused.counts and claim.attempts >= ATTEMPTS_MAX):
            await _give_up(tx, occasion, message_id, moment, "refused-by-mail-server")
        else:
            again = moment + timedelta(seconds=seconds_until_next_attempt(claim.attempts))
            attempts_max = ATTEMPTS_MAX if refused.counts else ATTEMPTS_MAX - 1
            await store.postpone_message(tx, organisation_id, message_id, again, attempts_max)


class _Refused:
    """Why a message did not go out: for ever or for now, and whether the try counts."""

    def __init__(self, *, is_final: bool, counts: bool) -> None:
        self.is_final, self.counts = is_final, counts


async def _is_wanted(tx: Tx, occasion: Occasion, message_id: UUID) -> bool:
    """Look once more, just before sending: an answer, a withdrawal or the end of the time may have come."""
    moment = clock.now()
    if is_over(occasion, moment) or not has_consent(occasion):
        await store.end_message(tx, message_id, "dropped", moment, "not-wanted")
        return False
    if reason := why_not(occasion):
        await _give_up(tx, occasion, message_id, moment, reason)
        return False
    return True


async def _give_up(tx: Tx, occasion: Occasion, message_id: UUID, moment: datetime, reason: str) -> None:
    if not await store.end_message(tx, message_id, "failed", moment, reason):
        return
    failed = InvitationFailed.model_validate({"occasion_id": occasion.occasion_id, "reason": reason})
    outbox.put(tx, failed, organisation=occasion.organisation_id, at=moment)


def _mail(settings: Settings, claim: store.Claim, occasion: Occasion, message_id: UUID) -> EmailMessage:
    words = letter(
        language=occasion.language,
        kind=occasion.kind,
        name=claim.name,
        organisation=claim.organisation,
        link=f"{settings.public_url}/c/{claim.token}",
        closes_at=occasion.closes_at,
        time_zone=claim.time_zone,
    )
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.mail_from, occasion.email, words.subject
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = f"<{message_id}@{settings.mail_from.rpartition('@')[2].strip('> ')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = occasion.language
    mail.set_content(words.body, cte="quoted-printable")
    return mail


async def _deliver(settings: Settings, mail: EmailMessage) -> _Refused | None:
    """Hand a message to the mail server. Nothing about whom it is for is logged.

    Only what is said of this recipient or this text counts. A wrong password, or a sender that the server does not
    know, is ours to repair, and the message waits for that.
    """
    if settings.smtp is None:
        return _Refused(is_final=False, counts=False)
    server = urlsplit(settings.smtp)
    try:
        async with asyncio.timeout(SMTP_SECONDS_MAX * 2):
            await aiosmtplib.send(
                mail,
                hostname=server.hostname,
                port=server.port or 25,
                username=unquote(server.username) if server.username else None,
                password=unquote(server.password) if server.password else None,
                timeout=SMTP_SECONDS_MAX,
            )
    except aiosmtplib.SMTPRecipientsRefused as refused:
        return _by_code(max((one.code for one in refused.recipients), default=550))
    except aiosmtplib.SMTPDataError as answer:
        return _by_code(answer.code)
    except (OSError, TimeoutError, aiosmtplib.SMTPException) as error:
        log.warning("the mail server is away", error=type(error).__name__)
        return _Refused(is_final=False, counts=False)
    return None


def _by_code(code: int) -> _Refused:
    log.warning("the mail server refused a message", code=code)
    return _Refused(is_final=code >= 500, counts=True)
