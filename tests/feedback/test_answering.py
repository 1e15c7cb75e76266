"""Answering on a phone, in a real browser behind the gateway: taps, keys, no connection, and shared tablets."""

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from services.feedback.domain.paper import sheet_code
from services.feedback.store import library
from shared import clock
from shared.events.intake import ConsentChanged, Consents
from shared.events.scheduling import OccasionCancelled
from tests.doors import token
from tests.feedback.conftest import ADMINISTRATOR, API, PULSE, ROTA, TOKEN, Told, a_due, an_enrolment, an_invitation
from tests.feedback.serving import Served, served
from tests.feedback.test_kiosk import a_tablet, at, somebody
from tests.feedback.test_wording import a_questionnaire
from tests.web.conftest import CHROMIUM_FLAGS
from tests.web.looking import DESK, PHONE, PHONE_AT_NIGHT, look
from tests.web.pseudo import LONG, MIRRORED, pseudo_languages

pytestmark = pytest.mark.usefixtures("site")
LINK = f"/c/{TOKEN}"
SECONDS_MAX, TAPS_MAX, WIRE_MAX = 20, 5, 40_000
KEPT = "Saved on this phone; it will be sent when you are back online."


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, or else the one that Playwright has installed."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        yield opened
        await opened.close()


@pytest.fixture
async def house(store: Any, data_folder: Path) -> AsyncIterator[Served]:
    async with served(store, data_folder) as one:
        yield one


@pytest.fixture
async def link(told: Told) -> Any:
    """Somebody has a link to a Session Pulse."""
    due = a_due()
    await told.tell(an_enrolment(due), due, an_invitation(due))
    return due


@pytest.fixture
async def show(browser: Browser, house: Served) -> AsyncIterator[Any]:
    """Opens a page on a phone; at the end nothing may have broken the content policy."""
    contexts, complaints = [], []

    async def open_page(path: str = LINK, width: int = 390, **options: Any) -> Page:
        size: Any = {"width": width, "height": 844 if width < 600 else 900}
        touch = {"has_touch": True} | options
        context = await browser.new_context(viewport=size, base_url=house.address, **touch)
        contexts.append(context)
        page = await context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    meant = ("Failed to load resource", "Response Status Error Code 503 from /intake/names")  # intake is not here
    assert [text for text in complaints if not text.startswith(meant)] == []


def question(page: Page, number: int) -> Any:
    return page.locator(f"#q{number}")


async def tap_answers(page: Page, *answers: str) -> None:
    for number, answer in enumerate(answers, start=1):
        await question(page, number).get_by_text(answer, exact=True).tap()


async def test_session_pulse_takes_five_taps_and_less_than_twenty_seconds(show: Any, link: Any, told: Told) -> None:
    page, taps, began = await show(), 0, time.perf_counter()
    for number in range(1, 5):
        await expect(page.locator(".screen:visible")).to_have_count(1)
        await expect(question(page, number)).to_be_visible()
        await look(page, f"answering-question-{number}", PHONE, PHONE_AT_NIGHT) if number in (2, 4) else None
        await question(page, number).get_by_text("Mostly").tap()
        taps += 1
    await page.get_by_role("button", name="Send").tap()
    taps += 1
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    await expect(page.get_by_role("main")).to_be_focused()  # whoever does not see the page hears that it is another
    assert taps <= TAPS_MAX
    assert time.perf_counter() - began < SECONDS_MAX
    [event] = await told.said("check-in-submitted")
    assert event.scores[0].count == 12


