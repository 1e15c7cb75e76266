"""Concerns for staff: those that are open by their clock, one with its steps, and raising one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.concerns import AnswerDebrief, RaiseConcern, Tell
from services.feedback.domain.rota import gaps
from services.feedback.pages.templates import PAGES, Coordinator
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, allow, form, submitted
from shared.errors import FieldError, Invalid, NotFound, Refusal
from shared.fields import invalid
from shared.identity import derived_id, new_id
from shared.security import Who
from shared.web.filters import words

router = APIRouter(prefix="/feedback/concerns", include_in_schema=False)
Staff = Annotated[Who, Depends(allow("facilitator", "coordinator", "administrator"))]
SHOWN_MAX = 100
TEXT = ("occasion_id", "item")
"""Which text it is that somebody wrote and that worries whoever codes it."""
UNNAMED = "unnamed"
"""That it names nobody: asked where the person that it would name is not known."""
TakenStep = Literal["acknowledge", "actions", "close", "debrief"]
AT = {"actions": "text", "close": "closing"}
"""The field of the form of each step."""
SOURCES = {
    "risk-item": "an answer in a check-in",
    "facilitator": "a member of staff",
    "participant": "the person asked to be contacted",
    "other-participant": "another participant, who is not named",
}
STATES = {
    "open": "nobody has acknowledged it yet",
    "acknowledged": "somebody is on it",
    "acted-on": "something was done; a second person closes it",
    "closed": "closed",
}
STEPS = {
    "raised": "Raised",
    "said-more": "Whoever raised it said more",
    "escalated": "Its time passed: the next level was asked",
    "acknowledged": "Acknowledged",
    "acted-on": "Done",
    "closed": "Closed",
}
FLASHES = {
    "raised": "Whoever is on call has been told. You will see under Concerns what becomes of it.",
    "raised-untold": "No message went out, as this site has no rota. It stands in the list of the site's coordinators: "
    "tell one of them yourself. You will see under Concerns what becomes of it.",
    "acknowledge": "You have it. Nobody else is called now.",
    "actions": "It is written down. A second person closes the concern.",
    "close": "The concern is closed.",
    "debrief": "It is noted.",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was refused: why, its field, and what was written in it."""

    refusal: Refusal
    at: str
    given: dict[str, Any]


@router.get("")
async def concerns(request: Request, db: Db, who: Staff) -> HTMLResponse:
    """For coordinators the concerns of their sites; for everybody those that they have raised."""
    moment = now()
    is_responsible = bool(who.roles & acts.RESPONSIBLE)
    async with db.transaction(who.organisation_id) as tx:
        sites = await store.rotas(tx, who.site_ids)
        mine = await store.concerns_raised_by(tx, who.subject, acts.answers_at(who))
        opened, closed, bare = [], [], []
        if is_responsible:
            opened = await store.concerns(tx, who.site_ids, are_open=True, most=SHOWN_MAX)
            closed = await store.concerns(tx, who.site_ids, are_open=False, most=20)
            bare = [(one.code, found[0]) for one in sites if (found := gaps(one.place.rota, moment, one.place.zone))]
    return PAGES.render(
        request,
        "concerns.html",
        is_responsible=is_responsible,
        opened=opened,
        closed=closed,
        mine=mine,
        bare=bare,
        untold=_untold(sites),
        now=moment,
        sources=SOURCES,
        states=STATES,
        flash=_flash(request),
    )


@router.get("/raise")
async def raise_page(request: Request, db: Db, who: Staff) -> HTMLResponse:
    """The form for a member of staff who worries about somebody, or about whoever wrote a text."""
    given = {name: request.query_params.get(name, "") for name in ("site", "participant_id", *TEXT)}
    async with db.transaction(who.organisation_id) as tx:
        return await _raise_form(request, tx, who, given, ())


@router.post("/raise")
async def raise_one(request: Request, db: Db, who: Staff) -> Response:
    """Raise it once, however often the form is sent: whoever is on call is told at once, where there is a rota.

    Sent again with other words, it tells these, too.
    """
    fields = await submitted(request)
    key = _id_of(fields.get("key", "")) or new_id()
    said = {name: value for name, value in fields.items() if name not in ("key", UNNAMED, *TEXT)}
    async with db.transaction(who.organisation_id) as tx:
        try:
            whole = said | await _of_text(tx, who, fields)
            command = form(RaiseConcern, whole | ({"participant_id": None} if UNNAMED in fields else {}))
            concern_id = derived_id(who.organisation_id, "concern", f"raised:{key}")
            concern = await acts.raise_by_staff(tx, who, command, concern_id)
        except Invalid as wrong:
            return await _raise_form(request, tx, who, fields, [_in_form(one, fields) for one in wrong.errors])
        rota = (await store.get_rota(tx, concern.site_id, None)).place.rota
    back = "/feedback/concerns/raise" if "occasion_id" in fields else "/feedback/concerns"  # there stands who it is
    return RedirectResponse(f"{back}?done={'raised' if rota else 'raised-untold'}", 303)


