"""Milestones: what somebody has reached, told by themselves, by staff, or by a rule; celebrated only if they agree."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.feedback.domain.instruments import Words
from services.feedback.domain.told import Told
from shared.errors import FieldError, Invalid, Refusal
from shared.events.base import Code
from shared.events.feedback import MilestoneConsentChanged, MilestoneReached, MilestoneWithdrawn
from shared.fields import Command, Day
from shared.identity import derived_id

RecordedBy = Literal["participant", "staff", "rule"]
Rule = Literal["completed"]


class Kind(BaseModel):
    """A kind of milestone. A rule says by itself when it is reached: after so many sessions, or at the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Code
    title: Words
    after_sessions: int | None = Field(None, ge=1, le=1000)
    rule: Rule | None = None

    @property
    def has_rule(self) -> bool:
        """Whether nobody needs to record it."""
        return self.after_sessions is not None or self.rule is not None


Kinds = Mapping[str, Kind]


class AddKind(Command):
    """Add a kind of milestone of one's own."""

    code: Code
    title: Told
    after_sessions: Annotated[int, Field(ge=1, le=1000)] | None = None


class RecordMilestone(Command):
    """Somebody has reached something. `may_celebrate` only if they have said so."""

    participant_id: UUID
    kind: Code
    reached_on: Day
    may_celebrate: bool = False


class TellMilestone(Command):
    """A participant tells of something that they have reached."""

    kind: Code
    may_celebrate: bool = False


class Celebrate(Command):
    """Whether whose it is agrees that their group celebrates it."""

    may_celebrate: bool


@dataclass(frozen=True, slots=True)
class Milestone:
    """A milestone as it stands."""

    milestone_id: UUID
    organisation_id: UUID
    participant_id: UUID
    kind: str
    reached_on: date
    recorded_by: RecordedBy
    recorded_at: datetime
    may_celebrate: bool
    withdrawn_at: datetime | None = None


def by_rule(participant_id: UUID, within: UUID, kind: str) -> UUID:
    """The id of a milestone that a rule gives: once to a person within a program or an enrolment."""
    return derived_id(participant_id, "milestone", f"{within}:{kind}")


def told_again(participant_id: UUID, kind: str, day: date) -> UUID:
    """The id of a milestone that somebody records: the same on the same day is the same one."""
    return derived_id(participant_id, "milestone", f"{kind}:{day}")


def reached(milestone: Milestone, kinds: Kinds, today: date) -> tuple[Milestone, MilestoneReached]:
    """A new milestone."""
    if milestone.kind not in kinds:
        message = f"There is no such kind of milestone. There are: {', '.join(sorted(kinds))}."
        raise Invalid(FieldError("kind", "kind-unknown", message))
    if milestone.reached_on > today:
        raise Invalid(FieldError("reached_on", "in-the-future", f"Give a day up to today, {today}."))
    event = MilestoneReached(
        milestone_id=milestone.milestone_id,
        participant_id=milestone.participant_id,
        kind=milestone.kind,
        reached_on=milestone.reached_on,
        recorded_by=milestone.recorded_by,
        may_celebrate=milestone.may_celebrate,
    )
    return milestone, event


def agreed(milestone: Milestone, may_celebrate: bool) -> tuple[Milestone, MilestoneConsentChanged | None]:
    """The milestone with what its owner says now; the same again is no news."""
    if milestone.withdrawn_at:
        raise Refusal("milestone-withdrawn", "This milestone was taken back.")
    if milestone.may_celebrate == may_celebrate:
        return milestone, None
    event = MilestoneConsentChanged(
        milestone_id=milestone.milestone_id, participant_id=milestone.participant_id, may_celebrate=may_celebrate
    )
    return replace(milestone, may_celebrate=may_celebrate), event


def withdrawn(milestone: Milestone, now: datetime) -> tuple[Milestone, MilestoneWithdrawn | None]:
    """Not reached after all, or not to be kept; taken back twice is taken back once."""
    if milestone.withdrawn_at:
        return milestone, None
    event = MilestoneWithdrawn(milestone_id=milestone.milestone_id, participant_id=milestone.participant_id)
    return replace(milestone, may_celebrate=False, withdrawn_at=now), event


def added(command: AddKind, known: Kinds) -> AddKind:
    """The kind, if it can be added."""
    if command.code in known:
        raise Invalid(FieldError("code", "code-taken", "There is a kind with this code: choose another one."))
    missing = [one for one in ("en", "es") if not getattr(command.title, one)]
    if missing:
        message = "Participants read it in English and in Spanish: write both."
        raise Invalid(*(FieldError(f"title.{one}", "translation-missing", message) for one in missing))
    return command
