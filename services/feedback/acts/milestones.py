"""Somebody has reached something: told by themselves, recorded by staff, or found by a rule."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.feedback import store
from services.feedback.domain import milestones
from services.feedback.domain.milestones import Kind, Milestone, RecordMilestone, by_rule
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.events import Event
from shared.security import Who


async def reach(tx: Tx, milestone: Milestone, zone: ZoneInfo) -> Milestone:
    """Keep it and say it; the same once more stays as it is."""
    if known := await store.milestones.find(tx, milestone.milestone_id):
        return known
    moment = now()
    kinds = await store.milestones.kinds(tx)
    fresh, event = milestones.reached(milestone, kinds, moment.astimezone(zone).date())
    return await _save(tx, fresh, event)


async def record(tx: Tx, who: Who, command: RecordMilestone) -> Milestone:
    """A member of staff records what somebody has reached."""
    person = await store.circles.get_person(tx, command.participant_id, who.site_ids)
    milestone = Milestone(
        milestone_id=milestones.told_again(person.participant_id, command.kind, command.reached_on),
        organisation_id=who.organisation_id,
        participant_id=person.participant_id,
        kind=command.kind,
        reached_on=command.reached_on,
        recorded_by="staff",
        recorded_at=now(),
        may_celebrate=command.may_celebrate,
    )
    return await reach(tx, milestone, ZoneInfo(person.time_zone))


async def agree(tx: Tx, milestone: Milestone, may_celebrate: bool) -> Milestone:
    """Whether the group may celebrate it from now on."""
    fresh, event = milestones.agreed(milestone, may_celebrate)
    return await _save(tx, fresh, event) if event else fresh


async def withdraw(tx: Tx, milestone: Milestone) -> Milestone:
    """It is not shown anywhere any more."""
    fresh, event = milestones.withdrawn(milestone, now())
    return await _save(tx, fresh, event) if event else fresh


async def count_sessions(tx: Tx, organisation: UUID, people: Collection[UUID], program_id: UUID) -> None:
    """Attendance has changed: what follows from the number of sessions is reached, or was not after all."""
    came = await store.circles.sessions_of(tx, people, program_id)
    rules = [one for one in (await store.milestones.kinds(tx)).values() if one.after_sessions]
    asked = {by_rule(person, program_id, kind.code): (person, kind) for person in people for kind in rules}
    known = await store.milestones.standing(tx, asked)
    for milestone_id, (person, kind) in sorted(asked.items()):
        days, least = came.get(person, []), kind.after_sessions or 0
        if len(days) >= least and milestone_id not in known:
            await _give(tx, organisation, (person, program_id), kind, days[least - 1])
        elif len(days) < least and known.get(milestone_id) == "standing":
            await _take_back(tx, milestone_id)


async def complete(tx: Tx, organisation: UUID, person: UUID, enrolment_id: UUID, at: datetime) -> None:
    """Somebody has completed a program."""
    for kind in (await store.milestones.kinds(tx)).values():
        if kind.rule == "completed":
            await _give(tx, organisation, (person, enrolment_id), kind, at)


async def _take_back(tx: Tx, milestone_id: UUID) -> None:
    known = await store.milestones.find(tx, milestone_id)
    assert known  # it was there a moment ago, and nobody else writes what a rule gives
    _, event = milestones.withdrawn(known, now())
    await store.milestones.remove(tx, milestone_id)
    if event:
        outbox.put(tx, event, organisation=known.organisation_id, at=now())


async def _give(tx: Tx, organisation: UUID, whose: tuple[UUID, UUID], kind: Kind, at: datetime) -> None:
    milestone = Milestone(
        milestone_id=by_rule(*whose, kind.code),
        organisation_id=organisation,
        participant_id=whose[0],
        kind=kind.code,
        reached_on=min(at, now()).date(),
        recorded_by="rule",
        recorded_at=now(),
        may_celebrate=False,
    )
    await reach(tx, milestone, ZoneInfo("UTC"))


async def _save(tx: Tx, milestone: Milestone, event: Event) -> Milestone:
    await store.milestones.save(tx, milestone)
    outbox.put(tx, event, organisation=milestone.organisation_id, at=now())
    return milestone
