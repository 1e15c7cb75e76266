"""Check-ins for staff: who has been asked, who has answered, and entering what was answered on paper."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, get_args
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.check_in import EnterCheckIn, Occasion, enter
from services.feedback.domain.contacts import are_confirmed
from services.feedback.domain.instruments import TOTAL, Instrument, Library, Measure
from services.feedback.domain.kinds import moment_of
from services.feedback.domain.scoring import as_text
from services.feedback.pages.forms import nested
from services.feedback.pages.templates import PAGES, Coordinator
from services.feedback.store import Asked
from services.feedback.store.lists import Need
from shared.clock import now
from shared.doors import Db, form, submitted
from shared.errors import FieldError, Invalid, Refusal
from shared.events.ids import site_id_of
from shared.fields import Command, Day
from shared.security import Who
from shared.web.filters import words

router = APIRouter(prefix="/feedback", include_in_schema=False)
LINES = 40
DONE = {"saved": "The check-in is saved.", "taken-back": "The answer is taken back."}
NEEDS: tuple[Need, ...] = get_args(Need)


class OnPaper(Command):
    """When the answers were given."""

    answered_on: Day


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader looks through."""

    need: Need
    site: str | None
    page: int

    @classmethod
    def of(cls, request: Request, counts: dict[str, int]) -> "Choice":
        """What the address asks for; by default the first need that somebody has."""
        asked = request.query_params.get("need")
        first: Need = "overdue" if counts.get("overdue") else "due"
        need = next((one for one in NEEDS if one == asked), first)
        text = request.query_params.get("page", "1")
        page = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
        return cls(need, _site(request), max(page, 1))

    def address(self, page: int) -> str:
        """Another page of the same."""
        return "?" + urlencode({"need": self.need, "page": page} | ({"site": self.site} if self.site else {}))


