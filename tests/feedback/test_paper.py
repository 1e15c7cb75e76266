"""A check-in on paper: its sheet, the code on it, and two entries that must agree."""

import io
import random
import re
from typing import Any
from uuid import UUID, uuid4

import pypdfium2
import pytest
from PIL import Image
from pypdf import PdfReader

from services.feedback.domain.paper import LETTERS, ids_of, sheet_code
from shared.errors import Refusal
from shared.events.intake import ConsentChanged, Consents, ParticipantErased
from shared.events.scheduling import OccasionCancelled
from tests.doors import bearer
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    COORDINATOR,
    PULSE,
    ROTA,
    TOKEN,
    Told,
    a_due,
    an_enrolment,
    an_invitation,
    long_ago,
    look_after,
)
from tests.feedback.test_wording import a_questionnaire, load
from tests.forms import filled
from tests.web.looking import SCREENSHOTS

pytestmark = pytest.mark.usefixtures("site")
SECOND = bearer("coordinator", "old-town", sub="ben@harbour-trust", name="Ben S.")
DAY = {"answered_on": long_ago(0).date().isoformat()}


async def a_sheet(told: Told, *instruments: str) -> Any:
    due = a_due(*instruments)
    await told.tell(an_enrolment(due), due)
    return due


def path_of(due: Any) -> str:
    return f"/feedback/paper/{sheet_code(due.occasion_id)}"


async def enter(client: Any, due: Any, number: int, fields: dict[str, str], who: Any = COORDINATOR) -> Any:
    return await client.post(path_of(due), data=DAY | fields | {"pass": str(number)}, headers=who)


def test_a_code_finds_what_was_misread() -> None:
    chance = random.Random(5)
    for _ in range(200):
        occasion_id = UUID(int=chance.getrandbits(128))
        code = sheet_code(occasion_id)
        first, last = ids_of(code.lower().replace("-", " "))
        assert first <= occasion_id <= last
        bare = code.replace("-", "")
        assert re.fullmatch(f"[{LETTERS}]{{9}}", bare)
        at = chance.randrange(9)
        wrong = chance.choice([char for char in LETTERS if char != bare[at]])
        turned = chance.randrange(7)
        changed = [bare[:at] + wrong + bare[at + 1 :]]
        if bare[turned] != bare[turned + 1]:
            changed.append(bare[:turned] + bare[turned + 1] + bare[turned] + bare[turned + 2 :])
        for one in changed:
            with pytest.raises(Refusal):
                ids_of(one)


@pytest.mark.parametrize("code", ["", "K7P", "K7P-M2X-QD0", "ZZZ-ZZZ-ZZZ", "../../etc", "K7PM2XQD5K7P", "É" * 9, "%00"])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(Refusal):
        ids_of(code)


@pytest.mark.parametrize("paper", ["a4", "us-letter"])
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("large", ["false", "true"])
async def test_a_sheet_says_everything_and_no_name(
    client: Any, told: Told, paper: str, language: str, large: str
) -> None:
    due = await a_sheet(told, "session-pulse", "monthly-check-in")
    asked = {"lang": language, "paper": paper, "large": large}
    url = f"/feedback/occasions/{due.occasion_id}/sheet.pdf"
    answer = await client.get(url, params=asked, headers=COORDINATOR)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    pdf = PdfReader(io.BytesIO(answer.content))
    text = " ".join(" ".join(page.extract_text().split()) for page in pdf.pages)
    said = {
        "en": ("When I had something to say, people listened.", "Fully", "If you need somebody now", "Crisis line"),
        "es": ("Cuando tuve algo que decir, me escucharon.", "Del todo", "Si necesitas a alguien", "Línea de crisis"),
    }
    foot = f"{sheet_code(due.occasion_id)} session-pulse 1, monthly-check-in 1"
    for words in (*said[language], "555-0100", foot):
        assert words in text, words
    assert "KLM-482" not in text
    assert pdf.metadata
    assert pdf.metadata.title == ("A few questions" if language == "en" else "Unas preguntas")
    assert pdf.trailer["/Root"]["/Lang"] == language  # type: ignore[index]
    assert b"pdfuaid:part" in answer.content or "/MarkInfo" in pdf.trailer["/Root"]  # type: ignore[operator]
    width = float(pdf.pages[0].mediabox.width)
    assert abs(width - (595 if paper == "a4" else 612)) < 1.5
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    drawn: Image.Image = pypdfium2.PdfDocument(answer.content)[0].render(scale=1.5).to_pil()
    drawn.save(SCREENSHOTS / f"feedback-sheet-{paper}-{language}{'-large' if large == 'true' else ''}.png")


