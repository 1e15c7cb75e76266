"""The shapes of what scheduling keeps: a group, a session, a plan."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

SessionState = Literal["scheduled", "cancelled", "held"]


@dataclass(frozen=True, slots=True)
class Group:
    """A group that meets once a week, at the same time on the wall of its site."""

    group_id: UUID
    organisation_id: UUID
    code: str
    name: str
    program_id: UUID
    site_id: UUID
    capacity: int
    weekday: int
    starts_at_local: str
    minutes: int
    first_on: date
    facilitator_id: UUID | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is made of: codes of the library."""

    icebreaker: str
    activities: tuple[str, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One meeting of a group. It has a plan of its own only if somebody made one."""

    session_id: UUID
    organisation_id: UUID
    group_id: UUID
    program_id: UUID
    site_id: UUID
    local_date: date
    starts_at: datetime
    minutes: int
    facilitator_id: UUID | None
    state: SessionState = "scheduled"
    reason: str | None = None
    has_own_facilitator: bool = False
    has_own_time: bool = False
    was_moved: bool = False
    plan: Plan | None = None
    held_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        """When it is over."""
        return self.starts_at + timedelta(minutes=self.minutes)

    @property
    def is_touched(self) -> bool:
        """Whether somebody has decided something for this session alone: then it is not moved to another day."""
        return self.has_own_facilitator or self.has_own_time or self.plan is not None
