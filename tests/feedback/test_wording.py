"""Wording that its holder loads: what fits is shown exactly so, what does not fit is named by its place in the file."""

import copy
import json
from typing import Any

import pytest

from services.feedback import store
from services.feedback.domain.questionnaire import read_questionnaire
from services.feedback.domain.wording import worded
from shared.errors import Invalid
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
)

LIBRARY = store.library()
LINK = f"/c/{TOKEN}"
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
ODD = '  <b>Was &quot;it"</b>  so\u2026 </legend> '  # exactly as it was loaded


def an_item(n: int, high: int = 3, low: int = 0, **changes: Any) -> dict[str, Any]:
    options = [
        {
            "extension": [{"url": ORDINAL, "valueDecimal": value}],
            "valueCoding": {"code": "x", "display": f"word {value}"},
        }
        for value in range(low, high + 1)
    ]
    return {"linkId": str(n), "type": "choice", "text": f"Question {n}?", "answerOption": options} | changes


def a_questionnaire(n_items: int = 9, high: int = 3, **changes: Any) -> dict[str, Any]:
    items = [an_item(n, high) for n in range(1, n_items + 1)]
    return {"resourceType": "Questionnaire", "status": "active", "language": "en", "item": items} | changes


def read(raw: Any, code: str = "phq-9") -> Any:
    return read_questionnaire(json.dumps(raw).encode(), LIBRARY[code])


def changed(path: str, value: Any) -> dict[str, Any]:
    """The questionnaire with something else at `item.3.text`."""
    raw = copy.deepcopy(a_questionnaire())
    *way, last = path.split(".")
    inside: Any = raw
    for step in way:
        inside = inside[int(step) if step.isdigit() else step]
    if value is GONE:
        del inside[int(last) if last.isdigit() else last]
    else:
        inside[int(last) if last.isdigit() else last] = value
    return raw


GONE = object()


def test_words_are_taken_as_they_are() -> None:
    raw = a_questionnaire(copyright=" (c) somebody ")
    raw["item"][0] |= {"text": ODD}
    raw["item"] = [
        {"type": "group", "linkId": "g", "text": "Over the last weeks", "item": raw["item"][:5]},
        {"type": "display", "linkId": "d", "text": "And now"},
        *raw["item"][5:],
        {"type": "decimal", "linkId": "sum", "readOnly": True, "text": "Total"},
    ]
    wording = read(raw)
    one = worded(LIBRARY["phq-9"], [wording])
    assert one.has_wording
    assert one.has_risk
    assert one.items[0].text
    assert one.items[0].text.in_("es") == ODD
    assert [item.before.in_("en") if item.before else None for item in one.items[:6]] == [
        "Over the last weeks", None, None, None, None, "And now",
    ]  # fmt: skip
    assert one.rights
    assert one.rights.in_("en") == " (c) somebody "
    assert one.measures == LIBRARY["phq-9"].measures


def test_what_is_shown_before_a_question_is_one_text_of_a_length() -> None:
    raw = a_questionnaire()
    texts = [{"type": "display", "linkId": f"d{n}", "text": "x" * 999} for n in range(2)]
    raw["item"] = [raw["item"][0], *texts, *raw["item"][1:]]
    assert worded(LIBRARY["phq-9"], [read(raw)]).items[1].before
    raw["item"].insert(3, {"type": "display", "linkId": "d3", "text": "y"})
    with pytest.raises(Invalid) as refused:
        read(raw)
    assert [(one.field, one.code) for one in refused.value.errors] == [("item[4]", "too-long")]
    assert "at most 2000 characters in all" in refused.value.errors[0].message


