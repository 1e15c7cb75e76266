"""Milestones for staff: what people have reached, recording one, and whether it is celebrated."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.milestones import AddKind, Celebrate, RecordMilestone, added
from services.feedback.pages.forms import nested
from services.feedback.pages.templates import PAGES, Administrator
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, Doer, form, submitted
from shared.errors import FieldError, Refusal
from shared.security import Who

router = APIRouter(prefix="/feedback/milestones", include_in_schema=False)
SHOWN_MAX = 60
FLASHES = {
    "recorded": "It is recorded. If they agree, it stands in the next plan of their group.",
    "agreed": "It is noted. The next plan of their group follows.",
    "withdrawn": "It was taken back.",
    "kind": "The kind is there.",
}


@router.get("")
async def milestones(request: Request, db: Db, who: Doer) -> HTMLResponse:
    """What people have reached lately, and the kinds that there are."""
    async with db.transaction(who.organisation_id) as tx:
        return await _page(request, tx, who, {})


@router.get("/record")
async def record_page(request: Request, db: Db, who: Doer) -> HTMLResponse:
    """The form; for a group its members are to choose from."""
    async with db.transaction(who.organisation_id) as tx:
        sites = await store.sites(tx, who.site_ids)
        today = now().astimezone(ZoneInfo(sites[0].time_zone if sites else "UTC")).date()
        return await _record(request, tx, who, {"reached_on": today.isoformat()})


@router.post("/record")
async def record(request: Request, db: Db, who: Doer) -> Response:
    """Record it, by the same rules as the JSON."""
    fields = await submitted(request)
    body = {name: value for name, value in fields.items() if name != "short_code"}
    async with db.transaction(who.organisation_id) as tx:
        if "short_code" in fields:
            code = str(fields["short_code"]).strip()
            found = await store.circles.find_person_id(tx, code, who.site_ids)
            body |= {"participant_id": found} if found else {}
        try:
            async with tx.savepoint():
                await acts.milestones.record(tx, who, form(RecordMilestone, body))
        except Refusal as refusal:
            return await _record(request, tx, who, fields, refusal)
    return RedirectResponse("/feedback/milestones?done=recorded", 303)


@router.post("/kinds")
async def add_kind(request: Request, db: Db, who: Administrator) -> Response:
    """Add a kind of one's own."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        await store.themes.lock(tx, who.organisation_id)
        try:
            command = added(form(AddKind, nested(fields)), await store.milestones.kinds(tx, who.organisation_id))
        except Refusal as refusal:
            return await _page(request, tx, who, fields, refusal)
        await store.milestones.add_kind(tx, who.organisation_id, command, now(), who.name)
    return RedirectResponse("/feedback/milestones?done=kind", 303)


@router.post("/{milestone_id}/consent")
async def agree(request: Request, db: Db, who: Doer, milestone_id: UUID) -> Response:
    """Note whether its owner agrees that the group celebrates it."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        one = await store.milestones.get(tx, milestone_id, who.site_ids)
        await acts.milestones.agree(tx, one, form(Celebrate, fields).may_celebrate)
    return RedirectResponse("/feedback/milestones?done=agreed", 303)


@router.post("/{milestone_id}/withdraw")
async def withdraw(db: Db, who: Doer, milestone_id: UUID) -> Response:
    """Take it back."""
    async with db.transaction(who.organisation_id) as tx:
        await acts.milestones.withdraw(tx, await store.milestones.get(tx, milestone_id, who.site_ids))
    return RedirectResponse("/feedback/milestones?done=withdrawn", 303)


async def _page(
    request: Request, tx: Tx, who: Who, given: dict[str, Any], refusal: Refusal | None = None
) -> HTMLResponse:
    errors = refusal.errors if refusal else ()
    return PAGES.render(
        request,
        "milestones.html",
        refusal.status if refusal else 200,
        milestones=await store.milestones.listed(tx, who.site_ids, None, SHOWN_MAX),
        kinds=await store.milestones.kinds(tx, who.organisation_id),
        may_add="administrator" in who.roles,
        given=given,
        errors=[
            FieldError("title.en" if one.field in ("title", "body") else one.field, one.code, one.message)
            for one in errors
        ],
        flash=FLASHES.get(request.query_params.get("done", "")),
    )


async def _record(
    request: Request, tx: Tx, who: Who, given: dict[str, Any], refusal: Refusal | None = None
) -> HTMLResponse:
    group = request.query_params.get("group", "")
    members = await store.circles.members(tx, group[:64], who.site_ids) if group else []
    kinds = await store.milestones.kinds(tx, who.organisation_id)
    field = "participant_id" if members else "short_code"
    errors = [_at(field, one) for one in refusal.errors] if refusal else []
    if refusal and not errors:
        errors = [FieldError(field, refusal.code, "Nobody is called so at your sites: check the short code.")]
    return PAGES.render(
        request,
        "record-milestone.html",
        refusal.status if refusal else 200,
        members=members,
        kinds=[(one.code, one.title.in_("en")) for one in kinds.values() if not one.has_rule],
        given=given,
        errors=errors,
    )


def _at(field: str, error: FieldError) -> FieldError:
    if error.field == "participant_id":
        return FieldError(field, "participant-not-found", "Choose somebody who takes part at your sites.")
    return error
