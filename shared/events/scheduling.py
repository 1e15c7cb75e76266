"""What scheduling says: groups, sessions, and every due date."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Code, Event, LocalTime, Part, event

GROUPS = "kith.groups"
SESSIONS = "kith.sessions"
OCCASIONS = "kith.occasions"
ENGAGEMENTS = "kith.engagements"

Attendance = Literal["present", "late", "excused", "absent"]
OccasionKind = Literal["baseline", "session", "monthly", "end", "follow-up"]


@event("group-formed", topic=GROUPS, key="group_id")
class GroupFormed(Event):
    """A group was formed, or formed again with changes. The whole new state; local times are those of its site."""

    group_id: UUID
    code: Code
    program_id: UUID
    site_id: UUID
    capacity: int = Field(ge=1)
    weekday: int = Field(ge=1, le=7, description="ISO weekday, Monday is 1")
    starts_at_local: LocalTime
    minutes: int = Field(ge=1)
    first_on: date


@event("session-scheduled", topic=SESSIONS, key="session_id")
class SessionScheduled(Event):
    """A session of a group was put into the calendar."""

    session_id: UUID
    group_id: UUID
    program_id: UUID
    site_id: UUID
    starts_at: AwareDatetime
    minutes: int = Field(ge=1)
    facilitator_id: UUID | None = None


@event("session-cancelled", topic=SESSIONS, key="session_id")
class SessionCancelled(Event):
    """A session will not take place, or did not."""

    session_id: UUID
    group_id: UUID
    reason: Literal["facilitator-away", "too-few-people", "room-closed", "holiday", "other"]


class Attended(Part):
    """How one participant attended one session."""

    participant_id: UUID
    status: Attendance


@event("session-held", topic=SESSIONS, key="session_id")
class SessionHeld(Event):
    """A group met, and its attendance was recorded."""

    session_id: UUID
    group_id: UUID
    program_id: UUID
    site_id: UUID
    starts_at: AwareDatetime
    minutes: int = Field(ge=1)
    facilitator_id: UUID | None = None
    attendance: list[Attended]


@event("attendance-corrected", topic=SESSIONS, key="session_id")
class AttendanceCorrected(Event):
    """The attendance of a held session was corrected. The whole new state."""

    session_id: UUID
    group_id: UUID
    attendance: list[Attended]


class Due(Event):
    """The shape that both due events share."""

    occasion_id: UUID
    participant_id: UUID
    enrolment_id: UUID
    program_id: UUID
    site_id: UUID
    kind: OccasionKind
    code: Code
    ordinal: int = Field(ge=0)
    instruments: list[Code]
    due_at: AwareDatetime
    opens_at: AwareDatetime
    closes_at: AwareDatetime
    is_history: bool = Field(
        False,
        description="it was due before Kith knew the enrolment, or follows from attendance that a file told of, "
        "however recent: nobody is invited",
    )
    reminders: list[int] = Field([], description="days after the invitation on which whoever has not answered is told")


@event("check-in-due", topic=OCCASIONS, key="occasion_id")
class CheckInDue(Due):
    """A check-in of a participant fell due."""


@event("follow-up-due", topic=OCCASIONS, key="occasion_id")
class FollowUpDue(Due):
    """A follow-up, some time after the completion of a program, fell due."""


@event("occasion-cancelled", topic=OCCASIONS, key="occasion_id")
class OccasionCancelled(Event):
    """An occasion is not wanted any more, unless it is said to be due again.

    Occasions that were never due are cancelled without a word.
    """

    occasion_id: UUID
    reason: Literal["withdrawn", "consent-withdrawn", "completed", "attendance-corrected"]


@event("participant-disengaged", topic=ENGAGEMENTS, key="enrolment_id")
class ParticipantDisengaged(Event):
    """A participant was absent without a word from several sessions in a row. Once for each such row."""

    enrolment_id: UUID
    participant_id: UUID
    program_id: UUID
    site_id: UUID
    absences: int = Field(ge=1, description="how many sessions in a row")
    first_session_id: UUID
    last_session_id: UUID
