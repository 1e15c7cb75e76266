"""The check-in on a phone: a link without an account. Its address is a secret and is never logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.feedback import acts, store
from services.feedback.domain.check_in import Closed, Occasion, answer, is_recent, shows_score, why_closed
from services.feedback.domain.contacts import are_confirmed
from services.feedback.domain.instruments import Library
from services.feedback.domain.rota import read_by
from services.feedback.pages.forms import typed
from services.feedback.pages.help import find_link, help_of
from services.feedback.pages.questions import Unsent, answers_in, questions, unsent
from services.feedback.pages.results import Result, results_of
from services.feedback.pages.templates import PAGES
from services.feedback.store import Contacts, Link
from shared.clock import now
from shared.database import Tx
from shared.doors import Db
from shared.errors import FieldError, Invalid, NotFound
from shared.web.languages import LANGUAGES, language_of

router = APIRouter(include_in_schema=False)
_STATUS: dict[str, int] = {"no-wording": 200, "unknown": 404} | dict.fromkeys(
    ("not-open-yet", "no-contacts", "nobody-on-call"), 409
)
_CODES = {"no-contacts": "site-without-crisis-contacts", "nobody-on-call": "nobody-on-call"}
GONE = 410


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to, at this moment."""

    link: Link
    occasion: Occasion
    contacts: Contacts | None
    closed: Closed | None
    language: str
    library: Library
    asks_from: datetime | None  # when it is too early


@router.api_route("/c/{token}", methods=["GET", "HEAD"])
async def open_link(request: Request, db: Db, token: str) -> HTMLResponse:
    """The questions, or why there are none. Opening a link changes nothing: mail programs do it, too."""
    found = await find_link(db, token)
    if found is None:
        return _stopped(request, "unknown", _first_language(request))
    moment = now()
    async with db.transaction(found.organisation_id) as tx:
        opened = await _open(tx, request, found, moment)
        if opened and not opened.closed:
            asks_from = await acts.watched_from(tx, opened.occasion, opened.library, moment)
            if asks_from != moment:
                opened = replace(opened, closed="nobody-on-call", asks_from=asks_from)
    if opened is None:
        return _stopped(request, "unknown", language_of(request, found.language))
    if opened.closed:
        return _closed(request, opened, moment)
    return _questions(request, opened, {}, ())


@router.post("/c/{token}")
async def answer_link(request: Request, db: Db, token: str) -> HTMLResponse:
    """The answer is stored once, however often it is sent: who sends it again sees it, and who sends another, too.

    Questions that were shown are answered also when nobody is on call by now, or nobody has confirmed the crisis
    contacts meanwhile: a bad answer is not sent away.
    """
    found, moment = await find_link(db, token), now()
    if found is None:
        return _stopped(request, "unknown", _first_language(request))
    fields = await typed(request)
    async with db.transaction(found.organisation_id) as tx:
        opened = await _open(tx, request, found, moment, has_contacts=True)
        if opened is None:
            return _stopped(request, "unknown", language_of(request, found.language))
        if opened.closed == "answered" and found.expires_at > moment:
            return await _again(request, tx, opened, moment, fields)
        if opened.closed:
            return _closed(request, opened, moment, fields)
        await acts.open_check_in(tx, opened.occasion.occasion_id, moment, is_begun="show" not in fields)
        if "show" in fields:  # in another language, with what was answered so far
            return _questions(request, opened, fields, ())
        try:
            command = answers_in(opened.occasion.asks(opened.library), fields)
            submitted_now = answer(opened.occasion, command, opened.library, moment)
        except Invalid as invalid:
            return _questions(request, opened, fields, invalid.errors)
        concern = await acts.keep_check_in(tx, opened.occasion, submitted_now, opened.library, moment)
        answered = replace(opened, occasion=replace(opened.occasion, check_in=submitted_now[0]))
        raised_at = concern.raised_at if concern else None
        return await _thanks(request, tx, answered, raised_at, is_large="large" in fields)


async def _again(request: Request, tx: Tx, opened: Opened, moment: datetime, fields: dict[str, Any]) -> HTMLResponse:
    """Thanks for what is stored. Anything else is not kept, and they read that; what it says of a risk is heard."""
    first, concern = opened.occasion.check_in, None
    try:
        command = answers_in(opened.occasion.asks(opened.library), fields)
    except Invalid:
        command = None
    if command and first and (command.answers, command.texts) == (first.answers, first.texts):
        raised_at = await acts.raised_at(tx, opened.occasion, moment)
        return await _thanks(request, tx, opened, raised_at, is_large="large" in fields)
    if command:
        concern = await acts.hear_another(tx, opened.occasion, command.answers, opened.library)
    read = await _read(tx, opened, concern.raised_at if concern else None)
    return _closed(request, opened, moment, fields, **read)


