"""The pages in a real browser: every shape, two sizes, light and dark, with and without the script."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.web.looking import DESK, DESK_AT_NIGHT, PHONE, PHONE_AT_NIGHT, SCREENSHOTS, TABLET, look

PAGES = {
    "gallery": "/scheduling/gallery",
    "gallery-errors": "/scheduling/gallery?errors",
    "phone": "/phone",
    "phone-es": "/phone?lang=es",
    "error": "/error/409?staff",
    "error-phone": "/c/error/404",
}
Open = Callable[..., Awaitable[Page]]


@pytest.fixture
async def show(browser: Browser, address: str) -> AsyncIterator[Open]:
    """Opens a page of the gallery; at the end nothing may have broken the content policy."""
    contexts, complaints = [], []

    async def open_page(path: str, width: int = 1280, **options: Any) -> Page:
        size: Any = {"width": width, "height": 844 if width < 600 else 900}
        context = await browser.new_context(viewport=size, **options)
        contexts.append(context)
        page = await context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    # The browser and htmx report an answer of 4xx, or none, as an error; ours are meant.
    meant = ("Failed to load resource", "htmx:")
    assert [text for text in complaints if not text.startswith(meant)] == []


@pytest.mark.parametrize("name", PAGES)
async def test_anybody_can_read_and_use_it(show: Open, name: str) -> None:
    page = await show(PAGES[name])
    await look(page, name, DESK, DESK_AT_NIGHT, TABLET, PHONE, PHONE_AT_NIGHT)


async def test_the_header_fits_into_a_window_of_any_width(show: Open) -> None:
    page = await show("/scheduling/gallery")
    for width in range(320, 1300, 40):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.locator("header.top").evaluate("on => on.scrollWidth - on.clientWidth") <= 0, width


async def test_on_paper_stands_what_is_read_or_filled_in_and_nothing_to_press(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await page.emulate_media(media="print")
    await page.screenshot(path=SCREENSHOTS / "gallery-print.png", full_page=True)
    for gone in (page.get_by_role("navigation"), page.get_by_role("button"), page.locator("#form")):
        assert await gone.filter(visible=True).count() == 0
    for there in ("People to follow up", "Attendance", "Who the figures speak for"):
        await expect(page.get_by_role("heading", name=there, exact=True)).to_be_visible()
    await expect(page.locator(".roster .segment").first).to_be_visible()
    page = await show("/phone", 390)
    await page.emulate_media(media="print")
    await page.screenshot(path=SCREENSHOTS / "phone-print.png", full_page=True)
    await expect(page.locator(".question")).to_be_visible()
    await expect(page.locator(".help li")).to_have_count(2)
    await expect(page.get_by_role("link", name="Leave this page")).to_be_hidden()


async def test_in_strong_contrast_bars_and_choices_can_still_be_told_apart(show: Open) -> None:
    page = await show("/scheduling/gallery", forced_colors="active")
    await page.screenshot(path=SCREENSHOTS / "gallery-forced-colors.png", full_page=True)
    bars = page.locator("progress")
    assert await bars.nth(0).screenshot() != await bars.nth(3).screenshot()
    outlines = "spans => spans.map((span) => getComputedStyle(span).outlineStyle)"
    chosen = await page.locator(".segment :checked + span").evaluate_all(outlines)
    others = await page.locator(".segment :not(:checked) + span").evaluate_all(outlines)
    assert (set(chosen), set(others)) == ({"solid"}, {"none"})
    ground = "button => getComputedStyle(button).backgroundColor"
    first, second = page.get_by_role("button", name="Save attendance"), page.get_by_role("button", name="Everyone came")
    assert await first.evaluate(ground) != await second.evaluate(ground)


async def test_names_come_where_intake_allows_it(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await expect(page.get_by_text("Marisol T.")).to_have_count(3)
    await expect(page.get_by_text("KLM482")).to_have_count(0)
    await expect(page.get_by_text("QRT915")).to_have_count(2)


async def test_without_a_script_the_codes_stay_and_the_buttons_that_need_one_are_away(show: Open) -> None:
    page = await show("/scheduling/gallery", java_script_enabled=False)
    await expect(page.get_by_text("KLM482")).to_have_count(3)
    await expect(page.get_by_role("button", name="Everyone came")).to_be_hidden()


async def test_everyone_came_is_one_tap(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await page.get_by_role("button", name="Everyone came").click()
    assert (
        await page.locator(".roster input:checked").evaluate_all("inputs => inputs.map((input) => input.value)")
        == ["present"] * 3
    )
    await expect(page.locator("#said")).to_have_text("All three set to present")


async def test_the_roster_works_with_the_keyboard(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await page.locator("#f-a-1").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("radiogroup", name="Marisol T.").get_by_label("Late")).to_be_checked()


async def test_errors_take_the_focus_and_lead_to_the_field(show: Open) -> None:
    page = await show("/phone")
    await page.get_by_role("button", name="Next").click()
    await expect(page.locator(".error-summary")).to_be_focused()
    await expect(page).to_have_title("Error: A few questions")
    await page.locator(".error-summary a").click()
    await expect(page.locator("#f-q")).to_be_focused()


async def test_errors_that_htmx_swaps_in_take_the_focus_too(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await page.get_by_role("button", name="Enrol", exact=True).click()
    await expect(page.locator(".error-summary")).to_be_focused()
    await expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#trouble")).to_be_hidden()


async def test_what_did_not_go_through_is_said(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await page.wait_for_load_state("networkidle")
    await page.route("**/scheduling/gallery", lambda route: route.abort())
    await page.get_by_role("button", name="Enrol", exact=True).click()
    await expect(page.locator("#trouble")).to_be_visible()


async def test_a_part_that_another_service_does_not_give_is_no_trouble_with_what_was_entered(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await expect(page.get_by_text("3 wait for a place")).to_be_visible()
    await page.route("**/gallery/part", lambda route: route.abort())
    async with page.expect_event("requestfailed"):
        await page.reload()
    await expect(page.locator(".htmx-request")).to_have_count(0)
    await expect(page.get_by_role("link", name="See who waits for a place")).to_be_visible()
    await expect(page.locator("#trouble")).to_be_hidden()


async def test_a_second_press_is_not_sent(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await page.wait_for_load_state("networkidle")
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    await page.route("**/scheduling/gallery", lambda route: None)  # the answer never comes
    button = page.get_by_role("button", name="Enrol", exact=True)
    await button.click()
    await expect(button).to_have_attribute("aria-disabled", "true")
    await button.click(force=True)
    assert len(sent) == 1


async def test_leaving_leaves_no_way_back(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await page.goto(page.url.replace("/scheduling/gallery", "/phone"))
    await page.get_by_label("Fully").check()
    await page.get_by_role("link", name="Leave this page").click()
    await expect(page).to_have_title("Blank page")
    await page.go_back()
    await expect(page).to_have_title("Blank page")
    await page.go_back()
    await expect(page).to_have_title("Every shape · Kith")


async def test_copying_says_so(show: Open) -> None:
    page = await show("/scheduling/gallery", permissions=["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "http://127.0.0.1:8080/c/"
    await page.get_by_role("button", name="Copied").click()
    await expect(page.get_by_role("button", name="Copy", exact=True)).to_be_visible()


async def test_a_refusal_inside_a_page_stands_at_its_top(show: Open) -> None:
    page = await show("/scheduling/gallery")
    await page.evaluate("htmx.ajax('GET', '/error/409?staff', {target: '#form'})")
    await expect(page.locator("#refused")).to_contain_text("group-full")
    await expect(page.locator("#form")).to_be_visible()


async def test_the_language_changes_with_one_tap(show: Open) -> None:
    page = await show("/phone", 390)
    await page.get_by_role("link", name="Español").click()
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await expect(page.get_by_role("link", name="Salir de esta página")).to_be_visible()
