"""What becomes of occasions as facts are heard and time goes by, and what is said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.scheduling.domain.occasions.plan import Blocked, Wanted, over, plan
from services.scheduling.domain.occasions.shapes import Basis, Occasion
from shared.events import Event
from shared.events.scheduling import CheckInDue, Due, FollowUpDue, OccasionCancelled

OF_AN_END: tuple[Blocked, ...] = ("withdrawn", "completed", "resumed")


@dataclass(frozen=True, slots=True)
class Settled:
    """An occasion that is new or different, how it was before, and what is to be said."""

    before: Occasion | None
    after: Occasion
    events: tuple[Event, ...]


def settle(basis: Basis, known: Mapping[UUID, Occasion], now: datetime) -> list[Settled]:
    """Bring the occasions of an enrolment up to date."""
    wanted = {one.occasion.occasion_id: one for one in plan(basis, now)}
    settled = []
    for one in wanted.values():
        before = known.get(one.occasion.occasion_id)
        settled.append(_settle(before, _next(before, one, now), one.blocked))
    for occasion_id, before in known.items():
        if occasion_id not in wanted:
            settled.append(_left(basis, before, now))
    return [one for one in settled if one.before != one.after]


def _next(before: Occasion | None, wanted: Wanted, now: datetime) -> Occasion:
    """What becomes of an occasion that is in the plan."""
    if before and before.state == "answered":
        return before if before.due_at else replace(wanted.occasion, state="answered", answered_at=before.answered_at)
    is_free_again = before is not None and before.why in OF_AN_END and not wanted.blocked
    occasion = before if before and before.was_said and not is_free_again else wanted.occasion
    if wanted.blocked:
        return _stopped(occasion, wanted.blocked, is_after_end=wanted.is_after_end)
    assert wanted.occasion.due_at
    if not wanted.is_asked and not occasion.was_said and wanted.occasion.due_at <= now:
        return replace(occasion, state="not-asked", why="condition")
    return _aged(occasion, now)


def _stopped(occasion: Occasion, blocked: Blocked, *, is_after_end: bool) -> Occasion:
    """It is not wanted any more. What had run its course by then stays as it was, but not for an end that is none."""
    is_of_an_end = occasion.state == "cancelled" and occasion.why in OF_AN_END
    stays = occasion.state == "cancelled" or (occasion.state == "expired" and not is_after_end)
    if occasion.was_said and stays and not is_of_an_end:
        return occasion
    return replace(occasion, state="cancelled", why=blocked)


def _left(basis: Basis, before: Occasion, now: datetime) -> Settled:
    """What becomes of an occasion that the plan does not have any more.

    One that has fallen due stays open, unless the end of the enrolment stands against it: what repeats is planned
    up to the end alone, and the end may be heard of late.
    """
    if before.state == "planned":
        return _settle(before, replace(before, state="cancelled", why="battery-changed"), None)
    is_over = over(basis.enrolment, basis.zone, before) if basis.zone and before.due_at and before.closes_at else None
    if is_over and is_over.blocked and before.state in ("due", "expired"):
        after = _stopped(before, is_over.blocked, is_after_end=is_over.is_after_end)
        return _settle(before, after, is_over.blocked)
    return _settle(before, _aged(before, now), None)


def _aged(occasion: Occasion, now: datetime) -> Occasion:
    """Time has gone by: it falls due, it closes."""
    if occasion.state == "planned" and occasion.due_at and occasion.due_at <= now:
        occasion = replace(occasion, state="due", was_said=True)
    if occasion.state == "due" and occasion.closes_at and occasion.closes_at <= now:
        occasion = replace(occasion, state="expired")
    return occasion


def _settle(before: Occasion | None, after: Occasion, blocked: Blocked | None) -> Settled:
    events: list[Event] = []
    was_said = before is not None and before.was_said
    was_cancelled = before is not None and (before.was_cancelled or before.state == "cancelled")
    if after.was_said and (not was_said or (was_cancelled and after.state in ("due", "expired"))):
        after = replace(after, was_cancelled=False)
        events.append(due(after))
    if before and was_said and after.state == "cancelled" != before.state:
        assert blocked
        after = replace(after, was_cancelled=True)
        # What a completion has brought goes with it, and others know the word of that.
        reason = "completed" if blocked == "resumed" else blocked
        events.append(OccasionCancelled(occasion_id=after.occasion_id, reason=reason))
    return Settled(before, after, tuple(events))


def due(occasion: Occasion) -> Due:
    """How others are told that it fell due."""
    fields = {name: getattr(occasion, name) for name in Due.model_fields}
    kind = FollowUpDue if occasion.kind == "follow-up" else CheckInDue
    lists = {"instruments": list(occasion.instruments), "reminders": list(occasion.reminders)}
    return kind.model_validate({**fields, **lists})
