"""The tablet at the door: a code, the questions, thanks, and nothing of it for whoever comes next.

Each page is one that can be opened again: the server knows whether it is still this person's turn, so that the back
button finds nothing. Nothing is kept on the tablet, and no score is shown on it.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.check_in import Closed, Occasion, answer, why_closed
from services.feedback.domain.contacts import are_confirmed
from services.feedback.domain.instruments import Library
from services.feedback.domain.kiosk import VISIT, Kiosk, Visit, let_try, mistyped, read_code
from services.feedback.domain.rota import read_by
from services.feedback.pages.forms import typed
from services.feedback.pages.help import find_link, help_of
from services.feedback.pages.questions import answers_in, questions
from services.feedback.pages.templates import PAGES
from shared.clock import now
from shared.database import Database, Tx
from shared.doors import Db
from shared.errors import FieldError, Invalid, NotFound, Refusal
from shared.identity import new_id
from shared.web.languages import language_of, speaker

router = APIRouter(prefix="/c/kiosk/{token}", include_in_schema=False)
_OVER = ("answered", "expired", "cancelled", "no-wording")  # nor does somebody's own link lead to questions then


@dataclass(frozen=True, slots=True)
class Door:
    """A tablet at the door of a site, at this moment."""

    kiosk: Kiosk
    site: store.Site
    here: str  # the address of its first page
    language: str
    moment: datetime

    @property
    def is_open(self) -> bool:
        """Whether anybody may answer here: for a while, and only where the crisis contacts were confirmed."""
        contacts = self.site.contacts
        confirmed = contacts and are_confirmed(contacts.confirmed_on, self.site.time_zone, self.moment)
        return self.kiosk.is_open(self.moment) and bool(confirmed)

    def to(self, path: str = "") -> RedirectResponse:
        """The way to another of its pages."""
        return RedirectResponse(f"{self.here}{path}?lang={self.language}", 303)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody began to answer, and why it is closed by now, if it is."""

    occasion: Occasion
    library: Library
    closed: Closed | None


@router.get("")
async def begin(request: Request, db: Db, token: str) -> HTMLResponse:
    """Whose turn is it? Opening it changes nothing."""
    link = await _link(db, token)
    async with db.transaction(link.organisation_id) as tx:
        door = await _door(tx, request, token, link)
        return await _start(request, tx, door)


@router.post("")
async def take_turn(request: Request, db: Db, token: str) -> Response:
    """It is the turn of whoever has this code."""
    link, fields = await _link(db, token), await typed(request)
    async with db.transaction(link.organisation_id) as tx:
        door = await _door(tx, request, token, link)
        if not door.is_open:
            return _closed(request, door)
        try:
            let_try(door.kiosk, door.moment)
        except Refusal as refusal:
            return await _start(request, tx, door, refusal.code, 429)
        code = read_code(str(fields.get("code", "")))
        if code is None:
            return await _start(request, tx, door, "not-a-code", 422)
        first = next(iter(await acts.answerable(tx, door.kiosk, door.moment, code)), None)
        if first is None:
            if await store.circles.find_person_id(tx, code, [door.kiosk.site_id]) is None:
                await store.save_wrong_codes(tx, mistyped(door.kiosk, door.moment))
            return await _start(request, tx, door, "nothing-open", 422)
        visit = Visit(new_id(), door.kiosk.kiosk_id, first.occasion_id, door.moment + VISIT)
        await store.add_visit(tx, link.organisation_id, visit)
    return door.to(f"/{visit.visit_id}")


@router.get("/thanks")
async def thanks(request: Request, db: Db, token: str) -> Response:
    """The same for everybody: nothing of what was answered."""
    link = await _link(db, token)
    async with db.transaction(link.organisation_id) as tx:
        door = await _door(tx, request, token, link)
        read = await _read(tx, door, door.moment)
    return _page(request, door, "kiosk-thanks.html", **read)


@router.get("/{visit_id}")
async def ask(request: Request, db: Db, token: str, visit_id: UUID) -> Response:
    """The questions, as long as it is their turn."""
    link = await _link(db, token)
    async with db.transaction(link.organisation_id) as tx:
        door = await _door(tx, request, token, link)
        visit = await store.find_visit(tx, door.kiosk, visit_id)
        asked = await _asked(tx, door, visit) if visit and visit.ends_at > door.moment and door.is_open else None
    return _questions(request, door, asked) if asked and not asked.closed else door.to()


