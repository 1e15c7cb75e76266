"""Rhythm, conditions and reminders of a battery: by the JSON, on the page, and what is refused with which code."""

from typing import Any

import pytest

from services.feedback.domain.battery import SetBattery, activate
from services.feedback.domain.entries import Entry
from services.feedback.pages.battery_rows import when
from services.feedback.store import library
from shared.errors import Invalid
from shared.events.feedback import BatteryEntry
from tests.feedback.conftest import ADMINISTRATOR, API, ORGANISATION, PROGRAM, Told, a_program
from tests.forms import filled

BASELINE = {"occasion": "baseline", "kind": "baseline", "instruments": ["belonging"]}
LOW = {"occasion": "baseline", "instrument": "belonging", "at_most": 10}


def month(**changes: Any) -> dict[str, Any]:
    return {"occasion": "month", "kind": "monthly", "instruments": ["belonging"]} | changes


def session(**changes: Any) -> dict[str, Any]:
    return {"occasion": "pulse", "kind": "session", "instruments": ["session-pulse"], "window_days": 7} | changes


REFUSED = [
    (month(every=2), "every", "every-needs-session"),
    (session(days_after=2), "days_after", "session-has-no-date"),
    (session(after_sessions=3), "after_sessions", "after-sessions-needs-monthly"),
    (session(repeats_months=1), "repeats_months", "repeats-need-monthly"),
    (month(after_sessions=6, months_after=3), "after_sessions", "sessions-or-date"),
    (month(after_sessions=6, repeats_months=1), "after_sessions", "sessions-or-date"),
    (month(times=3), "times", "times-need-repeats"),
    (month(reminders=[1, 2, 3, 4]), "reminders", "reminders-too-many"),
    (month(reminders=[7, 3]), "reminders", "reminders-not-rising"),
    (month(reminders=[3, 3]), "reminders", "reminders-not-rising"),
    (month(reminders=[3, 14]), "reminders", "reminder-after-close"),
    (month(only_score=LOW | {"at_most": None}), "only_score", "condition-without-bound"),
    (month(only_score=LOW | {"at_least": 11}), "only_score", "condition-never-holds"),
    (month(only_score=LOW | {"occasion": "nowhere"}), "only_score.occasion", "condition-unknown-occasion"),
    (month(only_score=LOW | {"occasion": "month"}), "only_score.occasion", "condition-on-itself"),
    (month(only_score=LOW | {"instrument": "phq-4"}), "only_score.instrument", "condition-unknown-instrument"),
    (month(only_score=LOW | {"scale": "half"}), "only_score.scale", "condition-unknown-scale"),
    (month(only_score=LOW | {"at_most": 25}), "only_score", "condition-out-of-range"),
]


@pytest.mark.parametrize(("entry", "field", "code"), REFUSED, ids=[code for _, _, code in REFUSED])
def test_a_rhythm_that_cannot_be(entry: dict[str, Any], field: str, code: str) -> None:
    command = SetBattery.model_validate({"entries": [BASELINE, entry]})
    with pytest.raises(Invalid) as raised:
        activate(ORGANISATION, PROGRAM, command, None, set(), library())
    assert [(error.field, error.code) for error in raised.value.errors] == [(f"entries.1.{field}", code)]
    assert raised.value.errors[0].message.endswith((".", ").")), "a sentence that says what would be right"


