"""Somebody has reached something: told by themselves, recorded by staff, or found by a rule."""

from collections.abc import Collection, Sequence
from datetime import date
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
    """Keep it and say it. The same once more is no news, unless it was taken back, or may be celebrated by now."""
    known = await store.milestones.find(tx, milestone.milestone_id)
    if known and not known.withdrawn_at:
        return await agree(tx, known, known.may_celebrate or milestone.may_celebrate)
    kinds = await store.milestones.kinds(tx, milestone.organisation_id)
    await _save(tx, [milestones.reached(milestone, kinds, now().astimezone(zone).date())])
    return milestone


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
    await _save(tx, [(fresh, event)] if event else [])
    return fresh


async def withdraw(tx: Tx, milestone: Milestone) -> Milestone:
    """It is not shown anywhere any more."""
    fresh, event = milestones.withdrawn(milestone, now())
    await _save(tx, [(fresh, event)] if event else [])
    return fresh


async def count_sessions(tx: Tx, organisation: UUID, people: Collection[UUID], program_id: UUID) -> None:
    """Attendance has changed: what follows from the number of sessions is reached, or was not after all."""
    came = await store.circles.sessions_of(tx, people, program_id)
    kinds = await store.milestones.kinds(tx, organisation)
    rules = [one for one in kinds.values() if one.after_sessions]
    asked = {by_rule(person, program_id, kind.code): (person, kind) for person in people for kind in rules}
    known = await store.milestones.standing(tx, asked)
    given, taken_back = list[Milestone](), list[UUID]()
    for milestone_id, (person, kind) in sorted(asked.items()):
        days, least = came.get(person, []), kind.after_sessions or 0
        if len(days) >= least and milestone_id not in known:
            given.append(_given(organisation, (person, program_id), kind, days[least - 1]))
        elif len(days) < least and known.get(milestone_id) == "standing":
            taken_back.append(milestone_id)
    await _save(tx, [milestones.reached(one, kinds, one.reached_on) for one in given])
    await _remove(tx, organisation, taken_back)


async def complete(tx: Tx, organisation: UUID, person: UUID, enrolment_id: UUID, on: date) -> None:
    """Somebody has completed a program."""
    kinds = await store.milestones.kinds(tx, organisation)
    rules = [one for one in kinds.values() if one.rule == "completed"]
    given = [_given(organisation, (person, enrolment_id), kind, on) for kind in rules]
    known = await store.milestones.standing(tx, [one.milestone_id for one in given])
    fresh = [one for one in given if one.milestone_id not in known]
    await _save(tx, [milestones.reached(one, kinds, one.reached_on) for one in fresh])


async def resume(tx: Tx, organisation: UUID, person: UUID, enrolment_id: UUID) -> None:
    """Somebody has not completed a program after all."""
    kinds = await store.milestones.kinds(tx, organisation)
    await _remove(tx, organisation, [by_rule(person, enrolment_id, one.code) for one in kinds.values() if one.rule])


async def _remove(tx: Tx, organisation: UUID, milestone_ids: Collection[UUID]) -> None:
    """A rule takes these back."""
    for one in await store.milestones.remove(tx, milestone_ids):
        _, event = milestones.withdrawn(one, now())
        if event:
            outbox.put(tx, event, organisation=organisation, at=now())


def _given(organisation: UUID, whose: tuple[UUID, UUID], kind: Kind, on: date) -> Milestone:
    return Milestone(
        milestone_id=by_rule(*whose, kind.code),
        organisation_id=organisation,
        participant_id=whose[0],
        kind=kind.code,
        reached_on=on,
        recorded_by="rule",
        recorded_at=now(),
        may_celebrate=False,
    )


async def _save(tx: Tx, changed: Sequence[tuple[Milestone, Event]]) -> None:
    await store.milestones.save(tx, [milestone for milestone, _ in changed])
    for milestone, event in changed:
        outbox.put(tx, event, organisation=milestone.organisation_id, at=now())
