"""Answers from paper, entered twice: only when both entries agree, or somebody has settled where they differ, is there
a check-in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.check_in import CheckIn, Occasion, enter
from services.feedback.domain.instruments import Library
from services.feedback.domain.kinds import Answers, moment_of
from services.feedback.domain.paper import (
    Difference,
    EnterSheet,
    Entry,
    ReadAnswers,
    as_command,
    differences,
    ids_of,
    settled,
    sheet_code,
)
from services.feedback.pages.forms import nested
from services.feedback.pages.templates import PAGES, Coordinator
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, form, submitted
from shared.errors import Invalid, NotFound, Refusal
from shared.events.feedback import CheckInSubmitted
from shared.fields import invalid
from shared.security import Who

router = APIRouter(prefix="/feedback/paper", include_in_schema=False)
_SAVED = "/feedback/?need=answered&saved"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that lies before somebody: its check-in, and what was entered of it so far."""

    name: str  # in its address: its code, or the id of its occasion
    occasion: Occasion
    library: Library
    entries: Sequence[Entry]

    @property
    def here(self) -> str:
        """Where it is entered."""
        return f"/feedback/paper/{self.name}"

    @property
    def code(self) -> str:
        """What stands on it."""
        return sheet_code(self.occasion.occasion_id)

    @property
    def differences(self) -> list[Difference]:
        """Where two entries say different things."""
        if len(self.entries) < 2:
            return []
        first, second = self.entries
        return differences(first, second, self.occasion.asks(self.library))


@router.get("")
async def sheets(request: Request, db: Db, who: Coordinator, code: str = "") -> Response:
    """Which sheet? And those that wait for their second entry."""
    errors: Sequence[Any] = ()
    async with db.transaction(who.organisation_id) as tx:
        if code:
            try:
                sheet = await _sheet(tx, who, code)
                return RedirectResponse(sheet.here, 303)
            except Refusal as refusal:
                errors = invalid("code", refusal.code, refusal.message).errors
        begun = await store.sheets_begun(tx, who.site_ids)
    flash = "Entered once. It is a check-in when it has been entered a second time." if _has(request, "once") else None
    return PAGES.render(
        request,
        "sheets.html",
        422 if errors else 200,
        begun=begun,
        given=code[:40],
        errors=errors,
        flash=flash,
        now=now(),
    )


@router.get("/{code}")
async def sheet_page(request: Request, db: Db, who: Coordinator, code: str) -> HTMLResponse:
    """The form for the first or the second entry, which shows nothing of the first; or where the two differ."""
    async with db.transaction(who.organisation_id) as tx:
        sheet = await _sheet(tx, who, code)
    return _page(request, sheet, {"answered_on": sheet.occasion.day_of(now()).isoformat()})


@router.post("/{code}")
async def enter_sheet(request: Request, db: Db, who: Coordinator, code: str) -> Response:
    """Keep an entry; the second one that agrees makes the check-in. The same form sent twice is one entry.

    With `corrects` the sheet is begun again: it takes the place of the first entry that they made themselves.
    A risk is heard at once, also where the entry is refused, or cannot be read as a whole: there may be no other.
    """
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        sheet = await _sheet(tx, who, code)
        number = len(sheet.entries) + 1
        is_stale = fields.pop("pass", "") != str(number)
        corrects = bool(fields.pop("corrects", "")) and not is_stale and _is_own(sheet, who)
        sent = _sent(fields)
        await acts.hear_sheet(tx, sheet.occasion, _answers(fields), sheet.library)
        if sheet.occasion.check_in or number > 2 or (is_stale and sent and _is_repeated(sheet, who, sent)):
            return RedirectResponse(sheet.here, 303)
        if is_stale:
            return _page(request, sheet, fields, _entered_meanwhile(sheet, who), corrects=_is_own(sheet, who))
        try:
            entry, kept = _entered(sheet, nested(fields))
        except Refusal as refusal:
            return _page(request, sheet, fields, refusal, corrects=corrects)
        if corrects:
            await store.remove_entries(tx, sheet.occasion.occasion_id)
            number = 1
        by = (who.subject, who.name)
        await store.add_entry(tx, who.organisation_id, sheet.occasion.occasion_id, number, entry, by, now())
        if number == 1:
            return RedirectResponse("/feedback/paper?once", 303)
        sheet = replace(sheet, entries=await store.entries(tx, sheet.occasion.occasion_id))
        if sheet.differences:
            return RedirectResponse(sheet.here, 303)
        await acts.keep_check_in(tx, sheet.occasion, kept, sheet.library, now(), who.subject)
    return RedirectResponse(_SAVED, 303)


@router.post("/{code}/settle")
async def settle(request: Request, db: Db, who: Coordinator, code: str) -> Response:
    """Where the entries differ somebody has looked at the sheet once more: each difference is settled, or none."""
    fields = await submitted(request)
    async with db.transaction(who.organisation_id) as tx:
        sheet = await _sheet(tx, who, code)
        if sheet.occasion.check_in or not sheet.differences:
            return RedirectResponse(sheet.here, 303)
        try:
            chosen = _chosen(sheet.differences, fields)
            _, kept = _entered(sheet, nested(settled(sheet.entries[0], chosen)))
        except Refusal as refusal:
            return _page(request, sheet, fields, refusal)
        await acts.keep_check_in(tx, sheet.occasion, kept, sheet.library, now(), who.subject)
    return RedirectResponse(_SAVED, 303)


