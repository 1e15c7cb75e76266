"""The whole of Kith, running: real Kafka, real PostgreSQL, four service processes behind the gateway."""

import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright

from deploy.importer.doors import Doors
from deploy.local.ports import free_port
from deploy.local.secrets import secret
from deploy.local.settings import Settings
from deploy.local.supervisor import System
from tests.conftest import eventually
from tests.web.conftest import CHROMIUM_FLAGS

PEOPLE = [
    ("harbour-trust", "Mara Okafor", "administrator", ["*"]),
    ("harbour-trust", "Ana Ruiz", "coordinator", ["old-town"]),
    ("harbour-trust", "Joon Park", "coordinator", ["north-quay"]),
    ("harbour-trust", "Tomasz Wrona", "facilitator", ["old-town"]),
    ("harbour-trust", "Lea Sommer", "program-manager", ["*"]),
    ("harbour-trust", "Ira Novak", "operator", ["*"]),
    ("beat-the-blues-trial", "Rowan Hale", "program-manager", ["*"]),
    ("beat-the-blues-trial", "Dana Levin", "administrator", ["*"]),
    ("empty-house", "Sam Reed", "administrator", ["*"]),
    ("quiet-pier", "Vera Lund", "coordinator", ["pier"]),
]


@dataclass(frozen=True)
class Kith:
    """A running system, and how tests reach it."""

    system: System
    clock: Path

    @property
    def url(self) -> str:
        return self.system.urls["public"]

    def move_clock(self, seconds: float) -> None:
        """All processes and the issuer live so many seconds later from now on."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self.clock)

    async def token(self, organisation: str, *roles: str, sites: tuple[str, ...] = ("*",), name: str = "Script") -> str:
        """A token as `kith token` prints it."""
        person = {"organisation": organisation, "name": name, "roles": list(roles), "sites": list(sites)}
        mint = {"authorization": f"Bearer {secret(self.system.settings.data, 'mint')}"}
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{self.system.urls['issuer']}/mint", json=person, headers=mint)
        return str(answer.raise_for_status().json()["access_token"])

    async def doors(
        self, organisation: str, *roles: str, sites: tuple[str, ...] = ("*",), name: str = "Script"
    ) -> Doors:
        """The JSON doors for somebody with these roles."""
        return Doors(self.url, await self.token(organisation, *roles, sites=sites, name=name))

    async def mail_to(self, address: str) -> list[dict[str, Any]]:
        """What the mail sink got for an address, newest first."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{self.system.urls['mail']}/api/messages", params={"to": address})
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found


@pytest.fixture(scope="package")
async def kith(request: pytest.FixtureRequest) -> AsyncIterator[Kith]:
    """Everything, started once for all journeys; each journey has an organisation of its own."""
    with tempfile.TemporaryDirectory(prefix="kith-journeys-") as name:
        data = Path(name)
        data.chmod(0o711)
        clock, people = data / "clock", data / "people.json"
        clock.write_text("0")
        keys = ("organisation", "name", "roles", "sites")
        people.write_text(json.dumps([dict(zip(keys, (o, n, [r], s), strict=True)) for o, n, r, s in PEOPLE]))
        os.environ["KITH_PEOPLE"] = str(people)
        system = System(Settings(data, free_port(), free_port(), free_port(), clock_file=str(clock)))
        await system.start()
        try:
            yield Kith(system, clock)
        finally:
            await system.stop()
            del os.environ["KITH_PEOPLE"]
            if request.session.testsfailed:
                tell_troubles(data / "logs")


def tell_troubles(logs: Path) -> None:
    """What the services complained about, for whoever reads why a journey failed."""
    for path in sorted(logs.glob("*.log")):
        lines = [line for line in path.read_text(errors="replace").splitlines() if '"level": "info"' not in line]
        print(f"---- {path.name}", *lines[-15:], sep="\n")  # noqa: T201  (pytest shows it)


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, or else the one that Playwright has installed."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        yield opened
        await opened.close()


@pytest.fixture
async def sign_in(kith: Kith, browser: Browser) -> AsyncIterator[Callable[[str], Awaitable[Page]]]:
    """Signs somebody in through the form, and gives their page."""
    contexts = []

    async def sign_in_as(name: str) -> Page:
        context = await browser.new_context(viewport={"width": 1280, "height": 900}, base_url=kith.url)
        contexts.append(context)
        context.set_default_timeout(90_000)  # patience for a busy machine
        page = await context.new_page()
        await page.goto("/sign-in")
        await page.locator("main").get_by_role("button").or_(page.locator("main").get_by_role("link")).first.click()
        await page.get_by_label(name).check()
        await page.get_by_role("button").first.click()
        await page.wait_for_url(lambda url: "/issuer" not in url)
        return page

    yield sign_in_as
    for context in contexts:
        await context.close()


async def settled(ask: Callable[[], Awaitable[Any]]) -> Any:
    """What a door answers once its service has heard what it needs."""
    from deploy.importer.doors import Refused

    async def asked() -> Any:
        try:
            return {"answer": await ask()}
        except Refused as refused:
            if refused.code.endswith(("-not-found", "-not-due")):
                return None
            raise

    return (await eventually(asked))["answer"]