@pytest.mark.parametrize(
    ("said", "months", "days"),
    [
        ({}, 2, 0),
        ({"months_after": "0", "days_after": "0"}, 2, 0),
        ({"months_after": 3}, 3, 0),
        ({"days_after": 10}, 0, 10),
    ],
)
def test_a_follow_up_is_two_calendar_months_after_the_end_unless_somebody_says_when(
    said: dict[str, Any], months: int, days: int
) -> None:
    entry = Entry.model_validate({"occasion": "later", "kind": "follow-up", "instruments": ["belonging"]} | said)
    assert (entry.months_after, entry.days_after, entry.window_days) == (months, days, 14)
    assert Entry(occasion="end", kind="end", instruments=["belonging"]).months_after == 0


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (month(occasion="pulse-3"), "taken-by-sessions"),
        (month(occasion="again-2"), "taken-by-sessions"),
        (session(occasion="other"), "one-session-entry"),
    ],
)
def test_numbered_codes_stay_apart(entry: dict[str, Any], code: str) -> None:
    others = [BASELINE, session(), month(occasion="again", repeats_months=1)]
    command = SetBattery.model_validate({"entries": [*others, entry]})
    with pytest.raises(Invalid) as raised:
        activate(ORGANISATION, PROGRAM, command, None, set(), library())
    assert [error.code for error in raised.value.errors] == [code]


def test_every_session_and_every_fourth_may_be_asked_differently() -> None:
    both = SetBattery.model_validate({"entries": [session(), session(occasion="deep", every=4)]})
    entries, _, _ = activate(ORGANISATION, PROGRAM, both, None, set(), library())
    assert [one.every for one in entries] == [1, 4]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "baseline"}, "at the start"),
        ({"kind": "session"}, "after every session"),
        ({"kind": "session", "every": 2}, "after every 2nd session they came to"),
        ({"kind": "session", "every": 11}, "after every 11th session they came to"),
        ({"after_sessions": 6}, "half-way, after 6 sessions they came to"),
        ({"months_after": 1}, "1 month after the start"),
        ({"months_after": 2, "days_after": 15}, "2 months and 15 days after the start"),
        ({"repeats_months": 1}, "every month from the start to the end"),
        (
            {"repeats_months": 3, "months_after": 1, "times": 4},
            "every 3 months from the start, first after 1 month, 4 times at most",
        ),
        ({"kind": "follow-up", "months_after": 2}, "2 months after the end"),
    ],
)
def test_a_rhythm_in_words(changes: dict[str, Any], words: str) -> None:
    assert when(BatteryEntry.model_validate(month(**changes))) == words


async def test_a_rhythm_is_said_as_it_was_set(client: Any, told: Told) -> None:
    await told.tell(a_program())
    asked = [
        BASELINE | {"reminders": [3, 7]},
        month(repeats_months=1, times=6, only_attribute={"attribute": "age-band", "equals": "18-25"}),
        month(occasion="half", after_sessions=6, only_score=LOW),
        month(occasion="day-15", days_after=15),
    ]
    for _ in range(2):
        answer = await client.put(f"{API}/batteries/evening-circle", json={"entries": asked}, headers=ADMINISTRATOR)
        assert answer.status_code == 200, answer.text
    [event] = await told.said("battery-activated")
    assert [Entry.model_validate(one.model_dump()).model_dump(exclude_defaults=True) for one in event.entries] == [
        Entry.model_validate(one).model_dump(exclude_defaults=True) for one in asked
    ]


def row(place: int, **fields: Any) -> dict[str, Any]:
    return {f"entries.{place}.{name}": value for name, value in fields.items()}


FORM = (
    row(0, occasion="baseline", kind="baseline", instruments="belonging", reminders="3, 7")
    | row(1, occasion="month", kind="repeating", repeats_months="0", instruments="belonging", attribute="age-band")
    | row(1, equals="18-25")
    | row(2, occasion="half-way", kind="half-way", after_sessions="6", instruments="belonging")
    | row(2, score_occasion="baseline", score_instrument="belonging", score_scale="total", at_most="1.75")
)


