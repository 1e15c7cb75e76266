"""The loop back in a real browser: what staff see of it, and what participants read, choose and take back."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import expect

from shared import clock
from shared.events.scheduling import Attended, SessionHeld
from tests.feedback.conftest import API, OLD_TOWN, PROGRAM, Told
from tests.feedback.loop import ANA, BEN, LAMP, TIME, by, code, share, themes, writes
from tests.feedback.test_browser import address, browser, show
from tests.feedback.test_voices import WHAT, WHY
from tests.web.looking import DESK, DESK_AT_NIGHT, PHONE, PHONE_AT_NIGHT, look

__all__ = ["address", "browser", "show"]  # fixtures
WRITERS = 14
LINK = "/c/a-token-of-22-letters1"
QUIET = {"code": "quiet", "title": {"en": "A quieter room", "es": "Una sala más tranquila"}, "about": "Noise, doors."}
STAFF = {
    "voices": "/feedback/voices",
    "codebook": "/feedback/voices/themes",
    "coding": "/feedback/voices/coding",
    "decide": "/feedback/voices/themes/light/decide",
    "stories": "/feedback/stories",
    "stories-public": "/feedback/stories?use=public-page",
    "enter-story": "/feedback/stories/enter",
    "milestones": "/feedback/milestones",
    "record-milestone": "/feedback/milestones/record",
}
PHONES = {
    "changes": f"{LINK}/changes",
    "changes-es": f"{LINK}/changes?lang=es",
    "changes-none": "/c/link-open-pulse-000000/changes",
    "story": f"{LINK}/story",
    "story-es": f"{LINK}/story?lang=es",
    "your-milestones": f"{LINK}/milestones",
    "your-milestones-es": f"{LINK}/milestones?lang=es",
    "over": "/c/link-expired-0000000000/changes",
}


async def answered(client: Any, theme: str, decision: str, *, is_made: bool) -> str:
    """A decision, and the change if there is one."""
    body = {"decision": decision, "why": WHY, "site": "old-town"}
    answer = await client.post(f"{API}/voices/themes/{theme}/decisions", json=body, headers=by(ANA))
    change = str(answer.json()["change_id"])
    if is_made:
        made = {"what": WHAT, "since": (clock.now() - timedelta(days=6)).date().isoformat()}
        done = await client.post(f"{API}/changes/{change}/made", json=made, headers=by(ANA))
        assert done.status_code == 200, done.text
    return change


@pytest.fixture
async def loop(address: str, client: Any, told: Told) -> str:
    """Fourteen people have written, two have coded, something was changed; gives the id of the change."""
    await themes(client, TIME, LAMP, QUIET)
    await share(client, 100)
    dues = [(await writes(client, told, number))[0] for number in range(1, WRITERS + 1)]
    for number, due in enumerate(dues):
        first = [name for name, odd in (("starts-too-late", number != 3), ("light", number % 3 == 0)) if odd]
        second = [name for name, odd in (("starts-too-late", number > 3), ("light", number % 3 == 0)) if odd]
        assert (await code(client, due.occasion_id, *first)).status_code == 201
        assert (await code(client, due.occasion_id, *second, who=BEN)).status_code == 201
    await writes(client, told, WRITERS + 1, "The door slams the whole evening, and I lose what I wanted to say.")
    change = await answered(client, "starts-too-late", "will-do", is_made=True)
    await answered(client, "light", "will-not-do", is_made=False)
    await answered(client, "quiet", "will-do", is_made=False)
    for number in (2, 3, 4):
        assert (await client.post(f"/c/a-token-of-22-letters{number}/changes")).status_code == 303
    story = {"text": "I laughed again for the first time in a year.", "uses": ["public-page"], "key": str(uuid4())}
    assert (await client.post(f"{LINK}/story", data=story)).status_code == 303
    assert (await client.post(f"{LINK}/milestones", data={"kind": "own-goal", "may_celebrate": "true"})).is_redirect
    came = [Attended(participant_id=due.participant_id, status="present") for due in dues[:2]]
    held = SessionHeld(
        session_id=uuid4(),
        group_id=uuid4(),
        program_id=PROGRAM,
        site_id=OLD_TOWN,
        starts_at=clock.now() - timedelta(days=2),
        minutes=90,
        attendance=came,
    )
    await told.tell(held)
    return change


async def test_anybody_can_read_and_use_every_page_of_the_loop(show: Any, loop: str) -> None:
    staff = STAFF | {"change": f"/feedback/changes/{loop}"}
    page = await show("/feedback/")
    for name, path in staff.items():
        await page.goto(path)
        await look(page, f"loop-{name}", PHONE, DESK, DESK_AT_NIGHT)
    for name, path in PHONES.items():
        await page.goto(path)
        await look(page, f"loop-{name}", PHONE, PHONE_AT_NIGHT, DESK)


@pytest.mark.parametrize("scripted", [True, False])
async def test_a_person_reads_what_became_of_it_and_shares_a_story(show: Any, loop: str, scripted: bool) -> None:
    page = await show(f"{LINK}/changes", java_script_enabled=scripted)
    await expect(page.get_by_role("main")).to_contain_text(WHAT["en"])
    await page.get_by_role("button", name="I have read it").click()
    await expect(page.get_by_role("main")).to_contain_text("Thank you for reading it.")
    await page.goto(page.url.partition("/changes")[0] + "/story")
    await page.get_by_role("button", name="Share it").click()
    await expect(page.locator(".error-summary")).to_contain_text("Write your story first.")
    if scripted:
        await look(page, "loop-story-errors", PHONE)
    await page.get_by_label("Your story, in your own words").fill("Once upon a time.")
    await page.get_by_label("Others in the program may read it").first.check()
    if scripted:
        await page.wait_for_function("!document.querySelector('form').hasAttribute('data-sending')")
    await page.get_by_role("button", name="Share it").click()
    await expect(page.get_by_role("main")).to_contain_text("Your story has arrived.")
    await page.get_by_role("button", name="Take this story back").first.click()
    await expect(page.get_by_role("main")).to_contain_text("Nobody can read it any more.")
    await page.goto(page.url.partition("/story")[0] + "/milestones")
    await page.get_by_role("button", name="My group may celebrate it").first.click()
    await expect(page.get_by_role("main")).to_contain_text("It is changed, and holds from now on.")


async def test_wrong_forms_of_staff_say_what_would_be_right(show: Any, loop: str) -> None:
    for name, path, button in (
        ("codebook", STAFF["codebook"], "Add it"),
        ("decide", STAFF["decide"], "Decide"),
        ("enter-story", STAFF["enter-story"], "Save"),
        ("record-milestone", STAFF["record-milestone"], "Record it"),
    ):
        page = await show(path, 1280)
        await page.get_by_role("main").get_by_role("button", name=button, exact=True).click()
        await expect(page.locator(".error-summary").first).to_be_focused()
        await look(page, f"loop-{name}-errors", PHONE, DESK)
        await page.context.close()
