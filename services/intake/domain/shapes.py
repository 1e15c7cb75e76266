"""What an enrolment is, what it stands on, what is asked of it, and what a decision about it consists of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from services.intake.domain.consent import GiveConsent
from services.intake.domain.contact import CorrectContact, Participant
from services.intake.domain.organisation import Organisation
from services.intake.domain.places import Group, Place
from services.intake.domain.sites import Program, Site
from shared.events import Event
from shared.events.base import Code
from shared.events.intake import Consents
from shared.fields import Command, Day, Line

EnrolmentState = Literal["active", "completed", "withdrawn"]


class Enrol(Command):
    """Enrol somebody who is known here in another program, with their consent, and ask for a place in a group."""

    program: Code
    site: Code
    group: Code | None = None
    attributes: dict[Code, Code] = Field(default_factory=dict, max_length=20)
    consent: GiveConsent


class EnrolParticipant(Enrol, CorrectContact):
    """Enrol somebody who is new here in a program, with their consent, and ask for a place in a group."""

    is_not_duplicate: bool = False
    reference: Line | None = None


class CorrectAttributes(Command):
    """What is known about the participant, all of it: what is left out was not asked."""

    attributes: dict[Code, Code] = Field(max_length=20)


class CompleteEnrolment(Command):
    """The participant has completed the program."""

    completed_on: Day


class WithdrawEnrolment(Command):
    """The participant has left the program before its end."""

    withdrawn_on: Day


class ResumeEnrolment(Command):
    """The end is taken back: the enrolment goes on as if it had not ended."""


class GiveUpPlace(Command):
    """They want no place in this group any more, nor in its line, and stay in the program."""

    group: Code


class PlaceEnrolment(Command):
    """Ask for a place in this group, in exchange for the one that the participant has."""

    group: Code


ChangeEnrolment = (
    GiveConsent
    | CorrectAttributes
    | PlaceEnrolment
    | GiveUpPlace
    | CompleteEnrolment
    | WithdrawEnrolment
    | ResumeEnrolment
)
"""Whatever can be asked of an enrolment."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A participant in a program at a site."""

    enrolment_id: UUID
    organisation_id: UUID
    participant_id: UUID
    program_id: UUID
    site_id: UUID
    enrolled_on: date
    attributes: Mapping[str, str]
    consents: Consents
    consent_text: str
    consent_version: int
    state: EnrolmentState = "active"
    ended_on: date | None = None
    imported: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What an enrolment stands on. None: unknown, or not for the person who asks."""

    organisation: Organisation | None
    site: Site | None
    program: Program | None
    group: Group | None
    wants_group: bool
    texts: frozenset[tuple[str, int]]  # published consent texts with their versions
    is_enrolled: bool = False  # the participant is, or was, in this program already
    language: str | None = None  # in which the participant is written to; None: they are new here


@dataclass(frozen=True, slots=True)
class Beginning:
    """How an enrolment begins, whether it comes from a form, a program or a file."""

    enrolment_id: UUID
    enrolled_on: date
    attributes: Mapping[str, str]
    consent: GiveConsent
    imported: Mapping[str, Any] | None = None
    ended: tuple[Literal["completed", "withdrawn"], date] | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An enrolment with everything that hangs on it; participant and groups are locked."""

    participant: Participant
    enrolment: Enrolment
    organisation: Organisation
    site: Site
    program: Program
    texts: frozenset[tuple[str, int]]  # published consent texts with their versions
    place: Place | None = None
    group: Group | None = None
    target: Group | None = None  # the group that is asked for; None: none, unknown, or not for the person who asks


@dataclass(frozen=True, slots=True)
class Change:
    """What is different from now on, and what is to be said of it."""

    participant: Participant | None = None
    enrolment: Enrolment | None = None
    places: tuple[Place, ...] = ()
    events: tuple[Event, ...] = ()
