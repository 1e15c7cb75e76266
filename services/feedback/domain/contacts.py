"""Crisis contacts of a site: whom somebody who needs a person now can reach, and who reads answers, and when."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.feedback.domain.kinds import Phone, SomeWords, Url
from shared.errors import FieldError, Invalid
from shared.fields import Command, Day


class Contact(Command):
    """One place to turn to: what it is, when somebody is there, and at least one way to reach them."""

    label: SomeWords
    phone: Phone | None = None
    sms: Phone | None = None
    url: Url | None = None
    hours: SomeWords | None = None

    @model_validator(mode="after")
    def _can_be_reached(self) -> "Contact":
        if not (self.phone or self.sms or self.url):
            raise PydanticCustomError("no_way_to_reach", "Give a phone number, a number for texts or a web address.")
        return self


CONFIRMED_FOR = timedelta(days=90)  # a number that nobody has called for longer may lead to nobody
DIGITS_MAX = 15  # of a number anywhere in the world, without what is dialled before it to get abroad


class SetCrisisContacts(Command):
    """The contacts of a site from now on: the whole list."""

    contacts: Annotated[list[Contact], Field(min_length=1, max_length=10)]
    note: SomeWords = Field(description="who reads the answers, and when")
    confirmed_on: Day | None = Field(None, description="when somebody last made sure that the numbers are right")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach somebody, as a page shows it."""

    words: str
    href: str
    shown: str


def are_confirmed(confirmed_on: date | None, time_zone: str, now: datetime) -> bool:
    """Whether somebody has made sure lately that the numbers are right."""
    return confirmed_on is not None and now.astimezone(ZoneInfo(time_zone)).date() - confirmed_on <= CONFIRMED_FOR


def check(command: SetCrisisContacts, time_zone: str, now: datetime) -> SetCrisisContacts:
    """The contacts, if they can be right."""
    today: date = now.astimezone(ZoneInfo(time_zone)).date()
    errors = [*_two_in_one(command.contacts)]
    if command.confirmed_on and command.confirmed_on > today:
        errors.append(FieldError("confirmed_on", "in-the-future", f"Give a day up to today, {today}."))
    if errors:
        raise Invalid(*errors)
    return command


def _two_in_one(contacts: Sequence[Contact]) -> Iterator[FieldError]:
    """Whoever taps on two numbers in one field would dial neither."""
    message = "Give one number here, without a slash between spaces: another number is a contact of its own."
    for place, one in enumerate(contacts):
        for name, number in (("phone", one.phone), ("sms", one.sms)):
            if number and not _is_one(number):
                yield FieldError(f"contacts.{place}.{name}", "one-number", message)


def _is_one(number: str) -> bool:
    digits = _dialled(number).removeprefix("+").removeprefix("00")
    return not re.search(r"\s/|/\s|//", number) and len(digits) <= DIGITS_MAX


def ways(contacts: Sequence[Contact], language: str) -> list[Way]:
    """Every way to reach somebody, in the order of the list."""
    found = []
    for one in contacts:
        hours = f" ({one.hours.in_(language)})" if one.hours else ""
        words = f"{one.label.in_(language)}{hours}:"
        if one.phone:
            found.append(Way(words, f"tel:{_dialled(one.phone)}", one.phone))
        if one.sms:
            found.append(Way(words, f"sms:{_dialled(one.sms)}", one.sms))
        if one.url:
            found.append(Way(words, one.url, urlsplit(one.url).hostname or one.url))
    return found


def _dialled(number: str) -> str:
    """What a phone dials. From abroad nobody dials the (0) of +44 (0)20."""
    if number.startswith(("+", "00")):
        number = re.sub(r"\(\s*0\s*\)", "", number)
    return re.sub(r"[^0-9+]", "", number)
