"""A tablet at the door: how long it stands there, whom it lets answer, and how often somebody may mistype a code."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.errors import Refusal
from shared.events.base import Code, LocalTime
from shared.fields import Command, invalid

AFTERWARDS = timedelta(hours=1)  # so long after the end of the session may people still answer at the door
STANDS_MAX = timedelta(hours=13)
VISIT = timedelta(minutes=10)
WRONG_MAX, WRONG_WITHIN = 10, timedelta(minutes=5)
_CODE = re.compile(r"([A-Z]{3})[^A-Z0-9]*([0-9]{3})")


class OpenKiosk(Command):
    """Put a tablet at the door of a session that ends today at this time of the site."""

    site: Code
    program: Code | None = None
    ends_at: LocalTime
    shows_codes: bool = False


@dataclass(frozen=True, slots=True)
class Kiosk:
    """A tablet at a door."""

    kiosk_id: UUID
    organisation_id: UUID
    site_id: UUID
    program_id: UUID | None
    shows_codes: bool
    opened_at: datetime
    opened_by: str
    closes_at: datetime
    wrong_codes: int
    wrong_since: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Whether somebody may begin to answer at it."""
        return now < self.closes_at

    def takes(self, now: datetime) -> bool:
        """Whether it takes what somebody has answered who began in time."""
        return now < self.closes_at + VISIT


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody before the tablet, and what they are asked. Once it has ended they can send, and see nothing."""

    visit_id: UUID
    kiosk_id: UUID
    occasion_id: UUID
    ends_at: datetime


def closing_time(command: OpenKiosk, time_zone: str, now: datetime) -> datetime:
    """An hour after the end of the session at the site: today, or soon after the next midnight."""
    here = now.astimezone(ZoneInfo(time_zone))
    ends_at = datetime.combine(here.date(), time.fromisoformat(command.ends_at), here.tzinfo)
    for day in (timedelta(-1), timedelta(0), timedelta(1)):
        closes_at = ends_at + day + AFTERWARDS
        if now < closes_at <= now + STANDS_MAX:
            return closes_at
    raise invalid("ends_at", "in-the-past", "Give the end of a session that is on, or was over within this hour.")


def read_code(text: str) -> str | None:
    """A short code as people type it: klm482, KLM 482, klm-482."""
    found = _CODE.fullmatch(text.strip().upper())
    return f"{found[1]}-{found[2]}" if found else None


def let_try(kiosk: Kiosk, now: datetime) -> None:
    """Whoever tries out codes is stopped for some minutes."""
    if kiosk.wrong_codes >= WRONG_MAX and kiosk.wrong_since and now < kiosk.wrong_since + WRONG_WITHIN:
        raise Refusal("too-many-codes", "Too many codes were wrong. Wait five minutes, or ask your facilitator.")


def mistyped(kiosk: Kiosk, now: datetime) -> Kiosk:
    """One more code that nobody at the site has."""
    is_new = kiosk.wrong_since is None or now >= kiosk.wrong_since + WRONG_WITHIN
    return replace(
        kiosk, wrong_codes=1 if is_new else kiosk.wrong_codes + 1, wrong_since=now if is_new else kiosk.wrong_since
    )
