"""The editor of an organisation's own short instruments: written, looked at as participants see it, published."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import store
from services.feedback.domain.instruments import Instrument
from services.feedback.domain.own import WriteInstrument, told_of, write
from services.feedback.pages.forms import nested
from services.feedback.pages.help import help_of
from services.feedback.pages.questions import questions
from services.feedback.pages.templates import PAGES, Administrator
from shared import outbox
from shared.clock import now
from shared.doors import Db, form, mark, refuse_stale, submitted
from shared.errors import FieldError, NotFound, Refusal
from shared.events.base import Code
from shared.fields import invalid
from shared.web.languages import language_of

router = APIRouter(prefix="/feedback/own-instruments", include_in_schema=False)
ROWS = {"items": (8, 20), "options": (7, 11)}  # so many are there at least, and at most


@router.get("")
async def new_instrument(request: Request, who: Administrator) -> HTMLResponse:
    """An empty form."""
    return _form(request, {"scoring": "mean", "higher_is_better": "true"}, None)


@router.get("/{code}")
async def own_instrument(request: Request, db: Db, who: Administrator, code: Code) -> HTMLResponse:
    """The form of one, filled with its newest version."""
    async with db.transaction(who.organisation_id) as tx:
        known = await store.find_own(tx, code)
    if known is None:
        raise NotFound("instrument")
    return _form(request, _fields(known), known)


@router.post("")
async def publish(request: Request, db: Db, who: Administrator) -> Response:
    """Publish it as the next version by the same rules as the JSON, or show it as it would be seen."""
    fields, moment = nested(await submitted(request)), now()
    act = str(fields.pop("do", "publish"))
    async with db.transaction(who.organisation_id) as tx:
        await store.lock_batteries(tx, who.organisation_id)
        earlier = await store.find_own(tx, str(fields.get("code", "")).strip()[:64])
        try:
            command = form(WriteInstrument, _body(fields))
            following = write(command, earlier, store.library())
            if following and not act.startswith("preview"):
                _refuse_another(fields, earlier)
        except Refusal as refusal:
            return _form(request, fields, None if _is_new(fields) else earlier, refusal)
        if act.startswith("preview"):
            return _preview(request, following or earlier, act)
        if following:
            await store.add_own(tx, who.organisation_id, following, moment, who.subject)
            if events := told_of(who.organisation_id, following, await store.published(tx)):
                await store.add_published(tx, who.organisation_id, [following], moment)
                for event in events:
                    outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    return RedirectResponse(f"/feedback/instruments/{command.code}", 303)


def _is_new(fields: dict[str, Any]) -> bool:
    """Whether it was written in the empty form."""
    return bool(fields.get("was") == mark(None))


def _refuse_another(fields: dict[str, Any], earlier: Instrument | None) -> None:
    """Refuse what would follow on another version than the form was filled from."""
    if earlier and _is_new(fields):
        title = earlier.title.in_("en")
        raise invalid("code", "code-taken", f"{title} has this code: choose another, or open it for a new version.")
    refuse_stale(fields, earlier)


def _preview(request: Request, one: Instrument | None, act: str) -> HTMLResponse:
    language = "es" if act == "preview-es" else language_of(request)
    shown = [one] if one else []
    return questions(request, shown, language, {}, (), is_preview=True, **help_of(None, language))


def _body(fields: dict[str, Any]) -> dict[str, Any]:
    """The form as the JSON would be: rows that say nothing are left out."""
    body = {**fields, "is_comparable": fields.get("is_comparable", "false")}
    body.pop("was", None)
    for name, words in (("items", "text"), ("options", "label")):
        sent = fields.get(name, [])
        rows = [row for row in sent if isinstance(row, dict)] if isinstance(sent, list) else []
        body[name] = [row for row in rows if words in row]
    return body


def _fields(one: Instrument) -> dict[str, Any]:
    """A version as the fields of the form."""
    [scale] = one.scales
    return {
        "code": one.code,
        "title": one.title.model_dump(exclude_none=True),
        "about": one.about.model_dump(exclude_none=True),
        "items": [{"text": item.text.model_dump(exclude_none=True) if item.text else {}} for item in one.items],
        "options": [
            {"value": option.value, "label": option.label.model_dump(exclude_none=True) if option.label else {}}
            for option in one.options
        ],
        "scoring": scale.scoring,
        "higher_is_better": str(scale.higher_is_better).lower(),
    }


def _form(
    request: Request, fields: dict[str, Any], earlier: Instrument | None, refusal: Refusal | None = None
) -> HTMLResponse:
    body = _body(fields)
    return PAGES.render(
        request,
        "own-instrument.html",
        refusal.status if refusal else 200,
        given=fields,
        part=_part,
        items=_rows(body["items"], "items"),
        options=_rows(body["options"], "options"),
        earlier=earlier,
        was=fields.get("was") or mark(earlier),
        refused=refusal.message if refusal and not refusal.errors else None,
        errors=[_at_a_field(error) for error in refusal.errors] if refusal else [],
    )


def _rows(filled: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """What was filled in, and some empty rows for more."""
    least, most = ROWS[name]
    return [*filled, *([{}] * max(1, least - len(filled)))][:most]


_WHOLE = {
    "title": "title.en",
    "about": "about.en",
    "items": "items.0.text.en",
    "options": "options.0.label.en",
}


def _at_a_field(error: FieldError) -> FieldError:
    """An error at a field that is there, and of which question or answer."""
    field = _WHOLE.get(error.field, error.field)
    if field.endswith((".text", ".label")):
        field = f"{field}.en"
    parts, message = field.split("."), error.message
    if error.code == "string-pattern-mismatch":
        message = "Use small letters, digits and hyphens, such as how-we-meet."
    if len(parts) > 2 and parts[1].isdigit():
        name = {"items": "Question", "options": "Answer"}.get(parts[0], "Field")
        message = f"{name} {int(parts[1][:9]) + 1}: {message[:1].lower()}{message[1:]}"
    return FieldError(field, error.code, message)


def _part(given: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of the form, empty if it was not filled in."""
    found = given.get(name)
    return found if isinstance(found, dict) else {}
