"""A service's doors over a fresh store, in this process, with tokens signed by a key of the test's own."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.local.child import until
from deploy.local.ports import free_port
from shared import clock
from shared.doors import Running, frame
from shared.security import Verifier
from shared.service import Service
from shared.settings import Settings
from tests.conftest import running

ISSUER = "http://issuer.test"
KEY = ECKey.generate_key("P-256", {"kid": "test", "use": "sig"})


def token(role: str = "administrator", *sites: str, organisation: str = "harbour-trust", **claims: Any) -> str:
    """A token as the issuer gives them; without sites it is for all of them."""
    now = int(clock.now().timestamp())
    body = {
        "iss": ISSUER,
        "aud": "kith",
        "sub": f"{role}@{organisation}",
        "name": "Test Person",
        "iat": now,
        "exp": now + 3600,
        "organisation": organisation,
        "roles": [role],
        "sites": list(sites) or ["*"],
    }
    return jwt.encode({"alg": "ES256", "kid": "test"}, body | claims, KEY)


def bearer(role: str = "administrator", *sites: str, **claims: Any) -> dict[str, str]:
    """Headers for somebody with this role."""
    return {"authorization": f"Bearer {token(role, *sites, **claims)}"}


@asynccontextmanager
async def doors(service: Service, store: Any, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client at the doors of `service`, which works on `store`."""
    transport = httpx.ASGITransport(application(service, store, **settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://kith.test") as client:
        yield client


@asynccontextmanager
async def listening(service: Service, store: Any) -> AsyncIterator[str]:
    """The address of the same doors, open to other programs."""
    async with served(application(service, store)) as address:
        yield address


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The address at which an application is open to other programs."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    async with running(server.serve()):
        assert await until(partial(_has_started, server), 30)
        yield f"http://127.0.0.1:{port}"


async def _has_started(server: uvicorn.Server) -> bool:
    return server.started


def application(service: Service, store: Any, **settings: Any) -> FastAPI:
    """The doors themselves."""
    return frame(service.name, service.routers, service.pages, running_on(store, **settings))


def running_on(store: Any, **settings: Any) -> Running:
    """What a process holds that works on `store`."""
    verifier = Verifier(ISSUER, "kith")
    verifier.keys, verifier.asked_at = KeySet([KEY]), time.monotonic()
    given = {"environment": "development", "kafka": "127.0.0.1:1", "issuer": ISSUER, "public_url": "http://kith.test"}
    stores = {"database": store.dsn, "database_machinery": store.dsn_machinery}
    return Running(Settings(**given | stores | settings), store.doors, store.machinery, verifier)
