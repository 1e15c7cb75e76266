"""Bringing due dates and calendars up to date after something was heard, or a clock rang."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling import store
from services.scheduling.domain import calendar, engagement, occasions
from shared import clock, outbox
from shared.database import Tx
from shared.events import Heard

AT_ONCE = 500  # a program may have many thousand enrolments


async def settle(tx: Tx, enrolments: Sequence[UUID], now: datetime, causes: Mapping[UUID, UUID] | None = None) -> None:
    """What falls due for these enrolments follows from what is known now; `causes` are the events that told of each."""
    for begin in range(0, len(enrolments), AT_ONCE):
        bases = await store.bases_of(tx, enrolments[begin : begin + AT_ONCE])
        known = await store.known_occasions(tx, list(bases))
        settled = {one: occasions.settle(basis, known[one], now) for one, basis in bases.items()}
        await store.save_occasions(tx, [one for changed in settled.values() for one in changed])
        for enrolment_id, changed in settled.items():
            if causes:
                tx.causation = causes[enrolment_id]
            for event in (event for one in changed for event in one.events):
                outbox.put(tx, event, organisation=bases[enrolment_id].enrolment.organisation_id, at=now)


async def settle_told(tx: Tx, told: Sequence[Heard[Any]]) -> None:
    """Each of these events, of as many enrolments, has told something new of its own."""
    causes = {one.event.enrolment_id: one.id for one in told}
    await settle(tx, list(causes), clock.now(), causes)


async def replan(tx: Tx, group_id: UUID, now: datetime, before: ZoneInfo | None = None) -> bool:
    """The coming sessions of a group, whose site was in another time zone before; False if there is no such group."""
    await store.alone_with(tx, group_id)
    group = await store.find_group(tx, group_id)
    site = await store.find_site(tx, group.site_id) if group else None
    if group is None or site is None:
        return False
    known = await store.sessions_of(tx, group_id, now.astimezone(site.zone).date())
    moved = calendar.rezoned(known, before or site.zone, site.zone, now)
    planned = calendar.replan(group, site.zone, known | {one.local_date: one for one in moved.sessions}, now)
    await store.save_sessions(tx, (*moved.sessions, *planned.sessions))
    for event in (*moved.events, *planned.events):
        outbox.put(tx, event, organisation=group.organisation_id, at=now)
    return True


async def notice_absences(tx: Tx, enrolments: Sequence[UUID], now: datetime) -> None:
    """Whoever stayed away from several sessions in a row without a word needs to be followed up."""
    found = [engagement.notice(one, now) for one in await store.engagements_of(tx, enrolments)]
    await store.save_disengagements(tx, [noticed for noticed, _ in found])
    for noticed, event in found:
        if event:
            outbox.put(tx, event, organisation=noticed.engagement.organisation_id, at=now)
