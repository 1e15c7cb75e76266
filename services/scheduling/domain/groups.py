"""Groups: forming one, forming it again with changes, and who leads it."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.domain.calendar import dates, replan
from services.scheduling.domain.kinds import Capacity, ClockTime, Minutes, Weekday
from services.scheduling.domain.leading import Facilitator, must_lead
from services.scheduling.domain.shapes import Group, Session
from shared.errors import NotFound, Refusal
from shared.events import Event
from shared.events.base import Code
from shared.events.ids import group_id_of
from shared.events.scheduling import GroupFormed
from shared.fields import Command, Day, Line, invalid

ADDRESSES = frozenset({"import"})  # of pages that stand where that of a group with this code would


class FormGroup(Command):
    """A group that meets every week. Without a facilitator, whoever leads it now stays."""

    name: Line
    program: Code
    site: Code
    capacity: Capacity
    weekday: Weekday
    starts_at_local: ClockTime
    minutes: Minutes
    first_on: Day
    facilitator_id: UUID | None = None


class LeadGroup(Command):
    """Who leads a group, or a session, from now on; null is nobody yet."""

    facilitator_id: UUID | None


@dataclass(frozen=True, slots=True)
class Site:
    """A site as it was heard of."""

    site_id: UUID
    code: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Program:
    """A program as it was heard of."""

    program_id: UUID
    code: str
    site_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What forming a group stands on. None: this service has not heard of it."""

    organisation_id: UUID
    site: Site | None
    program: Program | None
    facilitator: Facilitator | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is different from now on, and what is to be said of it."""

    group: Group | None = None
    sessions: tuple[Session, ...] = ()
    events: tuple[Event, ...] = ()


class NotHeardOf(NotFound):
    """Unknown here, though it may be on its way from another service."""

    def __init__(self, what: str, code: str) -> None:
        super().__init__(what)
        self.message = f"Scheduling has not heard of the {what} {code}. If it is new, it may still be on its way."


def form(
    code: str, known: Group | None, command: FormGroup, ground: Ground, sessions: dict[date, Session], now: datetime
) -> Change:
    """Form a group, or form it again; its coming sessions follow."""
    site, program = _checked(command, ground)
    if known is None:
        _check_new(code, site, program)
    elif (known.site_id, known.program_id) != (site.site_id, program.program_id):
        raise Refusal("group-stays", f"{code} stays with its site and program: form another group.")
    group = Group(
        group_id=group_id_of(ground.organisation_id, code),
        organisation_id=ground.organisation_id,
        code=code,
        name=command.name,
        program_id=program.program_id,
        site_id=site.site_id,
        capacity=command.capacity,
        weekday=command.weekday,
        starts_at_local=command.starts_at_local,
        minutes=command.minutes,
        first_on=command.first_on,
        facilitator_id=known.facilitator_id if known else None,
    )
    if "facilitator_id" in command.model_fields_set:
        group = replace(group, facilitator_id=command.facilitator_id)
    if group == known:
        return Change()
    if known is None or group.facilitator_id != known.facilitator_id:
        _check_lead(group, ground, site.zone, now)
    planned = replan(group, site.zone, sessions, now)
    formed = () if known and _said(known) == _said(group) else (_said(group),)
    return Change(group, planned.sessions, (*formed, *planned.events))


def lead(group: Group, command: LeadGroup, ground: Ground, sessions: dict[date, Session], now: datetime) -> Change:
    """Choose who leads a group; sessions for which nobody else was chosen follow."""
    assert ground.site
    led = replace(group, facilitator_id=command.facilitator_id)
    if led == group:
        return Change()
    _check_lead(led, ground, ground.site.zone, now)
    planned = replan(led, ground.site.zone, sessions, now)
    return Change(led, planned.sessions, planned.events)


def _checked(command: FormGroup, ground: Ground) -> tuple[Site, Program]:
    if ground.site is None:
        raise NotHeardOf("site", command.site)
    if ground.program is None:
        raise NotHeardOf("program", command.program)
    return ground.site, ground.program


def _check_new(code: str, site: Site, program: Program) -> None:
    """A group is formed where its program is offered; it goes on when the program is offered there no longer."""
    if code in ADDRESSES:
        raise invalid("code", "code-reserved", f"The address {code} is not free: choose another code.")
    if site.site_id not in program.site_ids:
        raise Refusal("program-not-at-site", f"The program {program.code} is not offered at {site.code}.")


def _check_lead(group: Group, ground: Ground, zone: ZoneInfo, now: datetime) -> None:
    """Whoever is to lead must be allowed to lead the next session."""
    if group.facilitator_id is None:
        return
    if ground.facilitator is None:
        raise NotHeardOf("facilitator", str(group.facilitator_id))
    must_lead(ground.facilitator, group.site_id, dates(group, zone, now)[0])


def _said(group: Group) -> GroupFormed:
    return GroupFormed(
        group_id=group.group_id,
        code=group.code,
        program_id=group.program_id,
        site_id=group.site_id,
        capacity=group.capacity,
        weekday=group.weekday,
        starts_at_local=group.starts_at_local,
        minutes=group.minutes,
        first_on=group.first_on,
    )
