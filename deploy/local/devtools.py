"""The development issuer and the mail sink in one process, to save memory. `python -m` runs it."""

import asyncio
import os
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from deploy import Trouble
from deploy.local.issuer import Issuer, create_app
from deploy.local.mail import Mailbox, pages, serve_smtp
from deploy.local.people import DEFAULT
from shared.settings import host_and_port


def refuse_production(environment: str) -> None:
    """Anybody could sign in as anybody here."""
    if environment != "development":
        raise Trouble("The development issuer and mail sink do not run in production.")


async def serve() -> None:
    """Run until told to stop."""
    refuse_production(os.environ.get("KITH_ENVIRONMENT", "production"))
    data = Path(os.environ["KITH_DATA"])
    people = Path(os.environ.get("KITH_PEOPLE") or DEFAULT)
    mailbox = Mailbox(data / "mail")
    smtp = await serve_smtp(mailbox, *host_and_port(os.environ["KITH_SMTP_LISTEN"]))
    app = _app(Issuer(data, os.environ["KITH_PUBLIC_URL"], people), mailbox)
    host, port = host_and_port(os.environ["KITH_LISTEN"])
    server = uvicorn.Server(uvicorn.Config(app, host, port, log_level="warning", access_log=False))
    async with smtp:
        await server.serve()


def _app(issuer: Issuer, mailbox: Mailbox) -> FastAPI:
    app = create_app(issuer)
    app.include_router(pages(mailbox))
    return app


if __name__ == "__main__":
    try:
        asyncio.run(serve())
    except Trouble as trouble:
        sys.exit(str(trouble))
