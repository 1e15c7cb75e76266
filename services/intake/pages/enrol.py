"""Enrolling somebody: one page, with a look at who may be the same person before anything is saved."""

import json
import secrets
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import store
from services.intake.domain.consent import newest
from services.intake.domain.contact import refuse_duplicates, short_codes, somebody_new
from services.intake.domain.enrolment import enrol
from services.intake.domain.organisation import registered
from services.intake.domain.shapes import Beginning, EnrolParticipant
from services.intake.domain.sites import today_at
from services.intake.pages.forms import entered, language_name, only, parts
from services.intake.pages.frame import PAGES
from shared import idempotency, outbox
from shared.clock import now
from shared.database import Database
from shared.doors import Db, allow, form, submitted
from shared.errors import Refusal
from shared.identity import new_id
from shared.security import Who

router = APIRouter(prefix="/intake/participants", include_in_schema=False)
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


@router.get("/enrol")
async def enrol_page(request: Request, db: Db, who: Coordinator) -> Response:
    """The empty form."""
    return await _shown(request, db, who, {}, None)


@router.post("/enrol")
async def enrol_form(request: Request, db: Db, who: Coordinator) -> Response:
    """Enrol, or show what is missing or who may be the same person; what was entered is still there."""
    fields = await submitted(request)
    try:
        participant_id = await _enrol(db, who, form(EnrolParticipant, _as_command(fields)), fields)
    except Refusal as refusal:
        return await _shown(request, db, who, fields, refusal)
    return RedirectResponse(f"/intake/participants/{participant_id}?done=enrolled", 303)


async def _enrol(db: Database, who: Who, command: EnrolParticipant, fields: dict[str, Any]) -> UUID:
    moment, participant_id = now(), new_id()
    # The form brings a key of its own, so that the impatient and the reloading enrol nobody twice.
    key = idempotency.Key(who.organisation_id, f"enrol-page:{str(fields.get('once') or new_id())[:64]}", "form")
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return UUID(json.loads(bytes(first.body))["participant_id"])
        if not command.is_not_duplicate:
            refuse_duplicates(await store.alike(tx, who.site_ids, command.email, command.phone))
        ground = await store.get_ground(
            tx, who.organisation_id, who.site_ids, site=command.site, program=command.program, group=command.group
        )
        code = await store.free_short_code(tx, short_codes(secrets.randbits(32) for _ in range(20)))
        participant = somebody_new(participant_id, who.organisation_id, command.reference, code, command)
        beginning = Beginning(new_id(), today_at(ground.site, moment), command.attributes, command.consent)
        change = enrol(ground, participant, beginning)
        await store.save_change(tx, change, moment, who.subject)
        for event in change.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        await idempotency.keep(tx, key, 201, {"participant_id": str(participant_id)})
    return participant_id


def _as_command(fields: dict[str, Any]) -> dict[str, Any]:
    """The form as the same command that programs send."""
    agreed = parts(fields, "consent")
    text, _, version = str(fields.get("consent_text", "")).partition(":")
    names = ("preferred_name", "email", "phone", "language", "program", "site", "group", "reference")
    return only(fields, *names) | {
        "attributes": parts(fields, "attributes"),
        "consent": {
            "text": text,
            "version": version,
            **{name: agreed.get(name, False) for name in ("taking_part", "reporting", "contact_after")},
        },
        "is_not_duplicate": fields.get("is_not_duplicate", False),
    }


async def _shown(request: Request, db: Database, who: Who, fields: dict[str, Any], refusal: Refusal | None) -> Response:
    """The form with what was entered and what is the matter with it."""
    async with db.transaction(who.organisation_id) as tx:
        organisation = registered(await store.find_organisation(tx, who.organisation_id))
        sites, programs = await store.sites(tx, who.site_ids), await store.programs(tx, who.site_ids)
        groups, texts = await store.groups(tx, who.site_ids), await store.consent_texts(tx)
    spoken = sorted({code for site in sites for code in site.languages})
    current = newest(texts)
    return PAGES.render(
        request,
        "enrol.html",
        refusal.status if refusal else 200,
        fields=entered(fields),
        errors=list(refusal.errors) if refusal else [],
        refusal=refusal,
        once=fields.get("once") or secrets.token_urlsafe(16),
        attributes=organisation.attributes,
        sites=[(one.code, one.name) for one in sites],
        programs=[(one.code, one.name) for one in programs],
        groups=[(row["code"], _about(row, len(sites) > 1)) for row in groups],
        languages=[(code, language_name(code)) for code in spoken],
        texts=[one for one in texts if one.version == current[one.code]],
        text_choices=[(f"{code}:{version}", f"{code}, version {version}") for code, version in current.items()],
        language_name=language_name,
    )


def _about(row: Any, is_site_shown: bool) -> str:
    """A group in the words of a list to choose from."""
    free = row["capacity"] - row["taken"]
    left = f"{free} of {row['capacity']} places left"
    room = left if free > 0 and not row["waiting"] else f"full, {row['waiting']} waiting"
    where = f", {row['site_name']}" if is_site_shown else ""
    return f"{row['code'].replace('-', ' ').title()} ({row['program_name']}{where}): {room}"
