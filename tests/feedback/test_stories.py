"""A story is used for what its owner agreed to, and for nothing else, from the moment they say so."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from shared import clock
from shared.events.intake import ConsentChanged, Consents, ParticipantErased
from tests.doors import bearer
from tests.feedback.conftest import API, TOKEN, Told, a_due, a_site, an_enrolment, an_invitation
from tests.feedback.loop import ANA, by
from tests.forms import filled

WORDS = "I laughed again for the first time in a year."
USES = ("within-program", "report-to-funders", "public-page")
STORY = f"/c/{TOKEN}/story"


@pytest.fixture
async def due(site: None, told: Told) -> Any:
    """Somebody with a link."""
    due = a_due()
    await told.tell(an_enrolment(due), due, an_invitation(due))
    return due


async def share(client: Any, *uses: str, text: str = WORDS, key: str = "") -> Any:
    return await client.post(STORY, data={"text": text, "uses": list(uses), "key": key or str(uuid4())})


async def shown(client: Any, use: str, role: str = "coordinator") -> list[str]:
    answer = await client.get(f"{API}/stories", params={"use": use}, headers=by(ANA, role))
    assert answer.status_code == 200, answer.text
    return [one["text"] for one in answer.json()["stories"]]


async def everywhere(client: Any) -> dict[str, list[str]]:
    return {use: await shown(client, use) for use in USES}


async def pages_with(client: Any, words: str) -> list[str]:
    """Every page and file of staff on which the words stand."""
    addresses = [
        *(f"/feedback/stories?use={use}" for use in USES),
        *(f"/feedback/stories/export?use={use}" for use in USES),
    ]
    found = [(address, await client.get(address, headers=by(ANA))) for address in addresses]
    assert {answer.status_code for _, answer in found} == {200}
    return [address for address, answer in found if words in answer.text]


async def own_id(client: Any) -> str:
    page = (await client.get(STORY)).text
    found = re.search(r"/story/([0-9a-f-]{36})", page)
    assert found, page
    return found.group(1)


async def test_nothing_is_agreed_to_by_silence(due: Any, client: Any, told: Told) -> None:
    page = (await client.get(STORY)).text.partition("<main")[2]  # above it is the choice of large type
    assert page.count('type="checkbox"') == 3
    assert "checked" not in page
    assert (await share(client)).status_code == 303
    assert await everywhere(client) == {use: [] for use in USES}
    assert await pages_with(client, WORDS) == []
    [event] = await told.said("story-shared")
    assert (event.participant_id, event.uses, event.entered_by) == (due.participant_id, [], "participant")
    assert WORDS not in str(await told.rows("select convert_from(value, 'UTF8') as value from machinery.outbox"))
    kept = (await client.get(STORY)).text
    assert WORDS not in kept


@pytest.mark.parametrize("uses", [USES[:1], USES[1:2], USES[1:]])
async def test_each_use_has_its_own_consent(due: Any, client: Any, uses: Sequence[str]) -> None:
    await share(client, *uses)
    assert await everywhere(client) == {use: [WORDS] if use in uses else [] for use in USES}
    assert {address.rpartition("=")[2] for address in await pages_with(client, WORDS)} == set(uses)


async def test_a_consent_that_is_withdrawn_holds_on_every_page_at_once(due: Any, client: Any, told: Told) -> None:
    await share(client, *USES)
    assert len(await pages_with(client, WORDS)) == 6
    story = await own_id(client)
    fields = {"do": "agree", f"uses-{story}": ["public-page"]}
    assert (await client.post(f"{STORY}/{story}", data=fields)).status_code == 303
    assert len(await pages_with(client, WORDS)) == 2
    assert (await client.post(f"{STORY}/{story}", data=fields)).status_code == 303
    assert [event.uses for event in await told.said("story-consent-changed")] == [["public-page"]]
    gone = await client.post(f"{STORY}/{story}", data={"do": "withdraw"})
    assert "Nobody can read it any more" in (await client.get(gone.headers["location"])).text
    assert await pages_with(client, WORDS) == []
    assert len(await told.said("story-withdrawn")) == 1
    assert WORDS not in str(await told.rows("select * from stories"))
    again = await client.post(f"{STORY}/{story}", data=fields)
    assert again.status_code == 409


async def test_a_coordinator_notes_what_somebody_says_now(due: Any, client: Any, told: Told) -> None:
    await share(client, *USES)
    story = await own_id(client)
    listed = (await client.get("/feedback/stories", headers=by(ANA))).text
    assert "KLM-482" in listed
    noted = await client.post(f"/feedback/stories/{story}/uses", data={"uses": "within-program"}, headers=by(ANA))
    assert noted.status_code == 303
    assert len(await pages_with(client, WORDS)) == 2
    nothing = await client.post(f"/feedback/stories/{story}/uses", data={}, headers=by(ANA))
    assert nothing.status_code == 303
    assert await pages_with(client, WORDS) == []
    assert (await client.post(f"{API}/stories/{story}/withdraw", headers=by(ANA))).json()["withdrawn_at"]
    rows = await told.rows("select by, uses from story_consents order by at")
    assert [row["by"] for row in rows] == ["its owner", "Ana R.", "Ana R.", "Ana R."]


async def test_who_may_see_and_who_may_not(due: Any, client: Any) -> None:
    await share(client, *USES)
    story = await own_id(client)
    assert await shown(client, "within-program", "facilitator") == [WORDS]
    for use in USES[1:]:
        answer = await client.get(f"{API}/stories", params={"use": use}, headers=by(ANA, "facilitator"))
        assert answer.status_code == 403
    page = await client.get("/feedback/stories?use=public-page", headers=by(ANA, "facilitator"))
    assert "report-to-funders" not in page.text
    assert "KLM-482" not in page.text
    assert (await client.get(f"{API}/stories?use=public-page", headers=bearer("operator"))).status_code == 403
    for who in (bearer("coordinator", "north-quay"), bearer("coordinator", organisation="other-house")):
        assert (await client.get(f"{API}/stories?use=public-page", headers=who)).json()["stories"] == []
        assert (await client.post(f"{API}/stories/{story}/withdraw", headers=who)).status_code == 404
    assert (await client.get(f"{API}/stories", headers=by(ANA))).status_code == 422
    assert (await client.get("/feedback/stories/export", headers=by(ANA))).status_code == 404


async def as_it_stood(client: Any, page: str, action: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The form of a page that somebody has opened."""
    return filled((await client.get(page, headers=headers)).text, action)