async def test_a_double_tap_answers_one_question(show: Any, link: Any) -> None:
    page = await show()
    await page.clock.install()
    await page.goto(LINK)
    await question(page, 1).get_by_text("Mostly").tap()
    await question(page, 2).get_by_text("Mostly").tap(trial=True)  # it can be pressed by now
    await page.clock.pause_at(await page.evaluate("Date.now() + 60_000"))  # the two taps are as close as they like
    box = await question(page, 2).get_by_text("Mostly").bounding_box()
    thumb = box["x"] + 20, box["y"] + box["height"] / 2
    await page.touchscreen.tap(*thumb)
    await page.clock.run_for(200)
    await expect(question(page, 3)).to_be_visible()
    boxes = [await choice.bounding_box() for choice in await question(page, 3).locator(".choice").all()]
    assert any(box["y"] < thumb[1] < box["y"] + box["height"] for box in boxes)
    await page.evaluate("() => { tapped = new Promise((tell) => addEventListener('click', () => tell(), true)); }")
    await page.touchscreen.tap(*thumb)
    await page.evaluate("tapped")
    await expect(question(page, 3).locator("input:checked")).to_have_count(0)
    await page.clock.resume()
    await question(page, 3).get_by_text("Partly").tap()
    await expect(question(page, 4)).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False])
async def test_one_question_a_screen_or_all_and_nothing_is_lost_on_the_way(
    show: Any, link: Any, told: Told, scripted: bool
) -> None:
    page = await show(java_script_enabled=scripted)
    await question(page, 1).locator("input").nth(4).press("Space")  # by key: a tap would go on by itself
    await question(page, 1).get_by_role("link", name="Next").click()
    await expect(question(page, 1)).to_be_hidden()
    await question(page, 2).locator("input").nth(3).press("Space")
    await page.go_back()
    await expect(question(page, 1)).to_be_visible()
    await expect(question(page, 1).locator("input").nth(4)).to_be_checked()
    await page.go_forward()
    await expect(question(page, 2)).to_be_visible()
    await question(page, 2).get_by_role("link", name="Back").click()
    await page.get_by_role("link", name="All questions on one page").click()
    await expect(page.locator(".screen:visible")).to_have_count(4)
    await expect(page.locator("input[type=radio]:checked")).to_have_count(2)
    await page.get_by_role("link", name="One question at a time").click()
    await expect(page.locator(".screen:visible")).to_have_count(1)
    await page.get_by_role("button", name="Español").click()
    await expect(page.get_by_role("link", name="Siguiente")).to_be_visible()
    await expect(page.locator("input[type=radio]:checked")).to_have_count(2)
    await page.get_by_role("link", name="Todas las preguntas en una página").click()
    for number in (3, 4):
        await question(page, number).locator("input").nth(2).check()
    if scripted:
        await page.wait_for_function("!document.querySelector('form').hasAttribute('data-sending')")
    await page.get_by_role("button", name="Enviar").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Gracias")
    [event] = await told.said("check-in-submitted")
    assert event.scores[0].count == 4 + 3 + 2 + 2


async def test_keys_look_through_the_answers_and_enter_goes_on(show: Any, link: Any) -> None:
    page = await show()
    await question(page, 1).locator("input").first.focus()
    for _ in range(3):
        await page.keyboard.press("ArrowDown")
    await expect(question(page, 1).locator("input").nth(3)).to_be_checked()
    await expect(question(page, 1)).to_be_visible()  # nobody is thrown forward
    await page.keyboard.press("Enter")
    await expect(question(page, 2)).to_be_visible()
    await expect(question(page, 2)).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(question(page, 2)).to_be_visible()


async def test_what_is_missing_takes_the_focus_and_leads_to_its_question(show: Any, link: Any) -> None:
    page = await show()
    await tap_answers(page, "Fully", "Mostly")
    await question(page, 3).get_by_role("link", name="Next").tap()
    await page.get_by_role("button", name="Send").tap()
    summary = page.locator(".error-summary")
    await expect(summary).to_be_focused()
    await expect(summary.locator("li")).to_have_count(2)
    await expect(page.locator("input[type=radio]:checked")).to_have_count(2)
    await look(page, "answering-errors", PHONE)
    await summary.get_by_role("link").first.tap()
    await expect(page.locator(".screen:visible")).to_have_count(1)
    await expect(page.locator("[id='f-answers.session-pulse.useful']")).to_be_focused()
    await question(page, 3).get_by_text("Partly").tap()
    await question(page, 4).get_by_text("Partly").tap()
    await page.get_by_role("button", name="Send").tap()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")