@router.post("/{code}/again")
async def begin_again(db: Db, who: Coordinator, code: str) -> RedirectResponse:
    """Neither entry counts."""
    async with db.transaction(who.organisation_id) as tx:
        sheet = await _sheet(tx, who, code)
        await store.remove_entries(tx, sheet.occasion.occasion_id)
    return RedirectResponse(sheet.here, 303)


async def _sheet(tx: Tx, who: Who, name: str) -> Sheet:
    """The sheet with this code, as it is typed; or of the occasion with this id, as lists name it."""
    try:
        occasion_id, is_id = UUID(name), True
    except ValueError:
        occasion_id, is_id = await _id_of(tx, who, name), False
    library = await store.library_of(tx)
    occasion = await store.get_occasion(tx, occasion_id, who.site_ids, library)
    entries = await store.entries(tx, occasion_id)
    return Sheet(str(occasion_id) if is_id else sheet_code(occasion_id), occasion, library, entries)


async def _id_of(tx: Tx, who: Who, code: str) -> UUID:
    found = await store.occasions_between(tx, ids_of(code), who.site_ids)
    if not found:
        raise NotFound("sheet")
    if len(found) > 1:
        raise Refusal("sheet-ambiguous", "Two check-ins have this code. Open it from the list of check-ins.")
    return found[0]


def _entered(sheet: Sheet, fields: Mapping[str, Any]) -> tuple[EnterSheet, tuple[CheckIn, CheckInSubmitted]]:
    """What stands on the sheet, and the check-in that it makes; raises what is wrong with it."""
    moment, occasion = now(), sheet.occasion
    entry = form(EnterSheet, dict(fields))
    answered_at = moment_of("answered_on", entry.answered_on, occasion.time_zone, moment)
    kept = enter(occasion, as_command(occasion.occasion_id, entry, answered_at), sheet.library, moment, "staff")
    assert kept  # one that was answered before is not entered
    return entry, kept


def _sent(fields: Mapping[str, Any]) -> EnterSheet | None:
    """What a form says of a sheet, if it can be read, whether that can be kept or not."""
    try:
        return form(EnterSheet, nested(fields))
    except Invalid:
        return None


def _answers(fields: Mapping[str, Any]) -> Answers:
    """What was chosen, also where the day or a text beside it cannot be read."""
    try:
        return form(ReadAnswers, {"answers": nested(fields).get("answers", {})}).answers
    except Invalid:
        return {}


def _is_repeated(sheet: Sheet, who: Who, sent: EnterSheet) -> bool:
    """Whether it is the entry that stands there already, from the same person: a second tap."""
    again = Entry(sent.answered_on, sent.answers, sent.texts, who.subject, who.name)
    asked = sheet.occasion.asks(sheet.library)
    return any(one.subject == who.subject and not differences(one, again, asked) for one in sheet.entries)


def _is_own(sheet: Sheet, who: Who) -> bool:
    """Whether the first entry is theirs, and the only one."""
    return [one.subject for one in sheet.entries] == [who.subject]


def _entered_meanwhile(sheet: Sheet, who: Who) -> Refusal:
    """Two people, or two tabs, with one sheet, or somebody who went back: what was typed is still to be saved."""
    if _is_own(sheet, who):
        sentence = "You have saved this sheet already, with other answers. To correct it, begin it again with these."
    elif sheet.entries:
        sentence = f"{sheet.entries[0].name} saved the first entry after you opened this page. Yours is the second."
    else:
        sentence = "Somebody began this sheet again after you opened this page. Yours is the first entry."
    return Refusal("entered-meanwhile", f"{sentence} It is not saved yet: look at the sheet once more, and save it.")


def _chosen(found: Sequence[Difference], fields: Mapping[str, Any]) -> dict[str, str]:
    errors = [
        error
        for one in found
        if fields.get(one.field) not in ("1", "2")
        for error in invalid(one.field, "not-settled", "Say what stands on the sheet.").errors
    ]
    if errors:
        raise Invalid(*errors)
    return {one.field: one.first if fields[one.field] == "1" else one.second for one in found}


def _has(request: Request, name: str) -> bool:
    return name in request.query_params


def _page(
    request: Request,
    sheet: Sheet,
    given: dict[str, Any],
    refusal: Refusal | None = None,
    *,
    corrects: bool = False,
) -> HTMLResponse:
    return PAGES.render(
        request,
        "sheet.html",
        refusal.status if refusal else 200,
        sheet=sheet,
        occasion=sheet.occasion,
        instruments=sheet.occasion.asks(sheet.library),
        number=len(sheet.entries) + 1,
        corrects=corrects,
        given=given,
        errors=list(refusal.errors) if refusal else [],
        refused=refusal.message if refusal and not refusal.errors else "",
    )
