"""Crisis contacts for staff: whom somebody in need can reach at each site."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import store
from services.feedback.domain.contacts import SetCrisisContacts, are_confirmed, check, ways
from services.feedback.pages.forms import nested
from services.feedback.pages.templates import PAGES, Coordinator
from services.feedback.store import Site
from shared.clock import now
from shared.doors import Db, form, mark, refuse_stale, submitted
from shared.errors import FieldError, Refusal
from shared.events.base import Code
from shared.events.ids import site_id_of

router = APIRouter(prefix="/feedback/crisis-contacts", include_in_schema=False)
ROWS_MIN = 2


@router.get("")
async def contacts(request: Request, db: Db, who: Coordinator) -> HTMLResponse:
    """Every site with its contacts, those without any first."""
    async with db.transaction(who.organisation_id) as tx:
        sites = await store.sites(tx, who.site_ids)
    is_saved = request.query_params.get("saved") in {site.code for site in sites}
    return PAGES.render(
        request,
        "crisis-contacts.html",
        sites=sorted(sites, key=lambda site: (site.contacts is not None, site.code)),
        ways=ways,
        are_confirmed=are_confirmed,
        now=now(),
        flash="The crisis contacts are saved. They stand on every check-in of the site now." if is_saved else None,
    )


@router.get("/{code}")
async def contacts_of_site(request: Request, db: Db, who: Coordinator, code: Code) -> HTMLResponse:
    """The form of one site."""
    async with db.transaction(who.organisation_id) as tx:
        site = await store.get_site(tx, site_id_of(who.organisation_id, code), who.site_ids)
    given: dict[str, Any] = {}
    if site.contacts:
        known = site.contacts
        given = {
            "contacts": [one.model_dump(exclude_none=True) for one in known.contacts],
            "note": known.note.model_dump(exclude_none=True),
            "confirmed_on": known.confirmed_on,
        }
    return _form(request, site, given, None, mark(site.contacts))


@router.post("/{code}")
async def set_contacts(request: Request, db: Db, who: Coordinator, code: Code) -> Response:
    """Set them, by the same rules as the JSON."""
    sent, moment, site_id = await submitted(request), now(), site_id_of(who.organisation_id, code)
    fields = nested({name: value for name, value in sent.items() if name != "was"})
    async with db.transaction(who.organisation_id) as tx:
        await store.lock_site(tx, site_id)
        site = await store.get_site(tx, site_id, who.site_ids)
        try:
            refuse_stale(sent, site.contacts)
            command = check(form(SetCrisisContacts, fields), site.time_zone, moment)
        except Refusal as refusal:
            return _form(request, site, fields, refusal, sent.get("was"))
        await store.save_contacts(tx, who.organisation_id, site.site_id, command, moment)
    return RedirectResponse(f"/feedback/crisis-contacts?saved={site.code}", 303)


def _form(
    request: Request, site: Site, given: dict[str, Any], refusal: Refusal | None, was: str | None
) -> HTMLResponse:
    sent = given.get("contacts")
    rows = [one if isinstance(one, dict) else {} for one in sent] if isinstance(sent, list) else []
    rows += [{}] * max(1, ROWS_MIN - len(rows))
    return PAGES.render(
        request,
        "contacts.html",
        refusal.status if refusal else 200,
        site=site,
        rows=rows[:10],
        note=_part(given, "note"),
        confirmed_on=given.get("confirmed_on") or "",
        part=_part,
        was=was,
        refused=refusal.message if refusal and not refusal.errors else None,
        errors=[_at_a_field(error) for error in refusal.errors] if refusal else [],
    )


def _part(given: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of the form, empty if it was not filled in."""
    found = given.get(name)
    return found if isinstance(found, dict) else {}


_WHOLE = {
    "contacts": ("contacts.0.label.en", "Give at least one contact."),
    "note": ("note.en", "Say who reads the answers, and when, in at least one language."),
}


def _at_a_field(error: FieldError) -> FieldError:
    """An error as the form says it: of which contact, and at a field that is there."""
    if error.field in _WHOLE:
        field, message = _WHOLE[error.field]
        return FieldError(field, error.code, message)
    parts = error.field.split(".")
    field, message = error.field, error.message
    if parts[0] == "contacts":
        message = f"Contact {int(parts[1]) + 1}: {message[:1].lower()}{message[1:]}"
        if len(parts) == 2:
            field = f"{field}.phone"
        if parts[-1] in ("label", "hours"):
            field = f"{field}.en"
    return FieldError(field, error.code, message)
