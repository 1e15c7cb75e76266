"""What programs get: groups, sessions, plans and occasions as JSON."""

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.scheduling.domain.course import Stage
from services.scheduling.domain.leading import Facilitator, Flag, FlagCode
from services.scheduling.domain.library import Activity
from services.scheduling.domain.occasions import OccasionState
from services.scheduling.domain.shapes import SessionState
from services.scheduling.store import Row, SeenGroup, SeenSession
from shared.events.scheduling import Attendance, OccasionKind


class Shape(BaseModel):
    """Read from what is kept."""

    model_config = ConfigDict(from_attributes=True)


class LeaderShape(Shape):
    """A facilitator. Names are known to intake alone."""

    facilitator_id: UUID
    short_code: str

    @classmethod
    def of(cls, facilitator: Facilitator | None) -> Self | None:
        """Whoever leads, if somebody does."""
        return cls.model_validate(facilitator) if facilitator else None


class FlagShape(Shape):
    """Why a coming session has nobody who may lead it, or who leads another one at that hour."""

    code: FlagCode
    qualification: str | None
    valid_until: date | None

    @classmethod
    def of(cls, flag: Flag | None) -> Self | None:
        """What is the matter, if anything."""
        return cls.model_validate(flag) if flag else None


class ActivityShape(Shape):
    """Something of the library."""

    code: str
    title: str
    minutes: int
    objective: str
    what_to_do: str


class PlanShape(Shape):
    """What a session is made of."""

    icebreaker: ActivityShape
    activities: list[ActivityShape]
    note: str | None
    minutes: int = Field(description="how long it takes altogether")
    is_own: bool = Field(description="somebody made it; otherwise it follows from the date")


class SessionShape(Shape):
    """A session in the calendar."""

    session_id: UUID
    group: str
    program: str | None
    site: str
    local_date: date
    starts_at: datetime
    minutes: int
    time_zone: str
    state: SessionState
    reason: str | None
    facilitator: LeaderShape | None
    flag: FlagShape | None

    @classmethod
    def of(cls, seen: SeenSession) -> Self:
        """As programs see it."""
        return cls(**session_values(seen))


class RosterShape(Shape):
    """Somebody who is expected at a session, or was there."""

    participant_id: UUID
    short_code: str
    status: Attendance | None = Field(description="null: not recorded")
    is_guest: bool = Field(description="recorded, though without a place in the group on that day")


class SessionDetail(SessionShape):
    """A session with its plan and its people."""

    plan: PlanShape
    roster: list[RosterShape]

    @classmethod
    def with_people(cls, seen: SeenSession, roster: list[Row]) -> Self:
        """As programs see it."""
        people = [RosterShape(**dict(row)) for row in roster]
        return cls(**session_values(seen), plan=plan_shape(seen), roster=people)


class SessionList(BaseModel):
    """Sessions by their start, 500 at most."""

    sessions: list[SessionShape]


class GroupShape(Shape):
    """A group."""

    group_id: UUID
    code: str
    name: str
    program: str | None
    site: str
    time_zone: str
    capacity: int
    members: int
    weekday: int = Field(description="1 is Monday")
    starts_at_local: str
    minutes: int
    first_on: date
    facilitator: LeaderShape | None

    @classmethod
    def of(cls, seen: SeenGroup) -> Self:
        """As programs see it."""
        return cls(**group_values(seen))


class GroupList(BaseModel):
    """The groups of the sites that the reader sees."""

    groups: list[GroupShape]


class MemberShape(Shape):
    """Somebody with a place in a group."""

    participant_id: UUID
    enrolment_id: UUID
    short_code: str
    placed_on: date


class GroupDetail(GroupShape):
    """A group with its people and its coming sessions."""

    roster: list[MemberShape]
    sessions: list[SessionShape]

    @classmethod
    def with_people(cls, seen: SeenGroup, members: list[Row], sessions: list[SeenSession]) -> Self:
        """As programs see it."""
        roster = [MemberShape(**dict(row)) for row in members]
        return cls(**group_values(seen), roster=roster, sessions=[SessionShape.of(one) for one in sessions])


class OccasionShape(Shape):
    """A due date of a participant. The dates are empty while only its answer is known."""

    occasion_id: UUID
    participant_id: UUID
    enrolment_id: UUID
    program_id: UUID
    program: str | None
    site_id: UUID
    site: str | None
    kind: OccasionKind
    code: str
    ordinal: int
    instruments: list[str]
    state: OccasionState
    due_at: datetime | None
    opens_at: datetime | None
    closes_at: datetime | None
    answered_at: datetime | None
    is_history: bool
    why: str | None = Field(description="it was cancelled, or not asked: such as completed, condition")
    invited_at: datetime | None = Field(description="a link was made")
    sent_at: datetime | None = Field(description="the mail server took the invitation")
    failed: str | None = Field(description="why nobody could be written to")
    reminders_sent: int
    reminded_at: datetime | None
    opened_at: datetime | None = Field(description="a person acted on the page; scanners of links do not count")
    begun_at: datetime | None = Field(description="a first answer was chosen")


class OccasionList(BaseModel):
    """A page of occasions, ordered by id; ask again with `after` for more."""

    occasions: list[OccasionShape]
    next: UUID | None = Field(description="the `after` of the next page; null on the last one")


class StageShape(Shape):
    """How many occasions of a code stand at a stage."""

    code: str
    kind: OccasionKind
    stage: Stage
    many: int


class StageList(BaseModel):
    """Where the occasions of a program stand now, at the sites of the reader. Imported history is left out."""

    stages: list[StageShape]


def plan_shape(seen: SeenSession) -> PlanShape:
    """A plan with the words of the library."""
    assert seen.icebreaker
    return PlanShape(
        icebreaker=_activity(seen.icebreaker),
        activities=[_activity(one) for one in seen.activities],
        note=seen.plan.note,
        minutes=seen.minutes_planned,
        is_own=seen.session.plan is not None,
    )


def _activity(one: Activity) -> ActivityShape:
    return ActivityShape.model_validate(one)


def session_values(seen: SeenSession) -> dict[str, Any]:
    """The fields that every session has."""
    session = seen.session
    names = ("session_id", "local_date", "starts_at", "minutes", "state", "reason")
    return {name: getattr(session, name) for name in names} | {
        "group": seen.group.code,
        "program": seen.program and seen.program.code,
        "site": seen.site.code,
        "time_zone": seen.site.zone.key,
        "facilitator": LeaderShape.of(seen.facilitator),
        "flag": FlagShape.of(seen.flag),
    }


def group_values(seen: SeenGroup) -> dict[str, Any]:
    """The fields that every group has."""
    group = seen.group
    names = ("group_id", "code", "name", "capacity", "weekday", "starts_at_local", "minutes", "first_on")
    return {name: getattr(group, name) for name in names} | {
        "program": seen.program and seen.program.code,
        "site": seen.site.code,
        "time_zone": seen.site.zone.key,
        "members": seen.taken,
        "facilitator": LeaderShape.of(seen.facilitator),
    }