def test_values_may_be_said_in_several_ways() -> None:
    ways: list[list[dict[str, Any]]] = [
        [{"valueInteger": value} for value in range(4)],
        [{"valueCoding": {"code": str(value), "display": f"w{value}"}} for value in range(4)],
        [
            {"valueCoding": {"code": "LA1", "display": "w", "extension": [{"url": ORDINAL, "valueDecimal": value}]}}
            for value in (3, 2, 1.0, 0)
        ],
        [{"valueString": f"w{value}", "extension": [{"url": ORDINAL, "valueInteger": value}]} for value in range(4)],
    ]
    raw = a_questionnaire()
    for at, options in enumerate(ways):
        raw["item"][at]["answerOption"] = options
    concepts = [
        {"code": f"c{value}", "display": f"w{value}", "extension": [{"url": ORDINAL, "valueDecimal": value}]}
        for value in range(4)
    ]
    raw["contained"] = [{"resourceType": "ValueSet", "id": "four", "compose": {"include": [{"concept": concepts}]}}]
    del raw["item"][8]["answerOption"]
    raw["item"][8]["answerValueSet"] = "#four"
    wording = read(raw)
    assert [[label.value for label in one.labels] for one in wording.questions] == [
        [3, 2, 1, 0] if at == 2 else [0, 1, 2, 3] for at in range(9)
    ]
    assert wording.questions[0].labels[0].text == "0"
    one = worded(LIBRARY["phq-9"], [wording])
    assert [option.value for option in one.options_of(one.items[2])] == [3, 2, 1, 0]  # shown in this order


def test_codes_of_others_are_known() -> None:
    raw = a_questionnaire()
    raw["item"][0]["linkId"] = "/44250-9"
    raw["item"][1] |= {"linkId": "any", "code": [{"system": "http://loinc.org", "code": "44255-8"}]}
    assert [one.code for one in read(raw).questions][:2] == ["1", "2"]


@pytest.mark.parametrize(
    ("path", "value", "field", "code"),
    [
        ("resourceType", "Bundle", "resourceType", "not-a-questionnaire"),
        ("language", GONE, "language", "language-unknown"),
        ("language", "de", "language", "language-unknown"),
        ("language", "ensemble", "language", "language-unknown"),
        ("language", 7, "language", "language-unknown"),
        ("item", [], "item", "items-missing"),
        ("item", {"a": 1}, "item", "items-missing"),
        ("item.8", GONE, "item", "item-missing"),
        ("item.3.linkId", "5", "item[3].linkId", "item-out-of-order"),
        ("item.3.linkId", "x\ud800", "item[3].linkId", "item-unknown"),
        ("item.3.linkId", GONE, "item[3].linkId", "item-unknown"),
        ("item.3.text", GONE, "item[3].text", "text-missing"),
        ("item.3.text", "  ", "item[3].text", "text-missing"),
        ("item.3.text", ["x"], "item[3].text", "text-missing"),
        ("item.3.text", "x" * 2001, "item[3].text", "too-long"),
        ("item.3.text", "a\x00b", "item[3].text", "control-character"),
        ("item.3.text", "a\ud800b", "item[3].text", "control-character"),
        ("item.3.type", "decimal", "item[3].type", "type-unknown"),
        ("item.3", 7, "item[3].type", "type-unknown"),
        ("item.3.item", [], "item[3].item", "item-unknown"),
        ("item.3.answerOption.2", GONE, "item[3].answerOption", "value-missing"),
        ("item.3.answerOption", "none", "item[3].answerOption", "value-missing"),
        ("item.3.answerOption.2.extension.0.valueDecimal", 4, "item[3].answerOption[2]", "value-unknown"),
        ("item.3.answerOption.2.extension.0.valueDecimal", 1, "item[3].answerOption[2]", "value-twice"),
        ("item.3.answerOption.2.extension.0.valueDecimal", 1.5, "item[3].answerOption[2]", "value-missing"),
        ("item.3.answerOption.2.extension.0.valueDecimal", 10**400, "item[3].answerOption[2]", "value-missing"),
        ("item.3.answerOption.2.extension", GONE, "item[3].answerOption[2]", "value-missing"),
        ("item.3.answerOption.2", "x", "item[3].answerOption[2]", "value-missing"),
        (
            "item.3.answerOption.2.valueCoding.display",
            GONE,
            "item[3].answerOption[2].valueCoding.display",
            "text-missing",
        ),
        ("copyright", 7, "copyright", "text-missing"),
    ],
)
def test_each_mismatch_is_named_by_its_path(path: str, value: Any, field: str, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        read(changed(path, value))
    found = [(error.field, error.code) for error in raised.value.errors]
    assert (field, code) in found
    json.dumps(raised.value.problem()).encode()


def test_all_mismatches_are_named_at_once() -> None:
    with pytest.raises(Invalid) as raised:
        read(a_questionnaire(n_items=10, high=4))
    found = [(error.field, error.code) for error in raised.value.errors]
    assert ("item[9]", "item-unknown") in found
    assert [field for field, code in found if code == "value-unknown"] == [
        f"item[{n}].answerOption[4]" for n in range(9)
    ]


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"null", b'{"a": NaN}', b"[" * 60_000, b'{"a":' * 20_000])
def test_a_file_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        read_questionnaire(data, LIBRARY["phq-9"])
    assert raised.value.errors[0].code == "json-invalid"


