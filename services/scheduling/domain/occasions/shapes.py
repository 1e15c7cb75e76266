"""What the occasions of an enrolment follow from, and an occasion as it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.events.feedback import AttributeIs, BatteryActivated, BatteryEntry, ScoreWas
from shared.events.scheduling import Attendance, OccasionKind
from shared.identity import derived_id

MONTHS_MAX, DAYS_MAX, ORDINAL_MAX = 1200, 3660, 100_000
REMINDERS_MAX = 20
OVERDUE_AFTER = timedelta(days=3)
OccasionState = Literal["planned", "due", "answered", "cancelled", "expired", "not-asked"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a program's battery, since when it is in it, and until when it was, if it is no more."""

    occasion: str
    kind: OccasionKind
    ordinal: int
    instruments: tuple[str, ...]
    months_after: int
    window_days: int
    since: datetime
    days_after: int = 0
    every: int = 1
    after_sessions: int = 0
    repeats_months: int = 0
    times: int = 0
    reminders: tuple[int, ...] = ()
    only_attribute: AttributeIs | None = None
    only_score: ScoreWas | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An end of an enrolment that was taken back: it completed or left on a day, which was known, until then."""

    completed_on: date | None
    completion_is_imported: bool
    withdrawn_on: date | None
    known_at: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An enrolment as it was heard of."""

    enrolment_id: UUID
    organisation_id: UUID
    participant_id: UUID
    program_id: UUID
    site_id: UUID
    enrolled_on: date
    taking_part: bool
    contact_after: bool
    is_imported: bool
    known_at: datetime
    taking_part_since: datetime | None = None
    contact_after_since: datetime | None = None
    completed_on: date | None = None
    completion_is_imported: bool = False
    completion_known_at: datetime | None = None
    withdrawn_on: date | None = None
    withdrawal_known_at: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    taken_back: Sequence[TakenBack] = ()

    def as_ended(self, end: TakenBack) -> "Enrolment":
        """As it was before this end was taken back."""
        return replace(
            self,
            completed_on=end.completed_on,
            completion_is_imported=end.completion_is_imported,
            completion_known_at=end.known_at if end.completed_on else None,
            withdrawn_on=end.withdrawn_on,
            withdrawal_known_at=end.known_at if end.withdrawn_on else None,
        )


@dataclass(frozen=True, slots=True)
class Came:
    """A held session that the participant was said to have come to, now or before a correction."""

    session_id: UUID
    ends_at: datetime
    nth: int
    status: Attendance | None  # None: they were taken out by a correction
    is_history: bool
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Scored:
    """A score that was said of an answered occasion."""

    code: str
    instrument: str
    scale: str
    count: int
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything that the occasions of an enrolment follow from."""

    enrolment: Enrolment
    zone: ZoneInfo | None
    entries: Sequence[Entry]
    sessions: Sequence[Came]
    scores: Sequence[Scored] = ()


@dataclass(frozen=True, slots=True)
class Occasion:
    """A due date as it is kept."""

    occasion_id: UUID
    organisation_id: UUID
    participant_id: UUID
    enrolment_id: UUID
    program_id: UUID
    site_id: UUID
    kind: OccasionKind
    code: str
    ordinal: int
    instruments: tuple[str, ...]
    due_at: datetime | None
    opens_at: datetime | None
    closes_at: datetime | None
    is_history: bool
    state: OccasionState
    was_said: bool = False
    answered_at: datetime | None = None
    session_id: UUID | None = None
    why: str | None = None  # it was cancelled, or not asked
    reminders: tuple[int, ...] = ()
    was_cancelled: bool = False  # others were told so last, whatever was answered then


def occasion_id_of(enrolment_id: UUID, code: str, ordinal: int) -> UUID:
    """The id of an occasion, and of its check-in."""
    return derived_id(enrolment_id, code, str(ordinal))


def months_between(begin: date, end: date) -> int:
    """Calendar months, as people count them: from 31 December to 28 February are two."""
    return (end.year - begin.year) * 12 + end.month - begin.month


def entries_of(event: BatteryActivated, known: Sequence[Entry], at: datetime) -> list[Entry]:
    """The entries of a battery; one that asks at the same times as before keeps the time since when it is in it."""
    since = {_mark(one): one.since for one in known if one.until is None}
    return [_entry(one, since.get(_mark(one), at)) for one in event.entries]


def ended_of(entries: Sequence[Entry], known: Sequence[Entry], at: datetime) -> list[Entry]:
    """The entries that a battery has no more, or has otherwise: they say what was due until then."""
    return [replace(one, until=at) for one in known if one.until is None and one not in entries]


def _entry(one: BatteryEntry, since: datetime) -> Entry:
    months, days = max(one.months_after, one.repeats_months), max(one.window_days, one.days_after)
    numbers = max(one.ordinal, one.every, one.after_sessions, one.times)
    too_many = len(one.reminders) > REMINDERS_MAX or any(not 0 < day <= DAYS_MAX for day in one.reminders)
    if months > MONTHS_MAX or days > DAYS_MAX or numbers > ORDINAL_MAX or too_many:
        raise ValueError("an entry of this battery lies too far away to be a date")
    listed: dict[str, Any] = {"instruments": tuple(one.instruments), "reminders": tuple(one.reminders)}
    same = {name: getattr(one, name) for name in BatteryEntry.model_fields if name not in listed}
    return Entry(**same, **listed, since=since)


def _mark(one: Entry | BatteryEntry) -> tuple[str | int, ...]:
    """What two entries that ask at the same times have in common."""
    names = ("occasion", "kind", "ordinal", "months_after", "days_after", "every", "after_sessions", "repeats_months")
    return tuple(getattr(one, name) for name in names)
