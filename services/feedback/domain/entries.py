"""Entries of a battery: what is asked at one occasion, when, of whom, and how often people are reminded of it."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field, model_validator

from services.feedback.domain.instruments import Library
from shared.errors import FieldError
from shared.events.base import Code
from shared.events.scheduling import OccasionKind
from shared.fields import Command

REMINDERS_MAX, FOLLOW_UP_MONTHS = 3, 2
COUNT_MAX = 1_000_000
Count = Annotated[int, Field(ge=-COUNT_MAX, le=COUNT_MAX)]


class OnlyAttribute(Command):
    """Ask only those who gave this answer when they were enrolled."""

    attribute: Code
    equals: Code


class OnlyScore(Command):
    """Ask only those whose latest score at another occasion lies within these bounds; in counts of 1/unit points."""

    occasion: Code
    instrument: Code
    scale: Code = "total"
    at_least: Count | None = None
    at_most: Count | None = None


class Entry(Command):
    """What is asked at one occasion, when, of whom."""

    occasion: Code
    kind: OccasionKind
    ordinal: Annotated[int, Field(ge=0, le=1000)] = 0
    instruments: Annotated[list[Code], Field(min_length=1, max_length=20)]
    months_after: Annotated[int, Field(ge=0, le=120)] = 0
    window_days: Annotated[int, Field(ge=1, le=366)] = 14
    days_after: Annotated[int, Field(ge=0, le=732)] = 0
    every: Annotated[int, Field(ge=1, le=100)] = 1
    after_sessions: Annotated[int, Field(ge=0, le=500)] = 0
    repeats_months: Annotated[int, Field(ge=0, le=12)] = 0
    times: Annotated[int, Field(ge=0, le=120)] = 0
    reminders: Annotated[list[Annotated[int, Field(ge=1, le=366)]], Field(max_length=20)] = Field(default_factory=list)
    only_attribute: OnlyAttribute | None = None
    only_score: OnlyScore | None = None

    @model_validator(mode="before")
    @classmethod
    def _follows_later(cls, data: Any) -> Any:
        """A follow-up of which nobody says when is one two calendar months after the end."""
        if not isinstance(data, dict) or data.get("kind") != "follow-up":
            return data
        is_said = any(str(data.get(one) or 0) != "0" for one in ("months_after", "days_after"))
        return data if is_said else data | {"months_after": FOLLOW_UP_MONTHS}

    @property
    def is_numbered(self) -> bool:
        """Whether its occasions are called by its code and a number, such as `session-3`."""
        return self.kind == "session" or self.repeats_months > 0


def wrong_in(entries: Sequence[Entry], library: Library) -> Iterator[FieldError]:
    """What is the matter with the dates, the reminders and the conditions of each entry."""
    for place, entry in enumerate(entries):
        found = [*_cadence(entry), *_reminders(entry), *_score(entry, entries, library)]
        yield from (FieldError(f"entries.{place}.{field}", code, message) for field, code, message in found)


Found = tuple[str, str, str]


def _cadence(entry: Entry) -> Iterator[Found]:
    if entry.every > 1 and entry.kind != "session":
        yield "every", "every-needs-session", "Only what is asked after sessions can be asked after every n-th: use 1."
    if entry.kind == "session" and entry.days_after:
        yield "days_after", "session-has-no-date", "What is asked after sessions is due when they end: use 0."
    if entry.after_sessions and entry.kind != "monthly":
        message = "Half-way belongs to the time between start and end: choose monthly, or use 0 sessions."
        yield "after_sessions", "after-sessions-needs-monthly", message
    if entry.repeats_months and entry.kind != "monthly":
        yield "repeats_months", "repeats-need-monthly", "Only what is asked between start and end can repeat: use 0."
    if entry.after_sessions and (entry.repeats_months or entry.months_after or entry.days_after):
        message = "It is due after so many sessions or by date, not both: use 0 for one of them."
        yield "after_sessions", "sessions-or-date", message
    if entry.times and not entry.repeats_months:
        yield "times", "times-need-repeats", "Say after how many months it repeats, or leave out how often."


def _reminders(entry: Entry) -> Iterator[Found]:
    days = entry.reminders
    if len(days) > REMINDERS_MAX:
        message = f"Remind people {REMINDERS_MAX} times at most: more is pressure, not help."
        yield "reminders", "reminders-too-many", message
    elif sorted(set(days)) != days:
        yield "reminders", "reminders-not-rising", "Give the days in order, each once, such as 3 and 7."
    elif days and days[-1] >= entry.window_days:
        message = f"The check-in closes after {entry.window_days} days: remind people before that."
        yield "reminders", "reminder-after-close", message


def _score(entry: Entry, entries: Sequence[Entry], library: Library) -> Iterator[Found]:
    """A condition speaks of an occasion that there is, at which that instrument is asked, and of possible scores."""
    wanted = entry.only_score
    if wanted is None:
        return
    at = "only_score"
    other = next((one for one in entries if one.occasion == wanted.occasion), None)
    if wanted.at_least is None and wanted.at_most is None:
        yield at, "condition-without-bound", "Say from which score on, up to which, or both."
    elif wanted.at_least is not None and wanted.at_most is not None and wanted.at_least > wanted.at_most:
        yield at, "condition-never-holds", "The lowest score of the condition is above its highest: exchange them."
    if other is None:
        message = f"The battery has no occasion {wanted.occasion}: name one of its codes."
        yield f"{at}.occasion", "condition-unknown-occasion", message
    elif other is entry:
        yield f"{at}.occasion", "condition-on-itself", "Name an earlier occasion, not this one."
    elif wanted.instrument not in other.instruments:
        message = f"{wanted.instrument} is not asked at {wanted.occasion}: name what is asked there."
        yield f"{at}.instrument", "condition-unknown-instrument", message
    else:
        yield from _bounds(entry, library)


def _bounds(entry: Entry, library: Library) -> Iterator[Found]:
    wanted = entry.only_score
    if wanted is None or wanted.instrument not in library:
        return
    ranges = library[wanted.instrument].ranges
    if wanted.scale not in ranges:
        known = ", ".join(sorted(ranges)) or "none"
        yield "only_score.scale", "condition-unknown-scale", f"It has no scale {wanted.scale}; there are: {known}."
        return
    lowest, highest = ranges[wanted.scale].minimum, ranges[wanted.scale].maximum
    if any(one is not None and not lowest <= one <= highest for one in (wanted.at_least, wanted.at_most)):
        message = f"The scores go from {lowest} to {highest}, in counts of 1/{ranges[wanted.scale].unit} points."
        yield "only_score", "condition-out-of-range", message
