"""Instruments for administrators: what can be asked, what is known of it, and the wording that its holder loads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from services.feedback import acts, store
from services.feedback.domain.instruments import Instrument, Library, Measure
from services.feedback.domain.scoring import as_text
from services.feedback.domain.wording import NoteLicence, loadable
from services.feedback.pages.help import help_of
from services.feedback.pages.questions import questions
from services.feedback.pages.templates import PAGES, Administrator
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, form, submitted
from shared.errors import FieldError, Invalid, NotFound, Refusal
from shared.events.base import Code
from shared.fields import invalid
from shared.web.languages import language_of

router = APIRouter(prefix="/feedback/instruments", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """An instrument with what the organisation has brought to it."""

    one: Instrument
    loaded: Sequence[store.Loaded]
    number: str
    is_own: bool


@router.get("")
async def instruments(request: Request, db: Db, who: Administrator) -> HTMLResponse:
    """Every instrument, by what can be done with it."""
    async with db.transaction(who.organisation_id) as tx:
        library, numbers = await store.library_of(tx), await store.licence_numbers(tx)
    return PAGES.render(request, "instruments.html", groups=list(_groups(library)), numbers=numbers)


def _groups(library: Library) -> Iterator[tuple[str, str, list[Instrument]]]:
    shipped = store.library()
    own = [one for code, one in library.items() if code not in shipped]
    theirs = [one for code, one in library.items() if code in shipped and not shipped[code].has_wording]
    yield "Your own", "Written here. Not validated: trends only.", own
    yield (
        "Written by us",
        "In English and Spanish. Not validated: trends only.",
        [one for code, one in library.items() if code in shipped and shipped[code].has_wording],
    )
    free = [one for one in theirs if not one.licence.needs_number]
    yield "Known instruments", "Their totals can be entered. Their wording comes from whoever holds it.", free
    needed = [one for one in theirs if one.licence.needs_number]
    yield "With a licence only", "Asked only by whoever has a licence and gives its number.", needed


@router.get("/{code}")
async def instrument(request: Request, db: Db, who: Administrator, code: Code) -> HTMLResponse:
    """One instrument: what it is, where its figures come from, and what is missing so that it can be asked."""
    async with db.transaction(who.organisation_id) as tx:
        shown = await _find(tx, code)
    return _page(request, shown)


@router.get("/{code}/preview")
async def preview(request: Request, db: Db, who: Administrator, code: Code) -> HTMLResponse:
    """As participants see it."""
    async with db.transaction(who.organisation_id) as tx:
        shown = await _find(tx, code)
    if not shown.one.has_wording:
        raise NotFound("wording")
    language = language_of(request)
    return questions(request, [shown.one], language, {}, (), is_preview=True, **help_of(None, language))


@router.post("/{code}/wording")
async def load_on_page(request: Request, db: Db, who: Administrator, code: Code) -> Response:
    """Load the wording, by the same rules as the JSON; each mismatch is named."""
    sent = (await request.form(max_files=1, max_fields=10)).get("file")
    async with db.transaction(who.organisation_id) as tx:
        shown = await _find(tx, code)
        try:
            if not isinstance(sent, UploadFile) or not sent.size:
                raise invalid("file", "missing", "Choose a file.")
            wording, *_ = await acts.load_wording(tx, who, code, await sent.read())
        except Refusal as refusal:
            return _page(request, shown, refusal)
    return RedirectResponse(f"/feedback/instruments/{code}?loaded={wording.language}", 303)


@router.post("/{code}/licence-number")
async def note_on_page(request: Request, db: Db, who: Administrator, code: Code) -> Response:
    """Note the number of the licence."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        shown = await _find(tx, code)
        try:
            command = form(NoteLicence, fields)
            loadable(store.library(), code, {code: command.number})
        except Refusal as refusal:
            return _page(request, replace(shown, number=str(fields.get("number", ""))), refusal)
        await store.save_licence_number(tx, who.organisation_id, code, command.number, now(), who.subject)
    return RedirectResponse(f"/feedback/instruments/{code}?noted", 303)


async def _find(tx: Tx, code: str) -> Shown:
    library = await store.library_of(tx)
    if code not in library:
        raise NotFound("instrument")
    loaded = await store.loaded(tx, code, library[code].version)
    number = (await store.licence_numbers(tx)).get(code, "")
    return Shown(library[code], loaded, number, code not in store.library())


def _page(request: Request, shown: Shown, refusal: Refusal | None = None) -> HTMLResponse:
    errors = list(refusal.errors) if refusal else []
    mismatches = [error for error in errors if error.field not in ("file", "number")]
    if mismatches:
        errors = [FieldError("file", "does-not-fit", "The file does not fit the instrument: see the list below.")]
    query = request.query_params
    flash = "The wording is loaded. It is shown exactly so." if "loaded" in query else None
    context: dict[str, Any] = {
        "shown": shown,
        "measures": [(one, _range(one)) for one in shown.one.measures],
        "figures": [*_figures(shown.one)],
        "may_load": not shown.is_own and not store.library()[shown.one.code].has_wording,
        "errors": errors,
        "mismatches": mismatches,
        "refused": refusal.message if refusal and not isinstance(refusal, Invalid) else "",
        "flash": flash or ("The number is noted." if "noted" in query else None),
    }
    return PAGES.render(request, "instrument.html", refusal.status if refusal else 200, **context)


def _range(one: Measure) -> str:
    return f"{as_text(one.minimum, one.unit)} to {as_text(one.maximum, one.unit)}"


def _figures(one: Instrument) -> Iterator[tuple[str, str, str, str]]:
    """Every published figure with where it comes from: what, value, of whom, source."""
    for scale in one.scales:
        part = f"{scale.title.in_('en')}: " if scale.title else ""
        for limit in scale.cut_offs:
            kind = " (t-score)" if limit.of == "t-score" else ""
            said = f"{limit.operator} {limit.value}{kind}"
            yield f"{part}{limit.label.in_('en')}", said, "", limit.source
        for found in scale.reliability:
            yield f"{part}reliability, {found.kind}", str(found.value), found.sample, found.source
        for others in scale.reference:
            spread = "" if others.sd is None else f" ({others.sd})"
            yield f"{part}mean (SD)", f"{others.mean}{spread}", others.sample, others.source
        if change := scale.reliable_change:
            yield f"{part}reliable change", f"{change.operator} {change.threshold}", "", change.source
        if scale.mcid:
            yield f"{part}change that people find important", str(scale.mcid.value), "", scale.mcid.source
