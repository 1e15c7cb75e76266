"""One participant: who they are, what they agreed to, where they stand, and what can be done."""

import hashlib
import secrets
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import store
from services.intake.domain.consent import GiveConsent, newest
from services.intake.domain.contact import CorrectContact, correct
from services.intake.domain.enrolment import change_consent, complete, place, withdraw
from services.intake.domain.invitation import hand, invited
from services.intake.domain.places import group_id_of
from services.intake.domain.shapes import CompleteEnrolment, PlaceEnrolment, WithdrawEnrolment
from services.intake.domain.sites import today_at
from services.intake.pages.forms import entered, language_name, only, parts
from services.intake.pages.frame import PAGES
from shared import outbox
from shared.clock import now
from shared.database import Database
from shared.doors import Db, allow, form, submitted
from shared.errors import FieldError, Refusal
from shared.security import Who

router = APIRouter(prefix="/intake/participants/{participant_id}", include_in_schema=False)
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]
DONE = {
    "enrolled": "Enrolled. Their group and their check-ins follow within moments.",
    "contact": "Corrected.",
    "consent": "Written down. It counts from now on.",
    "complete": "Completed. If somebody was waiting, the place is theirs now.",
    "withdraw": "Written down. If somebody was waiting, the place is theirs now.",
    "place": "The group has been chosen.",
}


@router.get("")
async def participant_page(
    participant_id: UUID, request: Request, db: Db, who: Coordinator, done: str = ""
) -> Response:
    """Everything on one page."""
    return await _shown(request, db, who, participant_id, flash=DONE.get(done))


@router.post("/contact")
async def contact_form(participant_id: UUID, request: Request, db: Db, who: Coordinator) -> Response:
    """Correct how to call and to reach them."""
    fields = await submitted(request)
    try:
        command = form(CorrectContact, only(fields, "preferred_name", "email", "phone", "language"))
        async with db.transaction(who.organisation_id) as tx:
            participant = correct(await store.get_participant(tx, participant_id, who.site_ids), command)
            await store.save_participant(tx, participant)
    except Refusal as refusal:
        return await _shown(
            request, db, who, participant_id, refusal=refusal, fields=entered(fields), at=("contact", None)
        )
    return _done(participant_id, "contact")


@router.post("/enrolments/{enrolment_id}/consent")
async def consent_form(
    participant_id: UUID, enrolment_id: UUID, request: Request, db: Db, who: Coordinator
) -> Response:
    """Write down what they agree to from now on."""
    fields, moment = parts(await submitted(request), str(enrolment_id)), now()
    text, _, version = str(fields.get("consent_text", "")).partition(":")
    agreed = {name: fields.get(name, False) for name in ("taking_part", "reporting", "contact_after")}
    try:
        command = form(GiveConsent, {"text": text, "version": version, **agreed})
        async with db.transaction(who.organisation_id) as tx:
            standing, _, texts = await store.get_standing(tx, participant_id, enrolment_id, who.site_ids)
            change = change_consent(standing, command, texts)
            await store.save_change(tx, change, moment, who.subject)
            for event in change.events:
                outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        return await _shown(request, db, who, participant_id, refusal=refusal, at=("consent", enrolment_id))
    return _done(participant_id, "consent")


@router.post("/enrolments/{enrolment_id}/complete")
async def complete_form(
    participant_id: UUID, enrolment_id: UUID, request: Request, db: Db, who: Coordinator
) -> Response:
    """They have completed the program."""
    fields, moment = parts(await submitted(request), str(enrolment_id)), now()
    try:
        command = form(CompleteEnrolment, only(fields, "completed_on"))
        async with db.transaction(who.organisation_id) as tx:
            standing, _, _ = await store.get_standing(tx, participant_id, enrolment_id, who.site_ids)
            change = complete(standing, command.completed_on, today_at(standing.site, moment))
            await store.save_change(tx, change, moment, who.subject)
            for event in change.events:
                outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        return await _shown(request, db, who, participant_id, refusal=refusal, at=("complete", enrolment_id))
    return _done(participant_id, "complete")


