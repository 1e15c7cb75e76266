"""Check-ins: whether an occasion can be answered, by whom, and what an answer says to the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from services.feedback.domain.given import Given, scores_of
from services.feedback.domain.instruments import Instrument, Library
from services.feedback.domain.kinds import Answers, Moment, ScaleTotals, Texts, Totals
from shared.errors import NotFound, Refusal
from shared.events.feedback import CheckInSubmitted, CheckInWithdrawn, Score
from shared.events.scheduling import OccasionKind
from shared.fields import Command, invalid

EARLY = timedelta(days=14)  # an answer on paper may have been given so long before the occasion opens
RECENT = timedelta(minutes=30)  # so long may a link show the score that was just given with it
SENT_AGAIN = timedelta(days=1)  # so long does a browser keep an answer whose reply was lost, and send it again
PATIENCE = timedelta(days=3)  # so long after the due day a check-in counts as overdue
OF_AN_END = ("withdrawn", "completed")  # why an occasion is cancelled when an enrolment has ended
AFTER_AN_END = ("end", "follow-up")  # the kinds that a completion brings
EnteredBy = Literal["participant", "staff", "import"]
TakenBackFor = Literal["entered-wrongly", "asked-by-participant"]
Closed = Literal["answered", "expired", "cancelled", "not-open-yet", "no-contacts", "nobody-on-call", "no-wording"]


class EnterCheckIn(Command):
    """Enter what a participant answered on paper or elsewhere: totals in points, or the answers themselves."""

    occasion_id: UUID
    totals: Totals = Field(default_factory=dict)
    scales: ScaleTotals = Field(default_factory=dict, description="totals of scales, by instrument and scale")
    answers: Answers = Field(default_factory=dict)
    texts: Texts = Field(default_factory=dict)
    answered_at: Moment | None = None


class AnswerCheckIn(Command):
    """What a participant answers."""

    answers: Answers = Field(default_factory=dict)
    texts: Texts = Field(default_factory=dict)


class TakeBack(Command):
    """Take back what was answered: nothing of it is kept, and it counts nowhere any more."""

    reason: TakenBackFor = Field(description="asked-by-participant: only they themselves can answer it anew")


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What was answered before was taken back so many times; when and why last."""

    times: int
    at: datetime
    reason: TakenBackFor


@dataclass(frozen=True, slots=True)
class CheckIn:
    """An answered occasion."""

    occasion_id: UUID
    answered_at: datetime
    entered_by: EnteredBy
    scores: tuple[Score, ...]
    answers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # to single items: they never leave
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # they stay here, whatever is said


