"""An organisation's own short instruments: written, looked at, published, asked; and the pages of all instruments."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.feedback.domain.instruments import schema
from tests.doors import bearer
from tests.feedback.conftest import (
    ADMINISTRATOR,
    API,
    COORDINATOR,
    TOKEN,
    Told,
    a_due,
    a_program,
    a_site,
    an_enrolment,
    an_invitation,
    long_ago,
)
from tests.feedback.test_wording import a_questionnaire
from tests.forms import filled

LINK = f"/c/{TOKEN}"
OTHER = bearer("administrator", organisation="somebody-else")
PAGE = "/feedback/own-instruments"


def both(text: str) -> dict[str, str]:
    return {"en": text, "es": f"{text} (es)"}


def an_instrument(**changes: Any) -> dict[str, Any]:
    return {
        "code": "how-we-meet",
        "title": both("How we meet"),
        "about": both("Two questions."),
        "items": [{"text": both("Is it warm?")}, {"text": both("Is there tea?")}],
        "options": [{"value": n, "label": both(word)} for n, word in enumerate(("No", "Partly", "Yes"))],
        "scoring": "mean",
    } | changes


async def publish(client: Any, headers: Any = ADMINISTRATOR, **changes: Any) -> Any:
    return await client.post(f"{API}/instruments", json=an_instrument(**changes), headers=headers)


async def ask(client: Any, code: str = "how-we-meet") -> Any:
    battery = {"entries": [{"occasion": "end", "kind": "end", "instruments": [code]}]}
    return await client.put(f"{API}/batteries/evening-circle", json=battery, headers=ADMINISTRATOR)


def test_the_schema_is_current() -> None:
    kept = Path(__file__).parents[2] / "docs" / "instrument.schema.json"
    assert json.loads(kept.read_text()) == schema(), "run: kith instruments schema > docs/instrument.schema.json"


async def test_it_is_published_asked_and_answered(client: Any, told: Told, site: None) -> None:
    answer = await publish(client)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["version"], shown["is_validated"], shown["has_wording"]) == (1, False, True)
    assert shown["ranges"]["total"] == {"unit": 2, "minimum": 0, "maximum": 4, "higher_is_better": True}
    assert (await publish(client)).status_code == 200
    assert await told.said("instrument-published") == []
    assert (await ask(client)).status_code == 200
    [event] = await told.said("instrument-published")
    assert (event.code, event.version, event.unit, event.is_validated) == ("how-we-meet", 1, 2, False)
    due = a_due("how-we-meet")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    assert "Is there tea? (es)" in (await client.get(f"{LINK}?lang=es")).text
    fields = {"answers.how-we-meet.item-1": "2", "answers.how-we-meet.item-2": "1"}
    page = await client.post(LINK, data=fields)
    for words in ("<b>1.5</b> <span>of 2</span>", "Not validated: trends only.", "It is not a test, and it cannot be"):
        assert words in page.text, words
    [event] = await told.said("check-in-submitted")
    assert [(one.instrument, one.version, one.count, one.unit) for one in event.scores] == [("how-we-meet", 1, 3, 2)]


async def test_a_version_follows_and_is_told_at_once_where_it_is_asked(client: Any, told: Told, site: None) -> None:
    await publish(client)
    await ask(client)
    answer = await publish(client, items=[{"text": both("Is it warm?")}, {"text": both("Is there coffee?")}])
    assert (answer.status_code, answer.json()["version"], answer.json()["comparable_with"]) == (201, 2, [])
    answer = await publish(client, is_comparable=True)
    assert (answer.status_code, answer.json()["version"], answer.json()["comparable_with"]) == (201, 3, [2])
    found = [(one.version, one.comparable_versions) for one in await told.said("instrument-published")]
    assert found == [(1, []), (2, []), (3, [2])]
    assert len(await told.rows("select * from own_instruments")) == 3
    answer = await publish(client, is_comparable=True, scoring="sum")
    assert answer.json()["errors"][0]["code"] == "not-comparable"


def as_a_form(code: str = "how-we-meet", **changes: str) -> dict[str, str]:
    """An instrument as the page sends it."""
    said = {"title": "How we meet", "about": "Two questions.", "items.0.text": "Is it warm?"}
    words = said | {f"options.{n}.label": word for n, word in enumerate(("No", "Yes"))}
    spoken = {f"{name}.{language}": text for name, text in words.items() for language in ("en", "es")}
    values = {f"options.{n}.value": str(n) for n in range(2)}
    return spoken | values | {"code": code, "scoring": "mean", "higher_is_better": "true"} | changes


async def test_a_new_one_replaces_none_that_there_is(client: Any, told: Told) -> None:
    await publish(client)
    new = filled((await client.get(PAGE, headers=ADMINISTRATOR)).text, PAGE)
    page = await client.post(PAGE, data=as_a_form(was=new["was"][0]), headers=ADMINISTRATOR)
    assert (page.status_code, "How we meet has this code" in page.text) == (422, True)
    assert filled(page.text, PAGE)["code"] == ["how-we-meet"]
    assert len(await told.rows("select from own_instruments")) == 1
    other = as_a_form("how-we-part", was=new["was"][0])
    for _ in range(2):  # also with a second tap
        assert (await client.post(PAGE, data=other, headers=ADMINISTRATOR)).status_code == 303
    assert len(await told.rows("select from own_instruments")) == 2


async def test_a_version_is_compared_with_the_one_that_its_author_saw(client: Any, told: Told) -> None:
    await publish(client)
    seen = filled((await client.get(f"{PAGE}/how-we-meet", headers=ADMINISTRATOR)).text, PAGE)
    await publish(client, items=[{"text": both("Is there cake?")}])
    fields = as_a_form(was=seen["was"][0], is_comparable="true")
    fields |= {"options.2.value": "2", "options.2.label.en": "So", "options.2.label.es": "Así"}
    page = await client.post(PAGE, data=fields, headers=ADMINISTRATOR)
    assert (page.status_code, "nothing was saved" in page.text) == (409, True)
    assert "compared with those of version 2" in page.text
    assert len(await told.rows("select from own_instruments")) == 2
    fields["was"] = filled(page.text, PAGE)["was"][0]
    assert (await client.post(PAGE, data=fields, headers=ADMINISTRATOR)).status_code == 303


async def test_it_stays_in_its_organisation(client: Any, told: Told) -> None:
    await publish(client)
    codes = {one["code"] for one in (await client.get(f"{API}/instruments", headers=OTHER)).json()}
    assert "how-we-meet" not in codes
    answer = await publish(client, headers=OTHER)
    assert (answer.status_code, answer.json()["version"]) == (201, 1)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"code": "phq-9"}, "code", "code-taken"),
        ({"code": "A B"}, "code", "string-pattern-mismatch"),
        ({"title": {}}, "title", "no-words"),
        ({"title": {"en": "Only English"}}, "title.es", "translation-missing"),
        ({"about": {"es": "Solo"}}, "about.en", "translation-missing"),
        ({"items": []}, "items", "too-short"),
        ({"items": [{"text": both("?")}] * 21}, "items", "too-long"),
        ({"items": [{"text": both("x" * 300)}]}, "items.0.text.en", "string-too-long"),
        ({"options": [{"value": 1, "label": both("x")}]}, "options", "too-short"),
        ({"options": [{"value": 1, "label": both("x")}] * 2}, "options.1.value", "not-rising"),
        ({"options": [{"value": -1, "label": both("x")}] * 2}, "options.0.value", "greater-than-equal"),
        ({"options": [{"value": 1e9, "label": both("x")}] * 2}, "options.0.value", "less-than-equal"),
        ({"scoring": "product"}, "scoring", "literal-error"),
        ({"surprise": 1}, "surprise", "extra-forbidden"),
    ],
)
async def test_an_instrument_that_cannot_be(client: Any, changes: dict[str, Any], field: str, code: str) -> None:
    answer = await publish(client, **changes)
    assert answer.status_code == 422
    assert (field, code) in [(error["field"], error["code"]) for error in answer.json()["errors"]]


async def test_one_language_is_enough(client: Any, told: Told) -> None:
    answer = await publish(
        client,
        title={"es": "Cómo nos vemos"},
        about={"es": "Una pregunta."},
        items=[{"text": {"es": "¿Hay té?"}}],
        options=[{"value": n, "label": {"es": word}} for n, word in enumerate(("No", "Sí"))],
    )
    assert answer.status_code == 201
    page = await client.get("/feedback/instruments/how-we-meet/preview", headers=ADMINISTRATOR)
    assert '<span lang="es" dir="auto">¿Hay té?</span>' in page.text


@pytest.mark.parametrize(("headers", "status"), [(COORDINATOR, 403), ({}, 401)])
async def test_who_may_write(client: Any, headers: Any, status: int) -> None:
    assert (await publish(client, headers)).status_code == status


# ---- pages ----

FIELDS = {
    "code": "how-we-meet",
    "title.en": "How we meet",
    "about.en": "One question.",
    "items.0.text.en": "Is it warm?",
    "items.3.text.en": "Is there tea?",
    "options.0.value": "0",
    "options.0.label.en": "No",
    "options.1.value": "1",
    "options.1.label.en": "Yes",
    "options.2.value": "2",
    "scoring": "mean",
    "higher_is_better": "true",
}


async def test_it_is_written_on_a_page(client: Any, told: Told) -> None:
    assert "An instrument of your own" in (await client.get(PAGE, headers=ADMINISTRATOR)).text
    wrong = await client.post(PAGE, data=FIELDS | {"title.es": "Cómo", "code": "A"}, headers=ADMINISTRATOR)
    assert wrong.status_code == 422
    assert 'href="#f-code"' in wrong.text
    assert 'value="Is there tea?"' in wrong.text
    wrong = await client.post(PAGE, data=FIELDS | {"title.es": "Cómo"}, headers=ADMINISTRATOR)
    assert "Question 2: the title is in this language" in wrong.text
    assert (await client.post(PAGE, data={}, headers=ADMINISTRATOR)).status_code == 422
    odd = {"items.0.text": "x", "what.0.ever": "y", "options.99999999999999999999.label": "z", "code": "a\x00"}
    assert (await client.post(PAGE, data=odd, headers=ADMINISTRATOR)).status_code == 422
    seen = await client.post(PAGE, data=FIELDS | {"do": "preview"}, headers=ADMINISTRATOR)
    assert seen.status_code == 200
    assert "A preview: this is what will be seen" in seen.text
    assert 'method="post"' not in seen.text
    assert "Vista previa" in (await client.post(PAGE, data=FIELDS | {"do": "preview-es"}, headers=ADMINISTRATOR)).text
    assert await told.rows("select * from own_instruments") == []
    done = await client.post(PAGE, data=FIELDS, headers=ADMINISTRATOR)
    assert (done.status_code, done.headers["location"]) == (303, "/feedback/instruments/how-we-meet")
    page = await client.get(done.headers["location"], headers=ADMINISTRATOR)
    for words in ("Not validated: trends only.", "0 to 1", f"{PAGE}/how-we-meet"):
        assert words in page.text, words
    again = await client.get(f"{PAGE}/how-we-meet", headers=ADMINISTRATOR)
    assert "what you publish is version 2" in again.text
    changed = FIELDS | {"items.0.text.en": "Is it warm in here?", "is_comparable": "true"}
    assert (await client.post(PAGE, data=changed, headers=ADMINISTRATOR)).status_code == 303
    rows = await told.rows("select version, definition from own_instruments order by version")
    assert [(row["version"], row["definition"]["comparable_with"]) for row in rows] == [(1, []), (2, [1])]
    assert (await client.get(f"{PAGE}/nothing", headers=ADMINISTRATOR)).status_code == 404


@pytest.mark.parametrize("page", ["/feedback/instruments", "/feedback/instruments/phq-9", PAGE])
async def test_who_sees_the_pages(client: Any, page: str) -> None:
    assert (await client.get(page, headers=ADMINISTRATOR)).status_code == 200
    assert (await client.get(page, headers=COORDINATOR)).status_code == 403
    assert (await client.get(page)).status_code == 303


async def test_wording_is_loaded_on_a_page(client: Any, told: Told) -> None:
    url = "/feedback/instruments/phq-9"
    page = await client.get(url, headers=ADMINISTRATOR)
    for words in ("Published figures", "&gt;= 6", "NHS Talking Therapies", "One question asks about danger"):
        assert words in page.text, words
    assert (await client.get(f"{url}/preview", headers=ADMINISTRATOR)).status_code == 404

    async def load(data: bytes | None) -> Any:
        files = {"file": ("phq-9.json", data, "application/json")} if data is not None else None
        return await client.post(f"{url}/wording", files=files, headers=ADMINISTRATOR)

    for nothing in (None, b""):
        page = await load(nothing)
        assert (page.status_code, 'href="#f-file"' in page.text) == (422, True)
    page = await load(json.dumps(a_questionnaire(8, 4)).encode())
    assert page.status_code == 422
    for words in ("see the list below", "item[0].answerOption[4]", "Item 9 is missing: PHQ-9 has 9."):
        assert words in page.text, words
    page = await load(json.dumps(a_questionnaire()).encode())
    assert (page.status_code, page.headers["location"]) == (303, f"{url}?loaded=en")
    page = await client.get(page.headers["location"], headers=ADMINISTRATOR)
    assert "The wording is loaded." in page.text
    assert "Question 9?" in (await client.get(f"{url}/preview", headers=ADMINISTRATOR)).text
    assert "can be asked" in (await client.get("/feedback/instruments", headers=ADMINISTRATOR)).text


async def test_a_licence_number_is_noted_on_a_page(client: Any, told: Told) -> None:
    url = "/feedback/instruments/csq-8"
    assert "licence number missing" in (await client.get("/feedback/instruments", headers=ADMINISTRATOR)).text
    file = {"file": ("csq.json", json.dumps(a_questionnaire(8, 4)).encode(), "application/json")}
    page = await client.post(f"{url}/wording", files=file, headers=ADMINISTRATOR)
    assert (page.status_code, "note the number of yours first" in page.text) == (409, True)
    wrong = await client.post(f"{url}/licence-number", data={}, headers=ADMINISTRATOR)
    assert (wrong.status_code, 'href="#f-number"' in wrong.text) == (422, True)
    answer = await client.post(f"{url}/licence-number", data={"number": "L-77"}, headers=ADMINISTRATOR)
    assert answer.status_code == 303
    assert 'value="L-77"' in (await client.get(answer.headers["location"], headers=ADMINISTRATOR)).text


@pytest.mark.parametrize("show", [{}, {"show": "en"}], ids=["sent", "in another language first"])
async def test_what_was_chosen_before_the_questions_changed_is_no_answer_to_the_new_ones(
    client: Any, told: Told, site: None, show: dict[str, str]
) -> None:
    await publish(client)
    due = a_due("how-we-meet")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    answers = {"answers.how-we-meet.item-1": "2", "answers.how-we-meet.item-2": "2"}
    old = answers | {"versions": versions_on((await client.get(LINK)).text)}
    await publish(client, items=[{"text": both("Was it cold?")}, {"text": both("Was it dark?")}])
    page = await client.post(LINK, data=old | show)
    assert page.status_code == (200 if show else 422)
    assert ("The questions have changed meanwhile." in page.text) is not bool(show)
    assert "Was it cold?" in page.text
    assert " checked" not in page.text
    assert await told.said("check-in-submitted") == []
    fresh = answers | {"versions": versions_on(page.text)}
    assert (await client.post(LINK, data=fresh)).status_code == 200
    assert [one.scores[0].version for one in await told.said("check-in-submitted")] == [2]


async def test_what_was_chosen_before_is_no_answer_to_new_questions_either_when_the_link_was_closed_meanwhile(
    client: Any, told: Told, site: None
) -> None:
    await publish(client)
    due = a_due("how-we-meet")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    answers = {"answers.how-we-meet.item-1": "2", "answers.how-we-meet.item-2": "2", "large": "on"}
    old = answers | {"versions": versions_on((await client.get(LINK)).text)}
    await told.tell(due.model_copy(update={"opens_at": long_ago(-1)}))
    stopped = await client.post(LINK, data=old)
    assert (stopped.status_code, 'autocomplete="off" checked' in stopped.text) == (409, True)  # large type stays
    waiting = filled(stopped.text, "?lang=en")
    await told.tell(due)
    await publish(client, items=[{"text": both("Was it cold?")}, {"text": both("Was it dark?")}])
    page = await client.post(LINK, data=waiting)
    assert (page.status_code, "The questions have changed meanwhile." in page.text) == (422, True)
    assert await told.said("check-in-submitted") == []


async def test_a_code_may_look_like_a_number(client: Any, told: Told, site: None) -> None:
    assert (await publish(client, code="2025")).status_code == 201
    due = a_due("2025")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    page = await client.post(LINK, data={"answers.2025.item-1": "2", "answers.2025.item-2": "1"})
    assert page.status_code == 200, page.text
    assert [one.scores[0].count for one in await told.said("check-in-submitted")] == [3]


def versions_on(page: str) -> str:
    return page.partition('name="versions" value="')[2].partition('"')[0]


# ---- answers in one's own words, and an answer that is not scored ----


async def test_own_words_are_kept_here_and_said_to_nobody(client: Any, told: Told, site: None) -> None:
    due = a_due("monthly-check-in", "experience")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    page = await client.get(LINK)
    assert page.text.count("<textarea") == 3
    long = await client.post(LINK, data={"texts.monthly-check-in.worked": "x" * 1001})
    assert long.status_code == 422
    assert "Question 1: that is too long" in long.text
    assert "Question 4: choose an answer." in long.text
    fields = {
        "texts.monthly-check-in.worked": " The tea.\r\nAnd the <b>songs</b> ",
        "texts.monthly-check-in.one-change": " ",
        "answers.experience.all-in-all": "9",
    }
    page = await client.post(LINK, data=fields)
    assert "No score: the answer that you chose is not counted." in page.text
    [event] = await told.said("check-in-submitted")
    assert event.scores == []
    assert "tea" not in event.model_dump_json()
    rows = await told.rows("select instrument, item, text from texts")
    assert [tuple(row) for row in rows] == [("monthly-check-in", "worked", "The tea.\nAnd the <b>songs</b>")]


async def test_own_words_are_entered_from_paper_once(client: Any, told: Told) -> None:
    due = a_due("monthly-check-in")
    await told.tell(a_site(), a_program(), an_enrolment(due), due)
    moved = await client.get(f"/feedback/occasions/{due.occasion_id}/enter", headers=COORDINATOR)
    url = moved.headers["location"]
    page = await client.get(url, headers=COORDINATOR)
    assert page.text.count("<textarea") == 3
    day = due.due_at.date().isoformat()
    fields = {"answered_on": day, "texts.monthly-check-in.worked": "Tea"}
    for number in ("1", "2"):
        assert (await client.post(url, data=fields | {"pass": number}, headers=COORDINATOR)).status_code == 303
    body = {"occasion_id": str(due.occasion_id), "texts": {"monthly-check-in": {"worked": "Tea"}}}
    assert (await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)).status_code == 200
    body["texts"] = {"monthly-check-in": {"worked": "Coffee"}}
    answer = await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)
    assert (answer.status_code, answer.json()["code"]) == (409, "already-answered")


async def test_what_is_never_added_up_is_entered_by_its_parts(client: Any, told: Told) -> None:
    due = a_due("ons4")
    await told.tell(a_site(), a_program(), an_enrolment(due), due)
    url = f"/feedback/occasions/{due.occasion_id}/enter"
    page = await client.get(url, headers=COORDINATOR)
    assert "ONS4 personal well-being, Anxious yesterday" in page.text
    day = due.due_at.date().isoformat()
    wrong = await client.post(url, data={"answered_on": day}, headers=COORDINATOR)
    assert 'href="#f-scales.ons4.satisfied"' in wrong.text
    fields = {"answered_on": day, "scales.ons4.satisfied": "7", "scales.ons4.anxious": "2"}
    assert (await client.post(url, data=fields, headers=COORDINATOR)).status_code == 303
    [event] = await told.said("check-in-submitted")
    assert {one.scale: one.count for one in event.scores} == {"satisfied": 7, "anxious": 2}
    page = await client.get("/feedback/?need=answered", headers=COORDINATOR)
    assert "ONS4 personal well-being, Satisfied with life 7 of 10" in page.text


async def test_texts_go_with_the_participant(client: Any, told: Told) -> None:
    from shared.events.intake import ParticipantErased

    due = a_due("monthly-check-in")
    await told.tell(a_site(), a_program(), an_enrolment(due), due)
    body = {"occasion_id": str(due.occasion_id), "texts": {"monthly-check-in": {"worked": "Tea"}}}
    assert (await client.post(f"{API}/check-ins", json=body, headers=COORDINATOR)).status_code == 201
    erased = ParticipantErased.model_validate(
        {
            "participant_id": due.participant_id,
            "enrolment_ids": [due.enrolment_id],
            "occasion_ids": [due.occasion_id],
        }
    )
    await told.tell(erased)
    assert await told.rows("select * from texts") == []