@pytest.mark.parametrize(("asked", "status"), [({"lang": "xx"}, 422), ({"paper": "a9"}, 422), ({"large": "x"}, 422)])
async def test_a_sheet_that_there_is_not_is_refused(
    client: Any, told: Told, asked: dict[str, str], status: int
) -> None:
    due = await a_sheet(told)
    url = f"/feedback/occasions/{due.occasion_id}/sheet.pdf"
    assert (await client.get(url, params=asked, headers=COORDINATOR)).status_code == status
    assert (await client.get(url, headers=bearer("coordinator", "north-quay"))).status_code == 404
    assert (await client.get(url, headers=bearer("facilitator", "old-town"))).status_code == 403
    unknown = await client.get(f"/feedback/occasions/{uuid4()}/sheet.pdf", headers=COORDINATOR)
    assert unknown.status_code == 404


async def test_two_entries_that_agree_make_a_check_in(client: Any, told: Told) -> None:
    due = await a_sheet(told)
    page = await client.get(path_of(due), headers=COORDINATOR)
    assert page.text.count('type="radio"') == 20
    assert "It asks session-pulse 1." in page.text
    first = await enter(client, due, 1, PULSE)
    assert (first.status_code, first.headers["location"]) == (303, "/feedback/paper?once")
    assert await told.said("check-in-submitted") == []
    listed = await client.get("/feedback/paper?once", headers=COORDINATOR)
    assert "second entry" in listed.text
    page = await client.get(path_of(due), headers=SECOND)
    assert "Entered once by Test Person" in page.text
    assert " checked" not in page.text  # the second entry is made from the sheet alone
    assert (await enter(client, due, 1, PULSE)).status_code == 303  # the first form, sent twice
    assert await told.said("check-in-submitted") == []
    second = await enter(client, due, 2, PULSE, SECOND)
    assert (second.status_code, "saved" in second.headers["location"]) == (303, True)
    [event] = await told.said("check-in-submitted")
    assert (event.scores[0].count, event.entered_by) == (12, "staff")
    assert await told.rows("select * from paper_entries") == []
    assert "There is nothing to enter" in (await client.get(path_of(due), headers=COORDINATOR)).text
    assert (await enter(client, due, 1, PULSE)).status_code == 303
    assert len(await told.said("check-in-submitted")) == 1


async def test_two_people_with_one_sheet_lose_nothing_of_what_either_typed(client: Any, told: Told) -> None:
    due = await a_sheet(told)
    await enter(client, due, 1, PULSE)
    page = await enter(client, due, 1, PULSE, SECOND)  # opened before the first was saved
    assert (page.status_code, "Test Person saved the first entry" in page.text) == (409, True)
    fields = {name: value for name, [value] in filled(page.text, path_of(due)).items()}
    assert fields == DAY | PULSE | {"pass": "2"}
    assert "saved" in (await client.post(path_of(due), data=fields, headers=SECOND)).headers["location"]
    assert len(await told.said("check-in-submitted")) == 1


async def test_a_sheet_that_is_begun_again_meanwhile_takes_what_was_typed_as_the_first_entry(
    client: Any, told: Told
) -> None:
    due = await a_sheet(told)
    await enter(client, due, 1, PULSE)
    assert (await client.post(f"{path_of(due)}/again", headers=COORDINATOR)).status_code == 303
    page = await enter(client, due, 2, PULSE, SECOND)
    assert (page.status_code, "Yours is the first entry." in page.text) == (409, True)
    assert page.text.count(" checked") == 4
    assert await told.rows("select from paper_entries") == []


