"""Reminders: who is told once more that questions wait for them, when, and when they are left in peace."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from services.intake.domain.invitation import Occasion, has_consent
from services.intake.domain.shapes import Enrolment

REMINDERS_MAX = 3
HOUR = time(10)  # at the site, as scheduling invites
AFTER_THE_END = ("end", "follow-up")
BEFORE_THE_END = ("baseline", "session", "monthly")
AT_ONCE = ("baseline", "session")  # asked about what somebody has just done, whatever else was sent on that day
Reason = Literal["answered", "cancelled", "closed", "completed", "withdrawn", "no-consent", "no-address"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a site writes to people, and how many messages this person has been sent there today."""

    time_zone: str
    quiet_from: str
    quiet_until: str
    messages_a_day: int
    sent_today: int = 0

    @property
    def zone(self) -> ZoneInfo:
        """The clock on the wall of the site."""
        return ZoneInfo(self.time_zone)


def planned(occasion: Occasion, pace: Pace, invited_at: datetime) -> Iterator[tuple[int, datetime]]:
    """The reminders of an invitation: whole days after it, in the morning, none when the check-in has closed."""
    day = invited_at.astimezone(pace.zone).date()
    for number, days in enumerate(occasion.reminders[:REMINDERS_MAX], start=1):
        at = after_quiet(pace, _at(pace, day + timedelta(days=days), HOUR))
        if at < occasion.closes_at:
            yield number, at


def why_none(occasion: Occasion, now: datetime) -> Reason | None:
    """Why somebody is not reminded (any more); None if they are."""
    if occasion.state != "due":
        return occasion.state
    if occasion.closes_at <= now:
        return "closed"
    if occasion.has_withdrawn:
        return "withdrawn"
    if occasion.has_completed and occasion.kind not in AFTER_THE_END:
        return "completed"
    if not has_consent(occasion):
        return "no-consent"
    return None if occasion.email else "no-address"


def unwanted(enrolment: Enrolment) -> list[tuple[Reason, tuple[str, ...]]]:
    """The kinds of occasions of which an enrolment is not reminded any more, as it is now, and why."""
    if enrolment.state == "withdrawn":
        return [("withdrawn", (*BEFORE_THE_END, *AFTER_THE_END))]
    found: list[tuple[Reason, tuple[str, ...]]] = []
    if enrolment.state == "completed":
        found.append(("completed", BEFORE_THE_END))
    if not enrolment.consents.taking_part:
        found.append(("no-consent", (*BEFORE_THE_END, "end")))
    if not enrolment.consents.contact_after:
        found.append(("no-consent", ("follow-up",)))
    return found


def reminder_at(pace: Pace, now: datetime) -> datetime:
    """When a reminder may go that is ready now: not in quiet hours, and not on a day that has had its messages."""
    at = now if pace.sent_today < pace.messages_a_day else _tomorrow(pace, now)
    return after_quiet(pace, at)


def invitation_at(pace: Pace, kind: str, now: datetime, *, is_again: bool = False) -> datetime:
    """When an invitation may go. It falls due in the daytime, or when somebody has just come: no night here.

    What is asked once more is due whenever somebody at a desk has said so, and nobody waits for it.
    """
    if is_again:
        return reminder_at(pace, now)
    is_free = kind in AT_ONCE or pace.sent_today < pace.messages_a_day
    return now if is_free else _tomorrow(pace, now)


def after_quiet(pace: Pace, at: datetime) -> datetime:
    """This moment, or the end of the quiet hours that it lies in."""
    begins, ends = time.fromisoformat(pace.quiet_from), time.fromisoformat(pace.quiet_until)
    local = at.astimezone(pace.zone)
    clock = local.time()
    is_night = clock >= begins or clock < ends
    if not (begins <= clock < ends if begins <= ends else is_night):
        return at
    day = local.date() + timedelta(days=1) if begins > ends and clock >= begins else local.date()
    return _at(pace, day, ends)


def _tomorrow(pace: Pace, now: datetime) -> datetime:
    return _at(pace, now.astimezone(pace.zone).date() + timedelta(days=1), HOUR)


def _at(pace: Pace, day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=pace.zone).astimezone(UTC)