def test_groups_in_groups_have_an_end() -> None:
    raw: dict[str, Any] = {"item": a_questionnaire()["item"]}
    for n in range(20):
        raw = {"type": "group", "linkId": f"g{n}", "item": [raw] if n else raw["item"]}
    with pytest.raises(Invalid):
        read(a_questionnaire(item=[raw]))


# ---- the doors ----


async def load(client: Any, code: str, raw: Any, headers: Any = ADMINISTRATOR) -> Any:
    return await client.post(f"{API}/instruments/{code}/wording", json=raw, headers=headers)


async def test_only_then_it_can_be_asked(client: Any, told: Told, site: None) -> None:
    due = a_due("gad-7")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    assert "This is done together" in (await client.get(LINK)).text
    raw = a_questionnaire(7)
    raw["item"][0]["text"] = ODD
    answer = await load(client, "gad-7", raw)
    assert (answer.status_code, answer.json()) == (
        201,
        {"code": "gad-7", "version": 1, "language": "en", "number": 1},
    )
    assert (await load(client, "gad-7", raw)).status_code == 200
    page = await client.get(f"{LINK}?lang=es")
    assert page.text.count('type="radio"') == 28
    assert (
        '<span lang="en" dir="auto">  &lt;b&gt;Was &amp;quot;it&#34;&lt;/b&gt;  so\u2026 &lt;/legend&gt; </span>'
        in page.text
    )
    assert "Developed by Drs." in page.text
    page = await client.post(LINK, data={f"answers.gad-7.{n}": "1" for n in range(1, 8)})
    assert "<b>7</b> <span>of 21</span>" in page.text
    assert "This is not a diagnosis." in page.text
    [event] = await told.said("check-in-submitted")
    assert [(one.instrument, one.scale, one.count) for one in event.scores] == [("gad-7", "total", 7)]


async def test_parts_and_published_limits_are_shown(client: Any, told: Told, site: None) -> None:
    due = a_due("phq-4")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    await load(client, "phq-4", a_questionnaire(4))
    page = await client.post(LINK, data={f"answers.phq-4.{n}": "3" if n < 3 else "0" for n in range(1, 5)})
    for words in ("PHQ-4: Worry (GAD-2)", "<b>6</b> <span>of 6</span>", "moderate (Kroenke, Spitzer, Williams"):
        assert words in page.text, words
    [event] = await told.said("check-in-submitted")
    assert {one.scale: one.count for one in event.scores} == {"total": 6, "anxiety": 6, "depression": 0}
    assert len(await told.rows("select * from scores")) == 3


