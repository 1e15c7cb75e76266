"""The pages of feedback in a real browser: two sizes, light and dark, both languages, with and without the script."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import Request
from fastapi.responses import FileResponse
from joserfc.jwk import KeySet
from playwright.async_api import Browser, Page, async_playwright, expect
from starlette.staticfiles import StaticFiles
from typer.testing import CliRunner

from deploy.cli.app import app as kith
from deploy.local.jars import htmx
from deploy.local.ports import free_port
from services.feedback.app import create
from services.feedback.pages import PAGES
from services.feedback.store import FOLDER
from shared import clock
from shared.doors import Running, frame
from shared.events.scheduling import FollowUpDue
from shared.security import Verifier
from shared.settings import Settings
from shared.web import STATIC, asked
from tests.conftest import eventually
from tests.doors import ISSUER, KEY, token
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    BATTERY,
    CONFIRMED_ON,
    CONTACTS,
    ROTA,
    Told,
    a_due,
    a_program,
    a_site,
    an_enrolment,
    an_invitation,
    long_ago,
)
from tests.feedback.test_own_instruments import an_instrument
from tests.feedback.test_wording import a_questionnaire
from tests.web.conftest import CHROMIUM_FLAGS
from tests.web.looking import DESK, PHONE, PHONE_AT_NIGHT, look

NAMES = ("Marisol T.", "Dev K.", "Jonas O.", "Alma R.", "Rosa V.", "Sami L.")
DUE = {
    "pulse": a_due("session-pulse"),
    "total": a_due("phq-4"),
    "month": a_due("monthly-check-in", "experience", code="month-1"),
    "answered": a_due("session-pulse"),
}
STAFF = {
    "check-ins": "/feedback/?need=overdue",
    "check-ins-due": "/feedback/?need=due",
    "check-ins-answered": "/feedback/?need=answered",
    "batteries": "/feedback/batteries",
    "battery": "/feedback/batteries/evening-circle",
    "battery-rhythm": "/feedback/batteries/deep-roots",
    "battery-new": "/feedback/batteries/new-roots",
    "crisis-contacts": "/feedback/crisis-contacts",
    "contacts": "/feedback/crisis-contacts/old-town",
    "enter-total": f"/feedback/occasions/{DUE['total'].occasion_id}/enter",
    "enter-paper": f"/feedback/occasions/{DUE['pulse'].occasion_id}/enter",
    "take-back": f"/feedback/occasions/{DUE['answered'].occasion_id}/take-back",
    "import": "/feedback/check-ins/import",
    "concerns": "/feedback/concerns",
    "raise": "/feedback/concerns/raise",
    "rotas": "/feedback/rotas",
    "rota": "/feedback/rotas/old-town",
    "rota-new": "/feedback/rotas/north-quay",
    "instruments": "/feedback/instruments",
    "instrument-known": "/feedback/instruments/phq-4",
    "instrument-licensed": "/feedback/instruments/csq-8",
    "instrument-own": "/feedback/instruments/how-we-meet",
    "own-instrument": "/feedback/own-instruments/how-we-meet",
    "own-instrument-new": "/feedback/own-instruments",
}
RHYTHM = {
    "entries": [
        {"occasion": "baseline", "kind": "baseline", "instruments": ["belonging"], "reminders": [2, 5]},
        {"occasion": "deep", "kind": "session", "instruments": ["session-pulse"], "every": 3, "window_days": 7},
        {"occasion": "month", "kind": "monthly", "instruments": ["monthly-check-in"], "repeats_months": 1}
        | {"only_score": {"occasion": "baseline", "instrument": "belonging", "at_most": 13}, "times": 6},
    ]
}
PHONES = {
    "link": "/c/link-open-pulse-000000",
    "link-es": "/c/link-open-pulse-000000?lang=es",
    "link-belonging": "/c/link-belonging-00000000",
    "link-answered": "/c/link-answered-000000000",
    "link-answered-es": "/c/link-answered-000000000?lang=es",
    "link-unknown": "/c/link-unknown-0000000000",
    "link-expired": "/c/link-expired-0000000000",
    "link-early": "/c/link-early-es-000000000",
    "link-total": "/c/link-total-000000000000",
    "link-no-contacts": "/c/link-no-contacts-000000",
    "contact": "/c/link-open-pulse-000000/contact",
    "contact-es": "/c/link-open-pulse-000000/contact?lang=es",
    "contact-asked": "/c/link-open-pulse-000000/contact?asked=00000000-0000-0000-0000-000000000009",
    "link-loaded": "/c/link-loaded-00000000000",
    "link-loaded-es": "/c/link-loaded-00000000000?lang=es",
    "link-month": "/c/link-month-000000000000",
    "link-scored": "/c/link-scored-00000000000",
    "preview": "/feedback/instruments/how-we-meet/preview",
}


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, or else the one that Playwright has installed."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        yield opened
        await opened.close()


@pytest.fixture
async def address(store: Any, told: Told, client: Any, data_folder: Path) -> AsyncIterator[str]:
    """Feedback with a believable week in it, served."""
    await a_week(told, client)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
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
    app = frame(service.name, service.routers, service.pages, Running(settings, store.doors, store.machinery, verifier))

    @app.get("/intake/names")
    async def names(request: Request, ids: str) -> Any:
        found = [(place, NAMES[place.person.int % len(NAMES)]) for place in asked(ids)]
        return PAGES.render(request, "names.html", found=found)

    script = await asyncio.to_thread(htmx, data_folder)

    @app.get("/static/htmx.min.js")
    async def serve_htmx() -> FileResponse:
        return FileResponse(script)

    app.mount("/static", StaticFiles(directory=STATIC))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    serving = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return server.started

    await eventually(has_started)
    yield address
    server.should_exit = True
    await serving


async def a_week(told: Told, client: Any) -> None:
    """Three sites of which one has no contacts, two programs, people who are due, late, and have answered."""
    await told.tell(a_site(), a_site("north-quay", "Europe/Madrid"), a_site("west-point", "America/New_York"))
    await told.tell(a_program(), a_program("new-roots"), a_program("deep-roots"))
    for site in ("old-town", "north-quay"):
        url = f"{API}/sites/{site}/crisis-contacts"
        body = CONTACTS if site == "old-town" else CONTACTS | {"confirmed_on": None}
        assert (await client.put(url, json=body, headers=ADMINISTRATOR)).status_code == 200
    assert (await client.put(f"{API}/batteries/evening-circle", json=BATTERY, headers=ADMINISTRATOR)).status_code == 200
    assert (await client.put(f"{API}/batteries/deep-roots", json=RHYTHM, headers=ADMINISTRATOR)).status_code == 200
    dues = {
        "link-open-pulse-000000": DUE["pulse"],
        "link-belonging-00000000": a_due("belonging", event=FollowUpDue, code="follow-up", due_at=long_ago(5)),
        "link-answered-000000000": DUE["answered"],
        "link-expired-0000000000": a_due(due_at=long_ago(12), closes_at=long_ago(2), code="session-1"),
        "link-early-es-000000000": a_due(opens_at=long_ago(-1)),
        "link-total-000000000000": DUE["total"],
        "link-no-contacts-000000": a_due(site_id=a_site("west-point").site_id),
        "link-late-0000000000000": a_due("belonging", due_at=long_ago(9), code="baseline"),
        "link-loaded-00000000000": a_due("gad-7"),
        "link-month-000000000000": DUE["month"],
        "link-scored-00000000000": a_due("gad-7", "core-10", code="month-2"),
    }
    for code, n_items, high in (("gad-7", 7, 3), ("core-10", 10, 4)):
        wording = a_questionnaire(n_items, high, copyright="Made up for this test.")
        url = f"{API}/instruments/{code}/wording"
        assert (await client.post(url, json=wording, headers=ADMINISTRATOR)).status_code == 201
    assert (await client.post(f"{API}/instruments", json=an_instrument(), headers=ADMINISTRATOR)).status_code == 201
    for number, (link, due) in enumerate(dues.items()):
        enrolment = an_enrolment(due, short_code=f"KLM-{480 + number}")
        language = "es" if "-es-" in link else "en"
        await told.tell(enrolment, due, an_invitation(due, link, language=language))
    assert (await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=ADMINISTRATOR)).status_code == 200
    worry = {"site": "old-town", "text": "He did not come, twice.", "participant_id": str(DUE["pulse"].participant_id)}
    for about in (worry, {"site": "north-quay", "text": "There was shouting in the hall."}):
        assert (await client.post(f"{API}/concerns", json=about, headers=ADMINISTRATOR)).status_code == 201
    call = {"about": "me", "key": PHONES["contact-asked"].rpartition("=")[2]}
    assert (await client.post(PHONES["contact"], data=call)).status_code == 303
    answers = {f"answers.session-pulse.{item}": "3" for item in ("heard", "safe", "useful", "hopeful")}
    assert (await client.post("/c/link-answered-000000000", data=answers)).status_code == 200
    answers = {f"answers.gad-7.{n}": "2" for n in range(1, 8)} | {f"answers.core-10.{n}": "2" for n in range(1, 9)}
    assert (await client.post("/c/link-scored-00000000000", data=answers)).status_code == 200


@pytest.fixture
async def show(browser: Browser, address: str) -> AsyncIterator[Any]:
    """Opens a page; at the end nothing may have broken the content policy."""
    contexts, complaints = [], []

    async def open_page(path: str, width: int = 390, **options: Any) -> Page:
        size: Any = {"width": width, "height": 844 if width < 600 else 900}
        context = await browser.new_context(viewport=size, base_url=address, **options)
        contexts.append(context)
        cookie: Any = {"name": "kith_session", "value": token("administrator"), "url": address}
        await context.add_cookies([cookie])
        page = await context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    meant = ("Failed to load resource", "htmx:")
    assert [text for text in complaints if not text.startswith(meant)] == []


async def test_anybody_can_read_and_use_every_page(show: Any) -> None:
    page = await show("/feedback/")
    for name, path in (STAFF | PHONES).items():
        await page.goto(path)
        await look(page, f"feedback-{name}", PHONE, PHONE_AT_NIGHT, DESK)


@pytest.mark.parametrize("scripted", [True, False])
@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_check_in_on_a_phone(show: Any, told: Told, scripted: bool, language: str) -> None:
    page = await show(f"/c/link-open-pulse-000000?lang={language}#all", java_script_enabled=scripted)
    send, thanks = ("Send", "Thank you") if language == "en" else ("Enviar", "Gracias")
    await page.locator("input[name='answers.session-pulse.heard']").nth(4).check()
    await page.get_by_role("button", name=send).click()
    summary = page.locator(".error-summary")
    await expect(summary.locator("li")).to_have_count(3)
    await expect(page.locator("input:checked")).to_have_count(1)
    if scripted:
        await expect(summary).to_be_focused()
        await look(page, f"feedback-link-errors-{language}", PHONE)
        await summary.locator("a").first.click()
        await expect(page.locator("[id='f-answers.session-pulse.safe']")).to_be_focused()
        other = page.locator("header nav button:visible")
        await expect(other).to_have_attribute("lang", "es" if language == "en" else "en")
    for item in ("safe", "useful", "hopeful"):
        await page.locator(f"input[name='answers.session-pulse.{item}']").nth(2).check()
    if scripted:
        await page.wait_for_function("!document.querySelector('form').hasAttribute('data-sending')")
    await page.get_by_role("button", name=send).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(thanks)
    await expect(page.locator(".figure")).to_contain_text("10")
    await expect(page.locator(".help a").first).to_have_attribute("href", "tel:5550100")
    if scripted:
        await look(page, f"feedback-thanks-{language}", PHONE)
    events = await told.said("check-in-submitted")
    assert [event.scores[0].count for event in events][-1] == 10
    await page.reload()  # without a script this sends the form again
    again = {"en": "You have answered already", "es": "Ya has respondido"}[language] if scripted else thanks
    await expect(page.get_by_role("heading", level=1)).to_have_text(again)
    assert len(await told.said("check-in-submitted")) == len(events)


async def test_opened_and_begun_are_what_a_person_does_not_what_a_page_does(show: Any, told: Told) -> None:
    async def are(opened: int, begun: int) -> bool:
        return [len(await told.said(f"check-in-{wire}")) for wire in ("opened", "begun")] == [opened, begun]

    page = await show("/c/link-month-000000000000")
    opened, begun = [len(await told.said(f"check-in-{wire}")) for wire in ("opened", "begun")]
    await page.evaluate("""() => {
        document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true }));
        document.querySelector("textarea, input").dispatchEvent(new Event("change", { bubbles: true }));
    }""")
    await page.reload()
    assert await are(opened, begun), "a script that fetches and pretends is nobody"
    await page.get_by_label("Large type").check()
    await eventually(lambda: are(opened + 1, begun))
    await asyncio.sleep(0.5)
    assert await are(opened + 1, begun), "large type is no answer"
    field = page.locator("main textarea").first
    await field.fill("More time")
    await field.press("Tab")
    await eventually(lambda: are(opened + 1, begun + 1))
    await page.reload()
    await page.locator("main textarea").first.press("Tab")
    assert await are(opened + 1, begun + 1)


async def test_leaving_shows_nothing_and_leads_nowhere_back(show: Any) -> None:
    page = await show("/c/link-open-pulse-000000")
    await page.locator("input").first.check()
    await page.get_by_role("link", name="Leave this page").click()
    await expect(page).to_have_title("Blank page")


@pytest.mark.parametrize("scripted", [True, False])
async def test_staff_enter_a_total(show: Any, told: Told, scripted: bool) -> None:
    page = await show("/feedback/?need=due", 1280, java_script_enabled=scripted)
    await page.locator(f"a[href='{STAFF['enter-total']}']").click()
    await page.get_by_label("Total of PHQ-4").fill("13")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".error-summary")).to_contain_text("Give a number from 0 to 12.")
    await page.get_by_label("Total of PHQ-4").fill("7")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".flash")).to_contain_text("The check-in is saved.")
    await expect(page.get_by_text("PHQ-4 7 of 12")).to_be_visible()
    assert (await told.said("check-in-submitted"))[-1].occasion_id == DUE["total"].occasion_id


@pytest.mark.parametrize("scripted", [True, False])
async def test_an_administrator_sets_a_battery(show: Any, told: Told, scripted: bool) -> None:
    page = await show("/feedback/batteries/new-roots", 1280, java_script_enabled=scripted)
    await page.get_by_text("Change occasion 1").click()
    await page.locator("[name='entries.0.occasion']").fill("Base line")
    await page.get_by_role("button", name="Save the battery").click()
    await expect(page.locator(".error-summary")).to_be_visible()
    await look(page, "feedback-battery-errors", DESK) if scripted else None
    await page.locator("[name='entries.0.occasion']").fill("baseline")
    await page.get_by_role("button", name="Save the battery").click()
    await expect(page.locator(".flash")).to_contain_text("The battery is set.")
    assert len((await told.said("battery-activated"))[-1].entries) == 4


@pytest.mark.parametrize("scripted", [True, False])
async def test_a_coordinator_sets_crisis_contacts(show: Any, scripted: bool) -> None:
    page = await show("/feedback/crisis-contacts/west-point", 390, java_script_enabled=scripted)
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".error-summary li")).to_have_count(2)
    if scripted:
        await look(page, "feedback-contacts-errors", PHONE)
    await page.get_by_label("What it is, in English").first.fill("Crisis line, day and night")
    await page.get_by_label("Phone").first.fill("988")
    await page.locator("[name='note.en']").fill("A person reads answers on weekdays.\nNot at night.")
    await page.get_by_label("Numbers last confirmed on").fill(CONFIRMED_ON.isoformat())
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".flash")).to_contain_text("saved")
    page = await show(PHONES["link-no-contacts"])
    await expect(page.locator("form")).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False])
async def test_an_administrator_writes_an_instrument(show: Any, told: Told, scripted: bool) -> None:
    page = await show("/feedback/own-instruments/how-we-meet", 1280, java_script_enabled=scripted)
    await page.locator("[name='items.2.text.en']").fill("Is there a song?")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator(".error-summary")).to_contain_text("Question 3: the title is in this language")
    await look(page, "feedback-own-instrument-errors", DESK) if scripted else None
    await page.locator("[name='items.2.text.es']").fill("¿Hay una canción?")
    async with page.context.expect_page() as opened:
        await page.get_by_role("button", name="Preview in Spanish").click()
    seen = await opened.value
    await expect(seen.get_by_role("group", name="¿Hay una canción?")).to_be_visible()
    await expect(seen.locator("button")).to_have_count(0)
    await seen.close()
    if scripted:
        await page.locator("form.stack:not([data-sending])").wait_for()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("heading", name="What it measures")).to_be_visible()
    rows = await told.rows("select version from own_instruments order by version")
    assert [row["version"] for row in rows] == [1, 2]


async def test_wording_is_loaded_from_a_file(show: Any, address: str, tmp_path: Path) -> None:
    page = await show("/feedback/instruments/phq-9", 390)
    file: Any = {"name": "phq-9.json", "mimeType": "application/json", "buffer": b""}
    await page.get_by_label("FHIR R4 Questionnaire").set_input_files(
        file | {"buffer": json.dumps(a_questionnaire(8, 4)).encode()}
    )
    await page.get_by_role("button", name="Load").click()
    await expect(page.get_by_text("item[7].answerOption[4]")).to_be_visible()
    await look(page, "feedback-instrument-mismatches", PHONE, DESK)
    path = tmp_path / "phq-9.json"
    for raw, status, said in (
        (a_questionnaire(8), 1, "Item 9 is missing"),
        (a_questionnaire(), 0, "phq-9 version 1, en: loaded."),
        (a_questionnaire(), 0, "phq-9 version 1, en: loaded before."),
    ):
        path.write_text(json.dumps(raw))
        words = ["instruments", "load", str(path), "--organisation", "harbour-trust", "--url", address]
        done = await asyncio.to_thread(CliRunner().invoke, kith, words, env={"KITH_TOKEN": token("administrator")})
        assert (done.exit_code, said in done.output) == (status, True), done.output
    await page.goto(f"{address}/feedback/instruments/phq-9/preview")
    await expect(page.get_by_role("group", name="Question 9?")).to_be_visible()


def test_a_definition_is_checked_before_anything_starts(tmp_path: Path) -> None:
    [good] = FOLDER.glob("core-10.json")
    done = CliRunner().invoke(kith, ["instruments", "check", str(good)])
    assert (done.exit_code, "core-10 version 1; total 0 to 360 in 1/9 points" in done.output) == (0, True)
    (tmp_path / "bad.json").write_text("{}")
    done = CliRunner().invoke(kith, ["instruments", "check", str(tmp_path / "bad.json")])
    assert (done.exit_code, "bad.json: code: This is needed." in done.output) == (1, True)


async def test_the_report_of_a_file(show: Any) -> None:
    page = await show("/feedback/check-ins/import")
    day = (clock.now() - timedelta(days=1)).date()
    rows = f"KLM-485,evening-circle,session-3,phq-4,7,{day}\nKLM-999,evening-circle,end,phq-4,7,{day}\n"
    text = "participant,program,occasion,instrument,total,answered_on\n" + rows
    file: Any = {"name": "check-ins.csv", "mimeType": "text/csv", "buffer": text.encode()}
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Import").click()
    await expect(page.get_by_text("1 row was left out")).to_be_visible()
    await look(page, "feedback-import-report", PHONE)


async def test_a_concern_is_worked_through_by_two_people(show: Any, told: Told) -> None:
    page = await show("/feedback/concerns", width=1280)
    await page.get_by_role("link", name="Open", exact=True).first.click()
    await expect(page.get_by_role("main")).to_contain_text("He did not come, twice.")
    await page.get_by_role("button", name="I am on it").click()
    await expect(page.get_by_role("main")).to_contain_text("You have it. Nobody else is called now.")
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.locator(".error-summary")).to_be_visible()
    await page.get_by_label("What did you do?").fill("We spoke for an hour.\nShe is with her sister.")
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.get_by_role("main")).to_contain_text("a second person closes the concern")
    await look(page, "feedback-concern", PHONE, DESK)
    ben: Any = {"name": "kith_session", "value": token("coordinator", "old-town", name="Ben S.")}
    await page.context.add_cookies([ben | {"url": page.url.partition("/feedback")[0]}])
    await page.goto(page.url.partition("?")[0])
    await page.get_by_label("Why is enough done?").fill("I asked both.\nBoth agree.")
    await page.get_by_role("button", name="Close the concern").click()
    await expect(page.get_by_role("main")).to_contain_text("The concern is closed.")
    readers = page.get_by_role("main").locator(".card").last
    await expect(readers).to_contain_text("Ben S.")
    [closed] = await told.said("concern-closed")
    assert closed.debrief_offered


async def test_a_rota_is_set_on_its_page(show: Any) -> None:
    page = await show("/feedback/rotas/north-quay", width=1280)
    await page.get_by_role("button", name="Save the rota").click()
    await expect(page.locator(".error-summary")).to_be_visible()
    await page.get_by_label("Code").first.fill("ana")
    await page.get_by_label("Name").first.fill("Ana R.")
    await page.get_by_label("E-mail").first.fill("ana@staff.example")
    await page.get_by_label("Responder's code").first.fill("ana")
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri"):
        await page.get_by_label(day).first.check()
    await page.get_by_role("button", name="Save the rota").click()
    await expect(page.get_by_role("main")).to_contain_text("The rota is saved.")
    await expect(page.get_by_role("main")).to_contain_text("Nobody is on call from")
    await page.get_by_label("To whom").select_option("ana")
    await page.locator("[name=begins_at]").fill("2030-03-09T09:00")
    await page.locator("[name=ends_at]").fill("2030-03-09T18:00")
    await page.get_by_role("button", name="Hand over").click()
    await expect(page.get_by_role("main")).to_contain_text("The hand-over is written down.")
    await expect(page.get_by_role("main")).to_contain_text("9 March")
    await page.get_by_role("button", name="Take back").click()
    await expect(page.get_by_role("main")).to_contain_text("The hand-over is taken back.")
    await expect(page.get_by_role("main")).not_to_contain_text("9 March")


@pytest.mark.parametrize("scripted", [True, False])
async def test_what_somebody_was_writing_when_the_link_was_closed_is_shown_and_sent_later(
    show: Any, told: Told, scripted: bool
) -> None:
    page = await show(f"{PHONES['link-month']}#all", java_script_enabled=scripted)
    await page.get_by_label("Which one change would you like to see?").fill("Chairs with a back,\nplease.")
    await page.get_by_role("radio").first.check()
    await told.tell(DUE["month"].model_copy(update={"opens_at": long_ago(-1)}))
    await page.get_by_role("button", name="Send").last.click()
    await expect(page.get_by_role("main")).to_contain_text("What you answered was not sent.")
    await expect(page.get_by_role("textbox")).to_have_value("Chairs with a back,\nplease.")
    if scripted:
        await look(page, "feedback-unsent", PHONE, PHONE_AT_NIGHT, DESK)
    await page.get_by_role("button", name="Español").click()
    await expect(page.get_by_role("main")).to_contain_text("Lo que respondiste no se ha enviado.")
    await page.get_by_role("button", name="English").click()
    await told.tell(DUE["month"])
    await page.get_by_role("button", name="Try again now").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    if scripted:
        assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert len([one for one in await told.said("check-in-submitted") if one.code == "month-1"]) == 1


@pytest.mark.parametrize("goes", ["on", "away"])
async def test_what_was_written_is_there_again_when_the_link_is_open_again(show: Any, told: Told, goes: str) -> None:
    page = await show(f"{PHONES['link-month']}#all")
    words = page.get_by_label("Which one change would you like to see?")
    await words.fill("Chairs with a back.")
    await page.get_by_role("radio").first.check()
    await told.tell(DUE["month"].model_copy(update={"opens_at": long_ago(-1)}))
    await page.get_by_role("button", name="Send").last.click()
    await expect(page.get_by_role("main")).to_contain_text("What you answered was not sent.")
    await page.get_by_role("link", name="I would like someone to contact me").click()
    await page.get_by_role("link", name="Back").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("It is a little early")
    if goes == "away":
        await page.get_by_role("link", name="Leave this page").click()
        await expect(page).to_have_title("Blank page")
    await told.tell(DUE["month"])
    await page.goto(f"{PHONES['link-month']}#all")
    await expect(words).to_have_value("Chairs with a back." if goes == "on" else "")
    assert await page.evaluate("sessionStorage.length") == 0
