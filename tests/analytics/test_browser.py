"""The pages of analytics in a real browser, light and dark, on a phone and on a desk."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page

from tests.analytics.conftest import Told
from tests.analytics.test_group import ADDRESS, a_group
from tests.analytics.world import Person, crowd, play, somebody
from tests.doors import bearer
from tests.web.looking import DESK, DESK_AT_NIGHT, HOUSE, PHONE, look, shown_by


@pytest.fixture
async def page(client: Any) -> AsyncIterator[Page]:
    async with shown_by(client, bearer("coordinator")) as opened:
        yield opened


async def test_anybody_can_read_the_pages(page: Page, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)] + crowd())
    await page.goto(f"{HOUSE}/analytics/programs/evening-circle?to=end&attribute=age")
    await look(page, "program", PHONE, DESK, DESK_AT_NIGHT)
    charts = await page.locator("figure.chart img").evaluate_all("all => all.map(one => one.naturalWidth > 0)")
    assert charts == [True] * 10  # too few answered at the follow-up for what lasts
    await page.get_by_role("link", name="How each figure is computed").click()
    await look(page, "definitions", PHONE, DESK)


async def test_anybody_can_read_the_releases(client: Any, told: Told) -> None:
    await play(told, [somebody(number) for number in range(40)] + crowd())
    await client.post("/analytics/api/v1/releases", headers=bearer("administrator"))
    async with shown_by(client, bearer("administrator")) as page:
        await page.goto(f"{HOUSE}/analytics/releases?table=age-by-program&made=1")
        await look(page, "releases", PHONE, DESK, DESK_AT_NIGHT)
        await page.goto(f"{HOUSE}/analytics/programs/evening-circle?to=end")
        await look(page, "program-released", DESK)


async def test_anybody_can_read_the_page_of_a_group(page: Page, told: Told) -> None:
    await a_group(
        told,
        [
            Person(
                pulse=[8 + number % 5, 9, 10][: 1 + number],
                came=1,
                scores={"baseline": (15 - number % 4, 9), "end": (9 + number % 3, 8)},
            )
            for number in range(12)
        ],
    )
    await page.goto(f"{HOUSE}{ADDRESS}")
    await look(page, "group", PHONE, DESK, DESK_AT_NIGHT)
