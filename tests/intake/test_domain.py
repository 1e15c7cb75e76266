"""What intake decides, as tables of cases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.domain.consent import STANDARD_TEXTS, newest, publish
from services.intake.domain.contact import short_codes
from services.intake.domain.facilitators import Facilitator, Held, lapse, lapses_at
from services.intake.domain.invitation import Occasion, hand, is_over, why_not
from services.intake.domain.kinds import email_key, phone_key
from services.intake.domain.letters import letter
from services.intake.domain.organisation import (
    Attribute,
    attributes_as_lines,
    attributes_from_lines,
    code_of,
)
from services.intake.domain.places import Group, Place, ask, fill, leave, pass_through
from services.intake.domain.rows import TABLES, ParticipantRow
from services.intake.domain.sites import OpenSite
from shared.errors import Invalid, Refusal
from shared.events.base import ShortCode
from shared.events.intake import Consents, ParticipantPlaced, ParticipantWaitlisted
from shared.mail import Refused, seconds_until_next_attempt

ORGANISATION = UUID("018f0000-0000-7000-8000-000000000001")
NOW = datetime(2025, 3, 4, 18, tzinfo=UTC)
TODAY = NOW.date()


def a_group(capacity: int = 1) -> Group:
    """An empty group."""
    return Group(uuid4(), ORGANISATION, "evening-circle", uuid4(), uuid4(), capacity)


def an_asking(group: Group) -> Place:
    """Somebody who asks for a place."""
    return Place(uuid4(), ORGANISATION, uuid4(), group.group_id, "waiting", TODAY)


@given(st.integers(1, 4), st.lists(st.integers(-3, 8), max_size=60))
def test_a_group_is_never_overfull_and_first_come_is_first_served(capacity: int, acts: list[int]) -> None:
    """Below zero: the group is formed again with another capacity. Otherwise somebody comes, or that one leaves."""
    group = a_group(capacity)
    placed: list[Place] = []
    line: list[Place] = []
    served: list[UUID] = []
    came: list[UUID] = []
    for act in acts:
        before = replace(group, taken=len(placed), line=tuple(line))
        if act < 0:
            group = replace(group, capacity=-act)
            places, _ = fill(replace(before, capacity=-act), TODAY)
        elif act < len(placed):
            places, _ = leave(before, placed.pop(act), TODAY)
        else:
            asking = an_asking(group)
            came.append(asking.enrolment_id)
            places, events = ask(before, asking, TODAY)
            is_placed = places[0].state == "placed"
            assert [type(one) for one in events] == [ParticipantPlaced if is_placed else ParticipantWaitlisted]
        for one in places:
            line = [waiting for waiting in line if waiting.enrolment_id != one.enrolment_id]
            if one.state == "placed":
                placed.append(one)
                served.append(one.enrolment_id)
            elif one.state == "waiting":
                line.append(one)
        assert not line or len(placed) >= group.capacity
    assert served == came[: len(served)]
    assert [one.enrolment_id for one in line] == came[len(served) :]


def test_leaving_the_line_gives_nobody_a_place() -> None:
    group = a_group()
    waiting = an_asking(group)
    assert leave(replace(group, taken=1, line=(waiting,)), waiting, TODAY) == ([replace(waiting, state="ended")], [])


def test_history_takes_no_place() -> None:
    places, events = pass_through(an_asking(a_group()), TODAY)
    assert [one.state for one in places] == ["ended"]
    assert [one.placed_on for one in events] == [TODAY]


@pytest.mark.parametrize(
    ("valid_until", "zones", "at"),
    [
        ("2025-03-04", ["Europe/Madrid"], "2025-03-04T23:00+00:00"),
        ("2025-03-29", ["Europe/Madrid"], "2025-03-29T23:00+00:00"),  # the night before the clocks change
        ("2025-03-30", ["Europe/Madrid"], "2025-03-30T22:00+00:00"),
        ("2025-03-04", ["Europe/Madrid", "America/Lima"], "2025-03-05T05:00+00:00"),
        ("2025-03-04", [], "2025-03-05T00:00+00:00"),
    ],
)
def test_the_last_day_of_a_qualification_counts_in_full_everywhere(valid_until: str, zones: list[str], at: str) -> None:
    assert lapses_at(date.fromisoformat(valid_until), zones) == datetime.fromisoformat(at)


def test_a_lapse_is_said_once_and_not_after_a_renewal() -> None:
    until = date(2025, 3, 4)
    ines = Facilitator(uuid4(), ORGANISATION, "F-1", "KLM-482", "Ines", None, (), (Held("group-lead", until),))
    lapsed = lapse(ines, "group-lead", until)
    assert lapsed
    assert lapsed[1].lapsed_on == date(2025, 3, 5)
    assert lapse(lapsed[0], "group-lead", until) is None
    renewed = replace(ines, qualifications=(Held("group-lead", date(2026, 3, 4)),))
    assert lapse(renewed, "group-lead", until) is None


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("+34 600 111 222", "600111222", True),
        ("0034-600-111-222", "(600) 111 222", True),
        ("+44 20 7946 0018", "020 7946 0018", True),
        ("600 111 222", "600 111 223", False),
    ],
)
def test_a_number_is_the_same_however_it_is_written(one: str, other: str, is_same: bool) -> None:
    assert (phone_key(one) == phone_key(other)) is is_same


def test_an_address_is_the_same_however_it_is_written() -> None:
    assert email_key("Marisol@Example.org") == email_key("marisol@example.org")
    assert email_key(None) is None


def test_attributes_are_written_as_people_write_and_keep_their_codes() -> None:
    known = [
        Attribute.model_validate({"code": "age", "label": "Age band", "options": [{"code": "a", "label": "18 to 25"}]})
    ]
    text = attributes_as_lines(known) + ", 26 to 40\n\nGéneró: Mujer"
    assert attributes_from_lines(text, known) == [
        {
            "code": "age",
            "label": "Age band",
            "options": [{"code": "a", "label": "18 to 25"}, {"code": "26-to-40", "label": "26 to 40"}],
        },
        {"code": "genero", "label": "Géneró", "options": [{"code": "mujer", "label": "Mujer"}]},
    ]


def test_a_label_is_corrected_behind_its_code() -> None:
    known = [
        Attribute.model_validate({"code": "age", "label": "Age band", "options": [{"code": "a", "label": "18 to 25"}]})
    ]
    assert attributes_as_lines(known) == "age = Age band: a = 18 to 25"
    [corrected] = attributes_from_lines("age = Age: a = 18 = 25, b=26 to 40, no code = here", known)
    assert (corrected["code"], corrected["label"]) == ("age", "Age")
    assert [(one["code"], one["label"]) for one in corrected["options"]] == [
        ("a", "18 = 25"),
        ("b", "26 to 40"),
        ("no-code-here", "no code = here"),
    ]
    read_again = [Attribute.model_validate(corrected)]
    assert attributes_from_lines(attributes_as_lines(read_again), []) == [corrected]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (
            "Age: 18, <18",
            "repeated",
            "'18' and '<18' would both have the code 18: give one of them another, such as 18-2",
        ),
        ("Age: 18\nAge!: 20", "repeated", "'Age' and 'Age!' would both have the code age"),
        ("Idioma: العربية", "code-needed", "some-code = العربية"),
    ],
)
def test_codes_that_nobody_typed_are_named_with_what_to_do(line: str, code: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        attributes_from_lines(line, [])
    [error] = refused.value.errors
    assert (error.field, error.code) == ("attributes", code)
    assert words in error.message


@given(st.text(max_size=100))
def test_a_code_can_be_made_of_anything_or_is_empty(words: str) -> None:
    code = code_of(words)
    assert code == code_of(code)
    assert len(code) <= 64


def test_short_codes_are_no_words() -> None:
    from pydantic import TypeAdapter

    for code in short_codes(range(0, 2**32, 7_654_321)):
        TypeAdapter(ShortCode).validate_python(code)
        assert not set(code) & set("AEIOUY")


def test_a_text_is_published_once() -> None:
    assert publish([], STANDARD_TEXTS) == list(STANDARD_TEXTS)
    assert publish(STANDARD_TEXTS, STANDARD_TEXTS) == []
    changed = STANDARD_TEXTS[0].model_copy(update={"text": "Other words."})
    with pytest.raises(Refusal, match="is published"):
        publish(STANDARD_TEXTS, [changed])
    second = changed.model_copy(update={"version": 2})
    assert publish(STANDARD_TEXTS, [second]) == [second]
    assert newest([*STANDARD_TEXTS, second]) == {"standard": 2}


def an_occasion(**changed: object) -> Occasion:
    """An occasion that is open."""
    occasion = Occasion(
        occasion_id=uuid4(),
        organisation_id=ORGANISATION,
        state="due",
        kind="monthly",
        due_at=NOW,
        opens_at=NOW,
        closes_at=NOW + timedelta(days=14),
        is_history=False,
        language="en",
        email="m@example.org",
        consents=Consents(taking_part=True, reporting=False, contact_after=False),
        has_withdrawn=False,
    )
    return replace(occasion, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("occasion", "reason"),
    [
        (an_occasion(), None),
        (an_occasion(email=None), "no-address"),
        (an_occasion(kind="follow-up"), "no-consent"),
        (an_occasion(kind="follow-up", email=None), "no-consent"),
        (an_occasion(has_withdrawn=True), "no-consent"),
        (an_occasion(consents=Consents(taking_part=False, reporting=True, contact_after=True)), "no-consent"),
    ],
)
def test_why_somebody_is_not_written_to(occasion: Occasion, reason: str | None) -> None:
    assert why_not(occasion) == reason


@pytest.mark.parametrize(
    "changed", [{"state": "answered"}, {"state": "cancelled"}, {"closes_at": NOW}, {"is_history": True}]
)
def test_when_nobody_needs_to_be_asked(changed: dict[str, object]) -> None:
    assert not is_over(an_occasion(), NOW)
    assert is_over(an_occasion(**changed), NOW)


def test_a_link_for_something_that_lies_in_the_past_of_a_program_may_be_handed_over() -> None:
    hand(an_occasion(is_history=True), NOW)


@pytest.mark.parametrize(
    ("language", "words"), [("es", "hasta el 18 de marzo de 2025."), ("en", "18 March 2025."), ("fr", "18 March 2025.")]
)
def test_a_letter_is_short_and_speaks_the_language(language: str, words: str) -> None:
    written = letter(
        language=language,
        kind="follow-up",
        name="Marisol",
        organisation="Harbour Trust",
        link="http://kith.test/c/abc",
        closes_at=datetime(2025, 3, 18, 23, 59, tzinfo=ZoneInfo("Europe/Madrid")),
        time_zone="Europe/Madrid",
    )
    assert words in written.body
    assert "\nhttp://kith.test/c/abc\n" in written.body
    for tell_tale in ("Harbour", "check-in", "support", "apoyo", "Marisol"):
        assert tell_tale not in written.subject


@pytest.mark.parametrize(
    ("language", "words"), [("es", "18 de marzo de 2025 a las 10:00."), ("en", "18 March 2025, 10:00.")]
)
def test_a_letter_names_the_hour_of_a_link_that_closes_within_a_day(language: str, words: str) -> None:
    written = letter(
        language=language,
        kind="session",
        name="Marisol",
        organisation="Harbour Trust",
        link="http://kith.test/c/abc",
        closes_at=datetime(2025, 3, 18, 9, tzinfo=UTC),
        time_zone="Europe/Madrid",
    )
    assert words in written.body


def test_waiting_grows_up_to_an_hour() -> None:
    refused, away = Refused(is_final=False, counts=True), Refused(is_final=False, counts=False)
    assert [seconds_until_next_attempt(refused, n) for n in (1, 2, 3, 8, 1000)] == [30, 60, 120, 3600, 3600]
    assert [seconds_until_next_attempt(away, n) for n in (1, 2, 3, 8, 1000)] == [30, 60, 60, 60, 60]


def test_every_table_takes_its_own_example() -> None:
    for table in TABLES.values():
        table.row.model_validate({name: value for name, value in table.example.items() if value})


def test_a_row_ends_once() -> None:
    example = {name: value for name, value in TABLES["participants"].example.items() if value}
    with pytest.raises(ValidationError, match="not both"):
        ParticipantRow.model_validate(example | {"completed_on": "2025-04-01", "withdrawn_on": "2025-04-01"})


@pytest.mark.parametrize("zone", ["Europe/Madrid", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5"])
def test_time_zones_that_exist(zone: str) -> None:
    OpenSite(name="Old Town", time_zone=zone, languages=["es"])
