"""For the tests of intake: its doors over a real store, people with signed tokens, and what it says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from joserfc.jwk import KeySet
from starlette.staticfiles import StaticFiles

from deploy.local.issuer import Issuer
from deploy.local.issuer import create_app as create_issuer
from deploy.local.jars import htmx
from deploy.local.people import Person
from deploy.local.ports import free_port
from deploy.local.tokens import Signer
from services.intake.app import create
from services.intake.handlers import HANDLERS
from shared.clock import now
from shared.doors import Running, frame
from shared.events import Event, Heard
from shared.events.scheduling import CheckInDue, FollowUpDue, GroupFormed
from shared.identity import derived_id, new_id, organisation_id
from shared.inbox import handle
from shared.security import Verifier
from shared.settings import Settings
from shared.web import STATIC
from tests.conftest import eventually

HOME = "http://kith.test"
ORGANISATION = organisation_id("harbour-trust")


@dataclass
class Intake:
    """Intake's doors, its store, and people who come to them."""

    client: httpx.AsyncClient
    running: Running
    signer: Signer
    versions: dict[UUID, int] = field(default_factory=dict)

    def token(self, role: str, *sites: str, organisation: str = "harbour-trust") -> str:
        """A signed token."""
        return self.signer.token(Person(organisation, f"A {role}", (role,), sites or ("*",)))

    async def ask(self, method: str, path: str, role: str = "coordinator", *sites: str, **more: Any) -> httpx.Response:
        """Ask the JSON doors as somebody."""
        organisation = more.pop("organisation", "harbour-trust")
        headers = {"authorization": f"Bearer {self.token(role, *sites, organisation=organisation)}"}
        address = path if path.startswith("/intake") else f"/intake/api/v1{path}"
        return await self.client.request(method, address, headers=headers | more.pop("headers", {}), **more)

    async def put(self, path: str, body: Any, role: str = "administrator", *sites: str, **more: Any) -> dict[str, Any]:
        """Put something that must go in."""
        answer = await self.ask("PUT", path, role, *sites, json=body, **more)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def post(self, path: str, body: Any, role: str = "coordinator", *sites: str, **more: Any) -> dict[str, Any]:
        """Post something that must go in."""
        answer = await self.ask("POST", path, role, *sites, json=body, **more)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def hear(self, event: Event, organisation: UUID = ORGANISATION) -> None:
        """Let intake hear an event, as its consumer would."""
        version = self.versions[event.key] = self.versions.get(event.key, 0) + 1
        async with self.running.machinery.transaction(organisation) as tx:
            await handle(HANDLERS, tx, [Heard(event, new_id(), organisation, now(), version)])

    async def said(self, *wires: str) -> list[dict[str, Any]]:
        """What intake has said, oldest first, each with its name on the wire."""
        rows = await self.running.machinery.pool.fetch("select headers, value from machinery.outbox order by id")
        events = []
        for row in rows:
            wire = json.loads(row["headers"])["ce_type"].removeprefix("org.kith.").removesuffix(".v1")
            events.append(json.loads(row["value"]) | {"wire": wire})
        return [one for one in events if not wires or one["wire"] in wires]

    async def rows(self, sql: str, *args: Any) -> list[Any]:
        """Look into the store, to see what is there."""
        async with self.running.machinery.transaction(ORGANISATION) as tx:
            return await tx.fetch(sql, *args)

    async def set_up(self, capacity: int = 2) -> None:
        """An organisation with two sites, a program and a group at the first."""
        await self.put("/organisation", AN_ORGANISATION)
        await self.put("/sites/old-town", {"name": "Old Town", "time_zone": "Europe/Madrid", "languages": ["es", "en"]})
        await self.put("/sites/north-quay", {"name": "North Quay", "time_zone": "Europe/London", "languages": ["en"]})
        await self.put("/programs/new-roots", {"name": "New Roots", "sites": ["old-town"], "objectives": ["belonging"]})
        await self.hear(a_group("evening-circle", capacity=capacity))


A_FACILITATOR = {
    "name": "Ines",
    "email": "ines@example.org",
    "sites": ["old-town"],
    "qualifications": [{"code": "group-lead", "valid_until": "2199-01-01"}],
}
AN_ORGANISATION = {
    "name": "Harbour Trust",
    "attributes": [
        {"code": "age-band", "label": "Age band", "options": [{"code": "26-40", "label": "26 to 40"}]},
    ],
}


