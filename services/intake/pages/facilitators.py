"""The set-up of facilitators and their qualifications."""

import re
import secrets
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import store
from services.intake.domain.contact import short_codes
from services.intake.domain.facilitators import Facilitator, QualifyFacilitator, qualify, somebody_new, zones_of
from services.intake.domain.organisation import code_of
from services.intake.pages.forms import only, several, shown
from shared import outbox
from shared.clock import now
from shared.database import Database
from shared.doors import Db, allow, form, mark, refuse_stale, submitted
from shared.errors import NotFound, Refusal
from shared.fields import invalid
from shared.security import Who

router = APIRouter(prefix="/intake/set-up/facilitators", include_in_schema=False)
Administrator = Annotated[Who, Depends(allow("administrator"))]
SPARE_ROWS = 2
_ROW = re.compile(r"qualifications\.[0-9]{1,3}\.(code|valid_until)")


@router.get("")
async def facilitators_page(request: Request, db: Db, who: Administrator) -> Response:
    """The facilitators, and a form for one more."""
    return await _shown(request, db, who, {}, None)


@router.post("")
async def new_facilitator_form(request: Request, db: Db, who: Administrator) -> Response:
    """Register a facilitator."""
    fields = await submitted(request)
    return await _save(request, db, who, str(fields.get("reference", "")), fields, None)


@router.get("/{facilitator_id}")
async def facilitator_page(facilitator_id: UUID, request: Request, db: Db, who: Administrator) -> Response:
    """The form for one facilitator."""
    facilitator = await _get(db, who, facilitator_id)
    async with db.transaction(who.organisation_id) as tx:
        sites = {one.site_id: one.code for one in await store.sites(tx)}
    fields: dict[str, Any] = {
        "reference": facilitator.reference,
        "name": facilitator.name,
        "email": facilitator.email,
        "sites": [sites[one] for one in facilitator.site_ids if one in sites],
        "was": mark(facilitator),
    }
    for number, held in enumerate(facilitator.qualifications):
        fields[f"qualifications.{number}.code"] = held.code
        fields[f"qualifications.{number}.valid_until"] = held.valid_until.isoformat()
    return await _shown(request, db, who, fields, None, facilitator)


@router.post("/{facilitator_id}")
async def facilitator_form(facilitator_id: UUID, request: Request, db: Db, who: Administrator) -> Response:
    """Change a facilitator, or renew what they hold."""
    facilitator = await _get(db, who, facilitator_id)
    return await _save(request, db, who, facilitator.reference, await submitted(request), facilitator)


async def _get(db: Database, who: Who, facilitator_id: UUID) -> Facilitator:
    async with db.transaction(who.organisation_id) as tx:
        facilitator = await store.get_facilitator(tx, facilitator_id)
    if not any(who.sees(one) for one in facilitator.site_ids):
        raise NotFound("facilitator")
    return facilitator


def _as_command(fields: dict[str, Any]) -> dict[str, Any]:
    """The form as the same command that programs send; rows that were left empty are left out."""
    rows: dict[int, dict[str, Any]] = {}
    for name, value in fields.items():
        match name.split("."):
            case ["qualifications", number, part] if _ROW.fullmatch(name):
                rows.setdefault(int(number), {})[part] = code_of(str(value)) if part == "code" else value
    return only(fields, "name", "email") | {
        "sites": several(fields, "sites"),
        "qualifications": [rows[number] for number in sorted(rows)],
    }


async def _save(
    request: Request, db: Database, who: Who, reference: str, fields: dict[str, Any], facilitator: Facilitator | None
) -> Response:
    try:
        if not reference.strip() or len(reference) > 200:
            raise invalid("reference", "missing", "Give a reference of at most 200 characters.")
        command = form(QualifyFacilitator, _as_command(fields))
        async with db.transaction(who.organisation_id) as tx:
            await store.get_organisation(tx, who.organisation_id)
            known = await store.find_facilitator(tx, reference.strip())
            if known and facilitator is None:
                raise invalid("reference", "reference-taken", "Somebody with this reference is here already.")
            refuse_stale(fields, known)
            code = await store.free_short_code(tx, short_codes(secrets.randbits(32) for _ in range(20)))
            before = known or somebody_new(who.organisation_id, reference.strip(), code)
            sites = await store.sites_by_code(tx, who.site_ids)
            after, event = qualify(before, known is None, command, sites)
            await store.save_facilitator(tx, after)
            if event:
                await store.watch_qualifications(tx, before, after, zones_of(after, await store.sites(tx)))
                outbox.put(tx, event, organisation=who.organisation_id, at=now())
    except Refusal as refusal:
        return await _shown(request, db, who, fields, refusal, facilitator)
    return RedirectResponse("/intake/set-up/facilitators?done=1", 303)


async def _shown(
    request: Request,
    db: Database,
    who: Who,
    fields: dict[str, Any],
    refusal: Refusal | None,
    facilitator: Facilitator | None = None,
) -> Response:
    async with db.transaction(who.organisation_id) as tx:
        facilitators, sites = await store.facilitators(tx, who.site_ids), await store.sites(tx, who.site_ids)
    rows = [int(name.split(".")[1]) for name in fields if _ROW.fullmatch(name)]
    return shown(
        request,
        "facilitators.html",
        fields,
        refusal,
        facilitators=facilitators,
        facilitator=facilitator,
        sites=[(one.code, one.name) for one in sites],
        site_names={one.site_id: one.name for one in sites},
        chosen=several(fields, "sites"),
        rows=range(max(rows, default=-1) + 1 + SPARE_ROWS),
        today=now().date(),
        flash="Saved." if request.query_params.get("done") else None,
    )
