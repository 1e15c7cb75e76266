"""Who may lead a session: a facilitator of the site whose qualification is in date on that day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from babel.dates import format_date

from shared.errors import Refusal

NEEDED = "peer-support"


FlagCode = Literal[
    "facilitator-missing",
    "facilitator-not-at-site",
    "qualification-missing",
    "qualification-lapsed",
    "facilitator-elsewhere",  # to lead another session at the same hour: somebody may want that, so nothing is refused
]


@dataclass(frozen=True, slots=True)
class Facilitator:
    """A facilitator as intake told of them: where they work, and until when each qualification is in date."""

    facilitator_id: UUID
    short_code: str
    site_ids: tuple[UUID, ...]
    qualifications: Mapping[str, date]


@dataclass(frozen=True, slots=True)
class Flag:
    """Why a session has nobody who may lead it, or can."""

    code: FlagCode
    qualification: str | None = None
    valid_until: date | None = None


def flag(facilitator: Facilitator | None, site_id: UUID, on: date) -> Flag | None:
    """What is the matter with who is to lead at this site on this day, if anything."""
    if facilitator is None:
        return Flag("facilitator-missing")
    if site_id not in facilitator.site_ids:
        return Flag("facilitator-not-at-site")
    valid_until = facilitator.qualifications.get(NEEDED)
    if valid_until is None:
        return Flag("qualification-missing", NEEDED)
    if valid_until < on:
        return Flag("qualification-lapsed", NEEDED, valid_until)
    return None


def must_lead(facilitator: Facilitator, site_id: UUID, on: date) -> None:
    """Refuse whoever may not lead at this site on this day, and say what is missing since when."""
    found = flag(facilitator, site_id, on)
    if found is None:
        return
    if found.qualification is None:
        raise Refusal(found.code, "This facilitator does not work at this site.")
    what = f"the qualification {_words(NEEDED)}"
    if found.valid_until is None:
        message = f"This facilitator does not have {what}, which is needed to lead on {_day(on)}."
    else:
        since = found.valid_until + timedelta(days=1)
        message = f"This facilitator may not lead on {_day(on)}: {what} is not in date from {_day(since)} on."
    until = found.valid_until and found.valid_until.isoformat()
    raise Refusal(found.code, message, qualification=found.qualification, valid_until=until)


def _words(code: str) -> str:
    return code.replace("-", " ")


def _day(day: date) -> str:
    """A day as people say it."""
    return format_date(day, "long", locale="en_GB")
