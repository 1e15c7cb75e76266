"""Looking at a page as people see it, at several sizes and in light and dark, with one load of it; axe looks along."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Page, Route, async_playwright

from shared.web import STATIC
from tests.web.conftest import CHROMIUM_FLAGS

HOUSE = "http://kith.example"
SCREENSHOTS = Path(__file__).parents[1] / "browser" / "screenshots"
PHONE, PHONE_AT_NIGHT, DESK, DESK_AT_NIGHT = (390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")
TABLET = (768, "light")
QUICK = {"resultTypes": ["violations"], "preload": False}  # nobody reads what passed; the pages load nothing late
SMALL_TARGETS = """() => [...document.querySelectorAll(
    'button, .button, nav a, select, input, .choice, .segment, .help a, .card > header a')]
  .filter((on) => on.checkVisibility() && !(on.matches('input') && on.closest('.choice, .segment')))
  .filter((on) => on.getBoundingClientRect().height < 44)
  .map((on) => on.outerHTML.slice(0, 80))"""


@asynccontextmanager
async def shown_by(client: httpx.AsyncClient, headers: dict[str, str]) -> AsyncIterator[Page]:
    """A browser whose requests the doors answer, without a network in between."""

    async def answer(route: Route) -> None:
        path = route.request.url.removeprefix(HOUSE)
        if path.startswith("/static/"):
            file = STATIC / path.removeprefix("/static/").partition("?")[0]
            await (route.fulfill(path=file) if file.exists() else route.abort())
        else:
            found = await client.get(path, headers=headers)
            await route.fulfill(status=found.status_code, headers=dict(found.headers), body=found.content)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        opened = await browser.new_page()
        await opened.route("**", answer)
        yield opened
        await browser.close()


async def look(page: Page, name: str, *looks: tuple[int, str]) -> None:
    """Keep a picture of each look, and let axe look for what somebody could not use."""
    if await page.locator("[data-names]").count():  # names are still on their way
        await page.wait_for_load_state("networkidle")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    axe = Axe()
    for width, scheme in looks:
        chosen: Any = scheme
        # Without motion: a colour on its way from light to dark is no colour that anybody reads.
        await page.emulate_media(color_scheme=chosen, reduced_motion="reduce")
        await page.set_viewport_size({"width": width, "height": 844 if width < 600 else 900})
        tall = await page.evaluate("document.documentElement.scrollHeight")
        await page.set_viewport_size({"width": width, "height": tall})  # what sticks stays where it belongs
        await page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png")
        for rules in _rules(width, scheme, looks):
            found = await axe.run(page, options=rules | QUICK)
            axe = Axe("")  # its half a megabyte stays with the page
            assert found.violations_count == 0, f"{name} at {width}, {scheme}: {found.generate_report()}"
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} runs over at {width}"
        if width < 600:
            assert await page.evaluate(SMALL_TARGETS) == [], f"{name} has something too small for a thumb"


def _rules(width: int, scheme: str, looks: tuple[tuple[int, str], ...]) -> list[dict[str, Any]]:
    """What axe looks for: contrast once by day and once by night, where most is in sight; all else at each width."""
    has_contrast = width == max(one for one, other in looks if other == scheme)
    if scheme == "dark":
        return [{"runOnly": ["color-contrast"]}] if has_contrast else []
    return [{} if has_contrast else {"rules": {"color-contrast": {"enabled": False}}}]