@pytest.mark.parametrize("scripted", [True, False])
async def test_large_type_stays_and_fits(show: Any, link: Any, scripted: bool) -> None:
    page = await show(java_script_enabled=scripted)
    before = await page.locator("legend").first.evaluate("on => getComputedStyle(on).fontSize")
    await page.get_by_text("Large type").click()
    after = await page.locator("legend").first.evaluate("on => getComputedStyle(on).fontSize")
    assert float(after[:-2]) > 1.3 * float(before[:-2])
    if scripted:
        await look(page, "answering-large", PHONE)
    await page.get_by_role("button", name="Español").click()
    await expect(page.get_by_label("Letra grande")).to_be_checked()


@pytest.mark.parametrize("way", ["button", "escape"])
async def test_leaving_leads_neither_back_nor_forward(show: Any, link: Any, way: str) -> None:
    page = await show()
    await tap_answers(page, "Fully", "Mostly")
    await expect(question(page, 3)).to_be_visible()
    await question(page, 3).get_by_role("link", name="Back").tap()
    await expect(question(page, 2)).to_be_visible()
    if way == "button":
        await page.get_by_role("link", name="Leave this page").tap()
    else:
        for _ in range(3):
            await page.keyboard.press("Escape")
    await expect(page).to_have_title("Blank page")
    for move in (page.go_back, page.go_forward, page.go_forward):
        await move()
        assert "people listened" not in await page.content()
        assert TOKEN not in page.url
    assert await page.evaluate("sessionStorage.length + localStorage.length") == 0


async def test_leaving_after_the_phones_back_leaves(show: Any, link: Any) -> None:
    page = await show()
    await question(page, 1).get_by_text("Mostly").tap()
    await expect(question(page, 2)).to_be_visible()
    await page.go_back()
    await expect(question(page, 1)).to_be_visible()
    await page.get_by_role("link", name="Leave this page").tap()
    await expect(page).to_have_title("Blank page")
    await page.go_forward()
    assert TOKEN not in page.url


async def test_without_a_connection_the_answer_waits_and_is_sent_once(show: Any, link: Any, told: Told) -> None:
    page = await show()
    await tap_answers(page, *["Mostly"] * 4)
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Send").tap()
    await expect(page.get_by_text(KEPT)).to_be_visible()
    await expect(page.locator("#waits")).to_be_focused()
    await expect(page.locator(".help a").first).to_have_attribute("href", "tel:5550100")
    await expect(page.locator("form#answers")).to_be_hidden()
    await look(page, "answering-waits", PHONE, PHONE_AT_NIGHT)
    assert await page.evaluate("Object.keys(localStorage)") == [f"waits:{LINK}"]
    assert await told.said("check-in-submitted") == []
    await page.context.set_offline(False)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert len(await told.said("check-in-submitted")) == 1


OLDER = """
delete AbortSignal.timeout; // 2022
"""


@pytest.fixture
async def older(show: Any, link: Any) -> Page:
    """The link in a browser of some years ago: without what all of them have learned since."""
    page: Page = await show("/static/neutral.html")
    await page.add_init_script(OLDER)
    await page.goto(LINK)
    return page