@router.post("/{visit_id}")
async def answer_here(request: Request, db: Db, token: str, visit_id: UUID) -> Response:
    """Kept as if it had come by their own link; their turn is over.

    Whoever took longer than a visit, or than the tablet stood open, is not sent away with a bad answer.
    """
    link, fields = await _link(db, token), await typed(request)
    async with db.transaction(link.organisation_id) as tx:
        door = await _door(tx, request, token, link)
        visit = await store.find_visit(tx, door.kiosk, visit_id)
        if visit is None:  # a second tap, or somebody who went
            return door.to()
        asked = await _asked(tx, door, visit)
        if asked.closed or not door.kiosk.takes(door.moment):
            return await _not_sent(request, tx, door, asked, fields)
        if "show" in fields:
            return _questions(request, door, asked, fields)
        try:
            kept = answer(
                asked.occasion, answers_in(asked.occasion.asks(asked.library), fields), asked.library, door.moment
            )
        except Invalid as invalid:
            return _questions(request, door, asked, fields, invalid)
        await acts.keep_check_in(tx, asked.occasion, kept, asked.library, door.moment)
        await store.end_visits(tx, door.kiosk)
    return door.to("/thanks")


@router.post("/{visit_id}/stop")
async def stop(request: Request, db: Db, token: str, visit_id: UUID) -> Response:
    """They go without an answer."""
    link = await _link(db, token)
    async with db.transaction(link.organisation_id) as tx:
        door = await _door(tx, request, token, link)
        if await store.find_visit(tx, door.kiosk, visit_id):
            await store.end_visits(tx, door.kiosk)
    return door.to()


async def _link(db: Database, token: str) -> store.Link:
    link = await find_link(db, token)
    if link is None:
        raise NotFound("link")
    return link


async def _door(tx: Tx, request: Request, token: str, link: store.Link) -> Door:
    kiosk = await store.find_kiosk(tx, link.occasion_id)
    if kiosk is None:  # the link of somebody's own check-in
        raise NotFound("link")
    site = await store.get_site(tx, kiosk.site_id, None)
    return Door(kiosk, site, f"/c/kiosk/{token}", language_of(request, link.language), now())


async def _asked(tx: Tx, door: Door, visit: Visit) -> Asked:
    """What is asked of whoever stands there, or why nothing is."""
    library = await store.library_of(tx)
    occasion = await store.get_occasion(tx, visit.occasion_id, None, library)
    closed = why_closed(occasion, library, occasion.closes_at, door.moment, has_contacts=True)
    return Asked(occasion, library, closed)


async def _not_sent(request: Request, tx: Tx, door: Door, asked: Asked, fields: dict[str, Any]) -> HTMLResponse:
    """It came too late. Where there is an answer already, what this one says of a risk is heard all the same."""
    is_answered, command, concern = asked.occasion.check_in is not None, None, None
    if is_answered:
        with suppress(Invalid):
            command = answers_in(asked.occasion.asks(asked.library), fields)
    if command:
        concern = await acts.hear_another(tx, asked.occasion, command.answers, asked.library)
    await store.end_visits(tx, door.kiosk)
    more = {"is_answered": is_answered, "is_heard": command is not None, "link_works": asked.closed not in _OVER}
    read = await _read(tx, door, concern.raised_at if concern else door.moment)
    return _page(request, door, "kiosk-not-sent.html", 410, **more, **read)


async def _read(tx: Tx, door: Door, moment: datetime) -> dict[str, Any]:
    """By when a person reads what needs one and was said then."""
    place = (await store.get_rota(tx, door.kiosk.site_id, None)).place
    return {"read_by": read_by(place.rota, moment, place.zone), "time_zone": door.site.time_zone}


async def _start(request: Request, tx: Tx, door: Door, code: str = "", status: int = 200) -> HTMLResponse:
    if not door.is_open:
        return _closed(request, door)
    waiting = await acts.answerable(tx, door.kiosk, door.moment) if door.kiosk.shows_codes else []
    errors = [FieldError("code", code, _in_words(code, door.language))] if code else []
    return _page(request, door, "kiosk.html", status, errors=errors, codes=sorted({one.short_code for one in waiting}))


def _in_words(code: str, language: str) -> str:
    say = speaker(language)
    if code == "not-a-code":
        return say("Type your code: three letters and three digits.")
    if code == "nothing-open":
        return say("There is nothing open for this code here. Look at it once more, or ask your facilitator.")
    return say("Too many codes were wrong. Wait five minutes, or ask your facilitator.")


def _closed(request: Request, door: Door) -> HTMLResponse:
    return _page(request, door, "kiosk-closed.html", 409 if door.kiosk.is_open(door.moment) else 410)


def _questions(
    request: Request,
    door: Door,
    asked: Asked,
    given: dict[str, Any] | None = None,
    invalid: Invalid | None = None,
) -> HTMLResponse:
    helped = help_of(door.site.contacts, door.language) | {"stop": f"{request.url.path}/stop"}
    errors = invalid.errors if invalid else ()
    return questions(request, asked.occasion.asks(asked.library), door.language, given or {}, errors, **helped)


def _page(request: Request, door: Door, name: str, status: int = 200, **more: Any) -> HTMLResponse:
    helped = help_of(door.site.contacts, door.language)
    return PAGES.render(request, name, status, lang=door.language, here=door.here, **helped, **more)
