"""One group: who is in it, when it meets, who leads it."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.scheduling import store
from services.scheduling.domain.groups import FormGroup, LeadGroup, lead
from services.scheduling.domain.groups import form as form_group
from services.scheduling.domain.leading import flag
from services.scheduling.domain.shapes import Group
from services.scheduling.pages.choices import leaders_for
from services.scheduling.pages.forms import entered, named
from services.scheduling.pages.frame import PAGES
from services.scheduling.pages.groups import FIELDS, LABELS, WEEKDAYS
from services.scheduling.pages.today import may_open
from shared import outbox
from shared.clock import now
from shared.database import Database, Tx
from shared.doors import Db, allow, form, mark, refuse_stale, submitted
from shared.errors import NotFound, Refusal
from shared.events.base import Code
from shared.events.ids import group_id_of
from shared.security import Who

router = APIRouter(prefix="/scheduling/groups/{code}", include_in_schema=False)
Reading = Annotated[Who, Depends(allow("administrator", "coordinator", "facilitator", "program-manager"))]
Forming = Annotated[Who, Depends(allow("administrator", "coordinator"))]
DONE = {
    "formed": "The group is formed, and its next eight weeks are in the calendar.",
    "changed": "Changed. The coming sessions follow.",
    "lead": "Written down. The coming sessions follow, but not those for which somebody else was chosen.",
}
COMING, PAST = 8, 6


@router.get("")
async def group_page(
    code: Code, request: Request, db: Db, who: Reading, done: str = "", earlier: bool = False
) -> Response:
    """Roster, coming and past sessions (the latest, or `earlier` ones, too), who leads, and what can be changed."""
    return await _shown(request, db, who, code, flash=DONE.get(done), past=store.LISTED_MAX if earlier else PAST)


@router.post("/change")
async def group_form(code: Code, request: Request, db: Db, who: Forming) -> Response:
    """Say how the group is from now on."""
    fields, moment = await submitted(request), now()
    try:
        async with db.transaction(who.organisation_id) as tx:
            group = await store.get_group(tx, who.organisation_id, code)
            who.must_see(group.site_id, "group")
            refuse_stale(fields, _formed(group))
            ground = await store.ground(tx, who.organisation_id, group.site_id, group.program_id, None)
            assert ground.site
            assert ground.program
            given = {name: fields[name] for name in FIELDS if name in fields}
            command = form(FormGroup, given | {"site": ground.site.code, "program": ground.program.code})
            sessions = await store.coming(tx, group.group_id, ground.site, moment)
            change = form_group(code, group, command, ground, sessions, moment)
            await store.save_change(tx, change, moment)
            for event in change.events:
                outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        return await _shown(request, db, who, code, refusal=refusal, fields=fields)
    return RedirectResponse(f"/scheduling/groups/{code}?done=changed", 303)


@router.post("/facilitator")
async def lead_form(code: Code, request: Request, db: Db, who: Forming) -> Response:
    """Choose who leads the group."""
    fields, moment = await submitted(request), now()
    try:
        command = form(LeadGroup, {"facilitator_id": fields.get("facilitator_id")})
        async with db.transaction(who.organisation_id) as tx:
            group = await store.get_group(tx, who.organisation_id, code)
            who.must_see(group.site_id, "group")
            site_id, program_id = group.site_id, group.program_id
            ground = await store.ground(tx, who.organisation_id, site_id, program_id, command.facilitator_id)
            change = lead(group, command, ground, await store.coming(tx, group.group_id, ground.site, moment), moment)
            await store.save_change(tx, change, moment)
            for event in change.events:
                outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        return await _shown(request, db, who, code, refusal=refusal)
    return RedirectResponse(f"/scheduling/groups/{code}?done=lead", 303)


async def _shown(
    request: Request,
    db: Database,
    who: Who,
    code: str,
    *,
    flash: str | None = None,
    refusal: Refusal | None = None,
    fields: dict[str, Any] | None = None,
    past: int = PAST,
) -> Response:
    if refusal and refusal.status == 404:
        raise refusal
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        group = await store.find_group(tx, group_id_of(who.organisation_id, code))
        if group is None:
            raise NotFound("group")
        who.must_see(group.site_id, "group")
        given = await _seen(tx, group, moment, past)
    return PAGES.render(
        request,
        "group.html",
        refusal.status if refusal else 200,
        group=group,
        weekdays=WEEKDAYS,
        weekday_names=dict(WEEKDAYS),
        given=entered(asdict(group) | {"was": mark(_formed(group))} if fields is None else fields),
        errors=named(refusal, LABELS),
        refused=refusal.message if refusal and not refusal.errors else None,
        flash=flash,
        now=moment,
        may_open=may_open(who),
        may_see_going=may_open(who) or "facilitator" in who.roles,
        **given,
    )


def _formed(group: Group) -> Group:
    """What the form of a group replaces: who leads it is said by another."""
    return replace(group, facilitator_id=None)


async def _seen(tx: Tx, group: Group, moment: datetime, past_max: int) -> dict[str, Any]:
    """The group with its people, its sessions before and behind, and who leads it or could."""
    (seen,) = await store.seen_groups(tx, [group], moment)
    coming = (await store.sessions(tx, None, seen.today, None, group.group_id))[:COMING]
    found = await store.past_sessions(tx, group.group_id, seen.today, past_max + 1)
    past = found[:past_max]
    leaders = await leaders_for(tx, group.site_id, seen.facilitator, seen.today)
    return {
        "seen": seen,
        "flag": flag(seen.facilitator, seen.group.site_id, seen.today),
        "members": await store.members_of(tx, group.group_id, seen.today),
        "leaders": leaders,
        "coming": await store.seen_sessions(tx, coming),
        "past": await store.seen_sessions(tx, past),
        "has_earlier": len(found) > len(past),
        "counts": await store.session_counts(tx, [one.session_id for one in (*coming, *past)]),
    }
