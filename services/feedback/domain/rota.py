"""The rota of a site: who answers for a concern at which moment, and when nobody does.

Times of shifts are local to the site. Level 1 is asked first; each further level when the one before has let its time
pass. A hand-over puts somebody else in the place of whoever a shift names.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from services.feedback.domain.kinds import Moment
from shared.errors import FieldError, Invalid, NotFound, Refusal
from shared.events.base import Code, LocalTime
from shared.fields import Command, Line, as_address, invalid

LOOKS_AHEAD = timedelta(days=14)
LEVELS_MAX = 5
HAND_OVERS_MAX = 200


class Responder(Command):
    """Somebody of the staff who answers for concerns, and where they are told of one."""

    code: Code
    name: Line
    email: Line


class Shift(Command):
    """Every week, on these days, from one time to another; one that ends before it begins ends on the next day."""

    level: int = Field(1, ge=1, le=LEVELS_MAX)
    responder: Code
    weekdays: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]
    begins: LocalTime
    ends: LocalTime = Field(description="the same as begins: until the same time of the next day")


class HandOver(Command):
    """Somebody else, once, from one moment to another."""

    level: int = Field(1, ge=1, le=LEVELS_MAX)
    responder: Code
    begins_at: Moment
    ends_at: Moment

    @field_validator("ends_at")
    @classmethod
    def _takes_time(cls, ends_at: datetime, others: ValidationInfo) -> datetime:
        if "begins_at" in others.data and ends_at <= others.data["begins_at"]:
            raise PydanticCustomError("ends_before_it_begins", "Let it end after it begins.")
        return ends_at


class SetRota(Command):
    """The rota of a site from now on, and how long each step may take.

    It is read from the store by this shape, too: what may be asked more strictly one day is asked by `refuse_unusable`.
    """

    acknowledge_within_minutes: int = Field(30, ge=1, le=1440)
    act_within_hours: int = Field(24, ge=1, le=168)
    close_within_days: int = Field(7, ge=1, le=60)
    responders: Annotated[list[Responder], Field(min_length=1, max_length=50)]
    shifts: Annotated[list[Shift], Field(min_length=1, max_length=200)]
    hand_overs: Annotated[list[HandOver], Field(max_length=HAND_OVERS_MAX)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits_together(self) -> "SetRota":
        known = [one.code for one in self.responders]
        if len(set(known)) < len(known):
            raise PydanticCustomError("repeated", "Two responders have the same code: give each its own.")
        for one in self.shifts:
            if one.responder not in known:
                sentence = "{code} is not among the responders."
                raise PydanticCustomError("unknown_responder", sentence, {"code": one.responder})
        for over in self.hand_overs:
            if over.responder not in known:
                sentence = "{code} takes over for a time: keep {code} among the responders, or take that back first."
                raise PydanticCustomError("unknown_responder", sentence, {"code": over.responder})
        levels = {one.level for one in self.shifts}
        if levels != set(range(1, len(levels) + 1)):
            raise PydanticCustomError("levels", "Number the levels of the shifts 1, 2, 3 without leaving one out.")
        return self

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return max(one.level for one in self.shifts)

    def responder(self, code: str | None) -> Responder | None:
        """Who that is."""
        return next((one for one in self.responders if one.code == code), None)

    def hand_overs_ahead(self, moment: datetime) -> list[HandOver]:
        """Those that are not over."""
        return [one for one in self.hand_overs if one.ends_at > moment]


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment up to another."""

    begins_at: datetime
    ends_at: datetime


def on_call(rota: SetRota, level: int, moment: datetime, zone: ZoneInfo) -> Responder | None:
    """Who answers at this level at that moment; the latest hand-over counts."""
    for one in reversed(rota.hand_overs):
        if one.level == level and one.begins_at <= moment < one.ends_at:
            return rota.responder(one.responder)
    day = moment.astimezone(zone).date()
    for shift in rota.shifts:
        if shift.level == level and any(_holds(span, moment) for span in _spans(shift, day, 1, zone)):
            return rota.responder(shift.responder)
    return None


