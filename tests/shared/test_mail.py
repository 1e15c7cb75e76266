"""Mail servers as organisations have them: encrypted from the first byte, by STARTTLS, or not at all."""

import asyncio
import ssl
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from deploy.local.ports import free_port
from shared import clock, mail
from shared.settings import Settings


@dataclass
class MailServer:
    """What came, and as whom."""

    messages: list[Any] = field(default_factory=list)
    passwords: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append(envelope.content)
        return "250 OK"

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


async def sent(smtp: str) -> mail.Refused | None:
    given = settings(smtp)
    at = clock.now()
    one = mail.letter(given, to="a@b.example", subject="s", body="b", language="en", message_id=uuid4(), at=at)
    return await mail.deliver(given, one)


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
