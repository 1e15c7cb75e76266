"""Bringing due dates and calendars up to date after something was heard, or a clock rang."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.scheduling import store
from services.scheduling.domain import calendar, engagement, occasions
from shared import outbox
from shared.database import Tx


async def settle(tx: Tx, enrolments: Sequence[UUID], now: datetime) -> None:
    """What falls due for these enrolments follows from what is known now."""
    for enrolment_id in enrolments:
        basis = await store.basis_of(tx, enrolment_id)
        if basis is None:
            continue
        settled = occasions.settle(basis, await store.known_occasions(tx, enrolment_id), now)
        await store.save_occasions(tx, settled)
        for one in settled:
            for event in one.events:
                outbox.put(tx, event, organisation=basis.enrolment.organisation_id, at=now)


async def replan(tx: Tx, group_id: UUID, now: datetime) -> bool:
    """The coming sessions of a group; False if there is no such group."""
    await store.alone_with(tx, group_id)
    group = await store.find_group(tx, group_id)
    site = await store.find_site(tx, group.site_id) if group else None
    if group is None or site is None:
        return False
    known = await store.sessions_of(tx, group_id, now.astimezone(site.zone).date())
    planned = calendar.replan(group, site.zone, known, now)
    await store.save_sessions(tx, planned.sessions)
    for event in planned.events:
        outbox.put(tx, event, organisation=group.organisation_id, at=now)
    return True


async def notice_absences(tx: Tx, enrolments: Sequence[UUID], now: datetime) -> None:
    """Whoever stayed away from several sessions in a row without a word needs to be followed up."""
    for enrolment_id in enrolments:
        standing = await store.engagement_of(tx, enrolment_id)
        if standing is None:
            continue
        noticed, event = engagement.notice(standing, now)
        await store.save_disengagements(tx, noticed)
        if event:
            outbox.put(tx, event, organisation=standing.organisation_id, at=now)
