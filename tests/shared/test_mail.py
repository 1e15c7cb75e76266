"""Mail servers as organisations have them: encrypted from the first byte, by STARTTLS, or not at all."""

import asyncio
import ssl
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from deploy.local.ports import free_port
from shared import mail
from shared.settings import Settings


@dataclass
class MailServer:
    """What came, and as whom; and what it answers to an address and to a text."""

    recipient: str = "250 OK"
    text: str = "250 OK"
    messages: list[Any] = field(default_factory=list)
    passwords: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append(envelope.content)
        return self.text

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient

    def session(self, certificate: ssl.SSLContext | None = None) -> SMTP:
        """It would take a password in the open, too."""
        return SMTP(self, authenticator=self.authenticate, auth_require_tls=False, tls_context=certificate)

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.passwords.append(data.password)
        return AuthResult(success=True)


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    """The server's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def settings(smtp: str) -> Settings:
    store = "postgresql://nobody@127.0.0.1:1/none"
    return Settings(
        database=store,
        database_machinery=store,
        kafka="127.0.0.1:1",
        issuer="http://kith.test",
        public_url="http://kith.test",
        smtp=smtp,
    )


async def sent(smtp: str, to: str = "a@b.example", subject: str = "s") -> mail.Refused | None:
    return await mail.deliver(settings(smtp), mail.Letter(uuid4(), to, subject, "b", "en"))


async def test_a_server_that_is_encrypted_from_the_first_byte(context: ssl.SSLContext) -> None:
    server, port, loop = MailServer(), free_port(), asyncio.get_running_loop()
    async with await loop.create_server(server.session, "127.0.0.1", port, ssl=context):
        assert await sent(f"smtps://kith:s%40fe@127.0.0.1:{port}") is None
    assert (len(server.messages), server.passwords) == (1, [b"s@fe"])


async def test_a_password_goes_by_starttls(context: ssl.SSLContext) -> None:
    server, port, loop = MailServer(), free_port(), asyncio.get_running_loop()
    async with await loop.create_server(partial(server.session, context), "127.0.0.1", port):
        assert await sent(f"smtp://kith:safe@127.0.0.1:{port}") is None
    assert (len(server.messages), server.passwords) == (1, [b"safe"])


async def test_a_password_is_never_sent_in_the_open() -> None:
    server, port, loop = MailServer(), free_port(), asyncio.get_running_loop()
    async with await loop.create_server(server.session, "127.0.0.1", port):
        assert await sent(f"smtp://kith:safe@127.0.0.1:{port}") == mail.Refused(is_final=False, counts=False)
        assert await sent(f"smtp://127.0.0.1:{port}") is None
    assert (len(server.messages), server.passwords) == (1, [])


@pytest.mark.parametrize(
    ("recipient", "text", "is_final"),
    [
        ("550 No such user", "", True),
        ("550 5.1.1 No such user", "", True),
        ("550 5.1.8 Sender's domain is unknown", "", False),
        ("554 5.7.1 Relay access denied", "", False),
        ("454 4.7.1 Relay access denied", "", False),
        ("250 OK", "554 5.7.1 Message rejected: the sender is not verified", False),
        ("250 OK", "554 Transaction failed", False),
        ("250 OK", "550 5.2.1 The mailbox is closed", True),
    ],
)
async def test_only_an_address_without_anybody_is_given_up_at_once(recipient: str, text: str, is_final: bool) -> None:
    server, port, loop = MailServer(recipient, text), free_port(), asyncio.get_running_loop()
    async with await loop.create_server(server.session, "127.0.0.1", port):
        assert await sent(f"smtp://127.0.0.1:{port}") == mail.Refused(is_final, counts=True)


@pytest.mark.parametrize(
    ("to", "subject"),
    [("a@b..example", "s"), ("a@@b.example", "s"), ("a@b.example\nBcc: c@d.example", "s"), ("(a@b.example)", "s"),
     ("a@b.example", "s\nBcc: c@d.example")],
)  # fmt: skip
async def test_what_cannot_be_a_mail_is_refused_for_good(to: str, subject: str) -> None:
    server, port, loop = MailServer(), free_port(), asyncio.get_running_loop()
    async with await loop.create_server(server.session, "127.0.0.1", port):
        assert await sent(f"smtp://127.0.0.1:{port}", to, subject) == mail.Refused(is_final=True, counts=True)
    assert server.messages == []


async def test_a_message_that_fails_holds_up_no_other() -> None:
    organisation, bad, good = uuid4(), uuid4(), uuid4()
    sent_all = asyncio.Event()

    async def send(_database: Any, _settings: Any, _organisation: UUID, message_id: UUID) -> None:
        if message_id == bad:
            raise ValueError(bad)
        sent_all.set()

    sender = mail.Sender(send)
    for message_id in (bad, good):
        sender._due.put_nowait((organisation, message_id))
    running: Any = SimpleNamespace(machinery=None, settings=None)
    work = asyncio.create_task(sender.tasks[0](running))
    async with asyncio.timeout(10):
        await sent_all.wait()
    work.cancel()