async def test_whoever_goes_back_to_correct_a_slip_begins_the_sheet_again_with_what_they_typed(
    client: Any, told: Told
) -> None:
    due = await a_sheet(told)
    await enter(client, due, 1, PULSE)
    right = PULSE | {"answers.session-pulse.safe": "1"}
    page = await enter(client, due, 1, right)
    assert (page.status_code, "You have saved this sheet already" in page.text) == (409, True)
    assert "Yours is the second" not in page.text
    assert "Save the second entry" not in page.text
    fields = {name: value for name, [value] in filled(page.text, path_of(due)).items()}
    assert fields == DAY | right | {"pass": "2", "corrects": "true"}
    wrong = await client.post(path_of(due), data=fields | {"answered_on": ""}, headers=COORDINATOR)
    assert (wrong.status_code, 'name="corrects"' in wrong.text) == (422, True)
    for _ in range(2):  # a second tap
        assert "once" in (await client.post(path_of(due), data=fields, headers=COORDINATOR)).headers["location"]
    assert len(await told.rows("select from paper_entries")) == 1
    assert "saved" in (await enter(client, due, 2, right, SECOND)).headers["location"]
    [event] = await told.said("check-in-submitted")
    assert event.scores[0].count == 3 + 1 + 3 + 3


async def test_nobody_begins_the_entry_of_somebody_else_again_by_correcting(client: Any, told: Told) -> None:
    due = await a_sheet(told)
    await enter(client, due, 1, PULSE)
    other = PULSE | {"corrects": "true", "answers.session-pulse.safe": "1"}
    assert (await enter(client, due, 2, other, SECOND)).headers["location"] == path_of(due)
    assert len(await told.rows("select from paper_entries")) == 2


async def test_differences_are_shown_one_by_one_and_must_be_settled(client: Any, told: Told) -> None:
    due = await a_sheet(told)
    other = PULSE | {"answers.session-pulse.safe": "1", "answers.session-pulse.hopeful": "4"}
    await enter(client, due, 1, PULSE)
    differs = await enter(client, due, 2, other, SECOND)
    assert differs.headers["location"] == path_of(due)
    page = (await client.get(path_of(due), headers=COORDINATOR)).text
    for words in ("The two entries differ", "First: Mostly", "Second: A little", "Second: Fully"):
        assert words in page, words
    assert "people listened" not in page  # there they agree
    assert await told.said("check-in-submitted") == []
    some = {"answers.session-pulse.safe": "2"}
    wrong = await client.post(f"{path_of(due)}/settle", data=some, headers=COORDINATOR)
    assert (wrong.status_code, "Say what stands on the sheet" in wrong.text) == (422, True)
    assert await told.said("check-in-submitted") == []
    both = some | {"answers.session-pulse.hopeful": "1"}
    settled = await client.post(f"{path_of(due)}/settle", data=both, headers=COORDINATOR)
    assert (settled.status_code, "saved" in settled.headers["location"]) == (303, True)
    [event] = await told.said("check-in-submitted")
    assert event.scores[0].count == 3 + 1 + 3 + 3
    assert await told.rows("select * from paper_entries") == []


async def test_neither_entry_counts_when_somebody_begins_again(client: Any, told: Told) -> None:
    due = await a_sheet(told)
    await enter(client, due, 1, PULSE)
    await enter(client, due, 2, PULSE | {"answers.session-pulse.safe": "1"})
    await client.post(f"{path_of(due)}/again", headers=COORDINATOR)
    assert "The first of two entries" in (await client.get(path_of(due), headers=COORDINATOR)).text


async def test_texts_and_days_are_compared_too(client: Any, told: Told) -> None:
    due = await a_sheet(told, "monthly-check-in")
    page = (await client.get(path_of(due), headers=COORDINATOR)).text
    [name, *_] = re.findall(r'name="(texts\.[^"]+)"', page)
    await enter(client, due, 1, {name: "The walk  by the sea."})
    await enter(client, due, 2, {name: "The talk by the sea.", "answered_on": long_ago(1).date().isoformat()})
    page = (await client.get(path_of(due), headers=COORDINATOR)).text
    for words in ("Day of the answer", "The walk  by the sea.", "The talk by the sea."):
        assert words in page, words
    both = {"answered_on": "1", name: "2"}
    assert (await client.post(f"{path_of(due)}/settle", data=both, headers=COORDINATOR)).status_code == 303
    [row] = await told.rows("select text from texts")
    assert row["text"] == "The talk by the sea."