async def test_an_old_page_gives_no_consent_back(due: Any, client: Any, told: Told) -> None:
    await share(client, *USES)
    story = await own_id(client)
    own, staff = f"{STORY}/{story}", f"/feedback/stories/{story}/uses"
    old_own = await as_it_stood(client, STORY, f"{own}?lang=en")
    old_staff = await as_it_stood(client, "/feedback/stories", staff, by(ANA))
    assert (await client.post(own, data={"do": "agree", f"uses-{story}": USES[0]})).status_code == 303
    page = await client.post(own, data=old_own | {"do": "agree", f"uses-{story}": list(USES[:2])})
    assert (page.status_code, "nothing was saved" in page.text) == (409, True)
    assert "no se ha guardado nada" in (await client.post(f"{own}?lang=es", data=old_own | {"do": "agree"})).text
    noted = await client.post(staff, data=old_staff | {"uses": list(USES[1:])}, headers=by(ANA))
    assert (noted.status_code, "nothing was saved" in noted.text) == (409, True)
    assert await everywhere(client) == {use: [WORDS] if use == USES[0] else [] for use in USES}
    fresh = await as_it_stood(client, "/feedback/stories", staff, by(ANA))
    assert (await client.post(staff, data=fresh | {"uses": USES[1]}, headers=by(ANA))).status_code == 303
    assert await shown(client, USES[1]) == [WORDS]


async def test_at_a_link_that_ran_out_a_story_is_not_lost_and_less_is_still_taken(
    due: Any, client: Any, told: Told, moved_clock: Any
) -> None:
    await share(client, *USES)
    story = await own_id(client)
    moved_clock(8 * 86_400)
    late = await share(client, *USES, text="One more story.")
    assert (late.status_code, "Your story was not sent." in late.text, "One more story." in late.text) == (
        410,
        True,
        True,
    )
    spanish = await client.post(f"{STORY}?lang=es", data={"text": "One more story.", "show": "es"})
    assert "Tu historia no se ha enviado." in spanish.text
    assert "One more story." in spanish.text
    less = await client.post(f"{STORY}/{story}", data={"do": "agree", f"uses-{story}": USES[0]})
    assert "It is changed" in (await client.get(less.headers["location"])).text
    assert await everywhere(client) == {use: [WORDS] if use == USES[0] else [] for use in USES}
    more = await client.post(f"{STORY}/{story}", data={"do": "agree", f"uses-{story}": list(USES)})
    assert more.status_code == 410
    assert await shown(client, USES[1]) == []
    gone = await client.post(f"{STORY}/{story}", data={"do": "withdraw"})
    assert "Your story was taken back" in (await client.get(gone.headers["location"])).text
    assert len(await told.said("story-withdrawn")) == 1


async def test_one_link_cannot_touch_the_story_of_another(due: Any, client: Any, told: Told) -> None:
    await share(client, *USES)
    story = await own_id(client)
    other = a_due()
    await told.tell(an_enrolment(other), other, an_invitation(other, "somebody-elses-token-000"))
    stolen = await client.post(f"/c/somebody-elses-token-000/story/{story}", data={"do": "withdraw"})
    assert stolen.status_code == 404
    assert len(await pages_with(client, WORDS)) == 6


async def test_a_form_that_is_sent_twice_is_one_story(due: Any, client: Any, told: Told) -> None:
    key = str(uuid4())
    for _ in range(3):
        assert (await share(client, "public-page", key=key)).status_code == 303
    assert await shown(client, "public-page") == [WORDS]
    assert len(await told.said("story-shared")) == 1


