"""Today: what takes place, what is overdue, who needs to be followed up, and why."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.scheduling import store
from services.scheduling.domain.course import WORDS, stage_of, steps_of, why_of
from services.scheduling.domain.occasions import OVERDUE_AFTER, months_between
from services.scheduling.pages.frame import PAGES
from services.scheduling.store import Row, SeenSession
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, Doer
from shared.security import Who

router = APIRouter(prefix="/scheduling", include_in_schema=False)
CHECK_INS = ("baseline", "session", "monthly", "end")
SHOWN_MAX = 5
DEBRIEF_SHOWN = timedelta(days=14)  # after the concern was closed
LOOKS_BACK = timedelta(days=28)  # attendance that is missing for longer will not be remembered any more
LOOKS_AHEAD = timedelta(days=6)  # with today a week
RUNS_OUT_SOON = timedelta(days=60)  # there is a training in time


@dataclass(frozen=True, slots=True)
class ToFollowUp:
    """Somebody who needs to be followed up: since when, why, and until when."""

    row: Row
    since: date
    closes_on: date
    months: int
    steps: list[tuple[str, Any]]
    why: str | None


@dataclass(frozen=True, slots=True)
class Leading:
    """What the reader leads, how much that is, and until when they may."""

    groups: list[str]
    coming: list[SeenSession]
    led: int
    qualifications: list[tuple[str, date]]


@router.get("/")
async def today_page(request: Request, db: Db, who: Doer) -> HTMLResponse:
    """The day at the sites of the reader."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        sites = await store.sites(tx, who.site_ids)
        if not sites:
            return PAGES.render(request, "no-site.html")
        day = moment.astimezone(sites[0].zone).date()
        check_ins = await _check_ins(tx, who, day, moment)
        sessions = await _sessions(tx, who, moment)
        counts = await store.session_counts(tx, [one.session.session_id for one in sessions])
        away = await store.disengaged(tx, who.site_ids)
        debriefs = await store.debriefs(tx, who.site_ids, moment - DEBRIEF_SHOWN)
        programs = [one for one in await store.programs(tx) if any(map(who.sees, one.site_ids))]
        leading = await _leading(tx, who, sessions, moment)
    today = [one for one in sessions if one.session.local_date == moment.astimezone(one.site.zone).date()]
    earlier = [one for one in sessions if one not in today and one.is_unrecorded(moment)]
    return PAGES.render(
        request,
        "today.html",
        day=day,
        now=moment,
        has_many_sites=len(sites) > 1,
        sessions=today,
        unrecorded=[one for one in earlier if counts[one.session.session_id].expected],
        counts=counts,
        away=away,
        debriefs=debriefs,
        leading=leading,
        runs_out_before=day + RUNS_OUT_SOON,
        weeks_back=LOOKS_BACK.days // 7,
        days_ahead=LOOKS_AHEAD.days + 1,
        programs=programs,
        shown_max=SHOWN_MAX,
        may_open=may_open(who),
        **check_ins,
    )


@router.get("/follow-up")
async def follow_up_page(request: Request, db: Db, who: Doer) -> HTMLResponse:
    """Everybody who needs to be followed up: who, since when, why, and what closes it."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        has_many_sites = len(await store.sites(tx, who.site_ids)) > 1
        follow_ups = await _to_follow_up(tx, who, moment)
        away = await store.disengaged(tx, who.site_ids)
    given: dict[str, Any] = {"follow_ups": follow_ups, "away": away, "has_many_sites": has_many_sites, "now": moment}
    return PAGES.render(request, "follow-up.html", may_open=may_open(who), **given)


def may_open(who: Who) -> bool:
    """Whether intake shows this person the page of a participant."""
    return bool(who.roles & {"coordinator", "administrator"})


async def _check_ins(tx: Tx, who: Who, day: date, moment: datetime) -> dict[str, Any]:
    """Who has not answered, and how many have. To whoever leads their group it is for them to say."""
    found: dict[str, Any] = {"follow_ups": await _to_follow_up(tx, who, moment), "overdue": []}
    if may_open(who):
        due, answered = await store.count_month(tx, who.site_ids, day)
        overdue = await store.open_occasions(tx, who.site_ids, CHECK_INS, moment - OVERDUE_AFTER)
        found |= {"overdue": overdue, "due": due, "answered": answered}
    return {**found, "overdue_days": OVERDUE_AFTER.days, "stages": WORDS, "stage_of": stage_of}


async def _to_follow_up(tx: Tx, who: Who, moment: datetime) -> list[ToFollowUp]:
    """Who has not answered after the end: as above."""
    if not may_open(who):
        return []
    zones = {one.site_id: one.zone for one in await store.sites(tx, who.site_ids)}
    found = []
    for row in await store.open_occasions(tx, who.site_ids, ("follow-up",), moment, with_history=True):
        zone = zones[row["site_id"]]
        since, closes_on = (row[name].astimezone(zone).date() for name in ("due_at", "closes_at"))
        found.append(
            ToFollowUp(row, since, closes_on, months_between(row["completed_on"], since), steps_of(row), why_of(row))
        )
    return found


async def _sessions(tx: Tx, who: Who, moment: datetime) -> list[SeenSession]:
    """The sessions of today, of the last weeks and of the coming days."""
    days = {}
    for site in await store.sites(tx, who.site_ids):
        today = moment.astimezone(site.zone).date()
        days[site.site_id] = (today - LOOKS_BACK, today + LOOKS_AHEAD)
    return await store.seen_sessions(tx, await store.sessions_on(tx, days))


async def _leading(tx: Tx, who: Who, sessions: list[SeenSession], moment: datetime) -> Leading | None:
    """Of a facilitator whose account says which one they are; sessions of the last weeks and of the coming days."""
    known = await store.find_facilitator(tx, who.facilitator_id)
    if known is None:
        return None
    own = [one for one in sessions if one.session.facilitator_id == known.facilitator_id]
    groups = await store.groups(tx, who.site_ids)
    return Leading(
        groups=[one.name for one in groups if one.facilitator_id == known.facilitator_id],
        coming=[one for one in own if one.session.state == "scheduled" and one.session.ends_at > moment],
        led=sum(one.session.state == "held" for one in own),
        qualifications=sorted(known.qualifications.items()),
    )
