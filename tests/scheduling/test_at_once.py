"""Two processes of scheduling change what belongs to the same people at once, in opposite orders."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from services.scheduling.app import create
from shared.database import Tx
from shared.events import Event
from tests import rivals
from tests.scheduling.conftest import Told
from tests.scheduling.examples import (
    ORGANISATION,
    answered,
    battery_activated,
    consent_changed,
    enrolled,
    enrolment_of,
    site_opened,
    utc,
)

At = Callable[[datetime], None]


def held(told: Told, *names: str) -> contextlib.AbstractAsyncContextManager[Tx]:
    sql = "select from enrolments where enrolment_id = any($1) for update"
    return rivals.held(told.store.machinery, ORGANISATION, sql, [enrolment_of(one) for one in names])


def hear(told: Told, *events: Event) -> Coroutine[Any, Any, int]:
    return rivals.hear(told.store.machinery, create().applying, ORGANISATION, *events)


async def test_batches_about_the_same_people_are_both_handled(at_site: Told, at: At) -> None:
    at(utc("2025-01-07 15:00"))
    await at_site.tell(battery_activated(), *(enrolled(one) for one in ("ana", "ben", "eve", "joe")))
    answers = hear(at_site, *(answered(one, "baseline") for one in ("ana", "eve", "ben")))
    changes = hear(at_site, *(consent_changed(one, contact_after=False) for one in ("ben", "joe", "ana")))
    assert await rivals.at_once(held(at_site, "eve", "joe"), answers, changes) == [3, 3]
    for one in ("ana", "ben"):
        assert (await at_site.occasions(enrolment_of(one)))["baseline"] == "answered"
        assert (await at_site.occasions(enrolment_of(one)))["month-1"] == "planned"


async def test_what_is_about_everybody_is_heard_beside_answers(at_site: Told) -> None:
    await at_site.tell(battery_activated(), *(enrolled(one) for one in ("ana", "ben", "eve")))
    first, last = sorted(("ana", "ben", "eve"), key=enrolment_of)[:2], max("ana", "ben", "eve", key=enrolment_of)
    answers = hear(at_site, answered(last, "baseline"), answered(first[1], "baseline"), answered(first[0], "baseline"))
    everybody = hear(at_site, battery_activated(), site_opened())
    assert await rivals.at_once(held(at_site, first[1]), answers, everybody) == [3, 2]


async def test_an_answer_that_is_heard_beside_the_enrolment_stays_an_answer(at_site: Told) -> None:
    await at_site.tell(battery_activated(), enrolled("eve"))
    answers = hear(at_site, answered("ana", "baseline"), answered("eve", "baseline"))
    await rivals.at_once(held(at_site, "eve"), answers, hear(at_site, enrolled("ana")))
    assert (await at_site.occasions(enrolment_of("ana")))["baseline"] == "answered"


async def test_a_clock_gives_way_to_whoever_holds_what_it_is_about(at_site: Told, at: At) -> None:
    at(utc("2025-01-07 15:00"))
    await at_site.tell(battery_activated(), enrolled("ana"))
    at(utc("2025-02-08 15:00"))
    async with held(at_site, "ana") as rival:
        ringing = asyncio.create_task(at_site.timers._one_round())
        seen = asyncio.create_task(rivals.waiting(rival, 1))
        await asyncio.wait({ringing, seen}, return_when=asyncio.FIRST_COMPLETED)
        seen.cancel()
        await asyncio.wait({seen})
        await rival.execute("update machinery.timers set due_at = due_at")
        assert await ringing == 0
    await at_site.ring()
    assert (await at_site.occasions(enrolment_of("ana")))["month-1"] == "due"
