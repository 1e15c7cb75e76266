"""Who is on call, when nobody is, and when somebody will have read what is said now."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from services.feedback.domain.rota import (
    HandOver,
    SetRota,
    gaps,
    handed_over,
    on_call,
    on_call_from,
    read_by,
    refuse_unusable,
)
from shared.errors import Invalid, Refusal

LONDON = ZoneInfo("Europe/London")
PEOPLE = [{"code": name, "name": name.title(), "email": f"{name}@people.example"} for name in ("ana", "ben", "cleo")]
WEEK, WORKDAYS = [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5]


def shift(responder: str, begins: str, ends: str, weekdays: list[int] = WEEK, level: int = 1) -> dict[str, Any]:
    return {"level": level, "responder": responder, "weekdays": weekdays, "begins": begins, "ends": ends}


def a_rota(*shifts: dict[str, Any], **more: Any) -> SetRota:
    return SetRota.model_validate({"responders": PEOPLE, "shifts": shifts} | more)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


DAY_AND_NIGHT = a_rota(
    shift("ana", "08:00", "20:00"), shift("ben", "20:00", "08:00"), shift("cleo", "00:00", "00:00", level=2)
)


@pytest.mark.parametrize(
    ("moment", "level", "expected"),
    [
        ("2025-03-04T08:00", 1, "ana"),
        ("2025-03-04T19:59", 1, "ana"),
        ("2025-03-04T20:00", 1, "ben"),
        ("2025-03-04T03:00", 1, "ben"),
        ("2025-03-04T03:00", 2, "cleo"),
        ("2025-03-30T02:30", 1, "ben"),  # the hour that the clocks leave out
        ("2025-10-26T01:30", 1, "ben"),  # the hour that comes twice
    ],
)
def test_a_shift_holds_by_the_clock_on_the_wall(moment: str, level: int, expected: str) -> None:
    found = on_call(DAY_AND_NIGHT, level, at(moment), LONDON)
    assert found
    assert found.code == expected


def test_nobody_is_on_call_outside_the_shifts() -> None:
    assert on_call(a_rota(shift("ana", "08:00", "20:00", WORKDAYS)), 1, at("2025-03-08T12:00"), LONDON) is None


def test_a_hand_over_counts_before_any_shift_and_the_latest_before_the_others() -> None:
    def over(responder: str) -> HandOver:
        begins, ends = at("2025-03-04T12:00"), at("2025-03-04T16:00")
        return HandOver(responder=responder, begins_at=begins, ends_at=ends)

    early = at("2025-03-01T12:00")
    rota = handed_over(handed_over(DAY_AND_NIGHT, over("ben"), early), over("cleo"), early)
    found = [on_call(rota, 1, at(f"2025-03-04T{hour}"), LONDON) for hour in ("11:59", "12:00", "15:59", "16:00")]
    assert [one and one.code for one in found] == ["ana", "cleo", "cleo", "ana"]


def a_hand_over(begins: str, ends: str, responder: str = "ben", level: int = 1) -> HandOver:
    return HandOver(level=level, responder=responder, begins_at=at(begins), ends_at=at(ends))


def test_a_hand_over_much_later_leaves_the_one_that_holds_now() -> None:
    holiday, later = a_hand_over("2025-03-01", "2025-03-15"), a_hand_over("2025-06-10", "2025-06-12")
    over = a_hand_over("2025-02-01", "2025-02-03")
    rota = DAY_AND_NIGHT.model_copy(update={"hand_overs": [over, holiday]})
    rota = handed_over(rota, later, at("2025-03-02T12:00"))
    assert rota.hand_overs == [holiday, later]  # what is over goes


@pytest.mark.parametrize(
    ("over", "moment", "field", "code"),
    [
        (a_hand_over("2025-03-04", "2025-03-05", "zoe"), "2025-03-01", "responder", "unknown-responder"),
        (a_hand_over("2025-03-04", "2025-03-05", level=3), "2025-03-01", "level", "unknown-level"),
        (a_hand_over("2025-03-04", "2025-03-05"), "2025-03-05", "ends_at", "in-the-past"),
    ],
)
def test_a_hand_over_that_nobody_would_ask_is_refused(over: HandOver, moment: str, field: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        handed_over(DAY_AND_NIGHT, over, at(moment))
    assert [(one.field, one.code) for one in refused.value.errors] == [(field, code)]


def test_a_hand_over_needs_a_rota_and_room_in_it() -> None:
    one = a_hand_over("2025-03-04", "2025-03-05")
    with pytest.raises(Refusal, match="no rota yet"):
        handed_over(None, one, at("2025-03-01"))
    full = DAY_AND_NIGHT.model_copy(update={"hand_overs": [one] * 200})
    with pytest.raises(Invalid) as refused:
        handed_over(full, one, at("2025-03-01"))
    assert refused.value.errors[0].code == "too-many"


@pytest.mark.parametrize(
    "email", ["ana at home", "ana@home..example", "ana@@home.example", "(ana@home.example)", "ana"]
)
def test_a_responder_without_a_mailbox_is_refused(email: str) -> None:
    rota = a_rota(shift("ana", "08:00", "20:00"), responders=[PEOPLE[1], PEOPLE[0] | {"email": email}])
    with pytest.raises(Invalid) as refused:
        refuse_unusable(rota)
    assert [(one.field, one.code) for one in refused.value.errors] == [("responders.1.email", "not-an-email")]


def test_a_hand_over_at_a_level_without_shifts_is_no_cover() -> None:
    rota = a_rota(shift("ana", "00:00", "00:00", WORKDAYS))
    over = a_hand_over("2025-03-08", "2025-03-10", level=2)
    assert gaps(rota.model_copy(update={"hand_overs": [over]}), at("2025-03-05T12:00"), LONDON) == gaps(
        rota, at("2025-03-05T12:00"), LONDON
    )


def test_round_the_clock_has_no_gap_also_over_a_change_of_the_clocks() -> None:
    rota = a_rota(shift("ana", "08:00", "20:00"), shift("ben", "20:00", "08:00"))
    assert gaps(rota, at("2025-03-25T10:00"), LONDON) == []
    assert gaps(rota, at("2025-10-20T10:00"), LONDON) == []


def test_a_gap_is_named_from_when_to_when() -> None:
    rota = a_rota(shift("ana", "00:00", "00:00", WORKDAYS))
    found = gaps(rota, at("2025-03-05T12:00"), LONDON)
    assert [(one.begins_at, one.ends_at) for one in found] == [
        (at("2025-03-08T00:00"), at("2025-03-10T00:00")),
        (at("2025-03-15T00:00"), at("2025-03-17T00:00")),
    ]


def test_a_hand_over_or_another_level_fills_a_gap() -> None:
    rota = a_rota(shift("ana", "00:00", "00:00", WORKDAYS), shift("ben", "00:00", "00:00", [6], level=2))
    filled = [HandOver(responder="cleo", begins_at=at(f"2025-03-{d}T00:00"), ends_at=at(f"2025-03-{e}T00:00"))
              for d, e in (("09", "10"), ("16", "17"))]  # fmt: skip
    assert gaps(rota.model_copy(update={"hand_overs": filled}), at("2025-03-05T12:00"), LONDON) == []


def test_without_a_rota_all_the_time_ahead_is_a_gap() -> None:
    since = at("2025-03-05T12:00")
    assert [(one.begins_at, one.ends_at) for one in gaps(None, since, LONDON)] == [(since, since + timedelta(days=14))]


def test_what_is_said_at_night_is_read_in_the_morning_and_that_is_what_is_promised() -> None:
    rota = a_rota(shift("ana", "09:00", "17:00"), acknowledge_within_minutes=45)
    assert read_by(rota, at("2025-03-05T10:00"), LONDON) == at("2025-03-05T10:45")
    assert read_by(rota, at("2025-03-05T23:00"), LONDON) == at("2025-03-06T09:45")
    assert read_by(None, at("2025-03-05T23:00"), LONDON) is None


def test_from_when_on_somebody_is_on_call() -> None:
    rota = a_rota(shift("ana", "09:00", "17:00", WORKDAYS))
    assert on_call_from(rota, at("2025-03-05T10:00"), LONDON) == at("2025-03-05T10:00")
    assert on_call_from(rota, at("2025-03-07T17:00"), LONDON) == at("2025-03-10T09:00")
    assert on_call_from(None, at("2025-03-05T10:00"), LONDON) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"responders": []}, "responders"),
        ({"shifts": []}, "shifts"),
        ({"shifts": [shift("zoe", "08:00", "20:00")]}, "zoe is not among the responders"),
        ({"shifts": [shift("ana", "08:00", "20:00", level=2)]}, "levels"),
        ({"shifts": [shift("ana", "8:00", "20:00")]}, "shifts.0.begins"),
        ({"shifts": [shift("ana", "08:00", "20:00", [0])]}, "weekdays"),
        ({"responders": [PEOPLE[0], PEOPLE[0]]}, "same code"),
        ({"acknowledge_within_minutes": 0}, "acknowledge_within_minutes"),
    ],
)
def test_a_rota_that_cannot_be_is_refused(change: dict[str, Any], expected: str) -> None:
    good: dict[str, Any] = {"responders": PEOPLE, "shifts": [shift("ana", "08:00", "20:00")]}
    with pytest.raises(ValidationError) as refused:
        SetRota.model_validate(good | change)
    where = ".".join(map(str, refused.value.errors()[0]["loc"]))
    assert expected in f"{where} {refused.value}"
