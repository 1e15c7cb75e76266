"""One true story through four services: from an empty house to what changed, and what others heard of it."""

import asyncio
import re
import shutil
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import Consumer
from playwright.async_api import Browser, Page, expect

from shared.identity import derived_id
from tests.conftest import eventually
from tests.journeys.conftest import Kith, settled
from tests.web.looking import DESK, PHONE, look

ORGANISATION = "harbour-trust"
DAY = 86_400
BATTERY = [
    {"occasion": "baseline", "kind": "baseline", "instruments": ["belonging"]},
    {"occasion": "session", "kind": "session", "instruments": ["session-pulse"], "window_days": 7},
    {"occasion": "end", "kind": "end", "instruments": ["belonging"]},
    {"occasion": "follow-up", "kind": "follow-up", "months_after": 2, "instruments": ["belonging"]},
]
CONTACTS = {
    "contacts": [
        {
            "label": {"en": "Crisis line", "es": "Línea de crisis"},
            "phone": "555-0100",
            "hours": {"en": "always", "es": "siempre"},
        }
    ],
    "note": {"en": "A person reads answers on weekdays.", "es": "Una persona lee las respuestas los días laborables."},
}


class Story:
    """What one chapter leaves for the next."""

    now: datetime
    people: dict[str, dict[str, Any]]
    group_session: str


@pytest.fixture(scope="module")
def story() -> Story:
    one = Story()
    one.people = {}
    return one


async def test_1_an_empty_house_leads_through_its_set_up(kith: Kith, sign_in: Any, story: Story) -> None:
    page: Page = await sign_in("Mara Okafor")
    assert page.url.endswith("/intake/set-up")
    await expect(page.get_by_role("main")).to_contain_text("Next: your organisation")
    await page.get_by_role("link", name="Begin Your organisation").click()
    await page.get_by_label("Name").first.fill("Harbour Trust")
    await page.locator("main").get_by_role("button").first.click()
    await page.goto("/intake/set-up/sites")
    await page.get_by_label("Name").fill("Old Town")
    await page.get_by_label("Time zone").fill("Europe/London")
    for language in ("English", "Español"):
        await page.get_by_label(language).check()
    await page.get_by_role("button", name="Open the site").click()
    await expect(page.get_by_role("main")).to_contain_text("old-town")
    await page.goto("/intake/set-up/programs")
    await page.get_by_label("Name").fill("Evening Circle")
    await page.get_by_label("Old Town").check()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("main")).to_contain_text("evening-circle")

    story.now = datetime.fromtimestamp(datetime.now(UTC).timestamp(), UTC)  # noqa: TID251  (the clock is not moved yet)
    async with await kith.doors(ORGANISATION, "administrator") as doors:
        until = (story.now + timedelta(days=10)).date().isoformat()
        facilitator = {
            "name": "Tomasz Wrona",
            "sites": ["old-town"],
            "qualifications": [{"code": "peer-support", "valid_until": until}],
        }
        confirmed = CONTACTS | {"confirmed_on": story.now.date().isoformat()}
        led_by = await doors.ask("PUT", "/intake/api/v1/facilitators/f-1", json=facilitator)
        await settled(lambda: doors.ask("PUT", "/feedback/api/v1/batteries/evening-circle", json={"entries": BATTERY}))
        await settled(lambda: doors.ask("PUT", "/feedback/api/v1/sites/old-town/crisis-contacts", json=confirmed))
        tomorrow = (story.now + timedelta(days=1)).date()
        group = {
            "name": "Tuesday Circle",
            "program": "evening-circle",
            "site": "old-town",
            "capacity": 2,
            "weekday": tomorrow.isoweekday(),
            "starts_at_local": "18:00",
            "minutes": 90,
            "first_on": story.now.date().isoformat(),
        }
        await settled(lambda: doors.ask("PUT", "/scheduling/api/v1/groups/tuesday-circle", json=group))
        lead = {"facilitator_id": led_by["facilitator_id"]}
        await settled(lambda: doors.ask("PUT", "/scheduling/api/v1/groups/tuesday-circle/facilitator", json=lead))
        group_id = derived_id(derived_organisation(), "group", "tuesday-circle")
        story.group_session = str(derived_id(group_id, "session", tomorrow.isoformat()))
    await shows(page, "/intake/set-up", "steps 1 to 5 are done")