async def test_a_browser_of_some_years_ago_sends_the_answers(older: Page, told: Told) -> None:
    await tap_answers(older, *["Mostly"] * 4)
    await older.get_by_role("button", name="Send").tap()
    await expect(older.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert len(await told.said("check-in-submitted")) == 1


async def test_an_answer_waits_while_the_gateway_is_alone(show: Any, link: Any, told: Told, house: Served) -> None:
    page = await show()
    await tap_answers(page, *["Mostly"] * 4)
    await house.stop()
    await page.get_by_role("button", name="Send").tap()
    await expect(page.get_by_text(KEPT)).to_be_visible()
    async with page.expect_response(lambda answer: answer.status == 503):
        await page.get_by_role("button", name="Try again now").tap()
    await expect(page.get_by_text(KEPT)).to_be_visible()
    other = await page.context.new_page()
    await page.close()  # and the link is opened again later
    await house.start()
    await other.goto(LINK)
    await expect(other.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert len(await told.said("check-in-submitted")) == 1
    assert await other.evaluate("localStorage.length") == 0


async def test_an_answer_is_not_kept_where_the_person_does_not_want_it(show: Any, link: Any, told: Told) -> None:
    page = await show()
    await tap_answers(page, *["Mostly"] * 4)
    await page.get_by_text("Do not keep my answers on this phone").tap()
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Send").tap()
    await expect(page.get_by_text("Not sent yet.")).to_be_visible()
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    await page.context.set_offline(False)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert len(await told.said("check-in-submitted")) == 1


async def test_what_waited_for_a_day_is_deleted(show: Any, link: Any, told: Told) -> None:
    page = await show()
    old = int((clock.now() - timedelta(hours=25)).timestamp() * 1000)
    body = "&".join(f"{name}={value}" for name, value in PULSE.items())
    for path in (LINK, "/c/another-link-of-this-phone"):
        await page.evaluate(
            "([name, value]) => localStorage.setItem(name, value)", [f"waits:{path}", f'[{old},"{body}"]']
        )
    await page.reload()
    await expect(page.locator("form#answers")).to_be_visible()
    assert await page.evaluate("localStorage.length") == 0
    assert await told.said("check-in-submitted") == []


async def keep_waiting(page: Page, fields: dict[str, str], hours: float = 1) -> None:
    """As the phone has kept it, so long ago, when there was no connection."""
    at = int((clock.now() - timedelta(hours=hours)).timestamp() * 1000)
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    await page.evaluate("([name, value]) => localStorage.setItem(name, value)", [f"waits:{LINK}", f'[{at},"{body}"]'])


async def a_risk_question(client: Any, told: Told) -> dict[str, str]:
    """A link to a PHQ-9 whose last question has a risk rule, and answers without one."""
    assert (await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=ADMINISTRATOR)).status_code == 200
    url = f"{API}/instruments/phq-9/wording"
    assert (await client.post(url, json=a_questionnaire(), headers=ADMINISTRATOR)).status_code == 201
    due = a_due("phq-9")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    return {f"answers.phq-9.{number}": "0" for number in range(1, 10)}


async def a_risk_that_waits_where_it_was_answered(show: Any, client: Any, told: Told) -> Page:
    """A phone that has kept an answer with a risk to a check-in that was answered elsewhere, without one, meanwhile."""
    answers = await a_risk_question(client, told)
    assert (await client.post(LINK, data=answers)).status_code == 200
    page: Page = await show("/static/neutral.html")
    await keep_waiting(page, answers | {"answers.phq-9.9": "1"})
    return page


async def test_what_waited_is_heard_and_said_not_to_be_kept_where_it_was_answered_elsewhere(
    show: Any, client: Any, told: Told
) -> None:
    page = await a_risk_that_waits_where_it_was_answered(show, client, told)
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.method) if one.method == "POST" else None)
    await page.goto(LINK)
    await expect(page.get_by_role("main")).to_contain_text("What you send now is not kept")
    await expect(page.get_by_role("main")).to_contain_text("A person reads this by")
    assert [one.source for one in await told.said("concern-raised")] == ["risk-item"]
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    await page.evaluate("dispatchEvent(new Event('online'))")
    await page.goto(LINK)
    await expect(page.get_by_role("heading", level=1)).to_have_text("You have answered already")
    await page.wait_for_load_state("networkidle")
    assert sent == ["POST"]