async def test_staff_write_down_a_story_with_how_it_was_agreed_to(due: Any, client: Any, told: Told) -> None:
    form = {"short_code": "klm-482", "text": WORDS, "language": "en", "uses": ["public-page"], "note": "She said yes."}
    assert (await client.post("/feedback/stories/enter", data=form, headers=by(ANA))).status_code == 303
    assert await shown(client, "public-page") == [WORDS]
    assert [event.entered_by for event in await told.said("story-shared")] == ["staff"]
    for changes, field in (
        ({"note": ""}, "note"),
        ({"text": ""}, "text"),
        ({"text": "x" * 2001}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"short_code": "XXX-999"}, "short_code"),
        ({"uses": ["everything"]}, "uses"),
        ({"language": "fr"}, "language"),
    ):
        answer = await client.post("/feedback/stories/enter", data=form | changes, headers=by(ANA))
        assert (answer.status_code, f'href="#f-{field}"' in answer.text) == (422, True), (changes, answer.text)
    by_facilitator = await client.post("/feedback/stories/enter", data=form, headers=by(ANA, "facilitator"))
    assert by_facilitator.status_code == 403
    assert await shown(client, "public-page") == [WORDS]


async def test_another_language_does_not_say_that_what_was_not_sent_has_arrived(due: Any, client: Any) -> None:
    shared = await share(client)
    address = shared.headers["location"]
    assert "Your story has arrived." in (await client.get(address)).text
    fields = {"text": "One more story.", "key": str(uuid4()), "show": "es"}
    page = await client.post(address.replace("lang=en", "lang=es"), data=fields)
    assert "One more story." in page.text
    assert "ha llegado" not in page.text


async def test_another_language_takes_along_a_story(due: Any, client: Any, told: Told) -> None:
    data = {"text": WORDS, "uses": "public-page", "key": str(uuid4()), "show": "es"}
    page = await client.post(f"{STORY}?lang=es", data=data)
    assert (page.status_code, WORDS in page.text, 'value="public-page" checked' in page.text) == (200, True, True)
    assert await told.said("story-shared") == []


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])  # a day apart, whatever time it is
async def test_a_story_in_a_file_has_the_day_of_its_site(due: Any, client: Any, told: Told, zone: str) -> None:
    await told.tell(a_site(time_zone=zone))
    await share(client, "public-page")
    answer = await client.get("/feedback/stories/export?use=public-page", headers=by(ANA))
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert row["shared_on"] == clock.now().astimezone(ZoneInfo(zone)).date().isoformat()


async def test_a_story_in_a_file_is_no_formula(due: Any, client: Any) -> None:
    await share(client, "public-page", text='=HYPERLINK("http://evil.example"), and more')
    answer = await client.get("/feedback/stories/export?use=public-page", headers=by(ANA))
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert row["text"].startswith("'=HYPERLINK")
    assert (row["use"], row["site"]) == ("public-page", "old-town")
    page = (await client.get("/feedback/stories?use=public-page", headers=by(ANA))).text
    assert "<script" not in page.partition("<main")[2]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Write your story first."),
        ({"text": "  "}, "Write your story first."),
        ({"text": "x" * 2001}, "Please use fewer words."),
        ({"text": "a", "uses": ["everything"]}, "Choose among these."),
    ],
)
async def test_what_is_wrong_with_a_story_is_said_in_words(
    due: Any, client: Any, told: Told, fields: dict[str, Any], said: str
) -> None:
    answer = await client.post(STORY, data=fields | {"key": str(uuid4())})
    assert answer.status_code == 422
    assert said in answer.text
    assert (await client.post(STORY, data={"text": "a", "key": "none"})).status_code == 422
    assert await told.said("story-shared") == []


async def test_who_does_not_take_part_any_more_can_still_take_back(due: Any, client: Any, told: Told) -> None:
    await share(client, *USES)
    story = await own_id(client)
    changed = ConsentChanged(
        participant_id=due.participant_id,
        enrolment_id=due.enrolment_id,
        consents=Consents(taking_part=False, reporting=False, contact_after=False),
        consent_text="standard",
        consent_version=1,
    )
    await told.tell(changed)
    assert (await share(client, *USES, text="one more")).status_code == 409
    assert (await client.post(f"{STORY}/{story}", data={"do": "withdraw"})).status_code == 303
    assert await pages_with(client, WORDS) == []


async def test_the_stories_of_somebody_who_is_erased_go(due: Any, client: Any, told: Told) -> None:
    await share(client, *USES)
    erased = ParticipantErased(
        participant_id=due.participant_id, enrolment_ids=[due.enrolment_id], occasion_ids=[due.occasion_id]
    )
    await told.tell(erased)
    assert await told.rows("select * from stories") == []
    assert await told.rows("select * from story_consents") == []
    assert await pages_with(client, WORDS) == []