def a_group(code: str = "evening-circle", **changed: Any) -> GroupFormed:
    """A group of New Roots at Old Town."""
    body: dict[str, Any] = {
        "group_id": derived_id(ORGANISATION, "group", code),
        "code": code,
        "program_id": derived_id(ORGANISATION, "program", "new-roots"),
        "site_id": derived_id(ORGANISATION, "site", "old-town"),
        "capacity": 2,
        "weekday": 2,
        "starts_at_local": "18:00",
        "minutes": 90,
        "first_on": "2025-03-04",
    }
    return GroupFormed.model_validate(body | changed)


def a_participant(name: str = "Marisol", **changed: Any) -> dict[str, Any]:
    """Somebody for New Roots at Old Town, with a place in Evening Circle."""
    return {
        "preferred_name": name,
        "email": f"{name.lower()}@example.org",
        "language": "es",
        "program": "new-roots",
        "site": "old-town",
        "group": "evening-circle",
        "attributes": {"age-band": "26-40"},
        "consent": {
            "text": "standard",
            "version": 1,
            "taking_part": True,
            "reporting": True,
            "contact_after": False,
        },
    } | changed


def a_due(enrolled: dict[str, Any], kind: str = "monthly", code: str = "month-2", **changed: Any) -> CheckInDue:
    """An occasion of somebody enrolled, open for two weeks from now."""
    body: dict[str, Any] = {
        "occasion_id": derived_id(UUID(enrolled["enrolment_id"]), code, "0"),
        "participant_id": enrolled["participant_id"],
        "enrolment_id": enrolled["enrolment_id"],
        "program_id": derived_id(ORGANISATION, "program", "new-roots"),
        "site_id": derived_id(ORGANISATION, "site", "old-town"),
        "kind": kind,
        "code": code,
        "ordinal": 0,
        "instruments": ["belonging"],
        "due_at": now(),
        "opens_at": now(),
        "closes_at": now() + timedelta(days=14),
    }
    return (FollowUpDue if kind == "follow-up" else CheckInDue).model_validate(body | changed)  # type: ignore[return-value]


@asynccontextmanager
async def opened(store: Any, data: Path, home: str) -> AsyncIterator[tuple[Intake, FastAPI]]:
    """Intake over this store, at this address."""
    signer = Signer(data, f"{home}/issuer", "kith")
    settings = Settings(
        database=store.dsn,
        database_machinery=store.dsn_machinery,
        kafka="127.0.0.1:1",
        issuer=f"{home}/issuer",
        public_url=home,
    )
    running = Running(settings, store.doors, store.machinery, Verifier(settings.issuer, "kith"))
    running.verifier.keys = KeySet.import_key_set(signer.public_keys())  # type: ignore[arg-type]
    service = create()
    app = frame(service.name, service.routers, service.pages, running)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=home) as client:
        yield Intake(client, running, signer), app


@pytest.fixture
async def intake(fresh_store: Callable[..., Any], tmp_path: Path) -> AsyncIterator[Intake]:
    """Intake over a fresh store."""
    async with opened(await fresh_store("intake"), tmp_path, HOME) as (one, _):
        yield one


@pytest.fixture
async def served(fresh_store: Callable[..., Any], tmp_path: Path) -> AsyncIterator[Intake]:
    """The same at a real address, with the issuer and the static files beside it."""
    home = f"http://127.0.0.1:{free_port()}"
    issuer = create_issuer(Issuer(tmp_path, home))
    fetched = StaticFiles(directory=htmx(tmp_path).parent)
    own = StaticFiles(directory=STATIC)
    async with opened(await fresh_store("intake"), tmp_path, home) as (one, app):

        async def everything(scope: Any, receive: Any, send: Any) -> None:
            path = scope.get("path", "")
            if path.startswith("/issuer/"):
                await issuer(scope, receive, send)
            elif path.startswith("/static/"):
                files = fetched if path.endswith("htmx.min.js") else own
                await files(scope | {"path": path.removeprefix("/static"), "root_path": ""}, receive, send)
            else:
                await app(scope, receive, send)

        port = int(home.rpartition(":")[2])
        config = uvicorn.Config(everything, "127.0.0.1", port, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())

        async def has_started() -> bool:
            return server.started

        await eventually(has_started)
        yield one
        server.should_exit = True
        await serving
