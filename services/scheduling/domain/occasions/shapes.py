"""What the occasions of an enrolment follow from, and an occasion as it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.events.feedback import BatteryActivated
from shared.events.scheduling import Attendance, OccasionKind
from shared.identity import derived_id

MONTHS_MAX, DAYS_MAX, ORDINAL_MAX = 1200, 3660, 100_000
OVERDUE_AFTER = timedelta(days=3)
OccasionState = Literal["planned", "due", "answered", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a program's battery, and since when it is in it."""

    occasion: str
    kind: OccasionKind
    ordinal: int
    instruments: tuple[str, ...]
    months_after: int
    window_days: int
    since: datetime


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


@dataclass(frozen=True, slots=True)
class Came:
    """A held session that the participant was said to have come to, now or before a correction."""

    session_id: UUID
    ends_at: datetime
    nth: int
    status: Attendance
    is_history: bool
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything that the occasions of an enrolment follow from."""

    enrolment: Enrolment
    zone: ZoneInfo | None
    entries: Sequence[Entry]
    sessions: Sequence[Came]


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


def occasion_id_of(enrolment_id: UUID, code: str, ordinal: int) -> UUID:
    """The id of an occasion, and of its check-in."""
    return derived_id(enrolment_id, code, str(ordinal))


def months_between(begin: date, end: date) -> int:
    """Calendar months, as people count them: from 31 December to 28 February are two."""
    return (end.year - begin.year) * 12 + end.month - begin.month


def entries_of(event: BatteryActivated, known: Sequence[Entry], at: datetime) -> list[Entry]:
    """The entries of a battery; one that stays as it was keeps the time since when it is in it."""
    since = {(one.occasion, one.kind, one.ordinal, one.months_after): one.since for one in known}
    entries = []
    for one in event.entries:
        if one.months_after > MONTHS_MAX or one.window_days > DAYS_MAX or one.ordinal > ORDINAL_MAX:
            raise ValueError("an entry of this battery lies too far away to be a date")
        key = (one.occasion, one.kind, one.ordinal, one.months_after)
        entry = Entry(*key[:3], tuple(one.instruments), one.months_after, one.window_days, since.get(key, at))
        entries.append(entry)
    return entries
