"""The decisions of feedback, in tables of cases; no store, no clock."""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feedback import store
from services.feedback.domain.battery import SUGGESTED, Entry, SetBattery, activate
from services.feedback.domain.contacts import Contact, ways
from services.feedback.domain.rows import TABLES, read_check_ins
from services.feedback.domain.scoring import (
    Given,
    as_text,
    count_of_answers,
    count_of_total,
    meaning,
    scores_of,
)
from services.feedback.pages.forms import nested
from shared.errors import Invalid
from shared.events.feedback import BatteryActivated, InstrumentPublished
from tests.feedback.conftest import ORGANISATION, PROGRAM

LIBRARY = store.library()
PULSE, BELONGING, PHQ, BDI = (LIBRARY[code] for code in ("session-pulse", "belonging", "phq-4", "bdi-ii"))


def test_what_ships() -> None:
    assert sorted(LIBRARY) == ["bdi-ii", "belonging", "phq-4", "session-pulse"]
    assert {code for code, one in LIBRARY.items() if one.has_wording} == {"belonging", "session-pulse"}
    assert {code for code, one in LIBRARY.items() if not one.is_validated} == {"belonging", "session-pulse"}
    assert [(one.minimum, one.maximum, one.unit) for one in (PULSE, BELONGING, PHQ, BDI)] == [
        (0, 16, 1),
        (0, 24, 6),
        (0, 12, 1),
        (0, 63, 1),
    ]
    assert [one.higher_is_better for one in (PULSE, BELONGING, PHQ, BDI)] == [True, True, False, False]


