"""The check-in on a phone: a link without an account. Its address is a secret and is never logged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.feedback import store
from services.feedback.domain.check_in import AnswerCheckIn, CheckIn, Closed, Occasion, answer, shows_score, why_closed
from services.feedback.domain.contacts import are_confirmed
from services.feedback.domain.instruments import Library
from services.feedback.domain.scoring import meaning
from services.feedback.pages.forms import nested
from services.feedback.pages.help import find_link, help_of
from services.feedback.pages.templates import PAGES
from services.feedback.store import Contacts, Link
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, form, submitted
from shared.errors import FieldError, Invalid, NotFound
from shared.web.languages import LANGUAGES, language_of, speaker

router = APIRouter(include_in_schema=False)
_STATUS: dict[str, int] = {"no-wording": 200, "not-open-yet": 409, "no-contacts": 409, "unknown": 404}
GONE = 410


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to, at this moment."""

    link: Link
    occasion: Occasion
    contacts: Contacts | None
    closed: Closed | None
    language: str


@router.get("/c/{token}")
async def open_link(request: Request, db: Db, token: str) -> HTMLResponse:
    """The questions, or why there are none. Opening a link changes nothing: mail programs do it, too."""
    found = await find_link(db, token)
    if found is None:
        return _stopped(request, "unknown", _first_language(request))
    async with db.transaction(found.organisation_id) as tx:
        opened = await _open(tx, request, found, now())
    if opened is None:
        return _stopped(request, "unknown", language_of(request, found.language))
    if opened.closed:
        return _closed(request, opened, now())
    return _questions(request, opened, {}, ())


@router.post("/c/{token}")
async def answer_link(request: Request, db: Db, token: str) -> HTMLResponse:
    """The answer is stored once, however often it is sent: who sends it again sees the first one."""
    found, moment, library = await find_link(db, token), now(), store.library()
    if found is None:
        return _stopped(request, "unknown", _first_language(request))
    fields = await submitted(request)
    async with db.transaction(found.organisation_id) as tx:
        opened = await _open(tx, request, found, moment)
        if opened is None:
            return _stopped(request, "unknown", language_of(request, found.language))
        if opened.closed == "answered" and found.expires_at > moment:
            return _thanks(request, opened)
        if opened.closed:
            return _closed(request, opened, moment)
        try:
            given = form(AnswerCheckIn, {"answers": nested(fields).get("answers", {})}).answers
            check_in, event = answer(opened.occasion, given, library, moment)
        except Invalid as invalid:
            return _questions(request, opened, fields, invalid.errors)
        await store.add_check_in(tx, found.organisation_id, check_in, given, library, moment)
        outbox.put(tx, event, organisation=found.organisation_id, at=moment)
    return _thanks(request, replace(opened, occasion=replace(opened.occasion, check_in=check_in)))


async def _open(tx: Tx, request: Request, link: Link, moment: datetime) -> Opened | None:
    try:
        occasion = await store.get_occasion(tx, link.occasion_id, None)
    except NotFound:
        return None  # the link was heard of before its occasion
    contacts = await store.find_contacts(tx, occasion.site_id)
    has_contacts = contacts is not None and are_confirmed(contacts.confirmed_on, occasion.time_zone, moment)
    closed = why_closed(occasion, store.library(), link.expires_at, moment, has_contacts=has_contacts)
    return Opened(link, occasion, contacts, closed, language_of(request, link.language))


def _questions(request: Request, opened: Opened, given: dict[str, Any], errors: Sequence[FieldError]) -> HTMLResponse:
    """All questions on one page, with what has been answered so far."""
    instruments = [store.library()[code] for code in opened.occasion.instruments]
    names = [f"answers.{one.code}.{item.code}" for one in instruments for item in one.items]
    numbers = {name: number for number, name in enumerate(names, start=1)}
    say = speaker(opened.language)
    said = [
        FieldError(name, "answer-missing", say("Question %(n)s: choose an answer.", n=number))
        for name, number in numbers.items()
        if name in {error.field for error in errors}
    ]
    return PAGES.render(
        request,
        "check-in.html",
        422 if errors else 200,
        lang=opened.language,
        instruments=instruments,
        numbers=numbers,
        given=given,
        link=request.url.path,
        errors=said or _something_else(errors, opened.language, names),
        **help_of(opened.contacts, opened.language),
    )


def _something_else(errors: Sequence[FieldError], language: str, names: Sequence[str]) -> list[FieldError]:
    """A form that is not ours: one sentence, at the first question."""
    sentence = speaker(language)("Something that was sent does not belong here. Please answer once more.")
    return [FieldError(names[0], "unacceptable", sentence)] if errors else []


def _thanks(request: Request, opened: Opened) -> HTMLResponse:
    return PAGES.render(
        request,
        "thanks.html",
        lang=opened.language,
        link=request.url.path,
        results=_results(opened.occasion.check_in, opened.language),
        **help_of(opened.contacts, opened.language),
    )


def _closed(request: Request, opened: Opened, moment: datetime) -> HTMLResponse:
    """Why there are no questions. The score is there for half an hour: a switch of language must not lose it."""
    check_in = opened.occasion.check_in
    is_shown = check_in and opened.link.expires_at > moment and shows_score(check_in, moment)
    results = _results(check_in, opened.language) if is_shown else []
    closed = opened.closed or "unknown"
    if closed == "answered" and opened.link.expires_at <= moment:
        closed = "expired"
    return _stopped(request, closed, opened.language, opened, results)


@dataclass(frozen=True, slots=True)
class Result:
    """A score as the person who gave it reads it."""

    title: str
    points: float
    points_max: float
    digits: int
    note: str | None
    means: str | None
    limits: str | None


def _results(check_in: CheckIn | None, language: str) -> list[Result]:
    library: Library = store.library()
    results = []
    for score in check_in.scores if check_in else ():
        one = library.get(score.instrument)
        if one is None or one.version != score.version:
            continue  # the words of another version would explain another score
        results.append(
            Result(
                title=one.title.in_(language),
                points=score.count / score.unit,
                points_max=one.maximum / one.unit,
                digits=0 if score.unit == 1 else 1,
                note=one.note.in_(language) if one.note else None,
                means=meaning(one, score.count, language),
                limits=one.limits.in_(language) if one.limits else None,
            )
        )
    return results


def _stopped(
    request: Request, closed: str, language: str, opened: Opened | None = None, results: Sequence[Result] = ()
) -> HTMLResponse:
    return PAGES.render(
        request,
        "stopped.html",
        _STATUS.get(closed, GONE),
        lang=language,
        link=request.url.path if opened else "",
        closed=closed,
        code="site-without-crisis-contacts" if closed == "no-contacts" else "",
        opens_at=opened.occasion.opens_at if opened else None,
        time_zone=opened.occasion.time_zone if opened else "UTC",
        results=results,
        **help_of(opened.contacts if opened else None, language),
    )


def _first_language(request: Request) -> str:
    """For a link that tells us nothing: the first language of the browser that we speak."""
    for wanted in request.headers.get("accept-language", "")[:200].split(","):
        code = wanted.strip()[:2].lower()
        if code in LANGUAGES:
            return language_of(request, code)
    return language_of(request)
