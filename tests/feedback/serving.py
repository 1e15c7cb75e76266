"""Feedback behind the gateway as it ships, in a real browser; the service can be stopped and come back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from joserfc.jwk import KeySet

from deploy.local.gateway import Gateway
from deploy.local.jars import htmx
from deploy.local.ports import free_port
from services.feedback.app import create
from shared.doors import Running, frame
from shared.security import Verifier
from shared.settings import Settings
from tests.conftest import eventually
from tests.doors import ISSUER, KEY
from tests.local.conftest import running


class Served:
    """Feedback at a port of its own, behind the gateway at `address`."""

    def __init__(self, store: Any, address: str) -> None:
        self.address, self.port = address, free_port()
        settings = Settings(
            environment="development",
            database=store.dsn,
            database_machinery=store.dsn_machinery,
            kafka="127.0.0.1:1",
            issuer=ISSUER,
            public_url=address,
        )
        verifier = Verifier(ISSUER, "kith")
        verifier.keys, verifier.asked_at = KeySet([KEY]), time.monotonic()
        service = create()
        self.app = frame(
            service.name, service.routers, service.pages, Running(settings, store.doors, store.machinery, verifier)
        )

    async def start(self) -> None:
        """It answers from now on."""
        self.server = uvicorn.Server(uvicorn.Config(self.app, port=self.port, log_level="warning"))
        self.serving = asyncio.create_task(self.server.serve())

        async def has_started() -> bool:
            return self.server.started

        await eventually(has_started)

    async def stop(self) -> None:
        """The gateway is alone."""
        self.server.should_exit = True
        await self.serving


@asynccontextmanager
async def served(store: Any, data: Path) -> AsyncIterator[Served]:
    """Both, for as long as a test needs them."""
    await asyncio.to_thread(htmx, data)
    port = free_port()
    one = Served(store, f"http://127.0.0.1:{port}")
    others = {name: [free_port()] for name in ("intake", "scheduling", "analytics")}
    await one.start()
    async with running(Gateway(data, port, others | {"feedback": [one.port]}, free_port()), data):
        yield one
    await one.stop()