def gaps(rota: SetRota | None, since: datetime, zone: ZoneInfo, ahead: timedelta = LOOKS_AHEAD) -> list[Span]:
    """When nobody at all is on call in the time ahead, at whatever level."""
    until = since + ahead
    if rota is None:
        return [Span(since, until)]
    day = since.astimezone(zone).date()
    spans = [span for shift in rota.shifts for span in _spans(shift, day, ahead.days + 1, zone)]
    spans += [Span(one.begins_at, one.ends_at) for one in rota.hand_overs if one.level <= rota.levels]
    found, covered = [], since
    for span in sorted(spans, key=lambda one: one.begins_at):
        if span.begins_at > covered:
            found.append(Span(covered, min(span.begins_at, until)))
        covered = max(covered, span.ends_at)
        if covered >= until:
            return found
    return [*found, Span(covered, until)]


def is_told(rota: SetRota, gap: Span, since: datetime, zone: ZoneInfo) -> bool:
    """Whether this gap is the one that people were told of as from then on; by now it may have begun."""
    told = next(iter(gaps(rota, since, zone)), None)
    return told is not None and told.begins_at == since <= gap.begins_at < told.ends_at


def on_call_from(rota: SetRota | None, moment: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment from this one on at which somebody is on call; None if nobody is within the time ahead."""
    first = next(iter(gaps(rota, moment, zone)), None)
    if first is None or first.begins_at > moment:
        return moment
    return first.ends_at if first.ends_at < moment + LOOKS_AHEAD else None


def read_by(rota: SetRota | None, moment: datetime, zone: ZoneInfo) -> datetime | None:
    """When somebody will have read what is said now; None if nobody can be promised within the time ahead."""
    begins_at = on_call_from(rota, moment, zone)
    return begins_at + timedelta(minutes=rota.acknowledge_within_minutes) if rota and begins_at else None


def _spans(shift: Shift, day: date, days: int, zone: ZoneInfo) -> Iterator[Span]:
    """When the shift takes place on so many days from the day before."""
    for offset in range(-1, days + 1):
        begins_on = day + timedelta(days=offset)
        if begins_on.isoweekday() in shift.weekdays:
            ends_on = begins_on + timedelta(days=shift.ends <= shift.begins)
            yield Span(_at(begins_on, shift.begins, zone), _at(ends_on, shift.ends, zone))


def _at(day: date, local: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(local), tzinfo=zone).astimezone(UTC)


def _holds(span: Span, moment: datetime) -> bool:
    return span.begins_at <= moment < span.ends_at


def levels_asked(rota: SetRota, since_level: int) -> Sequence[int]:
    """The levels from this one up, then those below it: somebody is better than nobody."""
    above = range(since_level, rota.levels + 1)
    return [*above, *(level for level in range(1, rota.levels + 1) if level not in above)]


def refuse_unusable(rota: SetRota) -> None:
    """Refuse what would look like cover while nobody is asked: an address without a mailbox, a level without shifts."""
    errors = []
    for number, one in enumerate(rota.responders):
        try:
            as_address(one.email)
        except ValueError as error:
            errors.append(FieldError(f"responders.{number}.email", "not-an-email", str(error)))
    if above := [one.level for one in rota.hand_overs if one.level > rota.levels]:
        sentence = f"There is a hand-over at level {above[0]}: keep a shift there, or take it back first."
        errors.append(FieldError("hand_overs", "unknown-level", sentence))
    if errors:
        raise Invalid(*errors)


def handed_over(rota: SetRota | None, command: HandOver, moment: datetime) -> SetRota:
    """The rota with somebody else for a time; hand-overs that are over go."""
    if rota is None:
        raise Refusal("site-without-rota", "This site has no rota yet: set one before you hand over.")
    if rota.responder(command.responder) is None:
        raise invalid("responder", "unknown-responder", "Give the code of one of the responders.")
    if command.level > rota.levels:
        raise invalid("level", "unknown-level", f"This rota has no level above {rota.levels}: nobody would be asked.")
    if command.ends_at <= moment:
        raise invalid("ends_at", "in-the-past", "Let it end in the future.")
    ahead = rota.hand_overs_ahead(moment)
    if len(ahead) == HAND_OVERS_MAX:
        raise invalid("begins_at", "too-many", f"A rota holds {HAND_OVERS_MAX} hand-overs: take one back first.")
    return rota.model_copy(update={"hand_overs": [*ahead, command]})


def taken_back(rota: SetRota | None, command: HandOver) -> SetRota:
    """The rota without that hand-over: whoever a shift names answers again."""
    if rota is None or command not in rota.hand_overs:
        raise NotFound("hand-over")
    return rota.model_copy(update={"hand_overs": [one for one in rota.hand_overs if one != command]})
