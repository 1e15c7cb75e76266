"""Between a form and a command: names with points become parts, single choices become lists."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from babel import Locale, UnknownLocaleError


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
