"""Groups as JSON: forming them, who leads them, who is in them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from services.scheduling import store
from services.scheduling.api.shapes import GroupDetail, GroupList, GroupShape
from services.scheduling.domain.groups import Change, FormGroup, LeadGroup, form, lead
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.events.ids import group_id_of, program_id_of, site_id_of
from shared.security import Who

router = APIRouter(prefix="/scheduling/api/v1", tags=["groups"])
Reading = Annotated[Who, Depends(allow("administrator", "coordinator", "facilitator", "program-manager"))]
Forming = Annotated[Who, Depends(allow("administrator", "coordinator"))]
COMING = 12


@router.get("/groups")
async def get_groups(db: Db, who: Reading) -> GroupList:
    """The groups of the sites that the reader sees."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.seen_groups(tx, await store.groups(tx, who.site_ids), now())
    return GroupList(groups=[GroupShape.of(one) for one in found])


@router.get("/groups/{code}")
async def get_group(code: Code, db: Db, who: Reading) -> GroupDetail:
    """A group with its roster and its next sessions."""
    async with db.transaction(who.organisation_id) as tx:
        return await _shown(tx, who, group_id_of(who.organisation_id, code))


@router.put("/groups/{code}")
async def put_group(code: Code, command: FormGroup, db: Db, who: Forming) -> GroupDetail:
    """Form a group, or say how it is from now on; its coming sessions follow."""
    moment, organisation_id = now(), who.organisation_id
    group_id = group_id_of(organisation_id, code)
    site_id = site_id_of(organisation_id, command.site)
    who.must_see(site_id, "site")
    async with db.transaction(organisation_id) as tx:
        await store.alone_with(tx, group_id)
        known = await store.find_group(tx, group_id)
        if known:
            who.must_see(known.site_id, "group")
        program_id = program_id_of(organisation_id, command.program)
        ground = await store.ground(tx, organisation_id, site_id, program_id, command.facilitator_id)
        change = form(code, known, command, ground, await store.coming(tx, group_id, ground.site, moment), moment)
        await _save_and_say(tx, who, change)
        return await _shown(tx, who, group_id)


@router.put("/groups/{code}/facilitator")
async def put_group_facilitator(code: Code, command: LeadGroup, db: Db, who: Forming) -> GroupDetail:
    """Choose who leads a group. Only a facilitator of the site whose qualification is in date may."""
    moment, organisation_id = now(), who.organisation_id
    async with db.transaction(organisation_id) as tx:
        group = await store.get_group(tx, organisation_id, code)
        who.must_see(group.site_id, "group")
        ground = await store.ground(tx, organisation_id, group.site_id, group.program_id, command.facilitator_id)
        change = lead(group, command, ground, await store.coming(tx, group.group_id, ground.site, moment), moment)
        await _save_and_say(tx, who, change)
        return await _shown(tx, who, group.group_id)


async def _save_and_say(tx: Tx, who: Who, change: Change) -> None:
    moment = now()
    await store.save_change(tx, change, moment)
    for event in change.events:
        outbox.put(tx, event, organisation=who.organisation_id, at=moment)


async def _shown(tx: Tx, who: Who, group_id: UUID) -> GroupDetail:
    group = await store.find_group(tx, group_id)
    if group is None:
        raise NotFound("group")
    who.must_see(group.site_id, "group")
    (seen,) = await store.seen_groups(tx, [group], now())
    coming = await store.sessions(tx, None, seen.today, None, group_id)
    sessions = await store.seen_sessions(tx, coming[:COMING])
    return GroupDetail.with_people(seen, await store.members_of(tx, group_id, seen.today), sessions)
