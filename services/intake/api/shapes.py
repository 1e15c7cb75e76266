"""The shapes of intake's JSON answers."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from services.intake.domain.consent import ConsentText
from services.intake.domain.contact import Participant
from services.intake.domain.organisation import Attribute
from shared.database import Record
from shared.events.intake import Consents, Qualification


class OrganisationShape(BaseModel):
    """An organisation and what it asks."""

    organisation_id: UUID
    code: str
    name: str
    attributes: list[Attribute]
    consent_texts: list[ConsentText]


class SiteShape(BaseModel):
    """A site."""

    site_id: UUID
    code: str
    name: str
    time_zone: str
    languages: list[str]
    quiet_from: str
    quiet_until: str
    messages_a_day: int


class ProgramShape(BaseModel):
    """A program."""

    program_id: UUID
    code: str
    name: str
    sites: list[str]
    objectives: list[str]
    comparison_program: str | None
    target_population: int | None
    target_population_source: str | None


class FacilitatorShape(BaseModel):
    """A facilitator."""

    facilitator_id: UUID
    short_code: str
    reference: str
    name: str
    email: str | None
    sites: list[str]
    qualifications: list[Qualification]


class GroupShape(BaseModel):
    """A group that scheduling formed, with its places."""

    group_id: UUID
    code: str
    program: str
    site: str
    capacity: int
    taken: int
    waiting: int


class PlacementShape(BaseModel):
    """Where somebody stands with a group."""

    state: Literal["placed", "waiting", "none"]
    group: str | None
    position: int | None


class EnrolledShape(BaseModel):
    """What became of an enrolment."""

    participant_id: UUID
    enrolment_id: UUID
    short_code: str
    placement: PlacementShape


class EnrolmentShape(BaseModel):
    """An enrolment."""

    enrolment_id: UUID
    program: str
    site: str
    enrolled_on: date
    state: Literal["active", "completed", "withdrawn"]
    ended_on: date | None
    attributes: dict[str, str]
    consents: Consents
    consent_text: str
    consent_version: int
    placement: PlacementShape


class ParticipantShape(BaseModel):
    """A participant with the enrolments that the reader may see."""

    participant_id: UUID
    short_code: str
    reference: str | None
    preferred_name: str
    email: str | None
    phone: str | None
    language: str
    enrolments: list[EnrolmentShape]


class ParticipantsShape(BaseModel):
    """A page of participants; `next` is the `after` of the next page."""

    participants: list[ParticipantShape]
    next: UUID | None


class LinkShape(BaseModel):
    """A check-in link, shown this once."""

    url: str
    expires_at: datetime


class ReferenceShape(BaseModel):
    """What a reference stands for."""

    id: UUID
    short_code: str
    enrolments: dict[str, UUID]


def enrolment_shape(row: Record) -> EnrolmentShape:
    """A row of `store.enrolments_of`."""
    is_there = row["place"] in ("placed", "waiting")
    return EnrolmentShape(
        **{name: row[name] for name in EnrolmentShape.model_fields if name in row},
        consents=Consents(**{name: row[name] for name in Consents.model_fields}),
        placement=PlacementShape(
            state=row["place"] if is_there else "none",
            group=row["group_code"] if is_there else None,
            position=row["position"],
        ),
    )


def participant_shape(participant: Participant, enrolments: list[Record]) -> ParticipantShape:
    """A participant with rows of `store.enrolments_of`, of which some may be of others."""
    own: dict[str, Any] = {
        name: getattr(participant, name) for name in ParticipantShape.model_fields if name != "enrolments"
    }
    rows = (row for row in enrolments if row["participant_id"] == participant.participant_id)
    return ParticipantShape(**own, enrolments=[enrolment_shape(row) for row in rows])
