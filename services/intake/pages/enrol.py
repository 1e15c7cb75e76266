"""Enrolling somebody: one page, with a look at who may be the same person before anything is saved.

Somebody who is here already is enrolled in another program from their own page.
"""

import json
import secrets
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import store
from services.intake.domain.consent import NEEDED, newest
from services.intake.domain.contact import Participant, refuse_duplicates, short_codes, somebody_new
from services.intake.domain.enrolment import enrol
from services.intake.domain.organisation import registered
from services.intake.domain.shapes import Beginning, Enrol, EnrolParticipant
from services.intake.domain.sites import today_at
from services.intake.pages.forms import consent, language_name, only, parts, shown
from shared import idempotency, outbox
from shared.clock import now
from shared.database import Database, Tx
from shared.doors import Db, allow, form, submitted
from shared.errors import Invalid, Refusal
from shared.identity import new_id
from shared.security import Who
from shared.web.filters import words

router = APIRouter(prefix="/intake/participants", include_in_schema=False)
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


@router.get("/enrol")
async def enrol_page(request: Request, db: Db, who: Coordinator) -> Response:
    """The empty form."""
    return await _shown(request, db, who, None, {}, None)


@router.post("/enrol")
async def enrol_form(request: Request, db: Db, who: Coordinator) -> Response:
    """Enrol, or show what is missing or who may be the same person; what was entered is still there."""
    return await _answer(request, db, who, None)


@router.get("/{participant_id}/enrol")
async def enrol_again_page(participant_id: UUID, request: Request, db: Db, who: Coordinator) -> Response:
    """The form for another program, with what they answered last time."""
    async with db.transaction(who.organisation_id) as tx:
        rows = await store.enrolments_of(tx, [participant_id], who.site_ids)
    fields = {f"attributes.{code}": said for row in rows[:1] for code, said in row["attributes"].items()}
    return await _shown(request, db, who, participant_id, fields, None)


@router.post("/{participant_id}/enrol")
async def enrol_again_form(participant_id: UUID, request: Request, db: Db, who: Coordinator) -> Response:
    """Enrol somebody who is here already in another program."""
    return await _answer(request, db, who, participant_id)


async def _answer(request: Request, db: Database, who: Who, known: UUID | None) -> Response:
    fields = await submitted(request)
    try:
        participant_id = await _enrol(db, who, known, fields)
    except idempotency.Reused:
        fields["once"] = secrets.token_urlsafe(16)
        message = (
            "Somebody was enrolled with this form before. If this is somebody else, look it over and send it again."
        )
        return await _shown(request, db, who, known, fields, Refusal("form-spent", message))
    except Refusal as refusal:
        return await _shown(request, db, who, known, fields, refusal)
    return RedirectResponse(f"/intake/participants/{participant_id}?done=enrolled", 303)


async def _enrol(db: Database, who: Who, known: UUID | None, fields: dict[str, Any]) -> UUID:
    moment, command = now(), _command(Enrol if known else EnrolParticipant, fields)
    # The form brings a key of its own, so that the impatient and the reloading enrol nobody twice. Whoever goes back
    # to it and enters somebody else is told that it is spent.
    once = str(fields.get("once") or new_id())[:64]
    asked = idempotency.fingerprint("POST", str(known), command.model_dump_json().encode())
    key = idempotency.Key(who.organisation_id, f"enrol-page:{once}", asked)
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return UUID(json.loads(bytes(first.body))["participant_id"])
        participant = await _participant(tx, who, known, command)
        ground = await store.get_ground(tx, who.organisation_id, who.site_ids, command, known)
        beginning = Beginning(new_id(), today_at(ground.site, moment), command.attributes, command.consent)
        change = enrol(ground, participant, beginning)
        await store.save_change(tx, change, moment, who.subject)
        for event in change.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        await idempotency.keep(tx, key, 201, {"participant_id": str(participant.participant_id)})
    return participant.participant_id


async def _participant(tx: Tx, who: Who, known: UUID | None, command: Enrol) -> Participant:
    """Whoever is to be enrolled: somebody known, or somebody new whom nobody here is likely to be."""
    if known:
        return await store.get_participant(tx, known, who.site_ids)
    assert isinstance(command, EnrolParticipant)
    if not command.is_not_duplicate:
        refuse_duplicates(await store.alike(tx, who.site_ids, command.email, command.phone))
    code = await store.free_short_code(tx, short_codes(secrets.randbits(32) for _ in range(20)))
    return somebody_new(new_id(), who.organisation_id, None, code, command)


def _command(kind: type[Enrol], fields: dict[str, Any]) -> Enrol:
    """The form as the same command that programs send, with everything that is missing named at once."""
    asked = only(fields, *(kind.model_fields.keys() - {"reference"})) | {
        "attributes": parts(fields, "attributes"),
        "consent": consent(fields.get("consent_text", ""), parts(fields, "consent")),
    }
    try:
        return form(kind, asked)
    except Invalid as wrong:
        needed = () if "consent.taking_part" in fields else (NEEDED,)
        raise Invalid(*wrong.errors, *needed) from None


async def _shown(
    request: Request, db: Database, who: Who, known: UUID | None, fields: dict[str, Any], refusal: Refusal | None
) -> Response:
    async with db.transaction(who.organisation_id) as tx:
        organisation = registered(await store.find_organisation(tx, who.organisation_id))
        person = await store.get_participant(tx, known, who.site_ids) if known else None
        been_in = {row["program"] for row in await store.enrolments_of(tx, [known] if known else [], who.site_ids)}
        sites, programs = await store.sites(tx, who.site_ids), await store.programs(tx, who.site_ids)
        groups, texts = await store.groups(tx, who.site_ids), await store.consent_texts(tx)
    spoken = sorted({code for site in sites for code in site.languages})
    current = newest(texts)
    return shown(
        request,
        "enrol.html",
        fields,
        refusal,
        person=person,
        once=fields.get("once") or secrets.token_urlsafe(16),
        attributes=organisation.attributes,
        sites=[(one.code, one.name) for one in sites],
        programs=[(one.code, one.name) for one in programs if one.code not in been_in],
        groups=[(row["code"], _about(row, len(sites) > 1)) for row in groups if row["program"] not in been_in],
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
    return f"{words(row['code'])} ({row['program_name']}{where}): {room}"