FINE = {f"answers.phq-9.{number}": "0" for number in range(1, 10)}
RISKY = FINE | {"answers.phq-9.9": "3"}


@pytest.fixture
async def phq_9(site: None, client: Any) -> None:
    """Somebody is on call, and the words are there."""
    assert (await client.put(f"{API}/sites/old-town/rota", json=ROTA, headers=ADMINISTRATOR)).status_code == 200
    assert (await load(client, "phq-9", a_questionnaire())).status_code == 201


@pytest.mark.usefixtures("phq_9")
async def test_a_risk_item_on_paper_raises_one_concern_with_its_first_entry(client: Any, told: Told) -> None:
    due = await a_sheet(told, "phq-9")
    assert (await enter(client, due, 1, RISKY)).status_code == 303
    [raised] = await told.said("concern-raised")
    assert (raised.source, raised.participant_id) == ("risk-item", due.participant_id)
    assert (await enter(client, due, 2, RISKY, SECOND)).status_code == 303
    assert len(await told.said("check-in-submitted")) == 1
    assert len(await told.said("concern-raised")) == 1
    assert len(await told.rows("select from alerts")) == 1


@pytest.mark.usefixtures("phq_9")
@pytest.mark.parametrize("why", ["answered", "cancelled", "consent", "begun again", "an answer is missing", "no day"])
async def test_a_risk_on_a_sheet_is_heard_whatever_becomes_of_its_entry(client: Any, told: Told, why: str) -> None:
    due, entry, status = await a_sheet(told, "phq-9"), RISKY, 409
    if why == "answered":
        await told.tell(an_invitation(due))
        assert (await client.post(f"/c/{TOKEN}", data=FINE)).status_code == 200
        status = 303
    elif why == "cancelled":
        await told.tell(OccasionCancelled(occasion_id=due.occasion_id, reason="withdrawn"))
    elif why == "consent":
        consents = Consents(taking_part=False, reporting=True, contact_after=True)
        whose = {"participant_id": due.participant_id, "enrolment_id": due.enrolment_id}
        await told.tell(ConsentChanged(consents=consents, consent_text="standard", consent_version=1, **whose))
    elif why == "begun again":
        assert (await enter(client, due, 1, RISKY)).status_code == 303
        assert (await client.post(f"{path_of(due)}/again", headers=COORDINATOR)).status_code == 303
        entry, status = FINE, 303
    elif why == "no day":
        entry, status = RISKY | {"answered_on": ""}, 422
    else:
        entry, status = RISKY | {"answers.phq-9.1": ""}, 422
    for _ in range(2):
        assert (await enter(client, due, 1, entry)).status_code == status
    assert [one.participant_id for one in await told.said("concern-raised")] == [due.participant_id]


@pytest.mark.usefixtures("phq_9")
async def test_a_second_tap_on_a_sheet_that_is_kept_raises_nothing(client: Any, told: Told) -> None:
    due = await a_sheet(told, "phq-9")
    assert (await enter(client, due, 1, RISKY)).status_code == 303
    [first] = await told.said("concern-raised")
    await look_after(client, first.concern_id)  # before somebody comes to the second entry
    for _ in range(2):
        assert (await enter(client, due, 2, RISKY, SECOND)).status_code == 303
    assert len(await told.said("check-in-submitted")) == 1
    assert len(await told.said("concern-raised")) == 1


@pytest.mark.usefixtures("phq_9")
async def test_what_somebody_answers_after_the_concern_about_their_sheet_was_closed_is_heard_again(
    client: Any, told: Told
) -> None:
    due = await a_sheet(told, "phq-9")
    assert (await enter(client, due, 1, RISKY)).status_code == 303
    [first] = await told.said("concern-raised")
    await look_after(client, first.concern_id)
    await told.tell(an_invitation(due))
    assert "A person reads this by" in (await client.post(f"/c/{TOKEN}", data=RISKY)).text
    assert len(await told.said("concern-raised")) == 2