async def test_what_waited_until_the_link_ran_out_is_said_not_to_be_sent(show: Any, told: Told) -> None:
    due = a_due("monthly-check-in", closes_at=clock.now() - timedelta(minutes=1))
    await told.tell(an_enrolment(due), due, an_invitation(due))
    [field, *_] = [item.code for item in library()["monthly-check-in"].items if item.kind == "text"]
    page = await show("/static/neutral.html")
    await keep_waiting(page, {f"texts.monthly-check-in.{field}": "Chairs"})
    await page.goto(LINK)
    await expect(page.get_by_role("main")).to_contain_text("What you answered was not sent.")
    await expect(page.get_by_role("textbox")).to_have_value("Chairs")
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0


async def test_what_waits_goes_on_waiting_at_a_page_that_asks_nothing_until_it_can_be_sent(
    show: Any, client: Any, told: Told
) -> None:
    page = await a_risk_that_waits_where_it_was_answered(show, client, told)
    await page.route(f"**{LINK}", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    async with page.expect_event("requestfailed"):
        await page.goto(LINK)
    await expect(page.get_by_role("heading", level=1)).to_have_text("You have answered already")
    assert await page.evaluate("Object.keys(localStorage)") == [f"waits:{LINK}"]
    await page.unroute_all()
    await page.goto(LINK)
    await expect(page.get_by_role("main")).to_contain_text("What you send now is not kept")
    assert len(await told.said("concern-raised")) == 1
    assert await page.evaluate("localStorage.length") == 0


async def answered_before_an_end(page: Page, link: Any, told: Told) -> Page:
    """They had no connection; when it is back, they are taken to have left."""
    await tap_answers(page, *["Mostly"] * 4)
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Send").tap()
    await expect(page.get_by_text(KEPT)).to_be_visible()
    await told.tell(OccasionCancelled(occasion_id=link.occasion_id, reason="withdrawn"))
    await page.context.set_offline(False)
    return page


async def test_what_waits_is_kept_while_an_end_stands_and_sent_when_that_is_taken_back(
    show: Any, link: Any, told: Told
) -> None:
    page = await answered_before_an_end(await show(), link, told)
    for _ in range(2):
        await expect(page.get_by_role("heading", level=1)).to_have_text("These questions are not needed any more")
        await expect(page.get_by_text("What you answered was not sent.").filter(visible=True)).to_have_count(1)
        await expect(page.get_by_text("It is still saved on this phone.")).to_be_visible()
        await expect(page.get_by_text("It is on this page alone.").filter(visible=True)).to_have_count(0)
        await look(page, "answering-kept", PHONE, PHONE_AT_NIGHT)
        await page.goto(LINK)
    assert await page.evaluate("Object.keys(localStorage)") == [f"waits:{LINK}"]
    await told.tell(link)
    await page.goto(LINK)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert [one.scores[0].count for one in await told.said("check-in-submitted")] == [12]


async def test_what_waits_while_an_end_stands_can_be_deleted_from_the_phone(show: Any, link: Any, told: Told) -> None:
    """Somebody has left, and may have lent the phone."""
    page = await answered_before_an_end(await show(), link, told)
    await page.get_by_role("button", name="Delete it from this phone now").tap()
    await expect(page.get_by_text("It is on this page alone.")).to_be_visible()
    await expect(page.get_by_text("It is still saved on this phone.")).to_be_hidden()
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    await told.tell(link)
    await page.goto(LINK)
    await expect(page.get_by_role("heading", level=1)).to_have_text("A few questions")
    assert await told.said("check-in-submitted") == []


async def test_whose_end_stands_and_wants_nothing_kept_has_the_answers_on_the_page_alone(
    show: Any, link: Any, told: Told
) -> None:
    page = await show()
    await tap_answers(page, *["Mostly"] * 4)
    await page.get_by_text("Do not keep my answers on this phone").tap()
    await told.tell(OccasionCancelled(occasion_id=link.occasion_id, reason="withdrawn"))
    await page.get_by_role("button", name="Send").tap()
    await expect(page.get_by_text("It is on this page alone.")).to_be_visible()
    await expect(page.get_by_text("It is still saved on this phone.")).to_be_hidden()
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    await told.tell(link)
    await page.get_by_role("button", name="Try again now").tap()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")


@pytest.mark.parametrize("why", ["attendance-corrected", "consent"])
async def test_what_nobody_will_ask_again_does_not_stay_on_the_phone(
    show: Any, link: Any, told: Told, why: str
) -> None:
    if why == "consent":
        whose = {"participant_id": link.participant_id, "enrolment_id": link.enrolment_id}
        consents = Consents(taking_part=False, reporting=True, contact_after=True)
        await told.tell(ConsentChanged(consents=consents, consent_text="standard", consent_version=1, **whose))
    reason = "consent-withdrawn" if why == "consent" else why
    await told.tell(OccasionCancelled.model_validate({"occasion_id": link.occasion_id, "reason": reason}))
    page = await show("/static/neutral.html")
    await keep_waiting(page, PULSE)
    await page.goto(LINK)
    await expect(page.get_by_role("main")).to_contain_text("What you answered was not sent.")
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0


async def test_a_look_at_another_page_loses_nothing(show: Any, link: Any) -> None:
    page = await show()
    await tap_answers(page, "Fully", "Mostly")
    await expect(question(page, 3)).to_be_visible()
    await page.get_by_role("link", name="I would like someone to contact me").tap()
    await page.get_by_role("link", name="Back").tap()
    await expect(page.locator("input[type=radio]:checked")).to_have_count(2)
    assert await page.evaluate("sessionStorage.length") == 0


async def hide(page: Page, is_hidden: bool) -> None:
    """As when the person looks at another app, or is back; a headless window is always in sight."""
    await page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )


