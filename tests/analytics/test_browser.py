"""The pages of analytics in a real browser, light and dark, on a phone and on a desk."""

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, Route, async_playwright

from shared.web import STATIC
from tests.analytics.conftest import Told
from tests.analytics.world import play, somebody
from tests.doors import bearer
from tests.web.conftest import CHROMIUM_FLAGS
from tests.web.looking import DESK, DESK_AT_NIGHT, PHONE, look

HOUSE = "http://kith.example"


@pytest.fixture
async def page(client: Any) -> AsyncIterator[Page]:
    """A browser whose requests the doors answer, without a network in between."""

    async def answer(route: Route) -> None:
        path = route.request.url.removeprefix(HOUSE)
        if path.startswith("/static/"):
            file = STATIC / path.removeprefix("/static/").partition("?")[0]
            await (route.fulfill(path=file) if file.exists() else route.abort())
        else:
            found = await client.get(path, headers=bearer("coordinator"))
            await route.fulfill(status=found.status_code, headers=dict(found.headers), body=found.content)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        opened = await browser.new_page()
        await opened.route("**", answer)
        yield opened
        await browser.close()


async def test_anybody_can_read_the_pages(page: Page, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)])
    await page.goto(f"{HOUSE}/analytics/programs/evening-circle?to=end&attribute=age")
    await look(page, "program", PHONE, DESK, DESK_AT_NIGHT)
    charts = await page.locator("figure.chart img").evaluate_all("all => all.map(one => one.naturalWidth > 0)")
    assert charts == [True] * 7
    await page.get_by_role("link", name="How each figure is computed").click()
    await look(page, "definitions", PHONE, DESK)