def definition(**changes: Any) -> dict[str, Any]:
    return json.loads(PULSE.model_dump_json(exclude={"has_wording"})) | changes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit": 2}, "the unit of a sum is 1"),
        ({"scoring": "mean"}, "the unit of a mean of 4 items is 4"),
        ({"maximum": 15}, "minimum and maximum"),
        ({"options": []}, "options must be at least two"),
        ({"items": []}, "options without items"),
        ({"note": None}, "not validated"),
        ({"bands": []}, "bands and limits"),
        ({"bands": definition()["bands"][1:]}, "one must begin at 0"),
        ({"bands": definition()["bands"][:2]}, "bands must end at maximum"),
        ({"limits": None}, "bands and limits"),
        ({"title": {"en": "Only English"}}, "title.es: This is needed."),
        ({"code": "Not A Code"}, "code: "),
        ({"surprise": 1}, "surprise: "),
    ],
)
def test_a_malformed_definition_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(definition(**changes)))
    with pytest.raises(store.Malformed) as raised:
        store.read_library(tmp_path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text("{")
    with pytest.raises(store.Malformed, match=r"wrong\.json"):
        store.read_library(tmp_path)


def test_the_newest_version_is_asked_and_a_version_stands_in_one_file(tmp_path: Path) -> None:
    for version in (1, 2):
        (tmp_path / f"{version}.json").write_text(json.dumps(definition(version=version)))
    assert store.read_library(tmp_path)["session-pulse"].version == 2
    (tmp_path / "again.json").write_text(json.dumps(definition(version=2)))
    with pytest.raises(store.Malformed, match="version 2 is in"):
        store.read_library(tmp_path)


@pytest.mark.parametrize(
    ("instrument", "total", "count"),
    [
        (BDI, "0", 0),
        (BDI, "63", 63),
        (BDI, "20.0", 20),
        (BDI, "20.0005", 20),
        (BELONGING, "2.3333", 14),
        (BELONGING, "2.3333333333333335", 14),
        (BELONGING, "4", 24),
        (BELONGING, "0.1667", 1),
    ],
)
def test_a_total_is_an_exact_count(instrument: Any, total: str, count: int) -> None:
    assert count_of_total(instrument, Decimal(total), "total") == count


@pytest.mark.parametrize(
    ("instrument", "total", "code", "said"),
    [
        (BDI, "64", "score-out-of-range", "from 0 to 63"),
        (BDI, "-1", "score-out-of-range", "from 0 to 63"),
        (BDI, "20.5", "not-a-score", "whole number"),
        (BELONGING, "4.2", "score-out-of-range", "from 0 to 4"),
        (BELONGING, "2.33", "not-a-score", "such as 2.3333"),
        (PHQ, "13", "score-out-of-range", "from 0 to 12"),
    ],
)
def test_a_total_that_is_none(instrument: Any, total: str, code: str, said: str) -> None:
    with pytest.raises(Invalid) as raised:
        count_of_total(instrument, Decimal(total), "totals.x")
    [error] = raised.value.errors
    assert (error.field, error.code) == ("totals.x", code)
    assert said in error.message


@given(st.integers(BELONGING.minimum, BELONGING.maximum))
def test_every_score_can_be_written_and_read_again(count: int) -> None:
    assert count_of_total(BELONGING, Decimal(as_text(count, BELONGING.unit)), "total") == count
    assert meaning(BELONGING, count, "en")
    assert meaning(BELONGING, count, "es") != meaning(BELONGING, count, "en")


@given(st.fixed_dictionaries({item.code: st.integers(0, 4) for item in BELONGING.items}))
def test_answers_add_up_exactly(answers: dict[str, int]) -> None:
    count = count_of_answers(BELONGING, answers, "answers")
    assert Fraction(count, BELONGING.unit) == Fraction(sum(answers.values()), len(answers))


def test_a_reversed_item_counts_from_the_other_end() -> None:
    items = [item.model_copy(update={"reverse": item.code == "safe"}) for item in PULSE.items]
    reversed_one = PULSE.model_copy(update={"items": tuple(items)})
    assert count_of_answers(reversed_one, {"heard": 4, "safe": 1, "useful": 0, "hopeful": 0}, "a") == 4 + 3


def test_every_field_that_is_wrong_is_named_at_once() -> None:
    given_now = Given(
        {"bdi-ii": Decimal(99), "phq-9": Decimal(1)},
        {"session-pulse": {"heard": 9, "safe": 1, "useful": 1, "else": 1}, "phq-4": {"one": 1}},
    )
    with pytest.raises(Invalid) as raised:
        scores_of(["session-pulse", "bdi-ii", "belonging", "phq-4"], given_now, LIBRARY)
    assert {(error.field, error.code) for error in raised.value.errors} == {
        ("totals.phq-9", "instrument-not-in-battery"),
        ("totals.bdi-ii", "score-out-of-range"),
        ("totals.belonging", "instrument-missing"),
        ("answers.phq-4", "no-wording"),
        ("answers.session-pulse.heard", "answer-unknown"),
        ("answers.session-pulse.hopeful", "answer-missing"),
        ("answers.session-pulse.else", "item-unknown"),
    }


def test_a_score_is_given_once() -> None:
    with pytest.raises(Invalid, match="another look") as raised:
        scores_of(["phq-4"], Given({"phq-4": Decimal(1)}, {"phq-4": {}}), LIBRARY)
    assert raised.value.errors[0].code == "given-twice"


def entry(occasion: str, *instruments: str, **changes: Any) -> Entry:
    return Entry(**{"occasion": occasion, "kind": "monthly", "instruments": list(instruments)} | changes)


def test_a_battery_is_said_with_the_instruments_that_are_new() -> None:
    command = SetBattery(entries=list(SUGGESTED))
    entries, new, events = activate(ORGANISATION, PROGRAM, command, None, set(), LIBRARY)
    assert [type(event) for event in events] == [InstrumentPublished, InstrumentPublished, BatteryActivated]
    assert [one.code for one in new] == ["belonging", "session-pulse"]
    assert activate(ORGANISATION, PROGRAM, command, entries, {("belonging", 1), ("session-pulse", 1)}, LIBRARY)[1:] == (
        [],
        [],
    )
    other = SetBattery(entries=[*SUGGESTED, entry("month-1", "phq-4")])
    events = activate(ORGANISATION, PROGRAM, other, entries, {("belonging", 1), ("session-pulse", 1)}, LIBRARY)[2]
    assert [type(event) for event in events] == [InstrumentPublished, BatteryActivated]


def test_an_empty_battery_is_said_once() -> None:
    empty = SetBattery(entries=[])
    assert len(activate(ORGANISATION, PROGRAM, empty, None, set(), LIBRARY)[2]) == 1
    assert activate(ORGANISATION, PROGRAM, empty, [], set(), LIBRARY)[2] == []


@pytest.mark.parametrize(
    ("entries", "field", "code"),
    [
        ([entry("a", "nothing")], "entries.0.instruments", "unknown-instrument"),
        ([entry("a", "phq-4", "phq-4")], "entries.0.instruments", "repeated"),
        ([entry("a", "phq-4"), entry("b", "phq-4", "belonging")], "entries.1.instruments", "battery-mixes-wording"),
        ([entry("a", "phq-4"), entry("a", "phq-4")], "entries.1.occasion", "repeated"),
        (
            [entry("a", "phq-4", kind="session"), entry("b", "phq-4", kind="session")],
            "entries.1.kind",
            "one-session-entry",
        ),
        ([entry("a", "phq-4", kind="session"), entry("a-3", "phq-4")], "entries.1.occasion", "taken-by-sessions"),
    ],
)
def test_a_battery_that_cannot_be(entries: list[Entry], field: str, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        activate(ORGANISATION, PROGRAM, SetBattery(entries=entries), None, set(), LIBRARY)
    assert [(error.field, error.code) for error in raised.value.errors] == [(field, code)]


def test_ways_to_reach_somebody() -> None:
    contact = Contact.model_validate(
        {
            "label": {"es": "Línea"},
            "phone": "+34 (600) 123-456",
            "sms": "112",
            "url": "https://help.example.org/chat",
            "hours": {"en": "always", "es": "siempre"},
        }
    )
    assert [(way.words, way.href, way.shown) for way in ways([contact], "en")] == [
        ("Línea (always):", "tel:+34600123456", "+34 (600) 123-456"),
        ("Línea (always):", "sms:112", "112"),
        ("Línea (always):", "https://help.example.org/chat", "help.example.org"),
    ]


def test_rows_beside_each_other_are_one_check_in() -> None:
    head = "participant,program,occasion,instrument,total,answered_on\n"
    rows = [
        "KLM-482,new-roots,baseline,phq-4,7,2025-03-04",
        "KLM-482,new-roots,baseline,bdi-ii,20,2025-03-04",
        "KLM-482,new-roots,baseline,phq-4,7,2025-03-04",
        "KLM-482,new-roots,end,phq-4,5,2025-05-04",
        "KLM-482,new-roots,end,bdi-ii,x,2025-05-04",
        "KLM-482,,end,bdi-ii,4,2025-05-04",
        "=1+1,new-roots,end,phq-4,4,2025-05-04",
    ]
    batch = read_check_ins((head + "\n".join(rows)).encode(), 10)
    assert [list(one.rows) for one in batch.check_ins] == [[11, 12], [13], [17]]
    refused = [(one.line, one.column, one.code) for one in batch.report.refused]
    assert refused == [(15, "total", "not-a-number"), (14, "", "other-row-refused"), (16, "", "occasion-of-whom")]


def test_the_template_can_be_read() -> None:
    assert len(read_check_ins(TABLES["check-ins"].template().encode()).check_ins) == 1


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"a": "1"}, {"a": "1"}),
        ({"a.b": "1", "a.c": "2"}, {"a": {"b": "1", "c": "2"}}),
        ({"a.0.b": "1", "a.2.b": "3", "a.10.b": "4"}, {"a": [{"b": "1"}, {"b": "3"}, {"b": "4"}]}),
        ({"a": "1", "a.b": "2"}, {"a": "1"}),
        ({"a.b": "2", "a": "1"}, {"a": {"b": "2"}}),
        ({"a.b.c.d.e.f": "1"}, {"a": {"b": {"c": {"d.e.f": "1"}}}}),
        ({"": "1", ".": "2", "..": "3"}, {"": "1"}),
        ({"a.²": "1"}, {"a": {"²": "1"}}),
    ],
)
def test_forms_have_parts(fields: dict[str, str], body: dict[str, Any]) -> None:
    assert nested(fields) == body
