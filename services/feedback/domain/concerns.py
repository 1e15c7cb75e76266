"""A concern: a safeguarding matter with an owner and a clock, until a second person closes it.

Each state has its time. When that passes, the next level of the rota answers for it, and the clock begins again: a
concern that nobody touches goes round for ever rather than lie still.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from services.feedback.domain.alerts import Others
from services.feedback.domain.check_in import SENT_AGAIN
from services.feedback.domain.kinds import Moment
from services.feedback.domain.rota import Responder, SetRota, levels_asked, on_call
from shared.errors import Refusal
from shared.events.base import Code
from shared.events.feedback import (
    ConcernAcknowledged,
    ConcernActionRecorded,
    ConcernClosed,
    ConcernEscalated,
    ConcernRaised,
    ConcernSource,
)
from shared.fields import Command, Text
from shared.identity import derived_id

State = Literal["open", "acknowledged", "acted-on", "closed"]
Debrief = Literal["none", "offered", "wanted", "declined", "held"]
SLOWEST = {"open": timedelta(minutes=60), "acknowledged": timedelta(hours=24), "acted-on": timedelta(days=7)}
"""How long each state may last at a site without a rota."""
Said = Annotated[Text, Field(min_length=1)]


class RaiseConcern(Command):
    """What a member of staff is worried about."""

    site: Code
    participant_id: UUID | None = Field(None, description="whom it is about, if that is known")
    text: Said


class Tell(Command):
    """What somebody did, or why a concern can be closed."""

    text: Said
    seen_at: Moment | None = Field(None, description="of the newest step they know; without it: their last reading")


class AnswerDebrief(Command):
    """Whether whoever raised a concern would like to talk about it, or has."""

    answer: Literal["wanted", "declined", "held"]


@dataclass(frozen=True, slots=True)
class Concern:
    """A concern as it stands. `owner` is a responder of the rota; none means every coordinator of the site."""

    concern_id: UUID
    organisation_id: UUID
    site_id: UUID
    participant_id: UUID | None
    source: ConcernSource
    raised_at: datetime
    raised_by: str | None
    state: State
    level: int
    owner: str | None
    due_at: datetime | None
    acknowledged_by: str | None
    acted_by: str | None
    closed_by: str | None
    earlier_id: UUID | None
    debrief: Debrief

    @property
    def is_open(self) -> bool:
        """Whether somebody must still do something."""
        return self.state != "closed"

    def hears(self, now: datetime) -> bool:
        """Whether it has the same, said once more, in hand: that may be a second tap, or follow a lost reply."""
        return self.is_open and now - self.raised_at <= SENT_AGAIN


@dataclass(frozen=True, slots=True)
class Place:
    """Where a concern is: its site's rota and time zone."""

    rota: SetRota | None
    zone: ZoneInfo


def wait_of(state: State, rota: SetRota | None) -> timedelta:
    """How long a concern may stay in this state before the next level is asked."""
    if rota is None:
        return SLOWEST[state]
    return {
        "open": timedelta(minutes=rota.acknowledge_within_minutes),
        "acknowledged": timedelta(hours=rota.act_within_hours),
        "acted-on": timedelta(days=rota.close_within_days),
    }[state]


def owner_at(place: Place, level: int, moment: datetime) -> tuple[int, Responder | None]:
    """Who answers from this level on, and at which level; nobody in particular where nobody is on call."""
    if place.rota:
        for asked in levels_asked(place.rota, level):
            if found := on_call(place.rota, asked, moment, place.zone):
                return asked, found
    return level, None


def raised(concern: Concern, place: Place) -> tuple[Concern, ConcernRaised]:
    """A new concern with its owner and its clock."""
    level, owner = owner_at(place, 1, concern.raised_at)
    due_at = concern.raised_at + wait_of("open", place.rota)
    fresh = replace(concern, level=level, owner=owner.code if owner else None, due_at=due_at)
    event = ConcernRaised(
        concern_id=fresh.concern_id,
        site_id=fresh.site_id,
        participant_id=fresh.participant_id,
        source=fresh.source,
        raised_at=fresh.raised_at,
        acknowledge_by=due_at,
        earlier_id=fresh.earlier_id,
    )
    return fresh, event


def next_id(concern_id: UUID) -> UUID:
    """The id of what is raised anew where the concern with this id does not take it any more."""
    return derived_id(concern_id, "concern", "again")


