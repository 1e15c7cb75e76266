"""The set-up of the organisation itself: its name, what it asks, its consent texts."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import store
from services.intake.domain.consent import STANDARD, newest
from services.intake.domain.organisation import (
    Organisation,
    RegisterOrganisation,
    attributes_as_lines,
    attributes_from_lines,
    code_of,
    register,
    registered,
)
from services.intake.pages.forms import language_name, shown
from shared import outbox
from shared.clock import now
from shared.database import Database, Tx
from shared.doors import Db, allow, form, mark, refuse_stale, submitted
from shared.errors import Refusal
from shared.fields import invalid
from shared.security import Who
from shared.web import LANGUAGES

router = APIRouter(prefix="/intake/set-up", include_in_schema=False)
Administrator = Annotated[Who, Depends(allow("administrator"))]


@router.get("/organisation")
async def organisation_page(request: Request, db: Db, who: Administrator) -> Response:
    """The form as things stand."""
    return await _shown(request, db, who, None, None)


@router.post("/organisation")
async def organisation_form(request: Request, db: Db, who: Administrator) -> Response:
    """Register the organisation, or change it."""
    fields = await submitted(request)
    try:
        async with db.transaction(who.organisation_id) as tx:
            await store.lock_set_up(tx, who.organisation_id)
            known = await store.find_organisation(tx, who.organisation_id)
            refuse_stale(fields, known)
            lines = attributes_from_lines(str(fields.get("attributes", "")), known.attributes if known else ())
            wanted = {"attributes": lines} | ({"name": fields["name"]} if "name" in fields else {})
            await _register(tx, who, known, form(RegisterOrganisation, wanted))
    except Refusal as refusal:
        return await _shown(request, db, who, fields, refusal)
    return RedirectResponse("/intake/set-up", 303)


@router.get("/consent")
async def consent_page(request: Request, db: Db, who: Administrator) -> Response:
    """The published texts, and a form for a new version."""
    return await _consent_shown(request, db, who, {}, None)


@router.post("/consent")
async def consent_form(request: Request, db: Db, who: Administrator) -> Response:
    """Publish a new version of a text. Those who agreed to an earlier one agreed to that."""
    fields = await submitted(request)
    try:
        async with db.transaction(who.organisation_id) as tx:
            known = await store.get_organisation(tx, who.organisation_id)
            code = code_of(str(fields.get("code", STANDARD))) or STANDARD
            version = newest(await store.consent_texts(tx)).get(code, 0) + 1
            texts = [
                {"code": code, "version": version, "language": language, "text": fields[f"text.{language}"]}
                for language in _written(fields)
            ]
            if not texts:
                raise invalid("text.en", "missing", "Give the text in at least one language.")
            kept = [one.model_dump(mode="json") for one in known.attributes]
            wanted = {"name": known.name, "attributes": kept, "consent_texts": texts}
            await _register(tx, who, known, form(RegisterOrganisation, wanted))
    except Refusal as refusal:
        return await _consent_shown(request, db, who, fields, refusal)
    return RedirectResponse("/intake/set-up/consent", 303)


def _written(fields: dict[str, Any]) -> list[str]:
    """The languages in which a text is given."""
    return [language for language in LANGUAGES if f"text.{language}" in fields]


async def _register(tx: Tx, who: Who, known: Organisation | None, command: RegisterOrganisation) -> None:
    texts, given = await store.consent_texts(tx), await store.given_answers(tx)
    decided = register(known, texts, who.organisation, command, given)
    await store.save_organisation(tx, decided.organisation)
    await store.add_consent_texts(tx, who.organisation_id, decided.new_texts)
    for event in decided.events:
        outbox.put(tx, event, organisation=who.organisation_id, at=now())


async def _shown(
    request: Request, db: Database, who: Who, fields: dict[str, Any] | None, refusal: Refusal | None
) -> Response:
    async with db.transaction(who.organisation_id) as tx:
        known = await store.find_organisation(tx, who.organisation_id)
    if fields is None:
        attributes = attributes_as_lines(known.attributes) if known else ""
        fields = {"name": known.name if known else "", "attributes": attributes, "was": mark(known)}
    errors = [replace(one, field=one.field.partition(".")[0]) for one in refusal.errors] if refusal else []
    return shown(request, "organisation.html", fields, refusal, errors=errors, is_known=known is not None)


async def _consent_shown(
    request: Request, db: Database, who: Who, fields: dict[str, Any], refusal: Refusal | None
) -> Response:
    async with db.transaction(who.organisation_id) as tx:
        registered(await store.find_organisation(tx, who.organisation_id))
        texts = await store.consent_texts(tx)
    at = {f"consent_texts.{number}.text": f"text.{language}" for number, language in enumerate(_written(fields))}
    errors = [replace(one, field=at.get(one.field, one.field)) for one in refusal.errors] if refusal else []
    return shown(
        request,
        "consent.html",
        fields,
        refusal,
        errors=errors,
        texts=sorted(texts, key=lambda one: (one.code, -one.version, one.language)),
        languages=LANGUAGES,
        language_name=language_name,
    )