async def test_the_page_sets_all_of_it_and_shows_it_again(client: Any, told: Told) -> None:
    await told.tell(a_program())
    url = "/feedback/batteries/evening-circle"
    answer = await client.post(url, data=FORM, headers=ADMINISTRATOR)
    assert answer.status_code == 303, answer.text
    [event] = await told.said("battery-activated")
    first, second, third = event.entries
    assert first.reminders == [3, 7]
    assert (second.kind, second.repeats_months, second.only_attribute.equals) == ("monthly", 1, "18-25")
    assert (third.kind, third.after_sessions, third.only_score.at_most) == ("monthly", 6, 10), "1.75 points of 1/6"
    page = (await client.get(url, headers=ADMINISTRATOR)).text
    assert 'value="3, 7"' in page
    assert '<option value="half-way" selected>' in page
    assert 'value="1.6667"' in page
    again = await client.post(url, data=FORM | row(2, at_most="1.6667"), headers=ADMINISTRATOR)
    assert again.status_code == 303
    assert len(await told.said("battery-activated")) == 1, "what was shown means the same when it comes back"
    listed = (await client.get("/feedback/batteries", headers=ADMINISTRATOR)).text
    assert "every month from the start to the end; only if age-band is 18-25" in listed
    assert "only if Belonging at baseline was to 1.6667" in listed
    assert "reminded after 3 and 7 days" in listed


@pytest.mark.parametrize("before", [{"repeats_months": "2", "times": "3"}, {"after_sessions": "6"}])
async def test_once_is_once_whatever_rhythm_it_had_before(client: Any, told: Told, before: dict[str, str]) -> None:
    await told.tell(a_program())
    fields = FORM | row(1, kind="monthly", months_after="2", **{"repeats_months": "0", **before})
    answer = await client.post("/feedback/batteries/evening-circle", data=fields, headers=ADMINISTRATOR)
    assert answer.status_code == 303, answer.text
    [event] = await told.said("battery-activated")
    assert when(event.entries[1]) == "2 months after the start"


async def test_a_condition_may_speak_of_a_part_of_what_has_no_total(client: Any, told: Told) -> None:
    await told.tell(a_program())
    url = "/feedback/batteries/evening-circle"
    asked = FORM | row(0, instruments="ons4") | row(2, score_instrument="ons4", at_most="4")
    refused = await client.post(url, data=asked, headers=ADMINISTRATOR)
    assert (refused.status_code, 'id="f-entries.2.score_scale-error"' in refused.text) == (422, True)
    form = filled(refused.text) | {"entries.2.score_scale": "happy"}
    saved = await client.post(url, data=form, headers=ADMINISTRATOR)
    assert saved.status_code == 303, saved.text
    [event] = await told.said("battery-activated")
    assert (event.entries[2].only_score.scale, event.entries[2].only_score.at_most) == ("happy", 4)
    assert '<option value="happy" selected>' in (await client.get(url, headers=ADMINISTRATOR)).text
    assert "(Happy) at baseline was to 4" in (await client.get("/feedback/batteries", headers=ADMINISTRATOR)).text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (row(0, reminders="3, x"), "entries.0.reminders"),
        (row(0, reminders="1 2 3 4"), "entries.0.reminders"),
        (row(1, attribute=""), "entries.1.attribute"),
        (row(2, at_most="many"), "entries.2.at_most"),
        (row(2, at_most="99"), "entries.2.score_occasion"),
        (row(2, score_occasion="end"), "entries.2.score_occasion"),
        (row(2, score_instrument="phq-4"), "entries.2.score_instrument"),
        (row(2, after_sessions="0"), "entries.2.after_sessions"),
        (row(2, score_scale="anxiety"), "entries.2.score_scale"),
    ],
)
async def test_the_page_names_what_is_wrong_at_its_field(
    client: Any, told: Told, changes: dict[str, Any], field: str
) -> None:
    await told.tell(a_program())
    answer = await client.post("/feedback/batteries/evening-circle", data=FORM | changes, headers=ADMINISTRATOR)
    assert answer.status_code == 422, answer.headers
    assert f'href="#f-{field}"' in answer.text
    assert f'id="f-{field}"' in answer.text
    assert await told.said("battery-activated") == []