async def shows(page: Page, path: str, words: str) -> None:
    """Wait until a page says something: its service has heard by then."""

    async def is_there() -> bool:
        await page.goto(path)
        await page.wait_for_load_state("networkidle")
        return words in await page.get_by_role("main").inner_text()

    await eventually(is_there)


def derived_organisation() -> UUID:
    from shared.identity import organisation_id

    return organisation_id(ORGANISATION)


async def enrol(page: Page, name: str, email: str, language: str = "English") -> None:
    await page.goto("/intake/participants/enrol")
    await page.get_by_label("Preferred name").fill(name)
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label(language, exact=True).check()
    await page.get_by_label("Group").select_option("tuesday-circle")
    for words in ("They agree to take part", "may be counted in reports", "may contact them"):
        await page.get_by_label(re.compile(words)).check()
    await page.get_by_role("button", name="Enrol").click()


async def test_2_people_are_enrolled_and_a_full_group_has_a_waiting_list(
    kith: Kith, sign_in: Any, story: Story
) -> None:
    page: Page = await sign_in("Ana Ruiz")

    async def group_is_known() -> bool:
        await page.goto("/intake/participants/enrol")
        return await page.locator("select[name=group] option[value=tuesday-circle]").count() == 1

    await eventually(group_is_known)
    await enrol(page, "Marisol T.", "marisol@circle.example", "Español")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Marisol T.")
    await enrol(page, "Dev K.", "dev@circle.example")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Dev K.")
    await enrol(page, "Devan K.", "Dev@circle.example ")
    await expect(page.get_by_role("main")).to_contain_text("Is it the same person?")
    await expect(page.get_by_role("main")).to_contain_text("Dev K.")
    await page.get_by_label(re.compile("This is somebody else")).check()
    await page.get_by_label("E-mail").fill("devan@circle.example")
    await page.get_by_role("button", name="Enrol").click()
    await expect(page.get_by_role("main")).to_contain_text(re.compile("waiting", re.I))
    async with await kith.doors(ORGANISATION, "coordinator", sites=("old-town",)) as doors:
        found = await doors.ask("GET", "/intake/api/v1/participants")
        for one in found["participants"]:
            story.people[one["preferred_name"]] = one
    assert set(story.people) == {"Marisol T.", "Dev K.", "Devan K."}


async def link_for(kith: Kith, address: str, count: int = 1) -> str:
    """The newest link in the mail to somebody, once so many messages are there."""

    async def arrived() -> Any:
        found = await kith.mail_to(address)
        return found if len(found) >= count else None

    newest = (await eventually(arrived))[0]
    assert "Kith" not in newest["subject"] or "check" not in newest["subject"].lower()
    found = re.search(r"http://\S+/c/[\w-]+", newest["text"])
    assert found, newest
    return found.group(0)