async def _open(tx: Tx, request: Request, link: Link, moment: datetime, *, has_contacts: bool = False) -> Opened | None:
    """What the link leads to; with `has_contacts` whoever answers has seen them when the questions were shown."""
    library = await store.library_of(tx)
    try:
        occasion = await store.get_occasion(tx, link.occasion_id, None, library)
    except NotFound:
        return None  # the link was heard of before its occasion
    contacts = await store.find_contacts(tx, occasion.site_id)
    confirmed = contacts is not None and are_confirmed(contacts.confirmed_on, occasion.time_zone, moment)
    closed = why_closed(occasion, library, link.expires_at, moment, has_contacts=has_contacts or confirmed)
    return Opened(link, occasion, contacts, closed, language_of(request, link.language), library, occasion.opens_at)


def _questions(request: Request, opened: Opened, given: dict[str, Any], errors: Sequence[FieldError]) -> HTMLResponse:
    instruments = opened.occasion.asks(opened.library)
    helped = help_of(opened.contacts, opened.language)
    return questions(request, instruments, opened.language, given, errors, link=request.url.path, **helped)


async def _thanks(
    request: Request, tx: Tx, opened: Opened, raised_at: datetime | None, *, is_large: bool
) -> HTMLResponse:
    """With the own score, unless it was given long ago, and when a person will read what has raised a concern."""
    check_in = opened.occasion.check_in
    return PAGES.render(
        request,
        "thanks.html",
        **await _read(tx, opened, raised_at),
        time_zone=opened.occasion.time_zone,
        lang=opened.language,
        large=is_large,
        link=request.url.path,
        results=_results(opened) if check_in and is_recent(check_in, now()) else [],
        **help_of(opened.contacts, opened.language),
    )


async def _read(tx: Tx, opened: Opened, raised_at: datetime | None) -> dict[str, Any]:
    """Whether a person reads it, and by when."""
    place = (await store.get_rota(tx, opened.occasion.site_id, None)).place if raised_at else None
    by = read_by(place.rota, raised_at, place.zone) if place and raised_at else None
    return {"is_read": place is not None, "read_by": by}


def _closed(
    request: Request, opened: Opened, moment: datetime, given: Mapping[str, Any] | None = None, **read: Any
) -> HTMLResponse:
    """Why there are no questions. The score is there for half an hour: a switch of language must not lose it.

    Nor is anything lost that somebody was writing when the link closed.
    """
    check_in = opened.occasion.check_in
    is_shown = check_in and opened.link.expires_at > moment and shows_score(check_in, moment)
    results = _results(opened) if is_shown else []
    closed = opened.closed or "unknown"
    if closed == "answered" and opened.link.expires_at <= moment:
        closed = "expired"
    return _stopped(request, closed, opened.language, opened, results, given or {}, **read)


def _results(opened: Opened) -> list[Result]:
    return results_of(opened.occasion, opened.library, opened.language)


def _stopped(
    request: Request,
    closed: str,
    language: str,
    opened: Opened | None = None,
    results: Sequence[Result] = (),
    given: Mapping[str, Any] | None = None,
    *,
    is_read: bool = False,
    read_by: datetime | None = None,
) -> HTMLResponse:
    left = _unsent(opened, given) if opened and given else []
    return PAGES.render(
        request,
        "stopped.html",
        _STATUS.get(closed, GONE),
        lang=language,
        link=request.url.path if opened else "",
        closed=closed,
        is_over=closed in ("answered", "expired") or (closed == "cancelled" and not _may_open_again(opened)),
        code=_CODES.get(closed, ""),
        asks_from=opened.asks_from if opened else None,
        unsent=left,
        is_not_kept=bool(left) and closed == "answered",
        versions=(given or {}).get("versions", ""),
        large="large" in (given or {}),
        time_zone=opened.occasion.time_zone if opened else "UTC",
        results=results,
        is_read=is_read,
        read_by=read_by,
        **help_of(opened.contacts if opened else None, language),
    )


def _may_open_again(opened: Opened | None) -> bool:
    return opened is not None and opened.occasion.may_be_due_again


def _unsent(opened: Opened, given: Mapping[str, Any]) -> list[Unsent]:
    return unsent(opened.occasion.asks(opened.library), given)


def _first_language(request: Request) -> str:
    """For a link that tells us nothing: the first language of the browser that we speak."""
    for wanted in request.headers.get("accept-language", "")[:200].split(","):
        code = wanted.strip()[:2].lower()
        if code in LANGUAGES:
            return language_of(request, code)
    return language_of(request)
