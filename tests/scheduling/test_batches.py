"""Scheduling hears many events at once: the same comes of them as one by one, and each cause is named."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.scheduling.app import create
from shared.events import Event
from shared.events.intake import CheckInInvited, InvitationSent
from shared.identity import derived_id
from tests import rivals
from tests.scheduling.conftest import Told, another
from tests.scheduling.examples import (
    ORGANISATION,
    answered,
    battery_activated,
    consent_changed,
    enrolled,
    enrolment_of,
    facilitator_qualified,
    placed,
    program_published,
    site_opened,
    utc,
    waitlisted,
)

At = Callable[[datetime], None]
NOON = utc("2025-01-07 12:00")
SET_UP = (site_opened(), program_published(), facilitator_qualified(), battery_activated())
BASELINE = {one: derived_id(enrolment_of(one), "baseline", "0") for one in ("ana", "ben", "eve")}
KEPT = (
    "select * from occasions order by occasion_id",
    "select * from enrolments order by enrolment_id",
    "select * from placements order by enrolment_id, group_id",
    "select kind, key, due_at, payload from machinery.timers order by kind, key",
)


def history() -> list[Event]:
    link = {"token_sha256": "0" * 64, "language": "en", "channel": "email", "expires_at": utc("2025-01-21 12:00")}
    return [
        answered("eve", "baseline"),  # heard before the enrolment
        *(enrolled(one) for one in ("ana", "ben", "eve")),
        placed("ana"),
        placed("ana", group=derived_id(ORGANISATION, "group", "morning-circle")),
        waitlisted("ana", NOON.date() + timedelta(days=7)),
        placed("ana", NOON.date() + timedelta(days=14)),
        consent_changed("ben", taking_part=False),
        consent_changed("ben"),
        consent_changed("eve", contact_after=False),
        *(CheckInInvited(occasion_id=BASELINE[one], **link) for one in ("ana", "ben")),
        InvitationSent(occasion_id=BASELINE["ana"], sent_at=NOON),
    ]


def answers() -> list[Event]:
    return [answered("ana", "baseline"), answered("ana", "end", "end"), answered("ben", "baseline")]


async def test_a_batch_has_the_effects_of_its_events_one_by_one(fresh_store: Any, at: At) -> None:
    at(NOON)
    async with another(fresh_store) as one, another(fresh_store) as many:
        for told in (one, many):
            await told.tell(*SET_UP, at=utc("2025-01-01"))
        for batch in (history(), answers()):
            await one.tell(*batch, at=NOON)
            async with many.store.machinery.transaction(ORGANISATION) as tx:
                await create().applying(tx, rivals.incoming(ORGANISATION, *batch, at=NOON), carefully=False)
        for sql in KEPT:
            assert await one.rows(sql) == await many.rows(sql), sql
        assert sorted(map(str, await one.said())) == sorted(map(str, await many.said()))


async def test_what_a_batch_says_names_the_event_that_it_follows_from(at_site: Told, at: At) -> None:
    at(NOON)
    await at_site.tell(battery_activated(), at=utc("2025-01-01"))
    batch = rivals.incoming(ORGANISATION, *history(), at=NOON)
    async with at_site.store.machinery.transaction(ORGANISATION) as tx:
        await create().applying(tx, batch, carefully=False)
    told = {str(one.heard.id): one.heard.event for one in batch if one.heard}
    rows = await at_site.rows("select key, headers from machinery.outbox order by id")
    said: dict[UUID, list[Event]] = {}
    for row in rows:
        cause = told[json.loads(row["headers"])["ce_causationid"]]
        said.setdefault(UUID(row["key"]), []).append(cause)
    assert said[BASELINE["ana"]] == [enrolled("ana")]
    assert said[BASELINE["ben"]] == [enrolled("ben"), consent_changed("ben", taking_part=False)]
