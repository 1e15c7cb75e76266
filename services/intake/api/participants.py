"""Participants: enrolling somebody new, finding them, correcting how to reach them."""

import secrets
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse

from services.intake import store
from services.intake.acts import get_to_correct, save_contact
from services.intake.api.shapes import EnrolledShape, ParticipantShape, ParticipantsShape, participant_shape
from services.intake.domain.contact import (
    CorrectContact,
    Participant,
    correct,
    refuse_duplicates,
    short_codes,
    somebody_new,
)
from services.intake.domain.enrolment import enrol
from services.intake.domain.places import standing_of
from services.intake.domain.shapes import Beginning, Enrol, EnrolParticipant, Ground
from services.intake.domain.sites import today_at
from shared import idempotency, outbox
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, IdempotencyKey, allow
from shared.errors import FieldError, Refusal
from shared.events.base import Code
from shared.events.ids import program_id_of, site_id_of
from shared.identity import new_id
from shared.security import Who

router = APIRouter(prefix="/intake/api/v1/participants", tags=["participants"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


@router.post("", status_code=201, response_model=EnrolledShape)
async def enrol_participant(command: EnrolParticipant, db: Db, who: Coordinator, key: IdempotencyKey) -> JSONResponse:
    """Enrol somebody who is new here. Somebody with the same contact is shown first (`is_not_duplicate`)."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        if not command.is_not_duplicate:
            refuse_duplicates(await store.alike(tx, who.site_ids, command.email, command.phone))
        if command.reference and await store.find_by_reference(tx, command.reference):
            error = FieldError("reference", "reference-taken", "Somebody with this reference is here already.")
            raise Refusal(error.code, error.message, [error])
        code = await store.free_short_code(tx, short_codes(secrets.randbits(32) for _ in range(20)))
        participant = somebody_new(new_id(), who.organisation_id, command.reference, code, command)
        ground = await store.get_ground(tx, who.organisation_id, who.site_ids, command)
        return await idempotency.keep(tx, key, 201, await _enrol(tx, who, participant, ground, command))


@router.post("/{participant_id}/enrolments", status_code=201, response_model=EnrolledShape)
async def enrol_again(
    participant_id: UUID, command: Enrol, db: Db, who: Coordinator, key: IdempotencyKey
) -> JSONResponse:
    """Enrol somebody who is here already in another program."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        participant = await store.get_participant(tx, participant_id, who.site_ids)
        ground = await store.get_ground(tx, who.organisation_id, who.site_ids, command, participant_id)
        return await idempotency.keep(tx, key, 201, await _enrol(tx, who, participant, ground, command))


async def _enrol(tx: Tx, who: Who, participant: Participant, ground: Ground, command: Enrol) -> dict[str, Any]:
    moment = now()
    beginning = Beginning(new_id(), today_at(ground.site, moment), command.attributes, command.consent)
    change = enrol(ground, participant, beginning)
    await store.save_change(tx, change, moment, who.subject)
    for event in change.events:
        outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    return {
        "participant_id": str(participant.participant_id),
        "enrolment_id": str(beginning.enrolment_id),
        "short_code": participant.short_code,
        "placement": standing_of(change.places, beginning.enrolment_id, ground.group),
    }


@router.get("")
async def get_participants(
    db: Db,
    who: Coordinator,
    site: Code | None = None,
    program: Code | None = None,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ParticipantsShape:
    """Participants at the sites that the reader sees, in the order in which they came."""
    asked = store.People(
        who.site_ids,
        site_id_of(who.organisation_id, site) if site else None,
        program_id_of(who.organisation_id, program) if program else None,
    )
    async with db.transaction(who.organisation_id) as tx:
        found = await store.participants_after(tx, asked, after, limit)
        rows = await store.enrolments_of(tx, [one.participant_id for one in found], who.site_ids)
    following = found[-1].participant_id if len(found) == limit else None
    return ParticipantsShape(participants=[participant_shape(one, rows) for one in found], next=following)


@router.get("/{participant_id}")
async def get_participant(participant_id: UUID, db: Db, who: Coordinator) -> ParticipantShape:
    """One participant with the enrolments at the sites that the reader sees."""
    async with db.transaction(who.organisation_id) as tx:
        participant = await store.get_participant(tx, participant_id, who.site_ids)
        return participant_shape(participant, await store.enrolments_of(tx, [participant_id], who.site_ids))


@router.put("/{participant_id}/contact")
async def correct_contact(participant_id: UUID, command: CorrectContact, db: Db, who: Coordinator) -> ParticipantShape:
    """Correct how somebody likes to be called and can be reached. Nobody else is told: it stays here.

    A new address is sent what is open and was not sent yet.
    """
    async with db.transaction(who.organisation_id) as tx:
        known = await get_to_correct(tx, participant_id, who.site_ids)
        participant = correct(known, command, await store.languages_of(tx, participant_id))
        await save_contact(tx, known, participant, now())
        return participant_shape(participant, await store.enrolments_of(tx, [participant_id], who.site_ids))