async def answer_on_a_phone(browser: Browser, link: str, choice: int, javascript: bool) -> str:
    """Answer each question with the n-th option; gives the text of the page of thanks."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=javascript)
    page = await context.new_page()

    async def is_open() -> bool:
        answer = await page.goto(link)
        return bool(answer and answer.ok)

    await eventually(is_open)
    assert "555-0100" in await page.locator("body").inner_text()
    await page.goto(f"{link}#all")  # all questions on one page
    await page.locator("main button, form button").last.click()  # nothing is chosen yet
    await expect(page.locator(".error-summary")).to_be_visible()
    groups = page.locator("fieldset")
    for number in range(await groups.count()):
        await groups.nth(number).locator("input").nth(choice).check()
    await page.locator("form button").last.click()
    await expect(page.locator("h1")).to_have_text(re.compile("Thank you|Gracias"))
    text = await page.locator("body").inner_text()
    await context.close()
    return text


async def test_3_a_check_in_is_answered_on_a_phone_in_the_persons_language(kith: Kith, browser: Browser) -> None:
    link = await link_for(kith, "marisol@circle.example")
    said = await answer_on_a_phone(browser, link, choice=2, javascript=False)
    assert "Gracias" in said
    assert "555-0100" in said
    again = await browser.new_page()
    opened = await again.goto(link)
    assert opened
    assert opened.status == 410
    assert "555-0100" in await again.locator("body").inner_text()
    await again.close()
    said = await answer_on_a_phone(browser, await link_for(kith, "dev@circle.example"), choice=3, javascript=True)
    assert "Thank you" in said


async def test_4_a_session_is_held_with_one_tap_each(kith: Kith, sign_in: Any, story: Story, browser: Browser) -> None:
    kith.move_clock(2 * DAY)
    page: Page = await sign_in("Tomasz Wrona")
    await page.goto(f"/scheduling/sessions/{story.group_session}")
    await page.get_by_role("button", name="Everyone came").click()
    await page.get_by_role("button", name="Record attendance").click()
    await expect(page.get_by_role("main")).to_contain_text("2 of 2 came")
    await page.get_by_role("link", name="Correct").click()
    await page.locator(".roster-row").first.get_by_role("radio", name="Late").check()
    await page.get_by_role("button", name="Save the correction").click()
    await expect(page.get_by_role("main")).to_contain_text("late")
    link = await link_for(kith, "dev@circle.example", count=2)
    assert "Thank you" in await answer_on_a_phone(browser, link, choice=4, javascript=True)


async def test_5_a_qualification_that_lapses_flags_the_coming_sessions(kith: Kith, sign_in: Any) -> None:
    kith.move_clock(12 * DAY)
    page: Page = await sign_in("Ana Ruiz")

    await shows(page, "/scheduling/groups/tuesday-circle", "not qualified any more")


async def test_6_a_place_that_opens_goes_to_the_first_in_line(kith: Kith, sign_in: Any, story: Story) -> None:
    page: Page = await sign_in("Ana Ruiz")
    await page.goto(f"/intake/participants/{story.people['Dev K.']['participant_id']}")
    await page.get_by_text("They have completed the program").click()
    await page.get_by_role("button", name="Complete").click()
    await expect(page.get_by_role("main")).to_contain_text("Completed")

    await shows(page, "/scheduling/groups/tuesday-circle", "Devan K.")


async def test_7_a_follow_up_falls_due_two_months_after_the_end(
    kith: Kith, sign_in: Any, browser: Browser, story: Story
) -> None:
    kith.move_clock(12.6 * DAY)
    await link_for(kith, "dev@circle.example", count=3)  # baseline, the session, the end
    kith.move_clock((12 + 63) * DAY)
    link = await link_for(kith, "dev@circle.example", count=4)
    page: Page = await sign_in("Ana Ruiz")
    await shows(page, "/scheduling/follow-up", "1 person, since")
    await expect(page.get_by_role("main")).to_contain_text("Dev K.")
    await answer_on_a_phone(browser, link, choice=4, javascript=True)

    await shows(page, "/scheduling/follow-up", "Nobody just now")


async def test_8_a_withdrawn_consent_cancels_the_follow_up(kith: Kith, sign_in: Any, story: Story) -> None:
    page: Page = await sign_in("Ana Ruiz")
    await page.goto(f"/intake/participants/{story.people['Marisol T.']['participant_id']}")
    await page.get_by_text("They have completed the program").click()
    await page.get_by_role("button", name="Complete").click()
    await page.get_by_text("Change what they agree to").click()
    await page.get_by_label("Being contacted after the end").uncheck()
    await page.get_by_role("button", name="Write down").last.click()
    person = story.people["Marisol T."]["participant_id"]
    async with await kith.doors(ORGANISATION, "coordinator", sites=("old-town",)) as doors:

        async def cancelled() -> Any:
            found = await doors.ask("GET", "/scheduling/api/v1/occasions", params={"participant_id": person})
            states = {one["kind"]: one["state"] for one in found["occasions"]}
            return states.get("follow-up") == "cancelled"

        await eventually(cancelled)
    before = len(await kith.mail_to("marisol@circle.example"))
    kith.move_clock((12 + 63 + 66) * DAY)
    async with await kith.doors(ORGANISATION, "operator") as doors:
        assert doors
    await asyncio.sleep(0)
    assert len(await kith.mail_to("marisol@circle.example")) == before


async def test_9_the_page_of_the_program_says_so_honestly(kith: Kith, sign_in: Any) -> None:
    async with await kith.doors(ORGANISATION, "administrator") as doors:
        await doors.ask("POST", "/analytics/api/v1/releases")
    page: Page = await sign_in("Lea Sommer")
    assert "/analytics/" in page.url
    await page.goto("/analytics/programs/evening-circle")
    await expect(page.get_by_role("main")).to_contain_text(
        "Hidden: of too few people, or because a small number would follow from it"
    )
    async with await kith.doors(ORGANISATION, "program-manager") as doors:
        asked = {"program": "evening-circle", "instrument": "belonging", "from": "baseline", "to": "follow-up"}
        [row] = (await doors.ask("GET", "/analytics/api/v1/change", params=asked))["rows"]
        assert row["suppressed"]
        assert row["mean_change"] is None


TOPICS = ["kith.sessions", "kith.check-ins", "kith.occasions"]


def read_all(kafka: str) -> list[Any]:
    """Everything on three topics, as an outsider with librdkafka reads it."""
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "outsider", "auto.offset.reset": "earliest",
                       "enable.partition.eof": True})  # fmt: skip
    reader.subscribe(TOPICS)
    records, ended = [], 0
    while ended < 12 * len(TOPICS):
        record = reader.poll(10)
        assert record is not None, "nothing came for ten seconds"
        if record.error():
            ended += 1
        else:
            records.append(record)
    reader.close()
    return records


async def test_10_another_system_listens(kith: Kith) -> None:
    records = await asyncio.to_thread(read_all, kith.system.urls["kafka"])
    ours = [one for one in records if dict(one.headers())["ce_organisation"] == str(derived_organisation()).encode()]
    types = {dict(one.headers())["ce_type"].decode() for one in ours}
    assert {f"org.kith.{name}.v1" for name in ("session-held", "check-in-submitted", "follow-up-due")} <= types
    assert "org.kith.attendance-corrected.v1" in types
    versions = defaultdict(list)
    for one in ours:
        headers = {name: value.decode() for name, value in one.headers()}
        assert headers["ce_specversion"] == "1.0"
        assert headers["content-type"] == "application/json"
        assert headers["ce_subject"] == one.key().decode()
        versions[one.topic(), one.key()].append(int(headers["ce_aggregateversion"]))
        for personal in (b"Marisol", b"Dev", b"people.example", b"Tomasz"):
            assert personal not in one.value()
    for seen in versions.values():
        assert list(dict.fromkeys(seen)) == list(range(1, max(seen) + 1))


async def test_11_kcat_reads_the_same(kith: Kith) -> None:
    assert shutil.which("kcat"), "kcat is needed: run make tools"
    command = ["kcat", "-b", kith.system.urls["kafka"], "-C", "-t", "kith.sessions", "-e", "-q", "-f", "%h\n%s\n"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert b"ce_type=org.kith.session-held.v1" in out
    assert b'"attendance":[' in out


async def test_12_every_page_of_the_story_can_be_used_by_anybody(kith: Kith, sign_in: Any, story: Story) -> None:
    pages = {
        "Ana Ruiz": {
            "today": "/scheduling/",
            "follow-up": "/scheduling/follow-up",
            "groups": "/scheduling/groups",
            "group": "/scheduling/groups/tuesday-circle",
            "session": f"/scheduling/sessions/{story.group_session}",
            "session-correct": f"/scheduling/sessions/{story.group_session}?correct=true",
            "import-attendance": "/scheduling/attendance/import",
            "unknown": "/scheduling/groups/nowhere",
            "course": f"/scheduling/participants/{next(iter(story.people.values()))['participant_id']}",
            "program-course": "/scheduling/programs/evening-circle",
        },
        "Lea Sommer": {"effects": "/analytics/", "effect-of-few": "/analytics/programs/evening-circle"},
    }
    for who, found in pages.items():
        page: Page = await sign_in(who)
        for name, path in found.items():
            await page.goto(path)
            await look(page, f"journey-{name}", PHONE, DESK)
