"""Values as people read them: numbers, dates and codes. What is absent is a dash, never nothing."""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from shared.web.languages import locale_of, speaker

Number = int | float | Decimal
ABSENT = "–"
_SMALL = {"and", "at", "de", "for", "in", "of", "on", "or", "plus", "the", "to", "y"}  # they stay small inside a name
_RANGE = re.compile(r"\d+-\d+")
MINUS = "\N{MINUS SIGN}"
_WEEKDAY = {"en": "EEEE, d MMMM", "es": "EEEE, d 'de' MMMM"}
_MOMENT = {"en": "EEE d MMMM, HH:mm", "es": "EEE d 'de' MMMM, HH:mm"}


def words(code: str | None) -> str:
    """`old-town` as `Old Town`, `beat-the-blues` as `Beat the Blues`, `25-34` as `25–34`."""
    if code is None:
        return ABSENT
    if _RANGE.fullmatch(str(code)):
        return str(code).replace("-", "–")
    parts = [part for part in str(code).split("-") if part]
    name = " ".join(
        part if place and part in _SMALL else part[:1].upper() + part[1:] for place, part in enumerate(parts)
    )
    return name.replace("Follow Up", "Follow-up")


@pass_context
def number(context: Context, value: Number | None, digits: int = 0) -> str:
    """`1234.5 | number(1)` as `1,234.5`."""
    if not _present(value):
        return ABSENT
    return _typeset(f"{_decimal(value):z,.{digits}f}", context)


@pass_context
def signed(context: Context, value: Number | None, digits: int = 0) -> str:
    """A change: `+3.1`, `−0.4`, and nothing in front of what rounds to zero."""
    if not _present(value):
        return ABSENT
    text = f"{_decimal(value):+,.{digits}f}"
    return _typeset(text if any(digit in text for digit in "123456789") else text.lstrip("+-"), context)


@pass_context
def percent(context: Context, share: Number | None, digits: int = 0) -> str:
    """A share between 0 and 1: `0.57` as `57%`."""
    if not _present(share):
        return ABSENT
    return _typeset(f"{_decimal(share).scaleb(2):z,.{digits}f}%", context)


@pass_context
def day(context: Context, value: date | None, tz: ZoneInfo | str | None = None) -> str:
    """`4 March 2025`. A moment needs the time zone in which it falls on a day."""
    local = _day(value, tz)
    return ABSENT if local is None else format_date(local, "long", locale=_locale(context))


@pass_context
def weekday(context: Context, value: date | None, tz: ZoneInfo | str | None = None) -> str:
    """`Tuesday, 4 March`: a day near enough to need no year."""
    local = _day(value, tz)
    if local is None:
        return ABSENT
    return format_date(local, _by_language(_WEEKDAY, context), locale=_locale(context))


@pass_context
def clock(context: Context, value: datetime | None, tz: ZoneInfo | str) -> str:
    """`18:00`, as the clock on the wall there shows it."""
    if value is None:
        return ABSENT
    return format_datetime(value, "HH:mm", tzinfo=_zone(tz), locale=_locale(context))


@pass_context
def moment(context: Context, value: datetime | None, tz: ZoneInfo | str) -> str:
    """`Tue 4 March, 18:00`, as people there say it."""
    if value is None:
        return ABSENT
    pattern = _by_language(_MOMENT, context)
    return format_datetime(value, pattern, tzinfo=_zone(tz), locale=_locale(context))


@pass_context
def ago(context: Context, value: datetime | None, now: datetime) -> str:
    """`3 hours ago`, or `in 2 days`."""
    if value is None:
        return ABSENT
    distance = value - now
    if abs(distance) < timedelta(minutes=1):
        return speaker(_language(context))("just now")
    return format_timedelta(distance, add_direction=True, locale=_locale(context))


def about(errors: Iterable[Any] | None, field: str) -> str | None:
    """What is the matter with this field, if anything: `errors | about("name")`."""
    for error in errors or ():
        name, message = _field_error(error)
        if name == field:
            return message
    return None


def attributes(values: Mapping[str, object]) -> Markup:
    """`{"hx_get": "/x", "hidden": true}` as ` hx-get="/x" hidden`; none and false are left out."""
    said = Markup("")
    for name, value in values.items():
        if value is None or value is False:
            continue
        bare = escape(name.replace("_", "-"))
        said += Markup(" ") + bare if value is True else Markup(' {}="{}"').format(bare, value)
    return said


FILTERS = {
    "words": words,
    "number": number,
    "signed": signed,
    "percent": percent,
    "day": day,
    "weekday": weekday,
    "clock": clock,
    "moment": moment,
    "ago": ago,
    "about": about,
    "attributes": attributes,
}


def _language(context: Context) -> str:
    return str(context.get("lang", "en"))


def _locale(context: Context) -> Locale:
    return locale_of(_language(context))


def _by_language(patterns: Mapping[str, str], context: Context) -> str:
    return patterns.get(_language(context), patterns["en"])


def _present(value: Number | None) -> TypeGuard[Number]:
    return value is not None and not math.isnan(value)


def _decimal(value: Number) -> Decimal:
    """As it is written: what is rounded is 2.675, and not the float that is nearest to it."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _typeset(text: str, context: Context) -> str:
    """With the signs of the language. There are hundreds of numbers on a page: Babel takes ten times as long."""
    return text.translate(_signs(_language(context)))


@cache
def _signs(language: str) -> dict[int, str]:
    signs = locale_of(language).number_symbols["latn"]
    return {ord("-"): MINUS, ord(","): signs["group"], ord("."): signs["decimal"]}


def _field_error(error: Any) -> tuple[str, str]:
    """Field and message of an error, whether it is an object or came as JSON."""
    if isinstance(error, Mapping):
        return error["field"], error["message"]
    return error.field, error.message


def _zone(tz: ZoneInfo | str) -> ZoneInfo:
    return ZoneInfo(tz) if isinstance(tz, str) else tz


def _day(value: date | None, tz: ZoneInfo | str | None) -> date | None:
    if not isinstance(value, datetime):
        return value
    if tz is None:
        raise TypeError("a moment falls on a day only in a time zone: give the site's")
    return value.astimezone(_zone(tz)).date()
