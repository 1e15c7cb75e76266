"""What becomes of occasions as facts are heard and time goes by, and what is said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.scheduling.domain.occasions.plan import Blocked, Wanted, plan
from services.scheduling.domain.occasions.shapes import Basis, Occasion
from shared.events import Event
from shared.events.scheduling import CheckInDue, Due, FollowUpDue, OccasionCancelled


@dataclass(frozen=True, slots=True)
class Settled:
    """An occasion that is new or different, how it was before, and what is to be said."""

    before: Occasion | None
    after: Occasion
    events: tuple[Event, ...]


def settle(basis: Basis, known: Mapping[UUID, Occasion], now: datetime) -> list[Settled]:
    """Bring the occasions of an enrolment up to date."""
    wanted = {one.occasion.occasion_id: one for one in plan(basis)}
    settled = []
    for one in wanted.values():
        before = known.get(one.occasion.occasion_id)
        settled.append(_settle(before, _next(before, one, now), one.blocked))
    for occasion_id, before in known.items():
        if occasion_id not in wanted:
            settled.append(_settle(before, _left(before, now), None))
    return [one for one in settled if one.before != one.after]


def _next(before: Occasion | None, wanted: Wanted, now: datetime) -> Occasion:
    """What becomes of an occasion that is in the plan."""
    if before and before.state == "answered":
        return before if before.due_at else replace(wanted.occasion, state="answered", answered_at=before.answered_at)
    occasion = before if before and before.was_said else wanted.occasion
    if not wanted.blocked:
        return _aged(occasion, now)
    stays = occasion.state == "expired" and not wanted.is_after_end
    return occasion if stays else replace(occasion, state="cancelled")


def _left(before: Occasion, now: datetime) -> Occasion:
    """What becomes of an occasion that the plan does not have any more: one that has fallen due stays open."""
    return replace(before, state="cancelled") if before.state == "planned" else _aged(before, now)


def _aged(occasion: Occasion, now: datetime) -> Occasion:
    """Time has gone by: it falls due, it closes."""
    if occasion.state == "planned" and occasion.due_at and occasion.due_at <= now:
        occasion = replace(occasion, state="due", was_said=True)
    if occasion.state == "due" and occasion.closes_at and occasion.closes_at <= now:
        occasion = replace(occasion, state="expired")
    return occasion


def _settle(before: Occasion | None, after: Occasion, blocked: Blocked | None) -> Settled:
    events: list[Event] = []
    if after.was_said and not (before and before.was_said):
        events.append(due(after))
    if before and before.was_said and after.state == "cancelled" != before.state:
        assert blocked
        events.append(OccasionCancelled(occasion_id=after.occasion_id, reason=blocked))
    return Settled(before, after, tuple(events))


def due(occasion: Occasion) -> Due:
    """How others are told that it fell due."""
    fields = {name: getattr(occasion, name) for name in Due.model_fields}
    kind = FollowUpDue if occasion.kind == "follow-up" else CheckInDue
    return kind.model_validate({**fields, "instruments": list(occasion.instruments)})
