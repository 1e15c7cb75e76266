"""Asking to be contacted, from a check-in's link: for oneself, or for somebody else without being named."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field

from services.feedback import acts, store
from services.feedback.domain.check_in import Occasion
from services.feedback.domain.rota import read_by
from services.feedback.pages.help import find_link, help_of
from services.feedback.pages.templates import PAGES
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, form, submitted
from shared.errors import FieldError, Invalid, NotFound
from shared.fields import Command, Text
from shared.identity import derived_id, new_id
from shared.web.languages import language_of, speaker

router = APIRouter(include_in_schema=False)
_EMPTY = {"about": "", "text": ""}


class AskForContact(Command):
    """For whom, and a few words if they like. The key makes a form that is sent twice one concern."""

    about: Literal["me", "somebody-else"]
    text: Text = ""
    key: UUID = Field(description="made by the page")


@dataclass(frozen=True, slots=True)
class Asking:
    """Whose link it is, and when somebody at their site will read what they say now."""

    occasion: Occasion
    language: str
    contacts: store.Contacts | None
    read_by: datetime | None
    time_zone: str


@router.get("/c/{token}/contact")
async def contact_page(request: Request, db: Db, token: str) -> Response:
    """Whom they can reach at once, and the form. Opening it changes nothing."""
    link = await find_link(db, token)
    if link is None:
        raise NotFound("link")
    async with db.transaction(link.organisation_id) as tx:
        asking = await _asking(tx, request, link)
    if "asked" in request.query_params:
        return _page(request, asking, "contact-asked.html")
    return _page(request, asking, "contact.html", given=_EMPTY, key=new_id(), errors=())


@router.post("/c/{token}/contact")
async def ask_for_contact(request: Request, db: Db, token: str) -> Response:
    """A concern with an owner and a clock, from this moment on."""
    link = await find_link(db, token)
    if link is None:
        raise NotFound("link")
    fields = await submitted(request)
    async with db.transaction(link.organisation_id) as tx:
        asking = await _asking(tx, request, link)
        if "show" in fields:  # in another language, with what was written so far
            key = fields.get("key") or new_id()
            return _page(request, asking, "contact.html", given=_EMPTY | fields, key=key, errors=())
        try:
            command = form(AskForContact, fields)
        except Invalid as invalid:
            errors = [_in_words(one, asking.language) for one in invalid.errors]
            return _page(request, asking, "contact.html", 422, given=_EMPTY | fields, key=new_id(), errors=errors)
        await acts.raise_concern(tx, _about(asking, command), _id_of(asking, command))
    return RedirectResponse(f"/c/{token}/contact?asked&lang={asking.language}", 303)


async def _asking(tx: Tx, request: Request, link: store.Link) -> Asking:
    occasion = await store.get_occasion(tx, link.occasion_id, None, await store.library_of(tx))
    place = (await store.get_rota(tx, occasion.site_id, None)).place
    return Asking(
        occasion=occasion,
        language=language_of(request, link.language),
        contacts=await store.find_contacts(tx, occasion.site_id),
        read_by=read_by(place.rota, now(), place.zone),
        time_zone=occasion.time_zone,
    )


def _about(asking: Asking, command: AskForContact) -> acts.About:
    """Of somebody who worries about another person nothing is kept but what they wrote."""
    occasion, is_own = asking.occasion, command.about == "me"
    return acts.About(
        occasion.organisation_id,
        occasion.site_id,
        occasion.participant_id if is_own else None,
        "participant" if is_own else "other-participant",
        command.text or None,
    )


def _id_of(asking: Asking, command: AskForContact) -> UUID:
    parent = asking.occasion.occasion_id if command.about == "me" else asking.occasion.organisation_id
    return derived_id(parent, "contact", str(command.key))


def _in_words(error: FieldError, language: str) -> FieldError:
    say = speaker(language)
    message = say("Please use fewer words.") if error.field == "text" else say("Choose for whom.")
    return FieldError("text" if error.field == "text" else "about", error.code, message)


def _page(request: Request, asking: Asking, name: str, status: int = 200, **more: Any) -> HTMLResponse:
    return PAGES.render(
        request,
        name,
        status,
        lang=asking.language,
        read_by=asking.read_by,
        time_zone=asking.time_zone,
        link=request.url.path.removesuffix("/contact"),
        **help_of(asking.contacts, asking.language),
        **more,
    )
