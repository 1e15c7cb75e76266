"""What intake says: organisations, programs, participants, facilitators, invitations."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Code, Event, Language, Part, Sha256, ShortCode, TimeZone, event

ORGANISATIONS = "kith.organisations"
PROGRAMS = "kith.programs"
PARTICIPANTS = "kith.participants"
FACILITATORS = "kith.facilitators"
INVITATIONS = "kith.invitations"


@event("organisation-registered", topic=ORGANISATIONS, key="organisation_id")
class OrganisationRegistered(Event):
    """An organisation began to use Kith."""

    organisation_id: UUID
    code: Code


@event("site-opened", topic=ORGANISATIONS, key="organisation_id")
class SiteOpened(Event):
    """An organisation opened a site."""

    organisation_id: UUID
    site_id: UUID
    code: Code
    time_zone: TimeZone
    languages: list[Language]


@event("site-changed", topic=ORGANISATIONS, key="organisation_id")
class SiteChanged(Event):
    """A site moved to another time zone or serves other languages. The whole new state."""

    organisation_id: UUID
    site_id: UUID
    code: Code
    time_zone: TimeZone
    languages: list[Language]


@event("program-published", topic=PROGRAMS, key="program_id")
class ProgramPublished(Event):
    """A program was published, or published again with changes. The whole new state."""

    program_id: UUID
    code: Code
    site_ids: list[UUID]
    objectives: list[Code]
    comparison_program_id: UUID | None = None
    target_population: int | None = Field(None, ge=0)
    target_population_source: Code | None = None


class Consents(Part):
    """What a participant has agreed to."""

    taking_part: bool
    reporting: bool
    contact_after: bool


@event("participant-enrolled", topic=PARTICIPANTS, key="participant_id")
class ParticipantEnrolled(Event):
    """A participant was enrolled in a program at a site. Imported history says so: it invites nobody."""

    participant_id: UUID
    enrolment_id: UUID
    program_id: UUID
    site_id: UUID
    short_code: ShortCode
    language: Language
    enrolled_on: date
    attributes: dict[Code, Code]
    consents: Consents
    consent_text: Code
    consent_version: int = Field(ge=1)
    is_imported: bool = False


@event("consent-changed", topic=PARTICIPANTS, key="participant_id")
class ConsentChanged(Event):
    """A participant changed what they agree to. The whole new state for one enrolment."""

    participant_id: UUID
    enrolment_id: UUID
    consents: Consents
    consent_text: Code
    consent_version: int = Field(ge=1)


@event("attributes-corrected", topic=PARTICIPANTS, key="participant_id")
class AttributesCorrected(Event):
    """What is known about a participant was corrected. All of it, for one enrolment, as it is from now on."""

    participant_id: UUID
    enrolment_id: UUID
    attributes: dict[Code, Code]


@event("participant-placed", topic=PARTICIPANTS, key="participant_id")
class ParticipantPlaced(Event):
    """A participant got a place in a group."""

    participant_id: UUID
    enrolment_id: UUID
    group_id: UUID
    placed_on: date


@event("participant-waitlisted", topic=PARTICIPANTS, key="participant_id")
class ParticipantWaitlisted(Event):
    """A participant got in line for a group: from that day on they wait for a place there and have none elsewhere."""

    participant_id: UUID
    enrolment_id: UUID
    group_id: UUID
    asked_on: date


@event("participant-unplaced", topic=PARTICIPANTS, key="participant_id")
class ParticipantUnplaced(Event):
    """A participant gave up a place in a group, or in its line, and stays in the program: they have none since."""

    participant_id: UUID
    enrolment_id: UUID
    group_id: UUID
    given_up_on: date


@event("participant-completed", topic=PARTICIPANTS, key="participant_id")
class ParticipantCompleted(Event):
    """A participant completed a program; the place in the group is free."""

    participant_id: UUID
    enrolment_id: UUID
    completed_on: date
    is_imported: bool = False


@event("participant-withdrawn", topic=PARTICIPANTS, key="participant_id")
class ParticipantWithdrawn(Event):
    """A participant left a program before its end; the place in the group is free."""

    participant_id: UUID
    enrolment_id: UUID
    withdrawn_on: date


@event("participant-resumed", topic=PARTICIPANTS, key="participant_id")
class ParticipantResumed(Event):
    """The end of an enrolment was taken back: it goes on as if it had not ended, without a place in a group."""

    participant_id: UUID
    enrolment_id: UUID


@event("participant-erased", topic=PARTICIPANTS, key="participant_id")
class ParticipantErased(Event):
    """A participant was erased: whoever keeps anything of these ids removes it, or re-keys what names others too."""

    erases = True

    participant_id: UUID
    enrolment_ids: list[UUID]
    occasion_ids: list[UUID]

    @property
    def ids(self) -> set[UUID]:
        """The person's own, and those of what was theirs alone."""
        return {self.participant_id, *self.enrolment_ids, *self.occasion_ids}


class Qualification(Part):
    """A qualification and the last day on which it is in date."""

    code: Code
    valid_until: date


@event("facilitator-qualified", topic=FACILITATORS, key="facilitator_id")
class FacilitatorQualified(Event):
    """A facilitator was registered or gained or renewed qualifications. The whole new state."""

    facilitator_id: UUID
    short_code: ShortCode
    site_ids: list[UUID]
    qualifications: list[Qualification]


@event("facilitator-lapsed", topic=FACILITATORS, key="facilitator_id")
class FacilitatorLapsed(Event):
    """A qualification of a facilitator ran out."""

    facilitator_id: UUID
    qualification: Code
    lapsed_on: date


@event("check-in-invited", topic=INVITATIONS, key="occasion_id")
class CheckInInvited(Event):
    """An invitation was made. Only the hash of the link's token is told."""

    occasion_id: UUID
    token_sha256: Sha256
    language: Language
    channel: Literal["email", "hand"]
    expires_at: AwareDatetime
    reminder: int = Field(0, ge=0, description="0 is the invitation itself, 1 the first reminder of it, and so on")


@event("invitation-sent", topic=INVITATIONS, key="occasion_id")
class InvitationSent(Event):
    """The mail server has taken the message that brings a link."""

    occasion_id: UUID
    sent_at: AwareDatetime
    reminder: int = Field(0, ge=0, description="0 is the invitation itself, 1 the first reminder of it, and so on")


@event("invitation-failed", topic=INVITATIONS, key="occasion_id")
class InvitationFailed(Event):
    """An invitation could not be made or sent."""

    occasion_id: UUID
    reason: Literal["no-address", "refused-by-mail-server", "no-consent"]
    reminder: int = Field(0, ge=0, description="0 is the invitation itself, 1 the first reminder of it, and so on")
