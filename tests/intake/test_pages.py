"""The pages in a real browser, with people in them: readable by anybody, at two sizes, light and dark."""

import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from shared.clock import now
from shared.events.feedback import CheckInSubmitted
from tests.intake.conftest import Intake, a_due, a_group, a_participant
from tests.web.conftest import CHROMIUM_FLAGS
from tests.web.looking import DESK, DESK_AT_NIGHT, PHONE, look

Open = Callable[..., Awaitable[Page]]
PAGES = {
    "sign-in": ("/sign-in", None),
    "sign-in-failed": ("/sign-in?failed=expired", None),
    "people": ("/intake/participants", "coordinator"),
    "people-none": ("/intake/participants?name=nobody", "coordinator"),
    "enrol": ("/intake/participants/enrol", "coordinator"),
    "participant": ("/intake/participants/{active}", "coordinator"),
    "participant-done": ("/intake/participants/{completed}?done=complete", "coordinator"),
    "import-participants": ("/intake/participants/import", "administrator"),
    "set-up": ("/intake/set-up", "administrator"),
    "set-up-operator": ("/intake/set-up", "operator"),
    "set-up-organisation": ("/intake/set-up/organisation", "administrator"),
    "set-up-consent": ("/intake/set-up/consent", "administrator"),
    "set-up-sites": ("/intake/set-up/sites", "administrator"),
    "set-up-site": ("/intake/set-up/sites/old-town", "administrator"),
    "set-up-programs": ("/intake/set-up/programs", "administrator"),
    "set-up-program": ("/intake/set-up/programs/new-roots", "administrator"),
    "set-up-facilitators": ("/intake/set-up/facilitators", "administrator"),
}


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, or else the one that Playwright has installed."""
    async with async_playwright() as playwright:
        path = shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def show(browser: Browser, served: Intake) -> AsyncIterator[Open]:
    """Opens a page as somebody; at the end nothing may have broken the content policy."""
    contexts, complaints = [], []

    async def open_page(path: str, role: str | None, **options: Any) -> Page:
        home = str(served.client.base_url)
        context = await browser.new_context(viewport={"width": 1280, "height": 900}, base_url=home, **options)
        contexts.append(context)
        if role:
            token = served.token(role)
            await context.add_cookies([{"name": "kith_session", "value": token, "url": home}])
        page = await context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []


@pytest.fixture
async def people(served: Intake) -> dict[str, str]:
    """An organisation at work: people placed, waiting, completed, with occasions."""
    await served.set_up(capacity=2)
    await served.hear(a_group("morning-walk", capacity=6))
    held = [{"code": "group-lead", "valid_until": "2199-03-31"}]
    ended = [{"code": "group-lead", "valid_until": (now() - timedelta(days=40)).date().isoformat()}]
    for reference, name, qualifications in (("F-1", "Ines Beltran", held), ("F-2", "Tomasz Wrona", ended)):
        body = {"name": name, "email": "x@example.org", "sites": ["old-town"], "qualifications": qualifications}
        await served.put(f"/facilitators/{reference}", body)
    await served.put("/programs/usual-care", {"name": "Usual Care", "sites": ["old-town", "north-quay"]})
    found: dict[str, dict[str, Any]] = {}
    for name in ("Marisol", "Dev", "Aroha", "Zofia"):
        found[name] = await served.post("/participants", a_participant(name, phone=f"+34 600 {len(found)}11 222"))
    await served.post("/participants", a_participant("Kit", email=None, group=None, attributes={}))
    first = found["Marisol"]
    await served.hear(a_due(first, kind="baseline", code="baseline", reminders=[3, 7]))
    await served.hear(a_due(first, code="month-1", due_at=now() - timedelta(days=30), closes_at=now()))
    answered = a_due(first, code="month-2")
    await served.hear(answered)
    shared = answered.model_dump(include=set(CheckInSubmitted.model_fields))
    done = {"scores": [], "answered_at": now(), "entered_by": "participant"}
    await served.hear(CheckInSubmitted.model_validate(shared | done))
    dev = found["Dev"]
    seen = (await served.ask("GET", f"/participants/{dev['participant_id']}")).json()
    path = f"/participants/{dev['participant_id']}/enrolments/{dev['enrolment_id']}/complete"
    await served.post(path, {"completed_on": seen["enrolments"][0]["enrolled_on"]})
    return {"active": first["participant_id"], "completed": dev["participant_id"]}


async def test_anybody_can_read_and_use_every_page(show: Open, people: dict[str, str]) -> None:
    own = {role: await show("/sign-in", role) for role in {role for _, role in PAGES.values()}}
    for name, (path, role) in PAGES.items():
        page = own[role]
        answer = await page.goto(path.format(**people))
        assert answer is not None
        assert answer.status == 200, path
        assert await page.locator("h1").count() == 1, name
        await page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true })")
        await look(page, f"intake-{name}", DESK, DESK_AT_NIGHT, PHONE)


async def test_an_empty_installation_leads_through_the_steps(show: Open, served: Intake) -> None:
    page = await show("/intake/set-up", "administrator")
    await look(page, "intake-set-up-empty", DESK, PHONE)
    await page.get_by_role("link", name="Begin Your organisation").click()
    await page.get_by_label("Name").fill("Harbour Trust")
    await page.get_by_label("What you ask").fill("Age band: 18 to 25, 26 to 40\nGender: Woman, Man")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("link", name="Begin Sites").click()
    await page.get_by_label("Name", exact=True).fill("Old Town")
    await page.get_by_label("Time zone").fill("Europe/Madrid")
    await page.get_by_label("Español").check()
    await page.get_by_role("button", name="Open the site").click()
    await expect(page.get_by_text("old-town · Europe/Madrid · es")).to_be_visible()
    await page.get_by_role("link", name="Set-up").first.click()
    await page.get_by_role("link", name="Begin Programs").click()
    await page.get_by_label("Name", exact=True).fill("New Roots")
    await page.get_by_label("Old Town").check()
    await page.get_by_label("Objectives").fill("belonging, coping")
    await page.get_by_role("button", name="Publish").click()
    await page.get_by_role("link", name="Set-up").first.click()
    await page.get_by_role("link", name="Begin Facilitators").click()
    await page.get_by_label("Name", exact=True).fill("Ines Beltran")
    await page.get_by_label("Your reference").fill("F-1")
    await page.get_by_label("Old Town").check()
    await page.get_by_label("Qualification").first.fill("Group lead")
    await page.get_by_label("Last valid day").first.fill("2199-03-31")
    await page.get_by_role("button", name="Register").click()
    await expect(page.get_by_text("Group Lead until 31 March 2199")).to_be_visible()
    await page.get_by_role("link", name="Set-up").first.click()
    await expect(page.get_by_text("Next: groups.")).to_be_visible()
    said = [one["wire"] for one in await served.said()]
    assert said == ["organisation-registered", "site-opened", "program-published", "facilitator-qualified"]


@pytest.mark.parametrize("with_script", [True, False])
async def test_enrolling_on_one_page(show: Open, served: Intake, people: dict[str, str], with_script: bool) -> None:
    page = await show("/intake/participants/enrol", "coordinator", java_script_enabled=with_script)
    await page.get_by_role("button", name="Enrol").click()
    await expect(page.get_by_role("heading", name="things to correct")).to_be_visible()
    needed = "Nobody is enrolled without agreeing to take part"
    await expect(page.locator(".error-summary").get_by_role("link", name=needed)).to_be_visible()
    box = page.get_by_label("They agree to take part")
    await expect(box).to_have_accessible_description(re.compile(needed))
    await page.get_by_label("Preferred name").fill("Mari")
    await page.get_by_label("E-mail").fill("marisol@example.org")
    await page.get_by_label("Español").check()
    await page.get_by_label("Site").select_option("Old Town")
    await page.get_by_label("Program").select_option("New Roots")
    await page.get_by_label("Group").select_option(value="morning-walk")
    await page.get_by_label("Age band").select_option("Prefer not to say")
    await page.get_by_label("They agree to take part").check()
    await page.get_by_role("button", name="Enrol").click()
    await expect(page.get_by_text("Is it the same person?")).to_be_visible()
    await expect(page.get_by_role("link", name="Open Marisol")).to_be_visible()
    if with_script:
        await look(page, "intake-enrol-duplicate", DESK)
    await page.get_by_label("This is somebody else").check()
    await page.get_by_role("button", name="Enrol").click()
    await expect(page.get_by_role("heading", name="Mari", level=1)).to_be_visible()
    await expect(page.get_by_text("in Morning Walk")).to_be_visible()


async def test_what_happens_to_a_participant(show: Open, served: Intake, people: dict[str, str]) -> None:
    page = await show(f"/intake/participants/{people['active']}", "coordinator")
    await page.get_by_role("button", name="Hand a link").first.click()
    await expect(page.locator("#link")).to_have_text(re.compile(r"/c/[\w-]{22}$"))
    await look(page, "intake-participant-link", DESK)
    await page.get_by_text("Change what they agree to").click()
    await page.get_by_label("Being contacted after the end").check()
    await page.get_by_role("button", name="Write down", exact=True).click()
    await expect(page.get_by_text("taking part, reports, contact after the end")).to_be_visible()
    await page.get_by_text("They have completed the program").click()
    await page.get_by_label("Last day").first.fill("2020-01-01")
    await page.locator("form[action$=complete]").evaluate("form => { form.noValidate = true }")
    await page.get_by_role("button", name="Complete").click()
    await expect(page.get_by_role("link", name="that was the enrolment")).to_be_visible()
    await page.get_by_text("Change the group").click()
    await page.get_by_label("Group", exact=True).select_option(value="morning-walk")
    await page.get_by_role("button", name="Ask for a place").click()
    await expect(page.get_by_text("in Morning Walk")).to_be_visible()
    await page.get_by_text("Correct this").click()
    await page.get_by_label("E-mail").fill("nonsense")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("link", name="Give an e-mail address")).to_be_visible()
    await page.get_by_label("E-mail").fill("new@example.org")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("new@example.org")).to_be_visible()
    await page.get_by_text("They leave before the end").click()
    await page.get_by_role("button", name="Write down that they left").click()
    await expect(page.locator("main").get_by_text("left", exact=True)).to_be_visible()


@pytest.mark.parametrize("with_script", [True, False])
async def test_somebody_known_is_enrolled_in_another_program(
    show: Open, served: Intake, people: dict[str, str], with_script: bool
) -> None:
    page = await show(f"/intake/participants/{people['active']}", "coordinator", java_script_enabled=with_script)
    await page.get_by_role("link", name="Enrol in another program").click()
    await expect(page.get_by_role("heading", name="Enrol Marisol in another program", level=1)).to_be_visible()
    await expect(page.get_by_label("Age band")).to_have_value("26-40")
    await page.get_by_role("button", name="Enrol").click()
    await expect(page.get_by_role("heading", name="things to correct")).to_be_visible()
    if with_script:
        await look(page, "intake-enrol-again-errors", PHONE)
    await page.get_by_label("Site").select_option("Old Town")
    await page.get_by_label("Program").select_option("Usual Care")
    await page.get_by_label("They agree to take part").check()
    await page.get_by_role("button", name="Enrol").click()
    await expect(page.get_by_role("heading", name="Usual Care")).to_be_visible()
    await expect(page.get_by_role("heading", name="New Roots")).to_be_visible()
    await expect(page.get_by_role("link", name="Enrol in another program")).to_have_count(0)
    assert (await served.said("participant-enrolled"))[-1]["participant_id"] == people["active"]


async def test_a_file_that_is_chosen_on_the_page_is_reported(
    show: Open, served: Intake, people: dict[str, str]
) -> None:
    page = await show("/intake/sites/import", "administrator")
    await page.get_by_role("button", name="Import").click()
    table = "code,name,time_zone,languages\nharbour,Harbour,Europe/Lisbon,en\nbad,Bad,Nowhere,en\n"
    file: Any = {"name": "sites.csv", "mimeType": "text/csv", "buffer": table.encode()}
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Import").click()
    await expect(page.get_by_text("1 row was left out")).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("Line 3.*time_zone.*IANA"))).to_be_visible()
    await look(page, "intake-import-report", DESK)


async def test_names_are_given_to_those_who_may_know_them(served: Intake, people: dict[str, str]) -> None:
    path = f"/intake/names?ids={people['active']}-1,{people['active']}-2"
    for role, sites, count in (
        ("coordinator", ("old-town",), 2),
        ("facilitator", ("old-town",), 2),
        ("administrator", ("*",), 2),
        ("coordinator", ("north-quay",), 0),
        ("program-manager", ("*",), 0),
        ("operator", ("*",), 0),
    ):
        answer = await served.ask("GET", path, role, *sites)
        assert (answer.status_code, answer.text.count("Marisol")) == (200, count), role


async def test_facilitators_are_staff_and_named_to_whoever_plans_with_them(
    served: Intake, people: dict[str, str]
) -> None:
    ines = (await served.ask("GET", "/facilitators", "administrator")).json()[0]["facilitator_id"]
    path = f"/intake/names?ids={ines}-1,{people['active']}-2"
    for role, sites, seen in (
        ("program-manager", ("*",), True),
        ("program-manager", ("old-town",), True),
        ("program-manager", ("north-quay",), False),
        ("operator", ("*",), False),
    ):
        answer = await served.ask("GET", path, role, *sites)
        assert ("Ines Beltran" in answer.text, "Marisol" in answer.text) == (seen, False), role


async def test_an_address_that_cannot_be_is_not_there(served: Intake, people: dict[str, str]) -> None:
    for address in (
        "/intake/participants/xyz",
        "/intake/participants/xyz/enrol",
        "/intake/set-up/facilitators/xyz",
        "/intake/set-up/sites/Not A Code",
        "/intake/nothing/import",
    ):
        answer = await served.ask("GET", address, "administrator")
        assert (answer.status_code, "This page is not here" in answer.text) == (404, True), address
    assert (await served.ask("GET", "/participants/xyz")).status_code == 422  # programs are told which field


async def test_who_waits_is_a_part_of_another_page(served: Intake, people: dict[str, str]) -> None:
    answer = await served.ask("GET", "/intake/fragments/waiting")
    assert "1 person waits" in answer.text
    assert "<html" not in answer.text


async def test_the_pages_of_the_development_issuer_keep_to_their_own_policy(show: Open, served: Intake) -> None:
    page = await show("/sign-in", None)
    await page.locator("main").get_by_role("link", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Who are you today?")).to_be_visible()
    answer = await page.goto(f"{served.client.base_url}/issuer/authorize?client_id=other")
    assert answer
    assert answer.status == 400
    await expect(page.get_by_role("heading", name="This sign-in cannot go on")).to_be_visible()


async def test_pages_are_guarded_as_the_doors_are(served: Intake, people: dict[str, str]) -> None:
    for path, (address, role) in PAGES.items():
        if role is None:
            continue
        address = address.format(**people)
        assert (await served.client.get(address)).headers["location"].startswith("/sign-in?next="), path
        for other in ("program-manager", "facilitator"):
            assert (await served.ask("GET", address, other)).status_code == 403, path
    for other in ("coordinator", "program-manager"):
        answer = await served.ask("POST", "/intake/set-up/sites", other, data={"name": "x"})
        assert answer.status_code == 403
    elsewhere = f"/intake/participants/{people['active']}"
    assert (await served.ask("GET", elsewhere, "coordinator", "north-quay")).status_code == 404