@dataclass(frozen=True, slots=True)
class Occasion:
    """An occasion that fell due, with what is known of its participant and its answer."""

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
    due_at: datetime
    opens_at: datetime
    closes_at: datetime
    is_history: bool
    cancelled_for: str | None
    taking_part: bool
    contact_after: bool
    has_withdrawn: bool
    short_code: str | None
    site: str | None
    time_zone: str
    check_in: CheckIn | None
    taken_back: TakenBack | None = None
    resumed_at: datetime | None = None  # when an end of the enrolment was taken back last

    @property
    def is_agreed_to(self) -> bool:
        """A follow-up is answered by who agreed to be contacted afterwards, the rest by who takes part."""
        return self.contact_after if self.kind == "follow-up" else self.taking_part

    @property
    def may_be_on_paper(self) -> bool:
        """Whether an end cancelled it that was taken back when it had closed: they may have answered before."""
        is_of_it = self.cancelled_for in OF_AN_END and self.kind not in AFTER_AN_END
        had_closed = self.resumed_at is not None and self.closes_at <= self.resumed_at
        return is_of_it and had_closed and not self.has_withdrawn

    @property
    def may_be_due_again(self) -> bool:
        """Whether nobody waits for an answer because of an end alone, which may be taken back."""
        return self.is_agreed_to and self.cancelled_for in (None, *OF_AN_END)

    def asks(self, library: Library) -> list[Instrument]:
        """Its questionnaires, in order."""
        return [library[code] for code in self.instruments]

    def day_of(self, moment: datetime) -> date:
        """Which day it is then at the site."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()


def why_closed(
    occasion: Occasion, library: Library, expires_at: datetime, now: datetime, *, has_contacts: bool
) -> Closed | None:
    """Why a link does not lead to questions (any more); None if it does."""
    if occasion.check_in:
        return "answered"
    if expires_at <= now or occasion.closes_at <= now:
        return "expired"
    if occasion.cancelled_for or occasion.has_withdrawn or not occasion.is_agreed_to:
        return "cancelled"
    if occasion.opens_at > now:
        return "not-open-yet"
    if not has_contacts:
        return "no-contacts"
    return None if has_words(occasion.instruments, library) else "no-wording"


def has_words(instruments: Sequence[str], library: Library) -> bool:
    """Whether something is asked, and all of it has its words here."""
    return bool(instruments) and all(library[code].has_wording for code in instruments)


def shows_score(check_in: CheckIn, now: datetime) -> bool:
    """Whether a link that is opened once more shows the score. Later, somebody else may hold the phone."""
    return check_in.entered_by == "participant" and is_recent(check_in, now)


def is_recent(check_in: CheckIn, now: datetime) -> bool:
    """Whether it was answered a moment ago."""
    return now - check_in.answered_at < RECENT


def may_be_sent_again(check_in: CheckIn, now: datetime) -> bool:
    """Whether whoever answered it may still wait for its reply."""
    return now - check_in.answered_at <= SENT_AGAIN


def answer(
    occasion: Occasion, command: AnswerCheckIn, library: Library, now: datetime
) -> tuple[CheckIn, CheckInSubmitted]:
    """What a participant answers to an occasion that is open."""
    answers = {code: command.answers.get(code, {}) for code in (*occasion.instruments, *command.answers)}
    scores = scores_of(occasion.instruments, Given(answers=answers, texts=command.texts), library)
    check_in = CheckIn(occasion.occasion_id, now, "participant", tuple(scores), command.answers, command.texts)
    return _submitted(occasion, check_in)


def enter(
    occasion: Occasion, command: EnterCheckIn, library: Library, now: datetime, entered_by: EnteredBy
) -> tuple[CheckIn, CheckInSubmitted] | None:
    """What staff enter for a participant; None if the same has been entered before."""
    given = Given(command.totals, command.answers, command.scales, command.texts)
    scores = tuple(scores_of(occasion.instruments, given, library))
    at = command.answered_at or now
    check_in = CheckIn(occasion.occasion_id, at, entered_by, scores, command.answers, command.texts)
    if occasion.check_in:
        _refuse_another(occasion, occasion.check_in, check_in, command.answered_at)
        return None
    if not occasion.instruments:
        raise Refusal("nothing-asked", "The instruments of this occasion are not known here (any more).")
    if occasion.cancelled_for and not occasion.may_be_on_paper:
        raise Refusal("occasion-cancelled", "This check-in is not wanted any more.")
    if not occasion.is_agreed_to:
        raise Refusal("consent-withdrawn", "The participant does not agree to be asked (any more).")
    _refuse_taken_back(occasion, entered_by)
    if check_in.answered_at > now:
        raise invalid("answered_at", "in-the-future", "Give a time that has passed.")
    if check_in.answered_at < occasion.opens_at - EARLY:
        opened = occasion.opens_at.date()
        raise Refusal("outside-window", f"This check-in opened on {opened}: an answer so long before is not one to it.")
    return _submitted(occasion, check_in)


def take_back(occasion: Occasion) -> CheckInWithdrawn:
    """What is said when an answer is taken back; there must be one."""
    if occasion.check_in is None:
        raise NotFound("check-in")
    return CheckInWithdrawn(**{name: getattr(occasion, name) for name in CheckInWithdrawn.model_fields})


def _refuse_taken_back(occasion: Occasion, entered_by: EnteredBy) -> None:
    """An old file brings nothing back, and nobody enters for people what they did not want to be kept."""
    before = occasion.taken_back
    if before and (entered_by == "import" or before.reason == "asked-by-participant"):
        whose = "as they wished it" if before.reason == "asked-by-participant" else "as it was entered wrongly"
        who = "Only they can answer it anew" if before.reason == "asked-by-participant" else "Enter it by hand"
        message = f"What was answered here was taken back on {occasion.day_of(before.at)}, {whose}. {who}."
        raise Refusal("taken-back", message)


def _refuse_another(occasion: Occasion, first: CheckIn, other: CheckIn, answered_at: datetime | None) -> None:
    """The same again is no news; anything else would overwrite what somebody has answered.

    One total has many sheets, and one of them may hold an answer that somebody must look at.
    """
    answered_on = occasion.day_of(first.answered_at)
    is_same = {_mark(one) for one in first.scores} == {_mark(one) for one in other.scores}
    given = {code: items for code, items in other.answers.items() if items}
    is_same = is_same and first.texts == other.texts and given in ({}, first.answers)
    if not is_same or (answered_at and occasion.day_of(answered_at) != answered_on):
        raise Refusal("already-answered", f"This check-in was answered on {answered_on} already, with another result.")


def _mark(score: Score) -> tuple[str, str, int, int]:
    return score.instrument, score.scale, score.count, score.unit


def _submitted(occasion: Occasion, check_in: CheckIn) -> tuple[CheckIn, CheckInSubmitted]:
    same = ("occasion_id", "participant_id", "enrolment_id", "program_id", "site_id", "kind", "code", "ordinal")
    return check_in, CheckInSubmitted(
        **{name: getattr(occasion, name) for name in same},
        scores=list(check_in.scores),
        answered_at=check_in.answered_at,
        entered_by=check_in.entered_by,
        in_window=_is_in_window(occasion, check_in.answered_at),
    )


def _is_in_window(occasion: Occasion, answered_at: datetime) -> bool:
    """Whether what lasts may be read from it: a follow-up is of a time, by the day of the site that is entered."""
    return occasion.kind != "follow-up" or occasion.day_of(answered_at) <= occasion.day_of(occasion.closes_at)
