"""Places in groups: who gets one, who waits, and who is next when one is free.

Everything here is about one group whose row is locked: what is decided holds until the transaction ends.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from uuid import UUID

from shared.events import Event
from shared.events.intake import ParticipantPlaced, ParticipantWaitlisted

PlaceState = Literal["placed", "waiting", "ended"]


@dataclass(frozen=True, slots=True)
class Place:
    """The place that an enrolment has in a group, or waits for. `asked` is None until the store has numbered it."""

    enrolment_id: UUID
    organisation_id: UUID
    participant_id: UUID
    group_id: UUID
    state: PlaceState
    asked_on: date
    placed_on: date | None = None
    asked: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group with its places: how many are taken, and who waits, first come first."""

    group_id: UUID
    organisation_id: UUID
    code: str
    program_id: UUID
    site_id: UUID
    capacity: int
    taken: int = 0
    line: tuple[Place, ...] = ()


Taken = tuple[list[Place], Sequence[Event]]
"""Places as they are from now on, and what is to be said of them."""


def ask(group: Group, asking: Place, on: date) -> Taken:
    """A place if there is one and nobody waits; else the end of the line."""
    if group.taken < group.capacity and not group.line:
        return _place([asking], on)
    event = ParticipantWaitlisted(
        participant_id=asking.participant_id, enrolment_id=asking.enrolment_id, group_id=asking.group_id, asked_on=on
    )
    return [replace(asking, state="waiting", asked_on=on, placed_on=None)], [event]


def leave(group: Group, place: Place, on: date) -> Taken:
    """End a place. If it was taken, the first in line gets it."""
    ended = replace(place, state="ended")
    if place.state != "placed":
        return [ended], []
    places, events = fill(replace(group, taken=group.taken - 1), on)
    return [ended, *places], events


def fill(group: Group, on: date) -> Taken:
    """Give the free places to those who wait, in order."""
    return _place(group.line[: max(0, group.capacity - group.taken)], on)


def pass_through(place: Place, on: date) -> Taken:
    """A place of the past: it was there, and is not taken any more."""
    places, events = _place([place], on)
    return [replace(one, state="ended") for one in places], events


def standing_of(places: Iterable[Place], enrolment_id: UUID, group: Group | None) -> dict[str, object]:
    """Where somebody stands who has just asked: placed, or waiting and how far from the front."""
    own = next((one for one in places if one.enrolment_id == enrolment_id), None)
    if own is None or own.state == "ended" or group is None:
        return {"state": "none", "group": None, "position": None}
    position = len(group.line) + 1 if own.state == "waiting" else None
    return {"state": own.state, "group": group.code, "position": position}


def _place(places: Sequence[Place], on: date) -> Taken:
    events = [
        ParticipantPlaced(
            participant_id=one.participant_id, enrolment_id=one.enrolment_id, group_id=one.group_id, placed_on=on
        )
        for one in places
    ]
    return [replace(one, state="placed", placed_on=on) for one in places], events