async def test_a_page_that_the_phone_ends_behind_another_app_loses_nothing(show: Any, link: Any) -> None:
    page = await show()
    await tap_answers(page, "Fully", "Mostly")
    await expect(question(page, 3)).to_be_visible()
    await hide(page, True)
    async with page.expect_popup() as opened:  # it has what is kept by now
        await page.evaluate("open(location.href.split('#')[0])")
    again = await opened.value
    await expect(again.locator("input[type=radio]:checked")).to_have_count(2)
    await hide(page, False)
    assert await page.evaluate("sessionStorage.length") == 0


async def test_behind_another_app_nothing_is_kept_that_the_person_does_not_want_kept(show: Any, link: Any) -> None:
    page = await show()
    await tap_answers(page, *["Mostly"] * 3)
    await hide(page, True)
    await hide(page, False)
    await page.get_by_text("Do not keep my answers on this phone").tap()
    await hide(page, True)
    assert await page.evaluate("sessionStorage.length") == 0


async def test_all_questions_are_printed_and_nothing_to_press(link: Any, show: Any) -> None:
    page = await show()
    assert await page.locator(".screen:visible").count() == 1
    await page.emulate_media(media="print")
    assert await page.locator(".screen:visible").count() == 4
    assert await page.locator("button:visible, .turn:visible, [data-leave]:visible").count() == 0
    await expect(page.get_by_role("link", name="555-0100")).to_be_visible()


async def test_a_check_in_page_weighs_little(show: Any, link: Any) -> None:
    for path in (LINK, f"{LINK}?lang=es"):
        page = await show("/static/neutral.html")
        client = await page.context.new_cdp_session(page)
        await client.send("Network.enable")
        await client.send("Network.setCacheDisabled", {"cacheDisabled": True})
        got: list[float] = []
        client.on("Network.loadingFinished", lambda one, got=got: got.append(one["encodedDataLength"]))
        await page.goto(path)
        await page.wait_for_load_state("networkidle")
        assert len(got) >= 4  # the page, its style, its two scripts
        assert sum(got) <= WIRE_MAX, f"{sum(got)} bytes: {got}"


