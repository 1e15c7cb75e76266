"""Kinds of fields that scheduling has, and what a clock on the wall means in UTC."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shared.events.base import LocalTime
from shared.identity import derived_id

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _as_number(value: Any) -> Any:
    """`tuesday` as 2."""
    return _WEEKDAYS.index(value.lower()) + 1 if isinstance(value, str) and value.lower() in _WEEKDAYS else value


def _as_clock(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return value
    raise PydanticCustomError("clock_time", "Give a time of the day as 18:00.")


Weekday = Annotated[int, BeforeValidator(_as_number), Field(ge=1, le=7)]
ClockTime = Annotated[LocalTime, BeforeValidator(_as_clock)]
Minutes = Annotated[int, Field(ge=15, le=480)]
Capacity = Annotated[int, Field(ge=1, le=100)]


def at_local(day: date, clock_time: str, zone: ZoneInfo) -> datetime:
    """What this time of this day there is in UTC.

    A time that a clock change leaves out moves forward by the gap; of one that comes twice the first is taken.
    """
    return datetime.combine(day, time.fromisoformat(clock_time), tzinfo=zone).astimezone(UTC)


def session_id_of(group_id: UUID, local_date: date) -> UUID:
    """The id of the session of a group on a day: a group meets once a day at most."""
    return derived_id(group_id, "session", local_date.isoformat())
