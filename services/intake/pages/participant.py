"""One participant: who they are, what they agreed to, where they stand, and what can be done."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import store
from services.intake.acts import get_to_correct, save_contact
from services.intake.domain.consent import GiveConsent, newest
from services.intake.domain.contact import CorrectContact, correct
from services.intake.domain.enrolment import change
from services.intake.domain.invitation import hand, invited
from services.intake.domain.shapes import (
    ChangeEnrolment,
    CompleteEnrolment,
    CorrectAttributes,
    Enrolment,
    GiveUpPlace,
    PlaceEnrolment,
    ResumeEnrolment,
    WithdrawEnrolment,
)
from services.intake.domain.sites import today_at
from services.intake.pages.forms import consent, entered, language_name, only, parts
from services.intake.pages.frame import PAGES
from shared import outbox
from shared.clock import now
from shared.doors import Db, allow, form, mark, refuse_stale, submitted
from shared.errors import FieldError, Refusal
from shared.events.ids import group_id_of
from shared.events.intake import Consents
from shared.security import Who

router = APIRouter(prefix="/intake/participants/{participant_id}", include_in_schema=False)
AGREED = ("consent_text", "consent_version", *Consents.model_fields)
C = TypeVar("C", bound=ChangeEnrolment)
DONE = {
    "enrolled": "Enrolled. Their group and their check-ins follow within moments.",
    "contact": "Corrected.",
    "consent": "Written down. It counts from now on.",
    "attributes": "Corrected. Figures follow.",
    "complete": "Completed. If somebody was waiting, the place is theirs now.",
    "withdraw": "Written down. If somebody was waiting, the place is theirs now.",
    "resume": "Taken back. They have no place in a group now: choose one if they are to meet with others.",
    "place": "The group has been chosen.",
    "give-up-place": "Written down. If somebody was waiting, the place is theirs now.",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Whose page this is, and who stands before it."""

    participant_id: UUID
    request: Request
    db: Db
    who: Annotated[Who, Depends(allow("coordinator", "administrator"))]

    def done(self, what: str) -> Response:
        """The page again, which says so."""
        return RedirectResponse(f"/intake/participants/{self.participant_id}?done={what}", 303)


On = Annotated[Page, Depends()]


@router.get("")
async def participant_page(page: On, done: str = "") -> Response:
    """Everything on one page."""
    return await _shown(page, flash=DONE.get(done))


@router.post("/contact")
async def contact_form(page: On) -> Response:
    """Correct how to call and to reach them."""
    fields, who = await submitted(page.request), page.who
    try:
        command = form(CorrectContact, only(fields, *CorrectContact.model_fields))
        async with page.db.transaction(who.organisation_id) as tx:
            known = await get_to_correct(tx, page.participant_id, who.site_ids)
            refuse_stale(fields, known)
            offered = await store.languages_of(tx, page.participant_id)
            await save_contact(tx, known, correct(known, command, offered), now())
    except Refusal as refusal:
        return await _shown(page, refusal=refusal, fields=entered(fields), at=("contact", None))
    return page.done("contact")


@router.post("/enrolments/{enrolment_id}/consent")
async def consent_form(page: On, enrolment_id: UUID) -> Response:
    """Write down what they agree to from now on."""
    fields = parts(await submitted(page.request), str(enrolment_id))
    wanted = consent(fields.get("consent_text", ""), fields)
    return await _change(page, enrolment_id, "consent", GiveConsent, wanted, sent=fields)


@router.post("/enrolments/{enrolment_id}/attributes")
async def attributes_form(page: On, enrolment_id: UUID) -> Response:
    """Correct what is known about them."""
    fields = parts(await submitted(page.request), str(enrolment_id))
    wanted = {"attributes": parts(fields, "attributes")}
    return await _change(page, enrolment_id, "attributes", CorrectAttributes, wanted, sent=fields)


@router.post("/enrolments/{enrolment_id}/complete")
async def complete_form(page: On, enrolment_id: UUID) -> Response:
    """They have completed the program."""
    fields = parts(await submitted(page.request), str(enrolment_id))
    return await _change(page, enrolment_id, "complete", CompleteEnrolment, only(fields, "completed_on"))


@router.post("/enrolments/{enrolment_id}/withdraw")
async def withdraw_form(page: On, enrolment_id: UUID) -> Response:
    """They have left the program."""
    fields = parts(await submitted(page.request), str(enrolment_id))
    return await _change(page, enrolment_id, "withdraw", WithdrawEnrolment, only(fields, "withdrawn_on"))


@router.post("/enrolments/{enrolment_id}/resume")
async def resume_form(page: On, enrolment_id: UUID) -> Response:
    """They have not left after all, or go on."""
    fields = parts(await submitted(page.request), str(enrolment_id))
    return await _change(page, enrolment_id, "resume", ResumeEnrolment, {}, sent=fields)


