"""The pages of operators: the same facts and the same acts, for people."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from shared import clock
from shared.doors import form, submitted
from shared.errors import NotFound, Refusal
from shared.inbox import parked
from shared.operations import here, waiting
from shared.operations.health import examine
from shared.operations.here import EVENTS_MAX, At, Here, Key, Operator, Topic
from shared.operations.shapes import Drop, Replay
from shared.operations.waiting import Done, Waiting
from shared.security import Who
from shared.web.nav import SERVICES

ACTS_SHOWN = 10
KEYS_SHOWN = 100
VALUE_CHARS_SHOWN = 20_000
Count = Annotated[int, Query(ge=0, le=10**9)]
router = APIRouter(prefix="/operations", include_in_schema=False)


@router.get("")
async def operations(
    request: Request,
    at: At,
    who: Operator,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    done: str = "",
    handled: Count = 0,
    dropped: Count = 0,
    again: Count = 0,
) -> HTMLResponse:
    """Is this service well, what waits for a person, what was decided."""
    health = await examine(at.name, at.machinery, at.kafka, at.applying.topics)
    found: list[Waiting] = []
    elsewhere, decided = 0, []
    if health.store_answers:
        found, elsewhere = await here.all_that_waits(at, who)
        async with at.machinery.transaction() as tx:
            decided = await parked.decided(tx, mine=who.organisation_id, limit=ACTS_SHOWN)
    page = min(page, max(0, len(found) - 1) // KEYS_SHOWN + 1)  # there may be fewer by now
    first = (page - 1) * KEYS_SHOWN
    return at.pages.render(
        request,
        "operations.html",
        service=at.name,
        services=SERVICES,
        health=health,
        waiting=found[first : first + KEYS_SHOWN],
        first=first + 1,
        count=len(found),
        earlier=f"?page={page - 1}" if first else "",
        later=f"?page={page + 1}" if first + KEYS_SHOWN < len(found) else "",
        elsewhere=elsewhere,
        decided=decided,
        address=lambda one: _address(at, one.topic, one.key),
        now=clock.now(),
        flash=_said(Done(handled=handled, dropped=dropped, said_again=again)) if done else None,
    )


@router.get("/parked")
async def parked_key(
    request: Request,
    at: At,
    who: Operator,
    topic: Topic,
    key: Key,
    done: str = "",
    handled: Count = 0,
    dropped: Count = 0,
) -> HTMLResponse:
    """One key with its events, and what can be done about them."""
    said = _said(Done(handled=handled, dropped=dropped, left=1)) if done else None
    return await _key_page(request, at, who, topic, key, said=said, is_stopped=not dropped)


@router.post("/parked/replay")
async def replay(request: Request, at: At, who: Operator) -> Response:
    """Replay, and show what is left."""
    fields = await submitted(request)
    try:
        command = form(Replay, fields)
        done = await here.replay(at, who, command)
    except Refusal as refusal:
        return await _again(request, at, who, fields, refusal)
    return _onward(at, command.topic, command.key, done)


@router.post("/parked/drop")
async def drop(request: Request, at: At, who: Operator) -> Response:
    """Drop, and show what is left."""
    fields = await submitted(request)
    try:
        command = form(Drop, fields)
        done = await here.drop(at, who, command)
    except Refusal as refusal:
        return await _again(request, at, who, fields, refusal)
    return _onward(at, command.topic, command.key, done)


def _onward(at: Here, topic: str, key: str, done: Done) -> Response:
    """To the key while some of it waits, else to the list."""
    said = {"done": "yes", "handled": done.handled, "dropped": done.dropped}
    if done.left:
        return RedirectResponse(f"{_address(at, topic, key)}&{urlencode(said)}", 303)
    return RedirectResponse(f"/{at.name}/operations?{urlencode(said | {'again': done.said_again})}", 303)


def _address(at: Here, topic: str, key: str) -> str:
    return f"/{at.name}/operations/parked?{urlencode({'topic': topic, 'key': key})}"


async def _again(request: Request, at: Here, who: Who, fields: dict[str, object], refusal: Refusal) -> HTMLResponse:
    """The key's page with what is wrong; without a key there is no such page."""
    topic, key = fields.get("topic"), fields.get("key")
    if isinstance(refusal, NotFound) or not isinstance(topic, str) or not isinstance(key, str):
        raise refusal
    return await _key_page(request, at, who, topic, key, refusal=refusal, given=fields)


async def _key_page(
    request: Request,
    at: Here,
    who: Who,
    topic: str,
    key: str,
    *,
    said: str | None = None,
    is_stopped: bool = False,
    refusal: Refusal | None = None,
    given: dict[str, object] | None = None,
) -> HTMLResponse:
    async with at.machinery.transaction() as tx:
        found, events = await waiting.one(tx, topic, key, mine=who.organisation_id, limit=EVENTS_MAX)
    return at.pages.render(
        request,
        "parked.html",
        refusal.status if refusal else 200,
        service=at.name,
        found=found,
        events=events,
        as_text=waiting.as_text,
        in_base64=waiting.in_base64,
        chars_max=VALUE_CHARS_SHOWN,
        now=clock.now(),
        flash=None if is_stopped else said,
        stopped=said if is_stopped else None,
        refused=refusal.message if refusal and not refusal.errors else None,
        errors=list(refusal.errors) if refusal else [],
        given=given or {},
    )


def _said(done: Done) -> str:
    """What was done, in words, and whether something still stands in the way."""
    words = []
    if done.handled:
        words.append(_counted(done.handled, "event has taken effect", "events have taken effect"))
    if done.dropped:
        words.append(_counted(done.dropped, "event is dropped", "events are dropped"))
    if done.said_again:
        words.append(_counted(done.said_again, "event leaves again", "events leave again"))
    if done.left and not done.dropped:
        words.append("the next one still cannot" if words else "The first event still cannot take effect")
    return (", ".join(words) or "Nothing waits there any more") + "."


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