def has_heard(concern: Concern, said_at: datetime, now: datetime) -> bool:
    """Whether the same words, said last at that time, ask for nothing new. Of a closed one they do after a day."""
    return concern.is_open or now - said_at <= SENT_AGAIN


def said_more(concern: Concern, place: Place, now: datetime) -> Concern:
    """Whoever raised it says more while it is open: that is read as soon as a new concern would be."""
    assert concern.due_at
    return replace(concern, due_at=min(concern.due_at, now + wait_of("open", place.rota)))


def escalated(concern: Concern, place: Place, now: datetime) -> tuple[Concern, ConcernEscalated]:
    """Its time has passed: the next level answers, the last one is asked again."""
    highest = place.rota.levels if place.rota else 1
    level, owner = owner_at(place, min(concern.level + 1, highest), now)
    due_at = now + wait_of(concern.state, place.rota)
    fresh = replace(concern, level=level, owner=owner.code if owner else None, due_at=due_at)
    return fresh, ConcernEscalated(concern_id=concern.concern_id, level=level, state=_state(concern), answer_by=due_at)


def others_asked(concern: Concern, place: Place) -> Others:
    """Who but its owner is asked: everybody already; or somebody or nobody, once its time has passed, by this rota."""
    if place.rota is None or concern.due_at is None:
        return "nobody"
    if concern.owner is None:
        return "everybody"
    following = escalated(concern, place, concern.due_at)[0].owner
    asked = [following] if following else [one.code for one in place.rota.responders]
    return "somebody" if any(one != concern.owner for one in asked) else "nobody"


def _state(concern: Concern) -> Literal["open", "acknowledged", "acted-on"]:
    assert concern.state != "closed"  # a closed one has no clock
    return concern.state


def acknowledged(concern: Concern, subject: str, place: Place, now: datetime) -> tuple[Concern, ConcernAcknowledged]:
    """Somebody has it in their hands."""
    if concern.state != "open":
        raise Refusal("already-acknowledged", "Somebody has acknowledged this concern already.")
    due_at = now + wait_of("acknowledged", place.rota)
    fresh = replace(concern, state="acknowledged", acknowledged_by=subject, due_at=due_at)
    return fresh, ConcernAcknowledged(concern_id=concern.concern_id, acknowledged_at=now)


def acted_on(concern: Concern, subject: str, place: Place, now: datetime) -> tuple[Concern, ConcernActionRecorded]:
    """Something was done about it; this may happen more than once."""
    if concern.state == "closed":
        raise Refusal("already-closed", "This concern is closed. Raise another one if something has come up.")
    if concern.state == "open":
        raise Refusal("not-acknowledged", "Acknowledge the concern first, so that nobody else is called.")
    due_at = now + wait_of("acted-on", place.rota)
    fresh = replace(concern, state="acted-on", acted_by=subject, due_at=due_at)
    return fresh, ConcernActionRecorded(concern_id=concern.concern_id, acted_at=now)


def closed(concern: Concern, subject: str, now: datetime) -> tuple[Concern, ConcernClosed]:
    """A second person finds that enough was done."""
    if concern.state == "closed":
        raise Refusal("already-closed", "This concern is closed already.")
    if concern.state != "acted-on":
        raise Refusal("nothing-done-yet", "Write down what was done before the concern is closed.")
    if subject == concern.acted_by:
        raise Refusal("second-person-needed", "You wrote down what was done: somebody else closes the concern.")
    debrief: Debrief = "offered" if concern.raised_by else "none"
    fresh = replace(concern, state="closed", closed_by=subject, due_at=None, debrief=debrief)
    return fresh, ConcernClosed(concern_id=concern.concern_id, closed_at=now, debrief_offered=debrief == "offered")


def debriefed(concern: Concern, answer: AnswerDebrief, subject: str) -> Concern:
    """Who raised it says whether they would like to talk about it; a coordinator that they have."""
    if concern.debrief == "none" or concern.state != "closed":
        raise Refusal(
            "no-debrief-offered", "A debrief is offered when a concern that a person of staff raised is closed."
        )
    if answer.answer != "held" and subject != concern.raised_by:
        raise Refusal("not-yours", "Only who raised the concern says whether they would like a debrief.")
    return replace(concern, debrief=answer.answer)
