"""The decisions of feedback, in tables of cases; no store, no clock."""

from typing import Any

import pytest

from services.feedback import store
from services.feedback.domain.battery import SUGGESTED, Entry, SetBattery, activate
from services.feedback.domain.contacts import Contact, SetCrisisContacts, check, ways
from services.feedback.domain.rows import TABLES, read_check_ins
from services.feedback.pages.forms import nested
from shared import clock
from shared.errors import Invalid
from shared.events.feedback import BatteryActivated, InstrumentPublished
from tests.feedback.conftest import ORGANISATION, PROGRAM

LIBRARY = store.library()


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


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+44(0)20 7946 0958", "+442079460958"),
        ("0044 (0) 20 7946 0958", "00442079460958"),
        ("0 (20) 7946 0958", "02079460958"),
        ("+39 06 698", "+3906698"),
        ("0711/123456", "0711123456"),
    ],
)
def test_what_a_phone_dials(number: str, dialled: str) -> None:
    contact = Contact.model_validate({"label": {"en": "Line"}, "phone": number, "sms": number})
    assert [way.href for way in ways([contact], "en")] == [f"tel:{dialled}", f"sms:{dialled}"]


@pytest.mark.parametrize("name", ["phone", "sms"])
@pytest.mark.parametrize(
    "number", ["555-0100 / 555-0101", "555-0100/ 555-0101", "555-0100//555-0101", "0800 111 222/0800 333 444"]
)
def test_two_numbers_in_one_field_are_refused(name: str, number: str) -> None:
    contacts = [{"label": {"en": "Line"}, "phone": "+44 20 7946 0958"}, {"label": {"en": "Text"}, name: number}]
    command = SetCrisisContacts.model_validate({"contacts": contacts, "note": {"en": "Read on weekdays."}})
    with pytest.raises(Invalid) as refused:
        check(command, "Europe/London", clock.now())
    assert [(one.field, one.code) for one in refused.value.errors] == [(f"contacts.1.{name}", "one-number")]
    assert "Give one number here" in refused.value.errors[0].message


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
        ({"answers.gad-7.1": "0", "answers.gad-7.2": "3"}, {"answers": {"gad-7": {"1": "0", "2": "3"}}}),
        (
            {"answers.2025.item-1": "0", "texts.7.1": "x"},
            {"answers": {"2025": {"item-1": "0"}}, "texts": {"7": {"1": "x"}}},
        ),
        ({"scales.2025.part": "1"}, {"scales": {"2025": {"part": "1"}}}),
    ],
)
def test_forms_have_parts(fields: dict[str, str], body: dict[str, Any]) -> None:
    assert nested(fields) == body
