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
from services.feedback.domain.concerns import Place
from services.feedback.domain.rota import read_by
from services.feedback.pages.forms import typed
from services.feedback.pages.help import find_link, help_of
from services.feedback.pages.templates import PAGES
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, form
from shared.errors import FieldError, Invalid, NotFound
from shared.fields import Command, Text
from shared.identity import derived_id, new_id
from shared.web.languages import language_of, speaker

router = APIRouter(include_in_schema=False)
_EMPTY = {"about": "", "text": ""}


class AskForContact(Command):
    """For whom, and a few words if they like. The key makes what is sent twice one concern; other words add to it."""

    about: Literal["me", "somebody-else"]
    text: Text = ""
    key: UUID = Field(description="made by the page")


@dataclass(frozen=True, slots=True)
class Asking:
    """Whose link it is, and who reads at their site what they say."""

    occasion: Occasion
    language: str
    contacts: store.Contacts | None
    place: Place


@router.get("/c/{token}/contact")
async def contact_page(request: Request, db: Db, token: str) -> Response:
    """Whom they can reach at once, and the form. Opening it changes nothing."""
    link = await find_link(db, token)
    if link is None:
        raise NotFound("link")
    async with db.transaction(link.organisation_id) as tx:
        asking = await _asking(tx, request, link)
        asked_at = await _asked_at(tx, asking, request.query_params.get("asked", ""))
    if asked_at:
        return _page(request, asking, "contact-asked.html", asked_at, now=now())
    return _page(request, asking, "contact.html", given=_EMPTY, key=new_id(), errors=())


@router.post("/c/{token}/contact")
async def ask_for_contact(request: Request, db: Db, token: str) -> Response:
    """A concern with an owner and a clock, from this moment on."""
    link = await find_link(db, token)
    if link is None:
        raise NotFound("link")
    fields = await typed(request)
    async with db.transaction(link.organisation_id) as tx:
        asking = await _asking(tx, request, link)
        if "show" in fields:  # in another language, with what was written so far
            key = fields.get("key") or new_id()
            return _page(request, asking, "contact.html", given=_EMPTY | fields, key=key, errors=())
        try:
            command = form(AskForContact, fields)
        except Invalid as invalid:
            errors = [_in_words(one, asking.language) for one in invalid.errors]
            given, key = _EMPTY | fields, new_id()
            return _page(request, asking, "contact.html", status=422, given=given, key=key, errors=errors)
        await acts.raise_concern(tx, _about(asking, command), _ids_of(asking, command.key)[command.about])
    return RedirectResponse(f"/c/{token}/contact?asked={command.key}&lang={asking.language}", 303)


async def _asking(tx: Tx, request: Request, link: store.Link) -> Asking:
    occasion = await store.get_occasion(tx, link.occasion_id, None, await store.library_of(tx))
    return Asking(
        occasion=occasion,
        language=language_of(request, link.language),
        contacts=await store.find_contacts(tx, occasion.site_id),
        place=(await store.get_rota(tx, occasion.site_id, None)).place,
    )


async def _asked_at(tx: Tx, asking: Asking, key: str) -> datetime | None:
    """When they last asked with this key: what is promised counts from then, however often the page is opened."""
    try:
        ids = _ids_of(asking, UUID(key))
    except ValueError:
        return None
    found = [await acts.said_at(tx, one) for one in ids.values()]
    return max((moment for moment in found if moment), default=None)


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


def _ids_of(asking: Asking, key: UUID) -> dict[str, UUID]:
    """The id of the concern, by whom it is about."""
    parents = {"me": asking.occasion.occasion_id, "somebody-else": asking.occasion.organisation_id}
    return {about: derived_id(parent, "contact", str(key)) for about, parent in parents.items()}


def _in_words(error: FieldError, language: str) -> FieldError:
    say = speaker(language)
    message = say("Please use fewer words.") if error.field == "text" else say("Choose for whom.")
    return FieldError("text" if error.field == "text" else "about", error.code, message)


def _page(
    request: Request, asking: Asking, name: str, asked_at: datetime | None = None, status: int = 200, **more: Any
) -> HTMLResponse:
    place = asking.place
    return PAGES.render(
        request,
        name,
        status,
        lang=asking.language,
        read_by=read_by(place.rota, asked_at or now(), place.zone),
        time_zone=asking.occasion.time_zone,
        link=request.url.path.removesuffix("/contact"),
        **help_of(asking.contacts, asking.language),
        **more,
    )