async def test_the_next_person_at_the_tablet_sees_nothing_of_the_last(show: Any, client: Any, told: Told) -> None:
    for code in ("KLM-482", "ABC-123"):
        await somebody(told, code)
    tablet = await a_tablet(client)
    page = await show(tablet, width=810)
    await look(page, "kiosk-start", PHONE, DESK)
    await page.set_viewport_size({"width": 810, "height": 1080})
    await page.get_by_label("Your code").fill("klm 482")
    await page.get_by_role("button", name="Begin").tap()
    await expect(question(page, 1)).to_be_visible()
    await look(page, "kiosk-questions", PHONE)
    await page.set_viewport_size({"width": 810, "height": 1080})
    for number in range(1, 5):
        await question(page, number).get_by_text("Mostly").tap()
    await page.get_by_role("button", name="Send").tap()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    await look(page, "kiosk-thanks", PHONE)
    await expect(page.locator(".help a").first).to_have_attribute("href", "tel:5550100")
    await page.get_by_role("link", name="Next person").tap()
    await expect(page.get_by_label("Your code")).to_have_value("")
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert await page.context.cookies() == []
    for _ in range(2):
        await page.go_back()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Hello")
        shown = await page.locator("body").inner_text()
        assert "482" not in shown
        assert "people listened" not in shown
    assert [event.scores[0].count for event in await told.said("check-in-submitted")] == [12]


async def test_a_tablet_that_nobody_touches_goes_back_to_the_beginning(show: Any, client: Any, told: Told) -> None:
    await somebody(told)
    tablet = await a_tablet(client)
    page = await show(tablet)
    await page.clock.install()
    await page.goto(tablet)
    await page.get_by_label("Your code").fill("KLM-482")
    await page.get_by_role("button", name="Begin").tap()
    await question(page, 1).get_by_text("Mostly").tap()
    await page.clock.fast_forward(121_000)
    await expect(page.get_by_text("Are you still there?")).to_be_visible()
    await look(page, "kiosk-still-there", PHONE)
    await page.get_by_role("button", name="I am still here").tap()
    await expect(page.get_by_text("Are you still there?")).to_be_hidden()
    await page.clock.fast_forward(121_000)
    await page.clock.fast_forward(31_000)
    await expect(page.get_by_label("Your code")).to_have_value("")
    await page.go_back()
    await expect(page.get_by_label("Your code")).to_have_value("")


async def test_staff_put_up_a_tablet_and_enter_a_sheet(show: Any, house: Served, told: Told, link: Any) -> None:
    page = await show("/static/neutral.html", width=1280)
    cookie: Any = {"name": "kith_session", "value": token("coordinator", "old-town"), "url": house.address}
    await page.context.add_cookies([cookie])
    await page.goto("/feedback/kiosks")
    await page.get_by_label("When does the session end").fill(at(0))
    await page.get_by_role("button", name="Open", exact=True).click()
    await expect(page.get_by_role("link", name="Open it here")).to_be_visible()
    await look(page, "kiosks", PHONE, DESK)
    sheet = sheet_code(link.occasion_id)
    await page.goto("/feedback/paper")
    await page.get_by_label("Code of the sheet").fill(sheet.lower())
    await page.get_by_role("button", name="Open").click()
    await look(page, "paper-first", PHONE, DESK)
    for answers in (PULSE, PULSE | {"answers.session-pulse.safe": "1"}):
        for name, value in answers.items():
            await page.locator(f"[name='{name}'][value='{value}']").check()
        await page.get_by_role("button", name=re.compile("Save the")).click()
        if answers == PULSE:
            await expect(page.get_by_text("Entered once.")).to_be_visible()
            await look(page, "paper-list", PHONE, DESK)
            await page.get_by_role("main").get_by_role("link", name="Open").click()
    await expect(page.get_by_text("The two entries differ.")).to_be_visible()
    await look(page, "paper-differs", PHONE, DESK)
    await page.get_by_label("First: Mostly").check()
    await page.get_by_role("button", name="Save as it stands").click()
    await expect(page.locator(".flash")).to_be_visible()
    assert len(await told.said("check-in-submitted")) == 1


