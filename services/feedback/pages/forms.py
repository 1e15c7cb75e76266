"""Forms with parts: `entries.0.occasion` is the occasion of the first of the entries. And what participants typed."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from shared.doors import submitted

DEPTH_MAX = 4
CODED = ("answers", "texts", "totals", "scales")
"""Their parts are named by codes, also those that look like numbers: an instrument may be called 2025."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


async def typed(request: Request) -> dict[str, Any]:
    """The fields of a participant's form. What cannot be printed came with something pasted: it is a space to them.

    Nobody in need is kept from sending by a character that they cannot see.
    """
    fields = await submitted(request)
    return {name: _printable(value) for name, value in fields.items()}


def _printable(value: Any) -> Any:
    return [_printable(one) for one in value] if isinstance(value, list) else _UNPRINTABLE.sub(" ", value)


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a form as the JSON body would have them; numbered parts become a list, gaps closed.

    What is numbered and has no parts of its own keeps its name.
    """
    root: dict[str, Any] = {}
    for name, value in fields.items():
        *path, last = name.split(".", DEPTH_MAX - 1)
        inside: Any = root
        for part in path:
            inside = inside.setdefault(part, {})
            if not isinstance(inside, dict):
                break
        else:
            inside.setdefault(last, value)
    return {name: value if name in CODED else _listed(value) for name, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    parts = {name: _listed(part) for name, part in value.items()}
    if parts and all(name.isascii() and name.isdigit() and isinstance(value[name], dict) for name in parts):
        return [parts[name] for name in sorted(parts, key=lambda name: int(name[:9]))]
    return parts
