"""The mail sink takes real messages and shows them."""

from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
from fastapi import FastAPI

from deploy.local.mail import NEWEST, Mailbox, pages, serve_smtp
from deploy.local.ports import free_port


def a_message(to: str = "ana@example.org", text: str = "Hello") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "kith@localhost", to, "Tonight, à 18 h"
    message.set_content(text)
    return message


async def test_a_message_is_taken_and_shown(tmp_path: Path) -> None:
    mailbox, port = Mailbox(tmp_path), free_port()
    text = "Come in: http://127.0.0.1:8080/c/abc?x=1&y=2\n<script>alert(1)</script>"
    async with await serve_smtp(mailbox, "127.0.0.1", port):
        await aiosmtplib.send(a_message(text=text), hostname="127.0.0.1", port=port)
        await aiosmtplib.send(a_message(to="joon@example.org"), hostname="127.0.0.1", port=port)
    app = FastAPI()
    app.include_router(pages(mailbox))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as browser:
        everything = (await browser.get("/mail/api/messages")).json()
        assert [one["to"] for one in everything] == ["joon@example.org", "ana@example.org"]
        [mine] = (await browser.get("/mail/api/messages", params={"to": "ana@example.org"})).json()
        assert (mine["subject"], mine["text"].strip()) == ("Tonight, à 18 h", text)
        page = await browser.get(f"/mail/{mine['id']}")
        assert '<a href="http://127.0.0.1:8080/c/abc?x=1&amp;y=2"' in page.text
        assert "<script>" not in page.text
        assert "Tonight" in (await browser.get("/mail")).text
        assert (await browser.get("/mail/..%2Fsecrets")).status_code == 404


def test_the_newest_are_kept_over_a_restart(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    for number in range(NEWEST + 3):
        mailbox.put(["a@example.org"], a_message(text=str(number)).as_bytes())
    assert len(list(tmp_path.glob("*.eml"))) == NEWEST
    again = Mailbox(tmp_path)
    assert again.newest_first()[0].text.strip() == str(NEWEST + 2)
    assert len(again.newest_first()) == NEWEST
    assert again.put(["b@example.org"], b"Subject: x\r\n\r\ny").id > again.newest_first()[1].id
