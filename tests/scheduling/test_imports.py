"""Files of groups, sessions and attendance: good rows go in, bad ones are named, twice is once."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import httpx
import pytest

from services.scheduling.domain.kinds import session_id_of
from services.scheduling.domain.rows import TABLES
from services.scheduling.domain.sessions import PEOPLE_MAX
from shared.events.scheduling import (
    AttendanceCorrected,
    CheckInDue,
    GroupFormed,
    ParticipantDisengaged,
    SessionCancelled,
    SessionHeld,
)
from tests.doors import bearer
from tests.scheduling.conftest import Told
from tests.scheduling.examples import (
    EVENING_CIRCLE,
    battery_activated,
    enrolled,
    entry,
    facilitator_qualified,
    person,
    placed,
    short_code,
    site_opened,
    utc,
)

API = "/scheduling/api/v1"
GROUPS = """code,name,program,site,capacity,weekday,starts_at,minutes,first_on
evening-circle,Evening Circle,new-roots,old-town,10,Tuesday,18:00,90,2025-01-07
night-circle,=1+1,new-roots,old-town,8,5,21:00,60,2025-01-10
"""
SESSIONS = """group,date,starts_at,minutes,status,facilitator,reason
evening-circle,2025-01-07,,,held,TMW-101,
evening-circle,2025-01-14,18:30,60,held,,
evening-circle,2025-01-21,,,cancelled,,holiday
"""


def attendance_of(*lines: tuple[str, str, str]) -> str:
    rows = (f"evening-circle,{day},{short_code(name)},{status}" for day, name, status in lines)
    return "\n".join(("group,date,participant,status", *rows, ""))


ATTENDANCE = attendance_of(
    ("2025-01-07", "ana", "present"),
    ("2025-01-07", "dev", "late"),
    ("2025-01-14", "ana", "absent"),
    ("2025-01-14", "dev", "present"),
)


async def send(client: httpx.AsyncClient, kind: str, text: str, **params: Any) -> dict[str, Any]:
    answer = await client.post(
        f"{API}/{kind}/import-file",
        content=text.encode(),
        params=params,
        headers=bearer("coordinator", "old-town") | {"content-type": "text/csv"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["created"], report["changed"], report["unchanged"], len(report["refused"])


@pytest.fixture
async def known(at_site: Told, at: Callable[[datetime], None]) -> Told:
    """Two people, long after the sessions of the files."""
    at(utc("2025-03-03 12:00"))
    await at_site.tell(battery_activated(entry("pulse", "session", window_days=3)))
    for name in ("ana", "dev"):
        await at_site.tell(enrolled(name, is_imported=True))
    return at_site


async def test_a_history_goes_in_and_the_same_files_again_change_nothing(
    known: Told, client: httpx.AsyncClient
) -> None:
    assert counts(await send(client, "groups", GROUPS)) == (2, 0, 0, 0)
    assert counts(await send(client, "sessions", SESSIONS)) == (3, 0, 0, 0)
    assert counts(await send(client, "attendance", ATTENDANCE)) == (4, 0, 0, 0)
    await known.ring()
    said = await known.said()
    for kind, text, rows in (("groups", GROUPS, 2), ("sessions", SESSIONS, 3), ("attendance", ATTENDANCE, 4)):
        assert counts(await send(client, kind, text)) == (0, 0, rows, 0)
    await known.ring()
    assert await known.said() == said
    held = await known.said(SessionHeld)
    assert [(one.starts_at, one.minutes, len(one.attendance)) for one in held] == [
        (utc("2025-01-07 17:00"), 90, 2),
        (utc("2025-01-14 17:30"), 60, 2),
    ]
    assert len(await known.said(SessionCancelled)) == 1
    due = await known.said(CheckInDue)
    assert {(one.participant_id, one.code, one.is_history) for one in due} == {
        (person("ana"), "pulse-1", True),
        (person("dev"), "pulse-1", True),
        (person("dev"), "pulse-2", True),
    }
    assert {row["state"] for row in await known.rows("select state from occasions")} == {"expired"}


async def test_nobody_is_sent_a_message_about_what_a_file_tells_of_yesterday(
    known: Told, client: httpx.AsyncClient, at: Any
) -> None:
    await send(client, "groups", GROUPS)
    at(utc("2025-01-22 12:00"))
    await send(client, "sessions", SESSIONS.replace("01-21,,,cancelled,,holiday", "01-21,,,held,,"))
    days = ("2025-01-07", "2025-01-14", "2025-01-21")
    for name in ("eli", "fay"):  # known before those days, as people are who were enrolled here
        await known.tell(enrolled(name), at=utc("2025-01-07 09:00"))
    came = [(day, "eli", "present") for day in days]
    away = [(day, "fay", "absent") for day in days]
    await send(client, "attendance", attendance_of(*sorted(came + away)))
    await known.ring()
    due = [one for one in await known.said(CheckInDue) if one.participant_id == person("eli")]
    assert {(one.code, one.is_history) for one in due} == {(f"pulse-{nth}", True) for nth in (1, 2, 3)}
    assert await known.said(ParticipantDisengaged) == []
    [row] = await known.rows("select absences from disengagements")
    assert row["absences"] == 3


async def test_a_file_that_corrects_yesterdays_attendance_asks_nobody_either(
    known: Told, client: httpx.AsyncClient, at: Any
) -> None:
    at(utc("2025-01-06 12:00"))
    await send(client, "groups", GROUPS)
    at(utc("2025-01-08 12:00"))
    await known.tell(enrolled("eli"), placed("eli"), at=utc("2025-01-07 09:00"))
    await by_hand(client, "hold", date(2025, 1, 7), "eli", "absent")
    assert counts(await send(client, "attendance", attendance_of(("2025-01-07", "eli", "present")))) == (0, 1, 0, 0)
    await known.ring()
    (due,) = [one for one in await known.said(CheckInDue) if one.code == "pulse-1"]
    assert due.is_history


async def by_hand(client: httpx.AsyncClient, act: str, day: date, name: str, status: str) -> None:
    """Somebody says how one participant attended a session of the evening circle."""
    path = f"{API}/sessions/{session_id_of(EVENING_CIRCLE, day)}/{act}"
    body = {"attendance": [{"participant_id": str(person(name)), "status": status}]}
    answer = await client.post(path, json=body, headers=bearer("coordinator", "old-town"))
    assert answer.status_code == 200, answer.text


async def test_whoever_came_after_all_as_a_coordinator_says_is_asked(
    known: Told, client: httpx.AsyncClient, at: Any
) -> None:
    await send(client, "groups", GROUPS)
    await known.tell(enrolled("eli"), placed("eli"))
    at(utc("2025-03-05 12:00"))
    await send(client, "attendance", attendance_of(("2025-03-04", "eli", "absent")))
    await by_hand(client, "correct", date(2025, 3, 4), "eli", "present")
    await known.ring()
    (due,) = [one for one in await known.said(CheckInDue) if one.code == "pulse-1"]
    assert not due.is_history


async def test_absences_that_a_file_tells_of_are_said_once_they_go_on(
    known: Told, client: httpx.AsyncClient, at: Any
) -> None:
    at(utc("2025-01-06 12:00"))
    await send(client, "groups", GROUPS)
    await known.tell(enrolled("fay"), placed("fay"))
    at(utc("2025-01-22 12:00"))
    days = ("2025-01-07", "2025-01-14", "2025-01-21")
    await send(client, "attendance", attendance_of(*((day, "fay", "absent") for day in days)))
    await known.ring()
    assert await known.said(ParticipantDisengaged) == []
    at(utc("2025-02-04 22:00"))
    for day in (date(2025, 1, 28), date(2025, 2, 4)):
        await by_hand(client, "hold", day, "fay", "absent")
        await known.ring()
    (said,) = await known.said(ParticipantDisengaged)
    assert (said.absences, said.first_session_id) == (4, session_id_of(EVENING_CIRCLE, date(2025, 1, 7)))


async def test_a_bad_row_is_named_and_the_others_go_in(known: Told, client: httpx.AsyncClient) -> None:
    text = (
        GROUPS
        + "bad,Bad,unheard-of,old-town,0,someday,6pm,90,2025-01-07\nx,X,unheard-of,old-town,5,1,18:00,60,2025-01-07\n"
    )
    report = await send(client, "groups", text, first_line=101)
    assert counts(report)[:3] == (2, 0, 0)
    assert {(one["line"], one["column"]) for one in report["refused"]} == {
        (104, "capacity"),
        (104, "weekday"),
        (104, "starts_at"),
        (105, "program"),
    }
    assert len(await known.said(GroupFormed)) == 2


async def test_a_refusal_names_the_column_that_it_is_about(known: Told, client: httpx.AsyncClient, at: Any) -> None:
    await send(client, "groups", GROUPS)
    await known.tell(site_opened("north-quay"), facilitator_qualified(date(2025, 3, 10)))
    night = "late-circle,Late,new-roots,north-quay,8,5,21:00,60,2025-01-10\n"
    moved = GROUPS.replace("old-town", "north-quay")
    text = (moved + night).encode()
    answer = await client.post(f"{API}/groups/import-file", content=text, headers=bearer("administrator", "*"))
    assert [(one["line"], one["column"], one["code"]) for one in answer.json()["refused"]] == [
        (2, "site", "group-stays"),
        (3, "site", "group-stays"),
        (4, "program", "program-not-at-site"),
    ]
    day = "group,date,starts_at,minutes,status,facilitator,reason\nevening-circle,2025-03-11,,,scheduled,TMW-101,\n"
    report = await send(client, "sessions", day)
    assert [(one["column"], one["code"]) for one in report["refused"]] == [("facilitator", "qualification-lapsed")]


async def test_no_group_stands_where_a_file_is_imported(known: Told, client: httpx.AsyncClient) -> None:
    report = await send(client, "groups", GROUPS.replace("night-circle,", "import,"))
    assert [(one["column"], one["code"]) for one in report["refused"]] == [("code", "code-reserved")]


async def test_bad_rows_of_a_session_do_not_keep_the_good_ones_out(known: Told, client: httpx.AsyncClient) -> None:
    await send(client, "groups", GROUPS)
    await send(client, "sessions", SESSIONS)
    text = attendance_of(
        ("2025-01-07", "ana", "present"),
        ("2025-01-07", "nobody", "present"),
        ("2025-01-07", "dev", "asleep"),
        ("2025-01-07", "ana", "late"),
        ("2025-01-21", "ana", "present"),
        ("2025-02-04", "ana", "present"),
    )
    report = await send(client, "attendance", text)
    assert {(one["line"], one["column"], one["code"]) for one in report["refused"]} == {
        (3, "participant", "unknown-participant"),
        (4, "status", "literal-error"),
        (5, "participant", "repeated"),
        (6, "date", "session-cancelled"),
        (7, "date", "session-not-found"),
    }
    assert (report["created"], report["rows"]) == (1, 6)
    (held,) = await known.said(SessionHeld)
    assert len(held.attendance) == 1


async def test_later_rows_of_a_held_session_are_a_correction(known: Told, client: httpx.AsyncClient) -> None:
    await send(client, "groups", GROUPS)
    await send(client, "sessions", SESSIONS)
    await send(client, "attendance", attendance_of(("2025-01-07", "ana", "present")))
    more = attendance_of(("2025-01-07", "ana", "excused"), ("2025-01-07", "dev", "present"))
    assert counts(await send(client, "attendance", more)) == (1, 1, 0, 0)
    (corrected,) = await known.said(AttendanceCorrected)
    assert {one.status for one in corrected.attendance} == {"excused", "present"}


async def test_a_day_that_a_file_puts_back_into_the_calendar_stays_there(
    known: Told, client: httpx.AsyncClient, at: Any
) -> None:
    at(utc("2025-01-08 12:00"))
    await send(client, "groups", GROUPS)
    thursdays = GROUPS.replace("Tuesday,18:00", "Thursday,19:00")
    await send(client, "groups", thursdays)
    day = "group,date,starts_at,minutes,status,facilitator,reason\nevening-circle,2025-01-21,,,scheduled,,\n"
    assert counts(await send(client, "sessions", day)) == (0, 1, 0, 0)
    at(utc("2025-01-16 12:00"))
    await known.ring()
    tuesday = session_id_of(EVENING_CIRCLE, date(2025, 1, 21))
    [row] = await known.rows("select state, starts_at from sessions where session_id = $1", tuesday)
    assert (row["state"], row["starts_at"]) == ("scheduled", utc("2025-01-21 18:00"))


async def test_a_session_with_too_many_people_is_refused_and_the_others_go_in(
    known: Told, client: httpx.AsyncClient
) -> None:
    await send(client, "groups", GROUPS)
    await send(client, "sessions", SESSIONS)
    names = [f"one-{number}" for number in range(PEOPLE_MAX + 1)]
    await known.tell(*(enrolled(name, is_imported=True) for name in names))
    crowd = "".join(f"evening-circle,2025-01-14,{person(name)},present\n" for name in names)
    good = attendance_of(("2025-01-07", "ana", "present"))
    report = await send(client, "attendance", good + crowd)
    assert counts(report) == (1, 0, 0, len(names))
    assert {(one["column"], one["code"]) for one in report["refused"]} == {("date", "too-many-people")}
    assert [one["line"] for one in report["refused"]] == list(range(3, 3 + len(names)))
    (held,) = await known.said(SessionHeld)
    assert [one.participant_id for one in held.attendance] == [person("ana")]
    for part in (crowd.splitlines()[:-1], crowd.splitlines()[-1:]):  # nor bit by bit
        report = await send(client, "attendance", "\n".join(("group,date,participant,status", *part, "")))
    assert (report["created"], {one["code"] for one in report["refused"]}) == (0, {"too-many-people"})


async def test_a_file_reaches_no_other_site(known: Told, client: httpx.AsyncClient) -> None:
    await send(client, "groups", GROUPS)
    answer = await client.post(
        f"{API}/sessions/import-file", content=SESSIONS.encode(), headers=bearer("coordinator", "north-quay")
    )
    assert {one["code"] for one in answer.json()["refused"]} == {"unknown-group"}
    forbidden = await client.post(f"{API}/groups/import-file", content=b"", headers=bearer("facilitator"))
    assert forbidden.status_code == 403


@pytest.mark.parametrize("text", [b"\xff\xfe", b"nonsense,code\n1,2\n", b"", b'code,name\n"a,b\n', b"code\n\x00\n"])
async def test_a_file_that_cannot_be_read_says_why(client: httpx.AsyncClient, text: bytes) -> None:
    for kind in TABLES:
        answer = await client.post(f"{API}/{kind}/import-file", content=text, headers=bearer())
        assert answer.status_code == 422, (kind, answer.text)


@pytest.mark.parametrize("kind", TABLES)
def test_the_example_of_each_table_is_a_row_of_it(kind: str) -> None:
    table = TABLES[kind]
    assert table.row.model_validate({name: value for name, value in table.example.items() if value})
    assert all(table.columns.values())


async def test_who_came_first_is_numbered_first(known: Told, client: httpx.AsyncClient) -> None:
    await send(client, "groups", GROUPS)
    await send(client, "sessions", SESSIONS)
    await send(client, "attendance", ATTENDANCE)
    rows = await known.rows("select participant_id, nth from attendance where nth is not null order by nth")
    assert [(row["participant_id"], row["nth"]) for row in rows][-1] == (person("dev"), 2)
