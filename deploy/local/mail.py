"""The development mail sink: takes every message, shows it on a page, and sends nothing on."""

import asyncio
import re
from collections import deque
from dataclasses import asdict, dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from shared import clock

NEWEST = 2000
_BYTES_MAX = 1_000_000
_LINK = re.compile(r"https?://[^\s<>\"')]+")
_PAGES = Environment(loader=PackageLoader("deploy.local"), autoescape=True)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Message:
    """A message as the page shows it."""

    id: str
    to: str
    subject: str
    text: str
    received_at: str


class Mailbox:
    """The newest messages, as files in a folder and as values here."""

    def __init__(self, folder: Path) -> None:
        """What an earlier run kept is read again."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        kept = sorted(folder.glob("*.eml"))[-NEWEST:]
        self._messages = deque((_read(path.stem, path.read_bytes()) for path in kept), maxlen=NEWEST)
        self._last = int(kept[-1].stem) if kept else 0

    def put(self, recipients: list[str], content: bytes) -> Message:
        """Keep a message, and let the oldest go."""
        self._last += 1
        number = f"{self._last:09d}"
        envelope = f"X-Envelope-To: {', '.join(recipients)}\r\nX-Received-At: {clock.now().isoformat()}\r\n"
        whole = envelope.encode() + content
        fresh = self._folder / f"{number}.new"
        fresh.write_bytes(whole)
        fresh.replace(self._folder / f"{number}.eml")
        (self._folder / f"{self._last - NEWEST:09d}.eml").unlink(missing_ok=True)
        message = _read(number, whole)
        self._messages.append(message)
        return message

    def newest_first(self, to: str = "") -> list[Message]:
        """All messages, or those to an address that contains `to`."""
        return [one for one in reversed(self._messages) if to.lower() in one.to.lower()]

    def get(self, number: str) -> Message:
        """One message."""
        for message in self._messages:
            if message.id == number:
                return message
        raise HTTPException(404, "There is no such message.")


class _Receiver:
    """What aiosmtpd calls for each message."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        try:
            self._mailbox.put(envelope.rcpt_tos, content)
        except OSError:
            return "451 The mail sink cannot write to its folder, try again later"
        return "250 OK"


async def serve_smtp(mailbox: Mailbox, host: str, port: int) -> asyncio.Server:
    """Listen for messages."""

    def session() -> SMTP:
        return SMTP(_Receiver(mailbox), hostname="localhost", data_size_limit=_BYTES_MAX, enable_SMTPUTF8=True)

    return await asyncio.get_running_loop().create_server(session, host, port)


def pages(mailbox: Mailbox) -> APIRouter:
    """The list, one message, and the same as JSON."""
    router = APIRouter()

    @router.get("/mail/api/messages")
    async def messages(to: str = "") -> list[dict[str, str]]:
        return [asdict(message) for message in mailbox.newest_first(to)]

    @router.get("/mail")
    async def inbox(to: str = "") -> HTMLResponse:
        page = _PAGES.get_template("mail.html")
        shown = page.render(messages=mailbox.newest_first(to)[:200], to=to)
        return HTMLResponse(shown, headers=_HEADERS)

    @router.get("/mail/{number}")
    async def one(number: str) -> HTMLResponse:
        message = mailbox.get(number)
        page = _PAGES.get_template("message.html")
        shown = page.render(message=message, text=_with_links(message.text))
        return HTMLResponse(shown, headers=_HEADERS)

    return router


def _read(number: str, content: bytes) -> Message:
    parsed = message_from_bytes(content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    body = parsed.get_body(("plain", "html"))
    return Message(
        id=number,
        to=str(parsed["X-Envelope-To"]),
        subject=str(parsed["Subject"] or "(no subject)"),
        text="\n".join(str(body.get_content()).splitlines()) if body else "",
        received_at=str(parsed["X-Received-At"]),
    )


def _with_links(text: str) -> Markup:
    """The text, safe to show, with its addresses to click on."""
    shown, end = Markup(), 0
    for found in _LINK.finditer(text):
        shown += escape(text[end : found.start()])
        shown += Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(found[0])
        end = found.end()
    return shown + escape(text[end:])
