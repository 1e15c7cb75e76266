"""Facilitators: trained peers whose qualifications run out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.intake.domain.kinds import SomeCodes
from services.intake.domain.sites import Site, with_unseen
from shared.events.base import Code
from shared.events.intake import FacilitatorLapsed, FacilitatorQualified, Qualification
from shared.fields import Command, Day, Email, Line
from shared.identity import derived_id


class HoldsQualification(Command):
    """A qualification and the last day on which it is in date."""

    code: Code
    valid_until: Day


def _distinct(values: list[HoldsQualification]) -> list[HoldsQualification]:
    if len({one.code for one in values}) < len(values):
        raise PydanticCustomError("repeated", "Name each qualification only once.")
    return values


class QualifyFacilitator(Command):
    """Register a facilitator, or say who they are and what they may do from now on."""

    name: Line
    email: Email | None = None
    sites: SomeCodes
    qualifications: Annotated[list[HoldsQualification], AfterValidator(_distinct)] = Field(
        default_factory=list, max_length=50
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A qualification of a facilitator; once it has lapsed that has been said."""

    code: str
    valid_until: date
    has_lapsed: bool = False


@dataclass(frozen=True, slots=True)
class Facilitator:
    """A facilitator as intake keeps them."""

    facilitator_id: UUID
    organisation_id: UUID
    reference: str
    short_code: str
    name: str
    email: str | None
    site_ids: tuple[UUID, ...]
    qualifications: tuple[Held, ...]


def somebody_new(organisation_id: UUID, reference: str, short_code: str) -> Facilitator:
    """A facilitator of whom nothing is known yet. The id follows from the reference, which their account names."""
    facilitator_id = derived_id(organisation_id, "facilitator", reference)
    return Facilitator(facilitator_id, organisation_id, reference, short_code, "", None, (), ())


def qualify(
    known: Facilitator, is_new: bool, command: QualifyFacilitator, sites: dict[str, Site]
) -> tuple[Facilitator, FacilitatorQualified | None]:
    """The facilitator from now on, and what to say. `known` has the id and the short code that stay."""
    lapsed = {(one.code, one.valid_until) for one in known.qualifications if one.has_lapsed}
    held = (
        Held(one.code, one.valid_until, (one.code, one.valid_until) in lapsed)
        for one in sorted(command.qualifications, key=lambda one: one.code)
    )
    facilitator = replace(
        known,
        name=command.name,
        email=command.email,
        site_ids=with_unseen("facilitator", known.site_ids, command.sites, sites),
        qualifications=tuple(held),
    )
    if not is_new and replace(known, name=facilitator.name, email=facilitator.email) == facilitator:
        return facilitator, None
    return facilitator, FacilitatorQualified(
        facilitator_id=facilitator.facilitator_id,
        short_code=facilitator.short_code,
        site_ids=list(facilitator.site_ids),
        qualifications=[
            Qualification(code=one.code, valid_until=one.valid_until) for one in facilitator.qualifications
        ],
    )


def lapse(facilitator: Facilitator, code: str, valid_until: date) -> tuple[Facilitator, FacilitatorLapsed] | None:
    """What is to be said when this qualification has run out; None if it was renewed, or it was said before."""
    if Held(code, valid_until) not in facilitator.qualifications:
        return None
    held = tuple(replace(one, has_lapsed=True) if one.code == code else one for one in facilitator.qualifications)
    event = FacilitatorLapsed(
        facilitator_id=facilitator.facilitator_id, qualification=code, lapsed_on=valid_until + timedelta(days=1)
    )
    return replace(facilitator, qualifications=held), event


def lapses_at(valid_until: date, time_zones: Iterable[str]) -> datetime:
    """When the last valid day has ended at all of the facilitator's sites."""
    midnight = datetime.combine(valid_until + timedelta(days=1), time())
    return max(
        (midnight.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for zone in time_zones),
        default=midnight.replace(tzinfo=UTC),
    )


def zones_of(facilitator: Facilitator, sites: Iterable[Site]) -> list[str]:
    """The time zones in which a facilitator works."""
    return [site.time_zone for site in sites if site.site_id in facilitator.site_ids]


def to_watch(before: Sequence[Held], after: Sequence[Held]) -> tuple[list[Held], list[str]]:
    """Which qualifications need a clock from now on, and which codes need none any more."""
    gone = {one.code for one in before} - {one.code for one in after}
    return [one for one in after if not one.has_lapsed], sorted(gone)
