"""Kinds of fields that feedback has: a day, points, a phone number, words in the languages that we speak."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.events.base import Code
from shared.fields import Command, Line, Text, invalid

_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{1,30}")
_URL = re.compile(r"https?://[a-z0-9.-]+\.[a-z]{2,}(:[0-9]{1,5})?(/[!-~]*)?", re.I)

POINTS_MAX, DIGITS_MAX = 100_000, 30


def _as_points(value: Any) -> Decimal:
    """A number as people type it, also with a decimal comma; bounded, so that it is cheap to compute with exactly."""
    try:
        number = (
            Decimal(str(value).strip().replace(",", ".")) if isinstance(value, str | int | float | Decimal) else None
        )
    except (ArithmeticError, ValueError):
        number = None
    if number is None or isinstance(value, bool) or not number.is_finite():
        raise PydanticCustomError("not_a_number", "Give a number, such as 7 or 2.3333.")
    _, digits, exponent = number.as_tuple()
    if abs(number) > POINTS_MAX or len(digits) > DIGITS_MAX or int(exponent) < -DIGITS_MAX:
        raise PydanticCustomError("not_a_score", "Give a number that can be a score.")
    return number


def _number(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise PydanticCustomError("not_a_phone_number", "Give a phone number such as +34 600 123 456.")
    return text


def _address(text: str) -> str:
    if not _URL.fullmatch(text):
        raise PydanticCustomError("not_an_address", "Give an address such as https://help.example.org.")
    return text


def _without_blanks(texts: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    written = {code: {item: text for item, text in items.items() if text} for code, items in texts.items()}
    return {code: items for code, items in written.items() if items}


Moment = Annotated[AwareDatetime, Field(ge=datetime(1990, 1, 1, tzinfo=UTC), le=datetime(2199, 12, 31, tzinfo=UTC))]
Points = Annotated[Decimal, BeforeValidator(_as_points), Field(ge=-POINTS_MAX, le=POINTS_MAX)]
"""A score in points, as people write it."""
Phone = Annotated[Line, AfterValidator(_number)]
Url = Annotated[Line, AfterValidator(_address)]
Totals = Annotated[dict[Code, Points], Field(max_length=20)]
ScaleTotals = Annotated[dict[Code, Annotated[dict[Code, Points], Field(max_length=20)]], Field(max_length=20)]
Texts = Annotated[
    dict[Code, Annotated[dict[Code, Text], Field(max_length=100)]],
    AfterValidator(_without_blanks),
    Field(max_length=20),
]
"""What people wrote, by instrument and item. What they left blank is not there."""
Answers = Annotated[
    dict[Code, Annotated[dict[Code, Annotated[int, Field(ge=-1000, le=1000)]], Field(max_length=200)]],
    Field(max_length=20),
]


class SomeWords(Command):
    """The same words in the languages of the people who read them; one language is enough."""

    en: Line | None = None
    es: Line | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "SomeWords":
        if not (self.en or self.es):
            raise PydanticCustomError("no_words", "Write it in at least one language.")
        return self

    def in_(self, language: str) -> str:
        """In this language, or else in the other one."""
        return (self.es or self.en if language == "es" else self.en or self.es) or ""


def moment_of(field: str, day: date, time_zone: str, now: datetime) -> datetime:
    """A moment of a day of which nobody knows the hour: noon at the site, or now if that is earlier."""
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    if day > today:
        raise invalid(field, "in-the-future", f"Give a day up to today, {today}.")
    return min(datetime.combine(day, time(12), tzinfo=zone).astimezone(UTC), now)
