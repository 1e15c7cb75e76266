"""What feedback says: instruments, batteries, check-ins."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Code, Event, Part, event
from shared.events.scheduling import OccasionKind

INSTRUMENTS = "kith.instruments"
BATTERIES = "kith.batteries"
CHECK_INS = "kith.check-ins"
CONCERNS = "kith.concerns"


class PublishedScale(Part):
    """A scale of an instrument: the whole (`total`), or a part. Its scores are counts of 1/unit points."""

    code: Code
    unit: int = Field(ge=1)
    minimum: int
    maximum: int
    higher_is_better: bool


@event("instrument-published", topic=INSTRUMENTS, key="instrument_id")
class InstrumentPublished(Event):
    """A version of an instrument can be asked in an organisation. Scores are counts of 1/unit points."""

    instrument_id: UUID
    code: Code
    version: int = Field(ge=1)
    unit: int = Field(ge=1, description="how many counts make one point: 1 for a sum, 6 for a mean of 6 items")
    minimum: int = Field(description="in counts")
    maximum: int = Field(description="in counts")
    higher_is_better: bool
    is_validated: bool
    comparable_versions: list[int]
    has_total: bool = Field(True, description="false: unit, minimum and maximum say nothing, look at the scales")
    scales: list[PublishedScale] = Field(default=[], description="each that can be scored, the total too")
    reliable_change: int | None = Field(
        None, ge=1, description="of the total: the smallest change of one person, in counts, that is more than noise"
    )
    caseness: int | None = Field(None, description="of the total: the best score, in counts, that is still clinical")


class BatteryEntry(Part):
    """What is asked at one occasion, and when that occasion is."""

    occasion: Code
    kind: OccasionKind
    ordinal: int = Field(0, ge=0)
    instruments: list[Code]
    months_after: int = Field(0, ge=0, description="calendar months after enrolment, or after completion")
    window_days: int = Field(14, ge=1, description="answers count until so many days after the due day")


@event("battery-activated", topic=BATTERIES, key="program_id")
class BatteryActivated(Event):
    """A program asks these instruments at these occasions from now on. The whole new state."""

    program_id: UUID
    entries: list[BatteryEntry]


class Score(Part):
    """One score, as an integer count of 1/unit points of its instrument's version."""

    instrument: Code
    version: int = Field(ge=1)
    count: int
    unit: int = Field(ge=1)
    scale: Code = Field("total", description="of the whole, or of a part that the instrument scores by itself")


@event("check-in-submitted", topic=CHECK_INS, key="occasion_id")
class CheckInSubmitted(Event):
    """A check-in was answered. The answers to single items stay in feedback."""

    occasion_id: UUID
    participant_id: UUID
    enrolment_id: UUID
    program_id: UUID
    site_id: UUID
    kind: OccasionKind
    code: Code
    ordinal: int = Field(ge=0)
    scores: list[Score]
    answered_at: AwareDatetime
    entered_by: Literal["participant", "staff", "import"]


ConcernSource = Literal["risk-item", "facilitator", "participant", "other-participant"]


@event("concern-raised", topic=CONCERNS, key="concern_id")
class ConcernRaised(Event):
    """Somebody may need help. What it is about stays in feedback."""

    concern_id: UUID
    site_id: UUID
    participant_id: UUID | None = Field(None, description="whom it is about, if that is known")
    source: ConcernSource
    raised_at: AwareDatetime
    acknowledge_by: AwareDatetime
    earlier_id: UUID | None = Field(None, description="the concern about the same person before this one")


@event("concern-escalated", topic=CONCERNS, key="concern_id")
class ConcernEscalated(Event):
    """A step was not taken in its time: the next level was asked."""

    concern_id: UUID
    level: int = Field(ge=1)
    state: Literal["open", "acknowledged", "acted-on"]
    answer_by: AwareDatetime


@event("concern-acknowledged", topic=CONCERNS, key="concern_id")
class ConcernAcknowledged(Event):
    """Somebody has taken it into their hands."""

    concern_id: UUID
    acknowledged_at: AwareDatetime


@event("concern-action-recorded", topic=CONCERNS, key="concern_id")
class ConcernActionRecorded(Event):
    """Something was done about it."""

    concern_id: UUID
    acted_at: AwareDatetime


@event("concern-closed", topic=CONCERNS, key="concern_id")
class ConcernClosed(Event):
    """A second person found that enough was done."""

    concern_id: UUID
    closed_at: AwareDatetime
    debrief_offered: bool
