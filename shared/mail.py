"""Mail: sending it outside of any transaction. A mail server that is slow or away holds up nothing but the mail.

A timer a message brings it here, and is set again at once, so that a message survives this process. Whoever sends it
claims it first for as long as one try can take, sends it, and then writes down what became of it. A process that dies
in between makes a message go out twice, with the same Message-ID, rather than never.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib
import structlog

from shared import clock, metrics
from shared.database import OUTAGES, Database, Tx
from shared.doors import Running
from shared.fields import as_address
from shared.settings import Settings
from shared.timers import ABSENCE, HELD_UP_BY, HELD_UP_SINCE, REFUSAL, Timer, said_by, set_timer

log = structlog.get_logger()
WORKERS = 3
LEASE = timedelta(seconds=30)  # longer than one attempt can take
QUEUED_MAX = 500
SMTP_SECONDS_MAX = 5.0
ATTEMPTS_MAX = 30  # of a message that is refused: a day
WAIT_SECONDS_MAX = 3600  # between two attempts
AWAY_PAUSE_SECONDS = 10  # then one message tries whether it is back, and not all that wait
AWAY_SECONDS_MAX = 60  # while the server is away: it may be back at any time, and somebody may wait to be told
_STATUS = re.compile(r"\d\.\d{1,3}\.\d{1,3}\b")  # RFC 3463, at the beginning of what a server says
_NOBODY_THERE = re.compile(r"5\.(1\.([0-6]|10)|2\.\d{1,3})$")

Send = Callable[[Database, Settings, UUID, UUID], Awaitable["Refused | None"]]
"""Sends one message of an organisation, unless it is not wanted any more; gives why it did not go out."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message: to which address, and what it says there."""

    message_id: UUID
    to: str
    subject: str
    body: str
    language: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a message did not go out: for ever or for now, and whether the try counts."""

    is_final: bool
    counts: bool


def brings(message_id: UUID) -> dict[str, str]:
    """What a timer says that brings a message: which one."""
    return {"message_id": str(message_id)}


async def bring_again(tx: Tx, timer: Timer, refused: Refused | None = None) -> None:
    """Set the timer of a message once more. What it says of the tries that failed stays, with this one if it has.

    For the machinery alone: doors cannot read timers.
    """
    payload = await said_by(tx, timer.kind, timer.key) | timer.payload
    if refused:
        since = payload.get(HELD_UP_SINCE, clock.now().isoformat())
        payload |= {HELD_UP_SINCE: since, HELD_UP_BY: REFUSAL if refused.counts else ABSENCE}
    await set_timer(tx, replace(timer, payload=payload))


class Sender:
    """The messages that are due in this process, and those who send them."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._due: asyncio.Queue[tuple[UUID, UUID]] = asyncio.Queue(QUEUED_MAX)
        self._away_until = 0.0  # by the loop's clock: the server has just been away

    async def on_message_due(self, tx: Tx, timer: Timer) -> None:
        """Hand a message over to the senders; the timer comes back in case they do not get to it."""
        wait = timedelta(seconds=AWAY_SECONDS_MAX) if self._is_away() else LEASE
        await set_timer(tx, Timer(timer.kind, timer.key, timer.organisation_id, clock.now() + wait, timer.payload))
        if not self._due.full() and not self._is_away():
            self._due.put_nowait((timer.organisation_id, UUID(timer.payload["message_id"])))

    @property
    def tasks(self) -> tuple[Callable[[Running], Awaitable[None]], ...]:
        """Several send at a time: one that waits for a slow mail server holds up no other."""
        return (self._work,) * WORKERS

    async def _work(self, running: Running) -> None:
        while True:
            organisation_id, message_id = await self._due.get()
            if self._is_away():
                continue  # it comes back
            try:
                refused = await self._send(running.machinery, running.settings, organisation_id, message_id)
                if refused and not refused.counts:
                    self._away_until = asyncio.get_running_loop().time() + AWAY_PAUSE_SECONDS
            except OUTAGES as error:  # the store is away; the message comes back
                log.warning("sending waits", error=repr(error))
            except Exception:  # one message must not hold up the others, nor end the process; it comes back, too
                log.exception("a message was not sent", message_id=str(message_id))

    def _is_away(self) -> bool:
        return asyncio.get_running_loop().time() < self._away_until


def seconds_until_next_attempt(refused: Refused, attempts: int) -> int:
    """How long to wait after so many attempts."""
    longest = WAIT_SECONDS_MAX if refused.counts else AWAY_SECONDS_MAX
    return min(longest, 30 << min(max(attempts, 1) - 1, 20))


async def deliver(settings: Settings, letter: Letter) -> Refused | None:
    """Hand a message to the mail server, and count what became of it."""
    refused = await _deliver(settings, letter)
    result = "sent" if refused is None else "refused" if refused.counts else "away"
    metrics.MESSAGES_SENT.labels("mail", result).inc()
    return refused


async def _deliver(settings: Settings, letter: Letter) -> Refused | None:
    """Nothing about whom it is for is logged.

    A server that is away, or does not let us in, is waited for. One that refuses the message is tried for a day: it
    may know neither us nor our sender yet, and that is ours to repair. An address at which nobody is, is final.
    """
    if settings.smtp is None:
        log.warning("no mail server is set: messages wait", setting="KITH_SMTP")
        return Refused(is_final=False, counts=False)
    try:
        mail = _composed(settings, letter)
    except ValueError as error:
        log.warning("no mail can be made of a message", error=type(error).__name__)
        return Refused(is_final=True, counts=True)
    server = urlsplit(settings.smtp)
    is_encrypted = server.scheme == "smtps"
    try:
        async with asyncio.timeout(SMTP_SECONDS_MAX * 2):
            await aiosmtplib.send(
                mail,
                hostname=server.hostname,
                port=server.port or (465 if is_encrypted else 25),
                use_tls=is_encrypted,
                start_tls=True if server.username and not is_encrypted else None,  # None: if the server can
                username=unquote(server.username) if server.username else None,
                password=unquote(server.password) if server.password else None,
                timeout=SMTP_SECONDS_MAX,
            )
    except aiosmtplib.SMTPRecipientsRefused as refused:
        answer = refused.recipients[0]
        return _refused(answer.code, answer.message, is_about_address=True)
    except aiosmtplib.SMTPDataError as answer:
        return _refused(answer.code, answer.message, is_about_address=False)
    except (OSError, TimeoutError, aiosmtplib.SMTPException) as error:
        log.warning("the mail server is away", error=type(error).__name__)
        return Refused(is_final=False, counts=False)
    return None


def _composed(settings: Settings, letter: Letter) -> EmailMessage:
    """As it goes out; raises a ValueError if no mail server would take it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.mail_from, as_address(letter.to), letter.subject
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = f"<{letter.message_id}@{settings.mail_from.rpartition('@')[2].strip('> ')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = letter.language
    mail.set_content(letter.body, cte="quoted-printable")
    return mail


def _refused(code: int, message: str, *, is_about_address: bool) -> Refused:
    status = _STATUS.match(message)
    log.warning("the mail server refused a message", code=code, status=status and status[0])
    is_final = bool(_NOBODY_THERE.match(status[0])) if status else code >= 500 and is_about_address
    return Refused(is_final, counts=True)