async def _of_text(tx: Tx, who: Who, fields: dict[str, Any]) -> dict[str, Any]:
    """Where and whose the text is that worries somebody who codes. They are not told; whoever answers is."""
    if "occasion_id" not in fields:
        return {}
    who.must_be("coordinator", "administrator")
    try:
        occasion_id, item = UUID(str(fields["occasion_id"])), str(fields.get("item"))[:64]
        text = await store.themes.get_written(tx, occasion_id, item, who.site_ids)
        occasion = await store.get_occasion(tx, occasion_id, who.site_ids, await store.library_of(tx))
    except (ValueError, NotFound):
        del fields["occasion_id"]  # what they wrote of it stays
        raise invalid("site", "text-not-found", "That text is not here any more: choose the site yourself.") from None
    return {"site": text.site, "participant_id": occasion.participant_id}


def _in_form(error: FieldError, fields: dict[str, Any]) -> FieldError:
    """Whom it is about is no field of the form: it says what can be chosen there."""
    if error.code != "participant-not-found":
        return error
    message = "The person is not known at this site (yet): choose theirs, or raise it without naming them."
    return FieldError(UNNAMED if "occasion_id" in fields else "site", error.code, message)


def _id_of(given: object) -> UUID | None:
    """The id that an address or a form gives, if it is one."""
    try:
        return UUID(str(given))
    except ValueError:
        return None


async def _raise_form(
    request: Request, tx: Tx, who: Who, given: dict[str, Any], errors: Sequence[FieldError]
) -> HTMLResponse:
    found = await store.rotas(tx, who.site_ids)
    sites = [(site.code, words(site.code)) for site in found]
    chosen = given.get("site") or (sites[0][0] if len(sites) == 1 and not errors else "")
    empty = dict.fromkeys(("participant_id", "text", UNNAMED, *TEXT), "") | {"key": str(new_id())}
    given = empty | given | {"site": chosen}
    about = _id_of(given["participant_id"])
    at = [one.site_id for one in found if one.code == chosen] if chosen else who.site_ids
    given |= {"participant_id": about or "", "short_code": about and await store.find_short_code(tx, about, at)}
    return PAGES.render(
        request,
        "raise.html",
        422 if errors else 200,
        sites=sites,
        untold=_untold(found),
        given=given,
        errors=errors,
        flash=None if errors else _flash(request),
    )


@router.get("/{concern_id}")
async def concern(request: Request, db: Db, who: Coordinator, concern_id: UUID) -> HTMLResponse:
    """A concern with what was said."""
    async with db.transaction(who.organisation_id) as tx:
        return await _page(request, tx, who, concern_id)


@router.post("/{concern_id}/{step}")
async def take_step(request: Request, db: Db, who: Staff, concern_id: UUID, step: TakenStep) -> Response:
    """Acknowledge, write down what was done, close, or answer the offer of a debrief."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        try:
            async with tx.savepoint():
                await _step(tx, who, concern_id, step, fields)
        except Refusal as refusal:
            if not who.roles & acts.RESPONSIBLE or refusal.status == 404:
                raise
            return await _page(request, tx, who, concern_id, Refused(refusal, AT.get(step, "text"), fields))
    back = "/feedback/concerns" if step == "debrief" else f"/feedback/concerns/{concern_id}"
    return RedirectResponse(f"{back}?done={step}", 303)


async def _step(tx: Tx, who: Who, concern_id: UUID, step: TakenStep, fields: dict[str, Any]) -> None:
    if step == "debrief":
        await acts.answer_debrief(tx, who, concern_id, form(AnswerDebrief, fields))
        return
    who.must_be("coordinator", "administrator")
    seen = {name: value for name, value in fields.items() if name == "seen_at"}
    if step == "acknowledge":
        await acts.acknowledge(tx, who, concern_id)
    elif step == "actions":
        await acts.act_on(tx, who, concern_id, form(Tell, fields))
    elif step == "close":
        await acts.close(tx, who, concern_id, form(Tell, {"text": fields.get(AT[step], "")} | seen))


async def _page(request: Request, tx: Tx, who: Who, concern_id: UUID, refused: Refused | None = None) -> HTMLResponse:
    """With every word of it, for who may read it. That they read it, and when, is written down."""
    refusal = refused.refusal if refused else None
    found = await store.get_concern(tx, concern_id, who.site_ids)
    await store.add_reading(tx, found, who.subject, who.name, now())
    seen = await store.see_concern(tx, concern_id, acts.answers_at(who))
    rota = (await store.get_rota(tx, seen.concern.site_id, None)).place.rota
    owner = rota.responder(seen.concern.owner) if rota else None
    return PAGES.render(
        request,
        "concern.html",
        refusal.status if refusal else 200,
        seen=seen,
        owner=owner.name if owner else None,
        steps=await store.steps(tx, concern_id),
        readings=await store.readings(tx, concern_id),
        is_own_act=seen.concern.acted_by == who.subject,
        now=now(),
        sources=SOURCES,
        states=STATES,
        said=STEPS,
        refusal=refusal.message if refusal and not refusal.errors else None,
        errors=[FieldError(refused.at, one.code, one.message) for one in refused.refusal.errors] if refused else [],
        given={refused.at: refused.given.get(refused.at, "")} if refused else {},
        flash=_flash(request),
    )


def _untold(sites: Sequence[store.SiteRota]) -> list[str]:
    """The sites where no message goes out when a concern is raised: nobody is on a rota."""
    return [words(one.code) for one in sites if one.place.rota is None]


def _flash(request: Request) -> str | None:
    return FLASHES.get(request.query_params.get("done", ""))
