"""Erasing a participant: what is asked, who may ask it, and what is said of it."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.intake.domain.contact import Participant
from services.intake.domain.places import Group, Place, leave
from services.intake.domain.shapes import Change
from services.intake.domain.sites import Site, today_at
from shared.errors import Refusal
from shared.events import Event
from shared.events.base import ShortCode
from shared.events.intake import ParticipantErased
from shared.fields import Command, invalid
from shared.identity import digest_of

Reason = Literal["asked-by-participant", "kept-long-enough", "entered-by-mistake"]


class EraseParticipant(Command):
    """Erase a participant in all services. It cannot be undone, so their short code is typed once more."""

    short_code: ShortCode
    reason: Reason


@dataclass(frozen=True, slots=True)
class Erasure:
    """The line that is kept for the audit."""

    erasure_id: UUID
    organisation_id: UUID
    digest: bytes
    reason: Reason
    ordered_by: str
    ordered_at: datetime


@dataclass(frozen=True, slots=True)
class Traces:
    """Everything of a participant that has an id; the groups of their places are locked."""

    participant: Participant
    enrolment_ids: Sequence[UUID]
    occasion_ids: Sequence[UUID]
    message_ids: Sequence[UUID]
    places: Sequence[Place]
    groups: dict[UUID, Group]
    sites: dict[UUID, Site]
    sites_unseen: int  # at how many sites they are enrolled that the person who asks does not see

    @property
    def ids(self) -> set[UUID]:
        """All of them."""
        return {self.participant.participant_id, *self.enrolment_ids, *self.occasion_ids, *self.message_ids}


def reference_digest(key: bytes, reference: str) -> bytes:
    """What may be kept of the reference of somebody who is erased: a hash that nobody can guess without the key."""
    return hmac.digest(key, reference.encode(), "sha256")


def erase(traces: Traces, asked: EraseParticipant, erasure_id: UUID, by: str, now: datetime) -> tuple[Change, Erasure]:
    """Whoever is first in line gets each place that becomes free; the others are told to erase, too."""
    person = traces.participant
    if asked.short_code != person.short_code:
        raise invalid("short_code", "another-participant", f"Type {person.short_code} to erase them.")
    if traces.sites_unseen:
        message = "They are enrolled at a site that you do not see: ask somebody who sees all of their sites."
        raise Refusal("enrolled-at-another-site", message)
    change = _leave_all(traces, now)
    erased = ParticipantErased(
        participant_id=person.participant_id,
        enrolment_ids=list(traces.enrolment_ids),
        occasion_ids=list(traces.occasion_ids),
    )
    erasure = Erasure(
        erasure_id=erasure_id,
        organisation_id=person.organisation_id,
        digest=digest_of(person.participant_id),
        reason=asked.reason,
        ordered_by=by,
        ordered_at=now,
    )
    return replace(change, events=(*change.events, erased)), erasure


def _leave_all(traces: Traces, now: datetime) -> Change:
    places: list[Place] = []
    events: list[Event] = []
    for place in traces.places:
        if place.state != "ended":
            group = traces.groups[place.group_id]
            left, placed = leave(group, place, today_at(traces.sites[group.site_id], now))
            places += [one for one in left if one.enrolment_id != place.enrolment_id]
            events += placed
    return Change(places=tuple(places), events=tuple(events))
