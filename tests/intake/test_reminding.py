"""Reminders: whom they reach, when, and all after which nobody is reminded any more, in whatever order it comes."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from deploy.local.mail import Mailbox, serve_smtp
from services.intake.domain.invitation import Occasion
from services.intake.domain.reminders import Pace, after_quiet, invitation_at, planned, reminder_at
from services.intake.handlers import on_reminder_due
from services.intake.store import REMIND_TIMER
from shared import clock
from shared.events.intake import Consents
from shared.events.scheduling import OccasionCancelled
from shared.identity import new_id
from shared.timers import Timers
from tests.conftest import eventually, running
from tests.intake.conftest import HOME, Intake, a_due, a_participant
from tests.intake.test_inviting import Post, enrolled, submitted

MADRID = ZoneInfo("Europe/Madrid")
PACE = Pace("Europe/Madrid", "20:00", "09:00", 1)


def local(text: str) -> datetime:
    """`2025-03-04 10:00` on the wall in Madrid."""
    return datetime.fromisoformat(text).replace(tzinfo=MADRID)


def an_occasion(**changes: Any) -> Occasion:
    values: dict[str, Any] = {
        "occasion_id": new_id(),
        "organisation_id": new_id(),
        "state": "due",
        "kind": "monthly",
        "due_at": local("2025-03-04 10:00"),
        "opens_at": local("2025-03-04 10:00"),
        "closes_at": local("2025-03-18 10:00"),
        "is_history": False,
        "language": "en",
        "email": "a@example.org",
        "consents": Consents(taking_part=True, reporting=True, contact_after=True),
        "has_withdrawn": False,
        "has_completed": False,
        "reminders": (3, 7),
    }
    return Occasion(**values | changes)


@pytest.mark.parametrize(
    ("changes", "pace", "days"),
    [
        ({}, PACE, ["2025-03-07 10:00", "2025-03-11 10:00"]),
        ({"reminders": (1, 2, 3, 4, 5)}, PACE, ["2025-03-05 10:00", "2025-03-06 10:00", "2025-03-07 10:00"]),
        ({"closes_at": local("2025-03-11 09:59")}, PACE, ["2025-03-07 10:00"]),
        ({}, replace(PACE, quiet_until="11:30"), ["2025-03-07 11:30", "2025-03-11 11:30"]),
        ({}, replace(PACE, quiet_from="09:00", quiet_until="17:00"), ["2025-03-07 17:00", "2025-03-11 17:00"]),
        ({"reminders": ()}, PACE, []),
        ({"reminders": (26,), "closes_at": local("2025-04-20 10:00")}, PACE, ["2025-03-30 10:00"]),  # clocks change
    ],
)
def test_the_days_on_which_somebody_is_reminded(changes: dict[str, Any], pace: Pace, days: list[str]) -> None:
    found = planned(an_occasion(**changes), pace, local("2025-03-04 10:00"))
    assert [at.astimezone(MADRID).strftime("%Y-%m-%d %H:%M") for _, at in found] == days


@pytest.mark.parametrize(
    ("quiet", "now", "then"),
    [
        (("20:00", "09:00"), "2025-03-04 19:59", "2025-03-04 19:59"),
        (("20:00", "09:00"), "2025-03-04 20:00", "2025-03-05 09:00"),
        (("20:00", "09:00"), "2025-03-05 03:00", "2025-03-05 09:00"),
        (("20:00", "09:00"), "2025-03-05 09:00", "2025-03-05 09:00"),
        (("12:00", "16:00"), "2025-03-04 13:00", "2025-03-04 16:00"),
        (("12:00", "16:00"), "2025-03-04 03:00", "2025-03-04 03:00"),
        (("09:00", "09:00"), "2025-03-04 03:00", "2025-03-04 03:00"),
        (("20:00", "09:00"), "2025-03-30 01:59", "2025-03-30 09:00"),
    ],
)
def test_nobody_is_written_to_in_quiet_hours(quiet: tuple[str, str], now: str, then: str) -> None:
    assert after_quiet(replace(PACE, quiet_from=quiet[0], quiet_until=quiet[1]), local(now)) == local(then)


def test_a_day_that_has_had_its_messages_has_no_more() -> None:
    noon, full = local("2025-03-04 12:00"), replace(PACE, sent_today=1)
    assert reminder_at(PACE, noon) == noon
    assert reminder_at(full, noon) == local("2025-03-05 10:00")
    assert reminder_at(replace(full, messages_a_day=2), noon) == noon
    assert invitation_at(full, "monthly", noon) == local("2025-03-05 10:00")
    assert invitation_at(full, "session", noon) == noon, "it is about what they have just come from"
    assert invitation_at(PACE, "monthly", noon) == noon


def test_what_is_asked_once_more_waits_for_the_morning_and_for_a_free_day() -> None:
    """It is due at the moment in which an end was taken back, and that may be at night."""
    night, noon = local("2025-03-04 23:30"), local("2025-03-04 12:00")
    assert invitation_at(PACE, "baseline", night) == night
    assert invitation_at(PACE, "baseline", night, is_again=True) == local("2025-03-05 09:00")
    assert invitation_at(replace(PACE, sent_today=1), "baseline", noon, is_again=True) == local("2025-03-05 10:00")
    assert invitation_at(PACE, "baseline", noon, is_again=True) == noon


# ---- with the store ----


@pytest.fixture
def at(moved_clock: Callable[[float], None]) -> Callable[[datetime], None]:
    """Moves the clock of this process to a moment."""

    def move(moment: datetime) -> None:
        moved_clock(0)
        moved_clock((moment - clock.now()).total_seconds())

    return move


FIRST_DAY: date = clock.now().astimezone(MADRID).date()  # before any test moves the clock


def days_on(days: int, hour: int = 12) -> datetime:
    """An hour of a day at the site, from today on."""
    return datetime.combine(FIRST_DAY + timedelta(days=days), time(hour), tzinfo=MADRID)


TODAY = days_on(0)


async def ring(intake: Intake) -> None:
    """Let every reminder that is due by now be looked at."""
    timers = Timers(intake.running.machinery, {REMIND_TIMER: on_reminder_due})
    while await timers._one_round():
        pass


async def a_reminded(intake: Intake, at: Callable[[datetime], None], **changes: Any) -> tuple[dict[str, Any], Any]:
    """Somebody who was invited at noon and is to be reminded after one day and after three."""
    at(TODAY)
    await intake.set_up(capacity=9)
    person = await enrolled(intake)
    due = a_due(person, **{"reminders": [1, 3]} | changes)
    await intake.hear(due)
    return person, due


async def reminders(intake: Intake) -> list[tuple[int, str, str | None]]:
    rows = await intake.rows("select number, state, reason from reminders order by number")
    return [tuple(row) for row in rows]


async def sent_of(intake: Intake) -> list[int]:
    """Of which number each link is that was made."""
    return [one["reminder"] for one in await intake.said("check-in-invited")]


async def test_whoever_has_not_answered_is_reminded_with_a_link_of_its_own(
    intake: Intake, at: Callable[[datetime], None]
) -> None:
    await a_reminded(intake, at)
    await intake.rows("update messages set state = 'sent', token = null, ended_at = made_at")
    at(days_on(1, 9))
    await ring(intake)
    assert await sent_of(intake) == [0]
    at(days_on(1, 10) + timedelta(minutes=1))
    await ring(intake)
    await ring(intake)
    assert await sent_of(intake) == [0, 1]
    assert await reminders(intake) == [(1, "queued", None), (2, "planned", None)]
    at(days_on(3, 11))
    await ring(intake)
    said = await intake.said("check-in-invited")
    assert [one["reminder"] for one in said] == [0, 1, 2]
    assert len({one["token_sha256"] for one in said}) == 3
    assert {one["expires_at"] for one in said} == {said[0]["expires_at"]}


async def answered(intake: Intake, person: dict[str, Any], due: Any) -> None:
    await intake.hear(submitted(due))
    await intake.hear(submitted(due))  # the same response twice counts once


async def cancelled(intake: Intake, person: dict[str, Any], due: Any) -> None:
    await intake.hear(OccasionCancelled(occasion_id=due.occasion_id, reason="completed"))


def _path(person: dict[str, Any]) -> str:
    return f"/participants/{person['participant_id']}/enrolments/{person['enrolment_id']}"


async def completed(intake: Intake, person: dict[str, Any], due: Any) -> None:
    await intake.post(f"{_path(person)}/complete", {"completed_on": await _first_day(intake, person)})


async def withdrawn(intake: Intake, person: dict[str, Any], due: Any) -> None:
    await intake.post(f"{_path(person)}/withdraw", {"withdrawn_on": await _first_day(intake, person)})


async def disagreed(intake: Intake, person: dict[str, Any], due: Any) -> None:
    await intake.post(f"{_path(person)}/consent", a_participant()["consent"] | {"taking_part": False})


async def erased(intake: Intake, person: dict[str, Any], due: Any) -> None:
    short_code = (await intake.ask("GET", f"/participants/{person['participant_id']}")).json()["short_code"]
    body = {"short_code": short_code, "reason": "asked-by-participant"}
    answer = await intake.ask("POST", f"/participants/{person['participant_id']}/erase", "administrator", json=body)
    assert answer.status_code < 300, answer.text


async def _first_day(intake: Intake, person: dict[str, Any]) -> str:
    found = (await intake.ask("GET", f"/participants/{person['participant_id']}")).json()
    return str(found["enrolments"][0]["enrolled_on"])


ENDS = [
    (answered, "answered"),
    (cancelled, "cancelled"),
    (completed, "completed"),
    (withdrawn, "withdrawn"),
    (disagreed, "no-consent"),
    (erased, None),
]


@pytest.mark.parametrize(("what", "reason"), ENDS, ids=lambda one: getattr(one, "__name__", None))
async def test_whatever_ends_it_cancels_every_later_reminder_at_once(
    intake: Intake, at: Callable[[datetime], None], what: Any, reason: str | None
) -> None:
    person, due = await a_reminded(intake, at)
    await what(intake, person, due)
    expected = [(1, "cancelled", reason), (2, "cancelled", reason)] if reason else []
    assert await reminders(intake) == expected
    for days in (1, 3, 20):
        at(days_on(days))
        await ring(intake)
    assert [one for one in await sent_of(intake) if one] == []
    if what is not erased:
        left = "select count(*) from machinery.timers where kind = 'send-reminder'"
        assert await intake.running.machinery.pool.fetchval(left) == 0


@pytest.mark.parametrize("what", [answered, cancelled, completed, withdrawn, disagreed, erased])
async def test_the_end_may_be_heard_before_the_due_date(
    intake: Intake, at: Callable[[datetime], None], what: Any
) -> None:
    at(TODAY)
    await intake.set_up(capacity=9)
    person = await enrolled(intake)
    due = a_due(person, reminders=[1, 3])
    await what(intake, person, due)
    await intake.hear(due)
    # of a completion it is known which they were to be, as it may be taken back
    assert {(state, reason) for _, state, reason in await reminders(intake)} <= {("cancelled", "completed")}
    at(days_on(20))
    await ring(intake)
    assert [one for one in await sent_of(intake) if one] == []


async def test_completion_leaves_the_questions_at_the_end_to_be_reminded_of(
    intake: Intake, at: Callable[[datetime], None]
) -> None:
    person, due = await a_reminded(intake, at, kind="end", code="end")
    await completed(intake, person, due)
    assert {state for _, state, _ in await reminders(intake)} == {"planned"}


async def test_a_reminder_that_waits_for_the_mail_server_is_dropped_when_they_complete(
    intake: Intake, at: Callable[[datetime], None], tmp_path: Path
) -> None:
    person, due = await a_reminded(intake, at)
    await intake.rows("update messages set state = 'sent', token = null, ended_at = made_at")
    at(days_on(1))
    await ring(intake)
    await completed(intake, person, due)
    async with _post(intake, tmp_path) as post:
        async with running(*post.work()):

            async def is_dropped() -> bool:
                return await post.states() == ["sent", "dropped"]

            await eventually(is_dropped)
        assert post.mailbox.newest_first() == []


@asynccontextmanager
async def _post(intake: Intake, tmp_path: Path) -> AsyncIterator[Post]:
    mailbox = Mailbox(tmp_path / "mail")
    server = await serve_smtp(mailbox, "127.0.0.1", 0)
    async with server:
        yield Post(intake, mailbox, server.sockets[0].getsockname()[1])


async def test_a_reminder_is_a_letter_of_its_own_and_is_said_when_it_is_sent(
    intake: Intake, at: Callable[[datetime], None], tmp_path: Path
) -> None:
    await a_reminded(intake, at)
    async with _post(intake, tmp_path) as post:
        async with running(*post.work()):
            await post.delivered()

            async def is_said() -> list[Any]:
                return await intake.said("invitation-sent")

            await eventually(is_said)
            at(days_on(1))
            await ring(intake)
            second, first = (await post.delivered(2))[:2]

            async def both_said() -> bool:
                return [one["reminder"] for one in await intake.said("invitation-sent")] == [0, 1]

            await eventually(both_said)
        assert "te siguen esperando" in second.text
        tokens = [re.findall(f"{re.escape(HOME)}/c/([\\w-]+)", one.text)[0] for one in (first, second)]
        hashes = [hashlib.sha256(one.encode()).hexdigest() for one in tokens]
        assert [one["token_sha256"] for one in await intake.said("check-in-invited")] == hashes
    assert [row["token"] for row in await intake.rows("select token from messages")] == [None, None]


async def test_one_message_a_day_over_all_occasions(intake: Intake, at: Callable[[datetime], None]) -> None:
    person, _ = await a_reminded(intake, at)
    await intake.hear(a_due(person, code="month-3", reminders=[1]))
    await intake.rows("update messages set state = 'sent', token = null, ended_at = made_at")
    for days, links in ((1, 1), (2, 2), (3, 3), (4, 3)):
        at(days_on(days))
        await ring(intake)
        assert len([one for one in await sent_of(intake) if one]) == links, f"on day {days}"
        await intake.rows("update messages set state = 'sent', token = null, ended_at = made_at where state = 'queued'")


async def test_a_reminder_that_comes_at_night_waits_for_the_morning(
    intake: Intake, at: Callable[[datetime], None]
) -> None:
    await a_reminded(intake, at)
    await intake.rows("update messages set state = 'sent', token = null, ended_at = made_at")
    at(days_on(1, 21))  # this process was down all day
    await ring(intake)
    assert await sent_of(intake) == [0]
    (row,) = await intake.rows("select planned_at from reminders where number = 1")
    assert row["planned_at"] == days_on(2, 9)


async def test_quiet_hours_belong_to_the_site(intake: Intake, at: Callable[[datetime], None]) -> None:
    at(TODAY)
    await intake.set_up()
    site = {"name": "Old Town", "time_zone": "Europe/Madrid", "languages": ["es", "en"]}
    changed = await intake.put("/sites/old-town", site | {"quiet_from": "18:00", "quiet_until": "14:00"})
    assert (changed["quiet_from"], changed["quiet_until"], changed["messages_a_day"]) == ("18:00", "14:00", 1)
    kept = await intake.put("/sites/old-town", site | {"messages_a_day": 2})
    assert (kept["quiet_from"], kept["messages_a_day"]) == ("18:00", 2)
    assert len(await intake.said("site-changed")) == 0, "nobody else needs to know"
    await intake.hear(a_due(await enrolled(intake), reminders=[1]))
    (row,) = await intake.rows("select planned_at from reminders")
    assert row["planned_at"] == days_on(1, 14)
    for wrong in ({"quiet_from": "25:00"}, {"quiet_until": "8"}, {"messages_a_day": 0}, {"messages_a_day": 99}):
        answer = await intake.ask("PUT", "/sites/old-town", "administrator", json=site | wrong)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(wrong)))


async def test_the_page_of_a_person_says_what_was_sent_and_what_will_be(
    intake: Intake, at: Callable[[datetime], None]
) -> None:
    person, due = await a_reminded(intake, at)
    headers = {"cookie": f"kith_session={intake.token('coordinator')}"}
    page = await intake.client.get(f"/intake/participants/{person['participant_id']}", headers=headers)
    assert "a reminder goes" in page.text
    assert UUID(str(due.occasion_id))
