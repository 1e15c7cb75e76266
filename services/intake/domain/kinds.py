"""Kinds of fields that only intake has: a day, a time zone, contact data."""

import re
from functools import cache
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shared.events.base import Code, Language, LocalTime, TimeZone
from shared.fields import Line

T = TypeVar("T")
_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{4,30}")
_DIGITS_COMPARED = 9  # national and international spellings of a number end alike


def _as_clock(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return value
    raise PydanticCustomError("clock_time", "Give a time of the day as 20:00.")


@cache
def _zones() -> set[str]:
    return available_timezones()


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("unknown_time_zone", "Use a name of the IANA list, such as Europe/Madrid.")
    return name


def _distinct(values: list[T]) -> list[T]:
    if len(set(map(str, values))) < len(values):
        raise PydanticCustomError("repeated", "Name each only once.")
    return values


def _number(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise PydanticCustomError("not_a_phone_number", "Give a phone number such as +34 600 123 456.")
    return text


ClockTime = Annotated[LocalTime, BeforeValidator(_as_clock)]
Zone = Annotated[TimeZone, AfterValidator(_known_zone)]
Phone = Annotated[Line, AfterValidator(_number)]
Codes = Annotated[list[Code], Field(max_length=200), AfterValidator(_distinct)]
SomeCodes = Annotated[Codes, Field(min_length=1)]
Languages = Annotated[list[Language], Field(min_length=1, max_length=20), AfterValidator(_distinct)]


def email_key(email: str | None) -> str | None:
    """What two spellings of one e-mail address have in common."""
    return email.lower() if email else None


def phone_key(phone: str | None) -> str | None:
    """What two spellings of one phone number have in common."""
    return re.sub(r"\D", "", phone)[-_DIGITS_COMPARED:] if phone else None
