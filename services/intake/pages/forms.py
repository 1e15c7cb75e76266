"""Between a form and a command: names with points become parts, single choices become lists, and back again."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from babel import Locale, UnknownLocaleError
from fastapi import Request
from fastapi.responses import HTMLResponse

from services.intake.domain.organisation import code_of
from services.intake.pages.frame import PAGES
from shared.errors import Refusal
from shared.events.intake import Consents
from shared.fields import invalid


def parts(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`consent.reporting` and its like, as what stands under `consent`."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in fields.items() if key.startswith(prefix)}


def several(fields: Mapping[str, Any], name: str) -> list[Any]:
    """All that was chosen, be it none, one or more."""
    value = fields.get(name, [])
    return value if isinstance(value, list) else [value]


def only(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """These fields, as far as they were filled in."""
    return {name: fields[name] for name in names if name in fields}


def consent(text: object, ticked: Mapping[str, Any]) -> dict[str, Any]:
    """A text such as `standard:2` and the boxes that were ticked, as the command that programs send."""
    code, _, version = str(text).partition(":")
    return {"text": code, "version": version, **{name: ticked.get(name, False) for name in Consents.model_fields}}


def new_code(fields: Mapping[str, Any]) -> str:
    """The code that was given, or one made of the name."""
    return str(fields.get("code") or code_of(str(fields.get("name", ""))))


def check_code(code: str, example: str) -> None:
    """Refuse what cannot stand in an address."""
    if not code or code != code_of(code):
        message = f"Use small letters, digits and hyphens, such as {example}."
        raise invalid("code", "string-pattern-mismatch", message)


def shown(
    request: Request, template: str, fields: Mapping[str, Any], refusal: Refusal | None, **context: Any
) -> HTMLResponse:
    """A page with a form: what was entered is still there, and what is the matter stands beside it."""
    said = {"fields": entered(fields), "errors": list(refusal.errors) if refusal else [], "refusal": refusal}
    return PAGES.render(request, template, refusal.status if refusal else 200, **{**said, **context})


def entered(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was entered, for the form to show again; what was not is empty."""
    return defaultdict(str, fields)


def language_name(code: str) -> str:
    """`es` as `Español`: people look for a language under its own name."""
    try:
        name = Locale(code).get_language_name(code)
    except UnknownLocaleError:
        name = None
    return name[:1].upper() + name[1:] if name else code
