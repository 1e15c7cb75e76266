"""Rotas for coordinators: who is on call at each site, when nobody is, and handing over."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.rota import (
    LEVELS_MAX,
    HandOver,
    SetRota,
    gaps,
    handed_over,
    on_call,
    refuse_unusable,
    taken_back,
)
from services.feedback.pages.forms import nested
from services.feedback.pages.templates import PAGES, Coordinator
from services.feedback.store import SiteRota
from shared.clock import now
from shared.doors import Db, form, mark, refuse_stale, submitted
from shared.errors import FieldError, Refusal
from shared.events.base import Code
from shared.events.ids import site_id_of

router = APIRouter(prefix="/feedback/rotas", include_in_schema=False)
WEEKDAYS = [(number, name) for number, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), start=1)]
LEVELS = [(number, f"level {number}") for number in range(1, LEVELS_MAX + 1)]
EMPTY_ROWS = 2
TIMES = ("acknowledge_within_minutes", "act_within_hours", "close_within_days")
FLASHES = {
    "saved": "The rota is saved.",
    "handed-over": "The hand-over is written down.",
    "taken-back": "The hand-over is taken back.",
}


@router.get("")
async def rotas(request: Request, db: Db, who: Coordinator) -> HTMLResponse:
    """Every site: who is on call now, and the next gap."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        sites = await store.rotas(tx, who.site_ids)
    shown = [(one, _here(one, moment), gaps(one.place.rota, moment, one.place.zone)[:1]) for one in sites]
    return PAGES.render(request, "rotas.html", sites=shown, now=moment)


@router.get("/{code}")
async def rota(request: Request, db: Db, who: Coordinator, code: Code) -> HTMLResponse:
    """The rota of one site."""
    async with db.transaction(who.organisation_id) as tx:
        site = await store.get_rota(tx, site_id_of(who.organisation_id, code), who.site_ids)
    known = site.place.rota
    return _form(request, site, known.model_dump() if known else {}, None)


@router.post("/{code}")
async def set_rota(request: Request, db: Db, who: Coordinator, code: Code) -> Response:
    """Set it, by the same rules as the JSON; hand-overs that are not over stay."""
    sent, moment = await submitted(request), now()
    fields = _kept(nested(sent))
    async with db.transaction(who.organisation_id) as tx:
        site_id = site_id_of(who.organisation_id, code)
        await store.lock_site(tx, site_id)
        site = await store.get_rota(tx, site_id, who.site_ids)
        ahead = site.place.rota.hand_overs_ahead(moment) if site.place.rota else []
        try:
            refuse_stale(sent, _replaced(site))
            command = form(SetRota, fields | {"hand_overs": [one.model_dump() for one in ahead]})
            refuse_unusable(command)
        except Refusal as refusal:
            return _form(request, site, fields, refusal, was=sent.get("was"))
        await acts.set_rota(tx, who, site, command, moment)
    return RedirectResponse(f"/feedback/rotas/{code}?done=saved", 303)


@router.post("/{code}/hand-over")
async def hand_over(request: Request, db: Db, who: Coordinator, code: Code) -> Response:
    """Somebody else, from one local time to another."""
    fields, moment = await submitted(request), now()
    async with db.transaction(who.organisation_id) as tx:
        site_id = site_id_of(who.organisation_id, code)
        await store.lock_site(tx, site_id)
        site = await store.get_rota(tx, site_id, who.site_ids)
        times = {name: _local(fields[name], site) for name in ("begins_at", "ends_at") if name in fields}
        try:
            command = form(HandOver, fields | times)
            fresh = handed_over(site.place.rota, command, moment)
        except Refusal as refusal:
            known = site.place.rota
            return _form(request, site, known.model_dump() if known else {}, refusal, over=fields)
        await acts.set_rota(tx, who, site, fresh, moment)
    return RedirectResponse(f"/feedback/rotas/{code}?done=handed-over", 303)