@router.post("/enrolments/{enrolment_id}/place")
async def place_form(page: On, enrolment_id: UUID) -> Response:
    """Ask for a place in a group."""
    fields = parts(await submitted(page.request), str(enrolment_id))
    return await _change(page, enrolment_id, "place", PlaceEnrolment, only(fields, "group"))


@router.post("/enrolments/{enrolment_id}/give-up-place")
async def give_up_place_form(page: On, enrolment_id: UUID) -> Response:
    """They leave their group, or its line."""
    fields = parts(await submitted(page.request), str(enrolment_id))
    return await _change(page, enrolment_id, "give-up-place", GiveUpPlace, only(fields, "group"))


async def _change(
    page: Page,
    enrolment_id: UUID,
    what: str,
    kind: type[C],
    fields: dict[str, Any],
    *,
    sent: dict[str, Any] | None = None,
) -> Response:
    """Do what a form asks of an enrolment, or show what is wrong with it; `sent` is all of a form that replaces."""
    moment, who = now(), page.who
    try:
        command = form(kind, fields)
        wanted = group_id_of(who.organisation_id, command.group) if isinstance(command, PlaceEnrolment) else None
        async with page.db.transaction(who.organisation_id) as tx:
            standing = await store.get_standing(tx, page.participant_id, enrolment_id, who.site_ids, wanted)
            if sent:
                # Boxes that were ticked on an old page would give back a consent that was taken away meanwhile.
                refuse_stale(sent, _replaced(what, standing.enrolment))
            decided = change(standing, command, today_at(standing.site, moment))
            await store.save_change(tx, decided, moment, who.subject)
            for event in decided.events:
                outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        entries = entered({f"{enrolment_id}.{name}": value for name, value in fields.items()})
        return await _shown(page, refusal=refusal, fields=entries, at=(what, enrolment_id))
    return page.done(what)


def _replaced(what: str, enrolment: Enrolment) -> Any:
    """All that a form replaces."""
    if what == "resume":
        return [enrolment.state, enrolment.ended_on]
    if what == "attributes":
        return enrolment.attributes
    return [enrolment.consent_text, enrolment.consent_version, *enrolment.consents.model_dump().values()]


@router.post("/occasions/{occasion_id}/link")
async def link_form(page: On, occasion_id: UUID) -> Response:
    """A link to hand over, shown this once."""
    moment, who, token = now(), page.who, secrets.token_urlsafe(16)
    try:
        async with page.db.transaction(who.organisation_id) as tx:
            occasion = await store.get_occasion(tx, occasion_id, who.site_ids)
            hand(occasion, moment)
            event = invited(occasion, hashlib.sha256(token.encode()).hexdigest(), "hand")
            await store.add_invitations(tx, [(who.organisation_id, event)], moment)
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        return await _shown(page, refusal=refusal)
    link = f"{page.request.app.state.running.settings.public_url}/c/{token}"
    return await _shown(page, link=link, link_until=event.expires_at, link_of=occasion_id)


async def _shown(
    page: Page, *, refusal: Refusal | None = None, at: tuple[str, UUID | None] = ("", None), **more: Any
) -> Response:
    """The page; `at` is the form that was refused."""
    moment, who, participant_id = now(), page.who, page.participant_id
    async with page.db.transaction(who.organisation_id) as tx:
        participant = await store.get_participant(tx, participant_id, who.site_ids)
        enrolments = await store.enrolments_of(tx, [participant_id], who.site_ids)
        occasions = await store.occasions_of(tx, [row["enrolment_id"] for row in enrolments])
        groups, texts = await store.groups(tx, who.site_ids), await store.consent_texts(tx)
        organisation = await store.find_organisation(tx, who.organisation_id)
        sites = {one.code: one for one in await store.sites(tx, who.site_ids)}
        programs = {one.code for one in await store.programs(tx, who.site_ids)}
    spoken = sorted({code for row in enrolments for code in sites[row["site"]].languages} | {participant.language})
    context = {"flash": None, "fields": entered({}), "link": None, "link_until": None, "link_of": None} | more
    return PAGES.render(
        page.request,
        "participant.html",
        refusal.status if refusal else 200,
        person=participant,
        enrolments=enrolments,
        has_other_programs=bool(programs - {row["program"] for row in enrolments}),
        occasions=occasions,
        groups=groups,
        attributes=organisation.attributes if organisation else (),
        labels=_labels(organisation),
        text_choices=[(f"{code}:{version}", f"{code}, version {version}") for code, version in newest(texts).items()],
        languages=[(code, language_name(code)) for code in spoken],
        language_name=language_name,
        now=moment,
        contact_mark=mark(participant),
        consent_marks={row["enrolment_id"]: mark([row[name] for name in AGREED]) for row in enrolments},
        end_marks={row["enrolment_id"]: mark([row["state"], row["ended_on"]]) for row in enrolments},
        attributes_marks={row["enrolment_id"]: mark(row["attributes"]) for row in enrolments},
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