@router.post("/enrolments/{enrolment_id}/withdraw")
async def withdraw_form(
    participant_id: UUID, enrolment_id: UUID, request: Request, db: Db, who: Coordinator
) -> Response:
    """They have left the program."""
    fields, moment = parts(await submitted(request), str(enrolment_id)), now()
    try:
        command = form(WithdrawEnrolment, only(fields, "withdrawn_on"))
        async with db.transaction(who.organisation_id) as tx:
            standing, _, _ = await store.get_standing(tx, participant_id, enrolment_id, who.site_ids)
            change = withdraw(standing, command.withdrawn_on, today_at(standing.site, moment))
            await store.save_change(tx, change, moment, who.subject)
            for event in change.events:
                outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        return await _shown(request, db, who, participant_id, refusal=refusal, at=("withdraw", enrolment_id))
    return _done(participant_id, "withdraw")


@router.post("/enrolments/{enrolment_id}/place")
async def place_form(participant_id: UUID, enrolment_id: UUID, request: Request, db: Db, who: Coordinator) -> Response:
    """Ask for a place in a group."""
    fields, moment = parts(await submitted(request), str(enrolment_id)), now()
    try:
        command = form(PlaceEnrolment, only(fields, "group"))
        wanted = group_id_of(who.organisation_id, command.group)
        async with db.transaction(who.organisation_id) as tx:
            standing, target, _ = await store.get_standing(tx, participant_id, enrolment_id, who.site_ids, wanted)
            change = place(standing, target, today_at(standing.site, moment))
            await store.save_change(tx, change, moment, who.subject)
            for event in change.events:
                outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        return await _shown(request, db, who, participant_id, refusal=refusal, at=("place", enrolment_id))
    return _done(participant_id, "place")


@router.post("/occasions/{occasion_id}/link")
async def link_form(participant_id: UUID, occasion_id: UUID, request: Request, db: Db, who: Coordinator) -> Response:
    """A link to hand over, shown this once."""
    moment, token = now(), secrets.token_urlsafe(16)
    try:
        async with db.transaction(who.organisation_id) as tx:
            occasion = await store.get_occasion(tx, occasion_id, who.site_ids)
            hand(occasion, moment)
            event = invited(occasion, hashlib.sha256(token.encode()).hexdigest(), "hand")
            await store.add_invitation(tx, who.organisation_id, event, moment)
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        return await _shown(request, db, who, participant_id, refusal=refusal)
    link = f"{request.app.state.running.settings.public_url}/c/{token}"
    return await _shown(request, db, who, participant_id, link=link, link_until=event.expires_at)


def _done(participant_id: UUID, what: str) -> Response:
    return RedirectResponse(f"/intake/participants/{participant_id}?done={what}", 303)


async def _shown(
    request: Request,
    db: Database,
    who: Who,
    participant_id: UUID,
    *,
    refusal: Refusal | None = None,
    at: tuple[str, UUID | None] = ("", None),
    **more: Any,
) -> Response:
    """The page; `at` is the form that was refused."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        participant = await store.get_participant(tx, participant_id, who.site_ids)
        enrolments = await store.enrolments_of(tx, [participant_id], who.site_ids)
        occasions = await store.occasions_of(tx, [row["enrolment_id"] for row in enrolments])
        groups, texts = await store.groups(tx, who.site_ids), await store.consent_texts(tx)
        organisation = await store.find_organisation(tx, who.organisation_id)
        sites = {one.code: one for one in await store.sites(tx, who.site_ids)}
    spoken = sorted({code for row in enrolments for code in sites[row["site"]].languages} | {participant.language})
    context = {"flash": None, "fields": entered({}), "link": None, "link_until": None} | more
    return PAGES.render(
        request,
        "participant.html",
        refusal.status if refusal else 200,
        person=participant,
        enrolments=enrolments,
        occasions=occasions,
        groups=groups,
        labels=_labels(organisation),
        text_choices=[(f"{code}:{version}", f"{code}, version {version}") for code, version in newest(texts).items()],
        languages=[(code, language_name(code)) for code in spoken],
        language_name=language_name,
        now=moment,
        today={row["enrolment_id"]: today_at(sites[row["site"]], moment) for row in enrolments},
        refusal=refusal,
        errors=[_at(one, at[1]) for one in refusal.errors] if refusal else [],
        at=at,
        **context,
    )


def _at(error: FieldError, enrolment_id: UUID | None) -> FieldError:
    """Forms stand on the page once for each enrolment: their fields carry its id."""
    return replace(error, field=f"{enrolment_id}.{error.field}") if enrolment_id else error


def _labels(organisation: Any) -> dict[tuple[str, str], tuple[str, str]]:
    """The words for an attribute and its answer, by their codes."""
    return {
        (one.code, option.code): (one.label, option.label)
        for one in (organisation.attributes if organisation else ())
        for option in one.options
    }