@router.post("/{code}/take-back")
async def take_back(request: Request, db: Db, who: Coordinator, code: Code) -> Response:
    """Whoever the shifts name answers again."""
    command, site_id = form(HandOver, await submitted(request)), site_id_of(who.organisation_id, code)
    async with db.transaction(who.organisation_id) as tx:
        await store.lock_site(tx, site_id)
        site = await store.get_rota(tx, site_id, who.site_ids)
        await acts.set_rota(tx, who, site, taken_back(site.place.rota, command), now())
    return RedirectResponse(f"/feedback/rotas/{code}?done=taken-back", 303)


def _replaced(site: SiteRota) -> dict[str, Any] | None:
    """What the form of a rota replaces: hand-overs have forms of their own."""
    return site.place.rota.model_dump(exclude={"hand_overs"}) if site.place.rota else None


def _local(text: Any, site: SiteRota) -> Any:
    """What a field for a date and a time gives, as a moment at the site."""
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=site.place.zone)
    except ValueError:
        return text


def _kept(fields: dict[str, Any]) -> dict[str, Any]:
    """The rows that say something, with one chosen weekday as a list."""
    found = {name: fields[name] for name in TIMES if name in fields}
    for name, telling in (("responders", ("code", "name", "email")), ("shifts", ("responder", "weekdays"))):
        sent = fields.get(name)
        rows = [row for row in sent if isinstance(row, dict)] if isinstance(sent, list) else []
        found[name] = [row for row in rows if any(part in row for part in telling)]
    for row in found["shifts"]:
        if isinstance(row.get("weekdays"), str):
            row["weekdays"] = [row["weekdays"]]
    return found


def _here(site: SiteRota, moment: datetime) -> list[str]:
    """Who is on call now, level by level."""
    known = site.place.rota
    if known is None:
        return []
    found = [on_call(known, level, moment, site.place.zone) for level in range(1, known.levels + 1)]
    return [one.name if one else "nobody" for one in found]


def _form(
    request: Request,
    site: SiteRota,
    given: dict[str, Any],
    refusal: Refusal | None,
    *,
    over: dict[str, Any] | None = None,
    was: str | None = None,
) -> HTMLResponse:
    moment, known = now(), site.place.rota
    slowest = {"acknowledge_within_minutes": 30, "act_within_hours": 24, "close_within_days": 7}
    return PAGES.render(
        request,
        "rota.html",
        refusal.status if refusal else 200,
        site=site,
        times={name: given.get(name, value) for name, value in slowest.items()},
        responders=[*given.get("responders", []), *({} for _ in range(EMPTY_ROWS))],
        shifts=[*given.get("shifts", []), *({} for _ in range(EMPTY_ROWS))],
        weekdays=WEEKDAYS,
        levels=LEVELS,
        levels_asked=LEVELS[: known.levels] if known else [],
        known=known,
        people=[(one.code, one.name) for one in known.responders] if known else [],
        gaps=gaps(known, moment, site.place.zone),
        ahead=known.hand_overs_ahead(moment) if known else [],
        over=over or {},
        was=was or mark(_replaced(site)),
        refused=refusal.message if refusal and not refusal.errors else None,
        errors=[_said(error) for error in refusal.errors] if refusal else [],
        flash=FLASHES.get(request.query_params.get("done", "")),
    )


_WHOLE = {
    "body": "shifts.0.responder",
    "responders": "responders.0.code",
    "shifts": "shifts.0.responder",
    "hand_overs": "shifts.0.level",
}


def _said(error: FieldError) -> FieldError:
    """An error at a field that is there."""
    parts = error.field.split(".")
    if error.field in _WHOLE:
        return FieldError(_WHOLE[error.field], error.code, error.message)
    if len(parts) > 2 and parts[1].isdigit():
        what = {"responders": "Responder", "shifts": "Shift"}.get(parts[0], "Row")
        said = f"{what} {int(parts[1]) + 1}: {error.message[:1].lower()}{error.message[1:]}"
        return FieldError(".".join(parts[:3]), error.code, said)
    return error
