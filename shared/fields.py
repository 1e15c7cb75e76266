"""Kinds of input fields, and the sentences for what is wrong with one."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from shared.errors import FieldError, Invalid


def _as_typed(value: Any) -> Any:
    """Browsers send the breaks of lines as CR and LF, whatever somebody typed or pasted."""
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


def _printable(text: str) -> str:
    if any(ord(char) < 32 and char not in "\n\t" for char in text) or "\x7f" in text:
        raise PydanticCustomError("control-character", "Remove the characters that cannot be printed.")
    return text


def _on_one_line(text: str) -> str:
    """A break in it, pasted with it, is a space: what is one line stands in headers of mail, too."""
    return re.sub(r"[\n\t]+", " ", text)


def as_address(text: str) -> str:
    """An e-mail address as mail servers take it; raises a ValueError."""
    try:
        found = validate_email(text, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise PydanticCustomError("not_an_email", "Give an e-mail address such as name@example.org.") from None
    return found.ascii_email or text


def _as_iso(value: Any) -> Any:
    """What looks like a number of seconds is a mistake."""
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        return value
    raise PydanticCustomError("date_type", "Give a date as YYYY-MM-DD.")


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    BeforeValidator(_as_typed),
    AfterValidator(_printable),
    AfterValidator(_on_one_line),
]
"""One line of text: a name, a contact."""
Email = Annotated[Line, AfterValidator(as_address)]
"""An e-mail address."""
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2000),
    BeforeValidator(_as_typed),
    AfterValidator(_printable),
]
"""A few lines of text, possibly none."""


Day = Annotated[date, BeforeValidator(_as_iso), Field(ge=date(1990, 1, 1), le=date(2199, 12, 31))]
"""A day, as YYYY-MM-DD and in no other way."""


def _as_whole(value: Any) -> Any:
    """In some languages 10.000 is ten thousand, and in others ten."""
    if isinstance(value, str) and not re.fullmatch(r"\s*[+-]?[0-9]+\s*", value):
        raise PydanticCustomError("int_parsing", "Give a whole number.")
    return value


Whole = Annotated[int, BeforeValidator(_as_whole)]
"""A whole number, from a program or as people write it."""


class Command(BaseModel):
    """What somebody asks to be done: the body of a request or of a form."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


PATTERNS = {
    "^[a-z0-9]+(-[a-z0-9]+)*$": "Use small letters, digits and hyphens, such as old-town.",
    "^[A-Z]{3}-[0-9]{3}$": "Use three capital letters, a hyphen and three digits, such as KLM-482.",
    "^[a-z]{2}$": "Use the two letters of a language, such as en.",
    "^([01][0-9]|2[0-3]):[0-5][0-9]$": "Use hours and minutes, such as 18:00.",
}
"""The patterns of shared.events.base, in words."""
SENTENCES = {
    "missing": "This is needed.",
    "extra_forbidden": "This field is not known here: leave it out.",
    "string_too_long": "Use at most {max_length} characters.",
    "string_too_short": "This is needed.",
    "string_pattern_mismatch": "Use the form {pattern}.",
    "string_type": "Give text.",
    "int_parsing": "Give a whole number.",
    "int_type": "Give a whole number.",
    "int_from_float": "Give a whole number.",
    "bool_parsing": "Give true or false.",
    "uuid_parsing": "Give an id as a UUID.",
    "uuid_type": "Give an id as a UUID.",
    "date_from_datetime_parsing": "Give a date as YYYY-MM-DD.",
    "date_parsing": "Give a date as YYYY-MM-DD.",
    "date_type": "Give a date as YYYY-MM-DD.",
    "datetime_parsing": "Give a time as 2025-03-04T18:00:00Z, with its zone.",
    "datetime_from_date_parsing": "Give a time as 2025-03-04T18:00:00Z, with its zone.",
    "timezone_aware": "Add the time zone: Z or +02:00.",
    "greater_than_equal": "Give {ge} or more.",
    "less_than_equal": "Give {le} or less.",
    "literal_error": "Choose one of {expected}.",
    "json_invalid": "The body is not valid JSON.",
    "model_attributes_type": "Give a JSON object.",
    "dict_type": "Give a JSON object.",
    "list_type": "Give a list.",
    "too_long": "Give at most {max_length}.",
    "too_short": "Give at least {min_length}.",
}

_SOURCES = ("body", "query", "path", "header")


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """Pydantic's errors as ours: the field's path, a stable code, and what would be right."""
    found = []
    for error in errors:
        is_whole = error["type"] == "json_invalid"  # its place is a count of characters, which is no field
        where = [] if is_whole else [str(part) for part in error["loc"] if part not in _SOURCES]
        sentence = PATTERNS.get((error.get("ctx") or {}).get("pattern", "")) or SENTENCES.get(error["type"])
        message = sentence.format(**(error.get("ctx") or {})) if sentence else error["msg"]
        found.append(FieldError(".".join(where) or "body", error["type"].replace("_", "-"), message))
    return found


def invalid(field: str, code: str, message: str) -> Invalid:
    """A refusal for one field."""
    return Invalid(FieldError(field, code, message))
