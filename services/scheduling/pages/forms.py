"""What stands in a form, and what is the matter with it in words that name the field."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.errors import FieldError, Refusal

_EMPTY = {"missing", "too-short", "string-too-short"}


def entered(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stands in a form; what was left or made empty is empty."""
    return defaultdict(str, fields)


def named(refusal: Refusal | None, labels: Mapping[str, str]) -> list[FieldError]:
    """The errors of a refusal; several fields that are empty must not all say the same."""
    errors = []
    for error in refusal.errors if refusal else ():
        field = error.field.partition(".")[0]
        is_empty = error.code in _EMPTY and field in labels
        errors.append(replace(error, field=field, message=f"Give {labels[field]}.") if is_empty else error)
    return errors
