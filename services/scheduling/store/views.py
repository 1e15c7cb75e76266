"""Groups and sessions with everything that is shown of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from services.scheduling.domain.groups import Program, Site
from services.scheduling.domain.leading import Facilitator, Flag, flag
from services.scheduling.domain.library import Activity, default_plan
from services.scheduling.domain.shapes import Group, Plan, Session
from services.scheduling.store.groups import groups, places_taken
from services.scheduling.store.heard import facilitators, programs, sites
from services.scheduling.store.library import LIBRARY
from services.scheduling.store.sessions import sessions_led_at_once
from shared.database import Tx


@dataclass(frozen=True, slots=True)
class SeenSession:
    """A session with its group, its plan, who leads it, and what is the matter with that."""

    session: Session
    group: Group
    site: Site
    program: Program | None
    facilitator: Facilitator | None
    flag: Flag | None
    plan: Plan
    icebreaker: Activity | None
    activities: tuple[Activity, ...]

    def is_unrecorded(self, now: datetime) -> bool:
        """Whether it should have its attendance by now."""
        return self.session.state == "scheduled" and self.session.ends_at <= now

    @property
    def minutes_planned(self) -> int:
        """How long the plan takes."""
        parts = (*self.activities, self.icebreaker) if self.icebreaker else self.activities
        return sum(one.minutes for one in parts)


@dataclass(frozen=True, slots=True)
class SeenGroup:
    """A group with its site, its program, who leads it, and how many places are taken."""

    group: Group
    site: Site
    program: Program | None
    facilitator: Facilitator | None
    taken: int
    today: date


async def seen_sessions(tx: Tx, found: Sequence[Session]) -> list[SeenSession]:
    """These sessions as people and programs see them."""
    group_by_id = {one.group_id: one for one in await groups(tx, None)}
    site_by_id = {one.site_id: one for one in await sites(tx, None)}
    program_by_id = {one.program_id: one for one in await programs(tx)}
    leaders = await facilitators(tx)
    elsewhere = await sessions_led_at_once(tx, [one.session_id for one in found])
    seen = [
        _seen(
            one,
            group_by_id[one.group_id],
            site_by_id[one.site_id],
            program_by_id.get(one.program_id),
            leaders.get(one.facilitator_id) if one.facilitator_id else None,
        )
        for one in found
    ]
    return [
        replace(one, flag=Flag("facilitator-elsewhere"))
        if one.session.session_id in elsewhere and not one.flag
        else one
        for one in seen
    ]


async def seen_groups(tx: Tx, found: Sequence[Group], now: datetime) -> list[SeenGroup]:
    """These groups as people and programs see them."""
    site_by_id = {one.site_id: one for one in await sites(tx, None)}
    program_by_id = {one.program_id: one for one in await programs(tx)}
    leaders = await facilitators(tx)
    taken = await places_taken(tx, [one.group_id for one in found])
    return [
        SeenGroup(
            one,
            site_by_id[one.site_id],
            program_by_id.get(one.program_id),
            leaders.get(one.facilitator_id) if one.facilitator_id else None,
            taken.get(one.group_id, 0),
            now.astimezone(site_by_id[one.site_id].zone).date(),
        )
        for one in found
    ]


def _seen(
    session: Session, group: Group, site: Site, program: Program | None, facilitator: Facilitator | None
) -> SeenSession:
    number = (session.local_date - group.first_on).days // 7
    plan = session.plan or default_plan(LIBRARY, number, session.minutes)
    activities = (LIBRARY.activity(code) for code in plan.activities)
    return SeenSession(
        session=session,
        group=group,
        site=site,
        program=program,
        facilitator=facilitator,
        flag=flag(facilitator, session.site_id, session.local_date) if session.state == "scheduled" else None,
        plan=plan,
        icebreaker=LIBRARY.icebreaker(plan.icebreaker),
        activities=tuple(one for one in activities if one),
    )