async def test_a_sheet_is_found_by_its_code_and_by_nobody_elsewhere(client: Any, told: Told) -> None:
    due = await a_sheet(told)
    typed = sheet_code(due.occasion_id).lower().replace("-", "")
    found = await client.get("/feedback/paper", params={"code": typed}, headers=COORDINATOR)
    assert (found.status_code, found.headers["location"]) == (303, path_of(due))
    wrong = await client.get("/feedback/paper", params={"code": "K7P"}, headers=COORDINATOR)
    assert (wrong.status_code, "no code of a sheet" in wrong.text) == (422, True)
    assert (await client.get(path_of(due), headers=bearer("coordinator", "north-quay"))).status_code == 404
    assert (await client.get(path_of(due), headers=bearer("facilitator", "old-town"))).status_code == 403


async def test_two_sheets_with_one_code_are_each_found_from_the_list(client: Any, told: Told) -> None:
    twins = [a_due(occasion_id=UUID(int=(7 << 90) + number), code=f"session-{number}") for number in (1, 2)]
    await told.tell(*(an_enrolment(due) for due in twins), *twins)
    assert path_of(twins[0]) == path_of(twins[1])
    ambiguous = await client.get(path_of(twins[0]), headers=COORDINATOR)
    assert (ambiguous.status_code, "Open it from the list of check-ins" in ambiguous.text) == (409, True)
    listed = (await client.get("/feedback/?need=due", headers=COORDINATOR)).text
    for due in twins:
        address = f"/feedback/occasions/{due.occasion_id}/enter"
        assert address in listed
        sheet = str((await client.get(address, headers=COORDINATOR)).headers["location"])
        for number, who in ((1, COORDINATOR), (2, SECOND)):
            page = await client.get(sheet, headers=who)
            assert f'action="{sheet}"' in page.text
            form = filled(page.text, sheet) | PULSE
            assert (await client.post(sheet, data=form, headers=who)).status_code == 303
            if number == 1:
                assert f'href="{sheet}"' in (await client.get("/feedback/paper", headers=who)).text
    assert [one.code for one in await told.said("check-in-submitted")] == ["session-1", "session-2"]


@pytest.mark.parametrize("name", [lambda due: path_of(due), lambda due: f"/feedback/paper/{due.occasion_id}"])
async def test_a_day_that_was_emptied_does_not_come_back(client: Any, told: Told, name: Any) -> None:
    due = await a_sheet(told)
    page = await client.post(name(due), data=PULSE | {"pass": "1"}, headers=COORDINATOR)
    assert (page.status_code, "f-answered_on-error" in page.text) == (422, True)
    assert filled(page.text, name(due))["answered_on"] == [""]


async def test_what_is_wrong_on_a_sheet_is_said_beside_the_fields(client: Any, told: Told) -> None:
    due = await a_sheet(told)
    page = await enter(client, due, 1, dict(list(PULSE.items())[:2]))
    assert (page.status_code, page.text.count(" checked")) == (422, 2)
    page = await enter(client, due, 1, PULSE | {"answered_on": long_ago(-3).date().isoformat()})
    assert (page.status_code, "f-answered_on-error" in page.text) == (422, True)
    assert await told.rows("select * from paper_entries") == []


@pytest.mark.parametrize("why", ["answered", "cancelled"])
async def test_a_sheet_that_is_not_needed_any_more_waits_for_nobody(client: Any, told: Told, why: str) -> None:
    due = await a_sheet(told)
    assert (await enter(client, due, 1, PULSE)).status_code == 303
    assert "second entry" in (await client.get("/feedback/paper", headers=COORDINATOR)).text
    if why == "answered":
        body = {"occasion_id": str(due.occasion_id), "totals": {"session-pulse": 5}}
        assert (await client.post("/feedback/api/v1/check-ins", json=body, headers=COORDINATOR)).status_code == 201
        assert await told.rows("select * from paper_entries") == []
    else:
        await told.tell(OccasionCancelled(occasion_id=due.occasion_id, reason="completed"))
    assert "second entry" not in (await client.get("/feedback/paper", headers=COORDINATOR)).text


async def test_entries_of_somebody_who_is_erased_go(client: Any, told: Told) -> None:
    due = await a_sheet(told)
    await enter(client, due, 1, PULSE)
    erased = ParticipantErased(
        participant_id=due.participant_id, enrolment_ids=[due.enrolment_id], occasion_ids=[due.occasion_id]
    )
    await told.tell(erased)
    assert await told.rows("select * from paper_entries") == []
    assert (await client.get(path_of(due), headers=COORDINATOR)).status_code == 404
