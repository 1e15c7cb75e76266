"""The sheet of paper of a check-in, as PDF: its questions, its code, whom somebody in need can call; no name."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import segno
import typst
from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.feedback import store
from services.feedback.domain.check_in import Occasion, why_closed
from services.feedback.domain.contacts import are_confirmed
from services.feedback.domain.instruments import Instrument, Library
from services.feedback.domain.paper import sheet_code
from services.feedback.pages.help import help_of
from services.feedback.pages.templates import Coordinator
from services.feedback.store import Contacts
from shared.clock import now
from shared.doors import Db
from shared.errors import Refusal
from shared.web.languages import speaker

router = APIRouter(prefix="/feedback/occasions", include_in_schema=False)
_TEMPLATE = Path(__file__).parent.parent / "templates" / "check-in.typ"
_REASONS = {
    "answered": "This check-in was answered already: there is nothing to print.",
    "cancelled": "This check-in is not wanted any more: there is nothing to print.",
    "expired": "The time for this check-in is over: there is nothing to print.",
    "no-contacts": "The site of this check-in has no crisis contacts that somebody has confirmed in the last 90 days.",
    "no-wording": "The wording of this check-in is not here: whoever holds it prints it.",
}


@router.get("/{occasion_id}/sheet.pdf")
async def sheet(
    request: Request,
    db: Db,
    who: Coordinator,
    occasion_id: UUID,
    lang: Literal["en", "es"] = "en",
    paper: Literal["a4", "us-letter"] = "a4",
    large: bool = False,
) -> Response:
    """One check-in on paper."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        library = await store.library_of(tx)
        occasion = await store.get_occasion(tx, occasion_id, who.site_ids, library)
        contacts = await store.find_contacts(tx, occasion.site_id)
    has_contacts = contacts is not None and are_confirmed(contacts.confirmed_on, occasion.time_zone, moment)
    closed = why_closed(
        occasion, library, occasion.closes_at, max(moment, occasion.opens_at), has_contacts=has_contacts
    )
    if closed:
        raise Refusal("nothing-to-print", _REASONS.get(closed, "There is nothing to print."))
    public_url = request.app.state.running.settings.public_url
    content = _content(occasion, library, contacts, lang, f"{public_url}/feedback/paper/{sheet_code(occasion_id)}")
    pdf = await asyncio.to_thread(_printed, content | {"paper": paper, "is_large": large})
    name = f"{sheet_code(occasion_id)}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return Response(pdf, media_type="application/pdf", headers=headers)


def _printed(content: dict[str, Any]) -> bytes:
    pdf: bytes = typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        ignore_system_fonts=True,  # the same sheet on every machine
        sys_inputs={"sheet": json.dumps(content)},
        pdf_standards=["ua-1"],
    )
    return pdf


def _content(
    occasion: Occasion, library: Library, contacts: Contacts | None, language: str, address: str
) -> dict[str, Any]:
    say, drawn = speaker(language), io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", border=0, xmldecl=False)
    helped = help_of(contacts, language)
    parts, number = [], 0
    for code in occasion.instruments:
        parts.append(_part(library[code], language, number))
        number += len(library[code].items)
    return {
        "language": language,
        "code": sheet_code(occasion.occasion_id),
        "versions": ", ".join(f"{code} {library[code].version}" for code in occasion.instruments),
        "qr": drawn.getvalue().decode(),
        "parts": parts,
        "contacts": [{"words": one.words, "shown": one.shown} for one in helped["contacts"]],
        "note": helped["note"],
        "words": {
            "title": say("A few questions"),
            "intro": say("Mark one answer to each question. Do not write your name: the code says where this belongs."),
            "qr": say("The code of this sheet, for whoever enters it"),
            "day": say("Day of the answer:"),
            "help": say("If you need somebody now"),
            "back": say("Give this sheet to your coordinator, folded. Nobody reads it before they do."),
        },
    }


def _part(one: Instrument, language: str, before: int) -> dict[str, Any]:
    rights = one.rights.in_(language) if one.rights else one.licence.attribution if one.is_validated else None
    return {
        "title": one.title.in_(language),
        "about": one.about.in_(language),
        "rights": rights,
        "questions": [
            {
                "number": number,
                "before": item.before.in_(language) if item.before else None,
                "text": item.text.in_(language) if item.text else "",
                "options": [option.label.in_(language) for option in one.options_of(item) if option.label]
                if item.kind == "choice"
                else [],
            }
            for number, item in enumerate(one.items, start=before + 1)
        ],
    }
