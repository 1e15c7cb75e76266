"""What feedback says: instruments, batteries, check-ins, concerns, and the loop back to those who answered."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Code, Event, Part, event
from shared.events.scheduling import OccasionKind

INSTRUMENTS = "kith.instruments"
BATTERIES = "kith.batteries"
CHECK_INS = "kith.check-ins"
CONCERNS = "kith.concerns"
CHANGES = "kith.changes"
STORIES = "kith.stories"
MILESTONES = "kith.milestones"


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
    reliable_change: int | None = Field(None, ge=1, description="of the total, in counts: the least that is not noise")
    caseness: int | None = Field(None, description="of the total: the best score, in counts, that is still clinical")


class AttributeIs(Part):
    """Only of those who gave this answer when they were enrolled."""

    attribute: Code
    equals: Code


class ScoreWas(Part):
    """Only of those whose latest score at another occasion lay within these bounds when this one fell due."""

    occasion: Code
    instrument: Code
    scale: Code = "total"
    at_least: int | None = Field(None, description="in counts of 1/unit points, this one included")
    at_most: int | None = Field(None, description="in counts of 1/unit points, this one included")


class BatteryEntry(Part):
    """What is asked at one occasion, and when that occasion is."""

    occasion: Code
    kind: OccasionKind
    ordinal: int = Field(0, ge=0)
    instruments: list[Code]
    months_after: int = Field(0, ge=0, description="calendar months after enrolment, or after completion")
    window_days: int = Field(14, ge=1, description="answers count until so many days after the due day")
    days_after: int = Field(0, ge=0, description="whole days after the months")
    every: int = Field(1, ge=1, description="of the kind session: after every n-th session that they came to")
    after_sessions: int = Field(0, ge=0, description="monthly, not 0: once, when they have come to so many sessions")
    repeats_months: int = Field(0, ge=0, description="monthly, not 0: again every so many, as OCCASION-1, -2 ...")
    times: int = Field(0, ge=0, description="how often it repeats; 0: until the enrolment ends")
    reminders: list[int] = Field([], description="days after the invitation on which whoever has not answered is told")
    only_attribute: AttributeIs | None = None
    only_score: ScoreWas | None = None


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
    in_window: bool = Field(True, description="false: a follow-up answered too late; kept, and left out of figures")


class Acted(Event):
    """The shape of what is done with a check-in beside answering it."""

    occasion_id: UUID
    participant_id: UUID
    enrolment_id: UUID
    program_id: UUID
    site_id: UUID


@event("check-in-withdrawn", topic=CHECK_INS, key="occasion_id")
class CheckInWithdrawn(Acted):
    """What was answered was taken back: it counts nowhere any more. The check-in may be answered anew."""


@event("check-in-opened", topic=CHECK_INS, key="occasion_id")
class CheckInOpened(Acted):
    """A person acted on the page of a check-in for the first time. Fetching it, as mail scanners do, is not that."""

    opened_at: AwareDatetime


@event("check-in-begun", topic=CHECK_INS, key="occasion_id")
class CheckInBegun(Acted):
    """The first answer of a check-in was chosen."""

    begun_at: AwareDatetime


@event("check-in-expired", topic=CHECK_INS, key="occasion_id")
class CheckInExpired(Acted):
    """A check-in closed and nobody had answered it. What somebody wrote on paper in time can still be entered."""

    closed_at: AwareDatetime


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


Decision = Literal["will-do", "will-not-do", "later"]


@event("change-decided", topic=CHANGES, key="change_id")
class ChangeDecided(Event):
    """It was decided what becomes of something that participants asked for. Why, in words, stays in feedback."""

    change_id: UUID
    theme: Code
    decision: Decision
    program_id: UUID | None = Field(None, description="where it holds; without these three, everywhere")
    site_id: UUID | None = None
    group_id: UUID | None = None
    decided_at: AwareDatetime


@event("change-made", topic=CHANGES, key="change_id")
class ChangeMade(Event):
    """Something was changed because participants asked for it. What, in words, stays in feedback."""

    change_id: UUID
    theme: Code
    program_id: UUID | None = Field(None, description="where it holds; without these three, everywhere")
    site_id: UUID | None = None
    group_id: UUID | None = None
    since: date
    made_at: AwareDatetime


StoryUse = Literal["within-program", "report-to-funders", "public-page"]


@event("story-shared", topic=STORIES, key="story_id")
class StoryShared(Event):
    """A participant shared a story, for these uses alone. Its words stay in feedback."""

    story_id: UUID
    participant_id: UUID
    program_id: UUID
    site_id: UUID
    uses: list[StoryUse]
    shared_at: AwareDatetime
    entered_by: Literal["participant", "staff"]


@event("story-consent-changed", topic=STORIES, key="story_id")
class StoryConsentChanged(Event):
    """A story may be used for these uses from now on, and for no other. The whole new state."""

    story_id: UUID
    participant_id: UUID
    uses: list[StoryUse]
    changed_at: AwareDatetime


@event("story-withdrawn", topic=STORIES, key="story_id")
class StoryWithdrawn(Event):
    """A story was taken back: nobody may show it any more."""

    story_id: UUID
    participant_id: UUID
    withdrawn_at: AwareDatetime


@event("milestone-reached", topic=MILESTONES, key="milestone_id")
class MilestoneReached(Event):
    """A participant reached something worth celebrating; with others only if they agree."""

    milestone_id: UUID
    participant_id: UUID
    kind: Code
    reached_on: date
    recorded_by: Literal["participant", "staff", "rule"]
    may_celebrate: bool = Field(description="whether they agree that their group celebrates it")


@event("milestone-consent-changed", topic=MILESTONES, key="milestone_id")
class MilestoneConsentChanged(Event):
    """A participant agrees, or does not agree any more, that their group celebrates a milestone."""

    milestone_id: UUID
    participant_id: UUID
    may_celebrate: bool


@event("milestone-withdrawn", topic=MILESTONES, key="milestone_id")
class MilestoneWithdrawn(Event):
    """A milestone was not reached after all, or whose it is does not want it kept."""

    milestone_id: UUID
    participant_id: UUID
