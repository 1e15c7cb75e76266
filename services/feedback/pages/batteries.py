"""Batteries for administrators: what each program asks, and when."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.battery import SUGGESTED, SetBattery
from services.feedback.domain.instruments import Instrument, Library
from services.feedback.pages import battery_rows
from services.feedback.pages.forms import nested
from services.feedback.pages.templates import PAGES, Administrator
from services.feedback.store import Program
from shared.doors import Db, form, mark, refuse_stale, submitted
from shared.errors import Refusal
from shared.events.base import Code
from shared.events.feedback import BatteryEntry
from shared.events.ids import program_id_of

router = APIRouter(prefix="/feedback/batteries", include_in_schema=False)
EMPTY_ROWS = 2


@router.get("")
async def batteries(request: Request, db: Db, who: Administrator) -> HTMLResponse:
    """Every program with what it asks."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.batteries(tx, who.site_ids)
        library = await store.library_of(tx)
    titles = _titles(library)
    saved = request.query_params.get("saved")
    is_saved = saved in {one.program.code for one in found}
    return PAGES.render(
        request,
        "batteries.html",
        batteries=found,
        when=battery_rows.when,
        more=lambda entry: battery_rows.more(entry, library),
        titled=lambda codes: ", ".join(titles.get(code, code) for code in codes),
        flash="The battery is set. Check-ins fall due by it from now on." if is_saved else None,
    )


@router.get("/{program}")
async def battery(request: Request, db: Db, who: Administrator, program: Code) -> HTMLResponse:
    """The form of one program, filled with its battery or with what we would begin with."""
    async with db.transaction(who.organisation_id) as tx:
        known = await store.get_program(tx, program_id_of(who.organisation_id, program), who.site_ids)
        library = await store.library_of(tx)
    is_suggested = known.entries is None or "suggested" in request.query_params
    entries = SUGGESTED if is_suggested else known.entries or ()
    rows = [battery_rows.shown(BatteryEntry(**entry.model_dump()), library) for entry in entries]
    return _form(request, known.program, rows, library, mark(known.entries), is_suggested=is_suggested)


@router.post("/{program}")
async def set_battery(request: Request, db: Db, who: Administrator, program: Code) -> Response:
    """Set it, by the same rules as the JSON."""
    sent = await submitted(request)
    rows = _rows(nested(sent))
    async with db.transaction(who.organisation_id) as tx:
        await store.lock_batteries(tx, who.organisation_id)
        library = await store.library_of(tx)
        known = await store.get_program(tx, program_id_of(who.organisation_id, program), who.site_ids)
        try:
            refuse_stale(sent, known.entries)
            command = form(SetBattery, {"entries": battery_rows.asked(rows, library)})
            await acts.set_battery(tx, who, known, command, library)
        except Refusal as refusal:
            return _form(request, known.program, rows, library, sent.get("was"), refusal)
    return RedirectResponse(f"/feedback/batteries?saved={known.program.code}", 303)


def _rows(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that say something: one without a code and without instruments is left out."""
    sent = fields.get("entries", [])
    rows = [row for row in sent if isinstance(row, dict)] if isinstance(sent, list) else []
    kept = [row for row in rows if "occasion" in row or "instruments" in row]
    for row in kept:
        if isinstance(row.get("instruments"), str):
            row["instruments"] = [row["instruments"]]
    return kept


def _form(
    request: Request,
    program: Program,
    rows: Sequence[dict[str, Any]],
    library: Library,
    was: str | None,
    refusal: Refusal | None = None,
    *,
    is_suggested: bool = False,
) -> HTMLResponse:
    titles = {one.code: one.title.in_("en") for one in library.values()}
    shown = [battery_rows.filled(row, titles) for row in [*rows, *({} for _ in range(EMPTY_ROWS))]]
    errors = [battery_rows.said(error) for error in refusal.errors] if refusal else []
    return PAGES.render(
        request,
        "battery.html",
        refusal.status if refusal else 200,
        program=program,
        rows=shown,
        n_filled=len(rows),
        kinds=battery_rows.KINDS,
        instruments=list(_titles(library).items()),
        scales=battery_rows.scales(library),
        is_suggested=is_suggested,
        was=was,
        refused=refusal.message if refusal and not refusal.errors else None,
        errors=errors,
        in_error={int(part) for error in errors for part in error.field.split(".")[1:2] if part.isdigit()},
    )


def _titles(library: Library) -> dict[str, str]:
    """The instruments, with what one must know to choose."""
    return {one.code: one.title.in_("en") + _to_know(one) for one in library.values()}


def _to_know(one: Instrument) -> str:
    known = [
        "" if one.has_wording else "total, entered by staff",
        "licence needed" if one.licence.needs_number else "",
        "for facilitators" if one.asked_of == "facilitators" else "",
    ]
    said = "; ".join(filter(None, known))
    return f" ({said})" if said else ""