async def test_somebody_who_stops_leaves_no_answers_on_the_tablet(show: Any, client: Any, told: Told) -> None:
    await somebody(told)
    page = await show(await a_tablet(client))
    await page.get_by_label("Your code").fill("KLM-482")
    await page.get_by_role("button", name="Begin").tap()
    await tap_answers(page, "Fully", "Mostly")
    await expect(question(page, 3)).to_be_visible()
    await page.get_by_role("button", name="Stop").tap()
    await expect(page.get_by_label("Your code")).to_have_value("")
    await page.go_back()
    await expect(page.get_by_label("Your code")).to_have_value("")
    assert await told.said("check-in-submitted") == []


async def test_a_scanner_changes_nothing(house: Served, link: Any, told: Told, store: Any, client: Any) -> None:
    before = await digest(store)
    ways = [("GET", {}), ("HEAD", {}), ("GET", {"sec-purpose": "prefetch"}), ("GET", {"x-moz": "prefetch"})]
    paths = (LINK, f"{LINK}/contact", f"{LINK}?lang=es", "/c/unknown-unknown-unknown")
    asked = [
        client.request(method, path, headers=headers) for method, headers in ways for path in paths for _ in range(25)
    ]
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} <= {200, 404, 405}
    assert await digest(store) == before


async def digest(store: Any) -> list[tuple[str, str]]:
    """Of each table of the store: one that has changed has another."""
    import asyncpg

    connection = await asyncpg.connect(store.dsn_admin)
    tables = await connection.fetch(
        """select format('%I.%I', schemaname, tablename) as name from pg_tables
           where schemaname in ('public', 'machinery') order by 1"""
    )
    found = []
    for row in tables:
        sql = f"select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {row['name']} t"
        found.append((row["name"], await connection.fetchval(sql)))
    await connection.close()
    return found


@pytest.mark.parametrize("language", [MIRRORED, LONG])
@pytest.mark.parametrize("name", ["question", "all", "errors", "thanks", "contact", "story", "milestones", "stopped"])
async def test_other_scripts_and_longer_words_fit(
    show: Any, client: Any, told: Told, link: Any, language: str, name: str
) -> None:
    paths = {one: f"{LINK}/{one}" for one in ("contact", "story", "milestones")}
    path = (paths | {"stopped": "/c/unknown-unknown-unknown"}).get(name, LINK)
    with pseudo_languages():
        page = await show(f"{path}?lang={language}{'#all' if name == 'all' else ''}")
        if name in ("errors", "thanks"):
            await page.goto(f"{path}?lang={language}#all")
            for number in range(1, 5 if name == "thanks" else 2):
                await question(page, number).locator("input").nth(3).check()
            await page.locator("form#answers button.wide").tap()
            await expect(page.locator(".error-summary, .figure").first).to_be_visible()
        await look(page, f"answering-{name}-{language}", PHONE)
        if language == MIRRORED:
            assert await page.locator("html").get_attribute("dir") == "rtl"
            first = page.locator("header .choice, #q1 .choice")
            for number in range(await first.count()):
                ring = await first.nth(number).locator("input").bounding_box()
                words = await first.nth(number).locator("span").first.bounding_box()
                assert ring["x"] > words["x"]  # the ring stands where reading begins
            if name != "stopped":
                assert await page.locator(".help a").last.evaluate("on => getComputedStyle(on).direction") == "ltr"