async def test_too_many_left_out_is_no_score_and_no_refusal(client: Any, told: Told, site: None) -> None:
    due = a_due("core-10")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    await load(client, "core-10", a_questionnaire(10, 4))
    page = await client.post(LINK, data={f"answers.core-10.{n}": "2" for n in range(1, 9)})
    assert page.status_code == 200
    assert "No score: too many questions were left out." in page.text
    assert "of 40" not in page.text
    [event] = await told.said("check-in-submitted")
    assert event.scores == []
    assert len(await told.rows("select * from answers")) == 8
    assert "No score: too many" in (await client.get(LINK)).text


async def test_newer_words_are_shown_and_older_ones_are_kept(client: Any, told: Told, site: None) -> None:
    due = a_due("gad-7")
    await told.tell(an_enrolment(due), due, an_invitation(due))
    for words in ("First", "Second"):
        raw = a_questionnaire(7)
        raw["item"][0]["text"] = words
        assert (await load(client, "gad-7", raw)).status_code == 201
    raw["language"] = "es-MX"
    raw["item"][0]["text"] = "Primera"
    assert (await load(client, "gad-7", raw)).json()["number"] == 1
    assert "Second" in (await client.get(LINK)).text
    assert "Primera" in (await client.get(f"{LINK}?lang=es")).text
    assert len(await told.rows("select * from wordings")) == 3


async def test_words_stay_with_whoever_loaded_them(client: Any, told: Told) -> None:
    await load(client, "gad-7", a_questionnaire(7))
    for organisation, has_wording in (("harbour-trust", True), ("somebody-else", False)):
        headers = bearer("facilitator", organisation=organisation)
        found = {one["code"]: one for one in (await client.get(f"{API}/instruments", headers=headers)).json()}
        assert found["gad-7"]["has_wording"] is has_wording


@pytest.mark.parametrize(
    ("code", "raw", "headers", "status", "said"),
    [
        ("gad-7", a_questionnaire(7), COORDINATOR, 403, "role-needed"),
        ("gad-7", a_questionnaire(7), {}, 401, "signed-out"),
        ("nothing", a_questionnaire(7), ADMINISTRATOR, 404, "instrument-not-found"),
        ("Not A Code", a_questionnaire(7), ADMINISTRATOR, 422, "invalid-fields"),
        ("belonging", a_questionnaire(7), ADMINISTRATOR, 409, "wording-is-there"),
        ("csq-8", a_questionnaire(8), ADMINISTRATOR, 409, "licence-number-missing"),
        ("gad-7", a_questionnaire(9), ADMINISTRATOR, 422, "invalid-fields"),
    ],
)
async def test_wording_that_is_refused(client: Any, code: str, raw: Any, headers: Any, status: int, said: str) -> None:
    answer = await load(client, code, raw, headers)
    assert (answer.status_code, answer.json()["code"]) == (status, said)


async def test_a_licence_has_a_number(client: Any, told: Told) -> None:
    await told.tell(a_site(), a_program())
    battery = {"entries": [{"occasion": "end", "kind": "end", "instruments": ["csq-8"]}]}
    answer = await client.put(f"{API}/batteries/evening-circle", json=battery, headers=ADMINISTRATOR)
    [error] = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("entries.0.instruments", "licence-number-missing")
    url = f"{API}/instruments/csq-8/licence-number"
    for headers, body, status in (
        (COORDINATOR, {"number": "L-1"}, 403),
        (ADMINISTRATOR, {"number": " "}, 422),
        (ADMINISTRATOR, {"number": "L-1"}, 200),
    ):
        assert (await client.put(url, json=body, headers=headers)).status_code == status
    answer = await client.put(f"{API}/batteries/evening-circle", json=battery, headers=ADMINISTRATOR)
    assert answer.status_code == 200
    raw = a_questionnaire(item=[an_item(n, 4, 1) for n in range(1, 9)])
    assert (await load(client, "csq-8", raw)).status_code == 201
    other = bearer("administrator", organisation="somebody-else")
    assert (await load(client, "csq-8", raw, other)).json()["code"] == "licence-number-missing"
