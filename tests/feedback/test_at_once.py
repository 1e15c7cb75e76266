"""Two processes of feedback hear at once of the same people."""

import contextlib
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.feedback.app import create
from services.feedback.domain.milestones import by_rule
from shared import clock
from shared.database import Tx
from shared.events import Event
from shared.events.scheduling import AttendanceCorrected, Attended, SessionHeld
from tests import rivals
from tests.feedback.conftest import OLD_TOWN, ORGANISATION, PROGRAM, Told

ANA, BEN, EVE, JOE = PEOPLE = [uuid4() for _ in range(4)]


def held(*came: UUID) -> SessionHeld:
    return SessionHeld(
        session_id=uuid4(),
        group_id=uuid4(),
        program_id=PROGRAM,
        site_id=OLD_TOWN,
        starts_at=clock.now() - timedelta(days=1),
        minutes=90,
        attendance=[Attended(participant_id=one, status="present") for one in came],
    )


def hear(told: Told, *events: Event) -> Coroutine[Any, Any, int]:
    return rivals.hear(told.store.machinery, create().applying, ORGANISATION, *events)


def first_session_of(told: Told, *people: UUID) -> contextlib.AbstractAsyncContextManager[Tx]:
    """A rival gives these people the milestone of their first session."""
    sql = """insert into milestones select $1, unnest($2::uuid[]), unnest($3::uuid[]), 'first-session', current_date,
                                           'rule', now(), false, null"""
    ids = [by_rule(one, PROGRAM, "first-session") for one in people]
    return rivals.held(told.store.machinery, ORGANISATION, sql, ORGANISATION, ids, people)


async def reached(told: Told, kind: str) -> set[UUID]:
    return {one.participant_id for one in await told.said("milestone-reached") if one.kind == kind}


async def test_sessions_of_the_same_people_are_both_heard(site: None, told: Told) -> None:
    some, others = hear(told, held(ANA), held(EVE), held(BEN)), hear(told, held(BEN), held(JOE), held(ANA))
    assert await rivals.at_once(first_session_of(told, EVE, JOE), some, others) == [3, 3]
    assert await reached(told, "first-session") >= {ANA, BEN}


async def test_sessions_that_are_heard_at_once_are_counted_together(site: None, told: Told) -> None:
    await told.tell(*(held(ANA) for _ in range(3)))
    assert await rivals.at_once(
        first_session_of(told, EVE, JOE), hear(told, held(ANA), held(EVE)), hear(told, held(ANA), held(JOE))
    ) == [2, 2]
    assert await reached(told, "fifth-session") == {ANA}


async def test_whoever_did_not_come_after_all_is_counted_with_what_is_heard_beside_it(site: None, told: Told) -> None:
    fifth = held(ANA)
    await told.tell(*(held(ANA) for _ in range(4)), fifth)
    nobody = AttendanceCorrected(session_id=fifth.session_id, group_id=fifth.group_id, attendance=[])
    assert await rivals.at_once(
        first_session_of(told, EVE, JOE), hear(told, held(ANA), held(EVE)), hear(told, nobody, held(JOE))
    ) == [2, 2]
    assert await told.said("milestone-withdrawn") == []