@router.get("/")
async def check_ins(request: Request, db: Db, who: Coordinator) -> HTMLResponse:
    """Who has been asked how they are, most urgent first."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        sites = await store.sites(tx, who.site_ids)
        asked = Asked(_chosen_sites(who, _site(request)), moment)
        counts = await store.counts(tx, asked)
        choice = Choice.of(request, counts)
        found = await store.lines(tx, asked, choice.need, (choice.page - 1) * LINES, LINES + 1)
        library = await store.library_of(tx)
        unwatched = await acts.unwatched_sites(tx, library, who.site_ids, moment)
    return PAGES.render(
        request,
        "check-ins.html",
        flash=next((said for name, said in DONE.items() if name in request.query_params), None),
        sites=[(site.code, words(site.code)) for site in sites],
        choice=choice,
        counts=counts,
        lines=found[:LINES],
        first=(choice.page - 1) * LINES + 1,
        scores=partial(_scores, library),
        entering=partial(_entering, library),
        earlier=choice.address(choice.page - 1) if choice.page > 1 else "",
        later=choice.address(choice.page + 1) if len(found) > LINES else "",
        missing_contacts=[site.code for site in sites if not _has_contacts(site, moment)],
        unwatched=unwatched,
        now=moment,
    )


def _has_contacts(site: store.Site, moment: datetime) -> bool:
    """Whether links of the site open: it has contacts that somebody has confirmed lately."""
    return site.contacts is not None and are_confirmed(site.contacts.confirmed_on, site.time_zone, moment)


def _site(request: Request) -> str | None:
    asked = request.query_params.get("site")
    return asked if asked and asked != "all" else None


def _chosen_sites(who: Who, site: str | None) -> list[UUID] | None:
    """The sites that the reader sees, or the one of them that the address names."""
    if site is None:
        return who.site_ids
    site_id = site_id_of(who.organisation_id, site)
    return [site_id] if who.sees(site_id) else []


def _scores(library: Library, line: store.Line) -> str:
    """The scores of a line in words, with their range: the total, or each scale where there is none."""
    said = []
    for one in line.scores:
        instrument = library.get(one["instrument"])
        measure = instrument.measure_of(one["scale"]) if instrument else None
        if instrument and instrument.total and one["scale"] != TOTAL:
            continue
        title = instrument.title.in_("en") if instrument else one["instrument"]
        if measure and measure.scale.title:
            title = f"{title}, {measure.scale.title.in_('en')}"
        of = f" of {as_text(measure.maximum, measure.unit)}" if measure and measure.unit == one["unit"] else ""
        said.append(f"{title} {as_text(one['count'], one['unit'], 2)}{of}")
    return ", ".join(said)


def _entering(library: Library, line: store.Line) -> str:
    is_total = any(code in library and not library[code].has_wording for code in line.instruments)
    return "Enter a total" if is_total else "Enter from paper"


@router.get("/occasions/{occasion_id}/enter")
async def entry(request: Request, db: Db, who: Coordinator, occasion_id: UUID) -> Response:
    """The form for a total. Answers to questions stand on a sheet of paper, which is entered twice."""
    async with db.transaction(who.organisation_id) as tx:
        library = await store.library_of(tx)
        occasion = await store.get_occasion(tx, occasion_id, who.site_ids, library)
    if _is_on_paper(occasion, library):
        return RedirectResponse(f"/feedback/paper/{occasion_id}", 303)
    return _entry(request, occasion, library, {"answered_on": occasion.day_of(now()).isoformat()})


@router.post("/occasions/{occasion_id}/enter")
async def enter_on_page(request: Request, db: Db, who: Coordinator, occasion_id: UUID) -> Response:
    """Enter it; what is wrong is said beside the fields, and nothing that was typed is lost."""
    fields, moment = await submitted(request), now()
    async with db.transaction(who.organisation_id) as tx:
        library = await store.library_of(tx)
        occasion = await store.get_occasion(tx, occasion_id, who.site_ids, library)
        if _is_on_paper(occasion, library):
            return RedirectResponse(f"/feedback/paper/{occasion_id}", 303)
        try:
            command = _command(occasion, nested(fields), moment)
            entered = enter(occasion, command, library, moment, "staff")
        except Refusal as refusal:
            return _entry(request, occasion, library, fields, refusal)
        if entered:
            await acts.keep_check_in(tx, occasion, entered, library, moment, who.subject)
    return RedirectResponse("/feedback/?need=answered&saved", 303)


def _is_on_paper(occasion: Occasion, library: Library) -> bool:
    asked = occasion.instruments
    return bool(asked) and all(library[code].has_wording for code in asked)


def _command(occasion: Occasion, fields: dict[str, Any], moment: datetime) -> EnterCheckIn:
    """The form as the command that programs send, with every field that is wrong at once."""
    errors: list[FieldError] = []
    at = None
    try:
        day = form(OnPaper, {name: fields.pop(name) for name in ("answered_on",) if name in fields}).answered_on
        at = moment_of("answered_on", day, occasion.time_zone, moment)
    except Invalid as wrong:
        errors += wrong.errors
    try:
        command = form(EnterCheckIn, {**fields, "occasion_id": occasion.occasion_id, "answered_at": at})
    except Invalid as wrong:
        errors += wrong.errors
    if errors:
        raise Invalid(*errors)
    return command


def _entry(
    request: Request,
    occasion: Occasion,
    library: Library,
    given: dict[str, Any],
    refusal: Refusal | None = None,
) -> HTMLResponse:
    instruments = occasion.asks(library)
    return PAGES.render(
        request,
        "enter.html",
        refusal.status if refusal else 200,
        occasion=occasion,
        totals=[total for one in instruments if not one.has_wording for total in _totals(one)],
        on_paper=[one for one in instruments if one.has_wording],
        given=given,
        errors=list(refusal.errors) if refusal else [],
        refused=refusal.message if refusal and not refusal.errors else "",
    )


def _totals(one: Instrument) -> list[tuple[str, str, str]]:
    """The fields for what is entered of an instrument without wording: name, title and hint of each."""
    title = one.title.in_("en")
    if one.total:
        return [(f"totals.{one.code}", f"Total of {title}", _hint(one.total))]
    return [
        (
            f"scales.{one.code}.{measure.scale.code}",
            f"{title}, {measure.scale.title.in_('en') if measure.scale.title else measure.scale.code}",
            _hint(measure),
        )
        for measure in one.measures
    ]


def _hint(one: Measure) -> str:
    better = "Higher is better." if one.scale.higher_is_better else "Lower is better."
    return f"{as_text(one.minimum, one.unit)} to {as_text(one.maximum, one.unit)}. {better}"
