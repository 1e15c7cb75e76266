"""One session: its plan, its roster with one tap each, who leads it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.scheduling import store
from services.scheduling.domain import sessions
from services.scheduling.domain.groups import LeadGroup
from services.scheduling.domain.sessions import CancelSession, PlanSession, RecordAttendance
from services.scheduling.domain.shapes import Session
from services.scheduling.pages.choices import NOT_HERE, OPTIONS, leaders_for
from services.scheduling.pages.forms import entered, named
from services.scheduling.pages.frame import PAGES
from services.scheduling.pages.today import DEBRIEF_SHOWN, may_open
from shared import outbox
from shared.clock import now
from shared.database import Database, Tx
from shared.doors import Db, Doer, allow, form, mark, refuse_stale, submitted
from shared.errors import NotFound, Refusal
from shared.fields import invalid
from shared.security import Who

router = APIRouter(prefix="/scheduling/sessions/{session_id}", include_in_schema=False)
Reading = Annotated[Who, Depends(allow("administrator", "coordinator", "facilitator", "program-manager"))]
Coordinating = Annotated[Who, Depends(allow("administrator", "coordinator"))]
DONE = {
    "held": "Recorded. Those who came will be asked how it was, if the program asks after sessions.",
    "corrected": "Corrected.",
    "planned": "The plan is saved.",
    "lead": "Written down, for this session alone.",
    "cancelled": "Cancelled.",
    "restored": "It takes place after all.",
}
ACTIVITIES_ASKED = 3
MAY_RECORD = {"administrator", "coordinator", "facilitator"}
LABELS = {"reason": "the reason", "icebreaker": "an icebreaker", "activities": "at least one activity"}
FIELDS = {"activities": "activity-1"}
"""Where the page has a field under another name."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was refused, with what was entered in which form."""

    refusal: Refusal
    fields: Mapping[str, Any]
    form: Literal["attendance", "plan", "lead", "cancel", "restore"]


@router.get("")
async def session_page(
    session_id: UUID, request: Request, db: Db, who: Reading, done: str = "", correct: bool = False
) -> Response:
    """Everything about a session on one page."""
    return await _shown(request, db, who, session_id, flash=DONE.get(done), is_correcting=correct)


@router.post("/hold")
async def hold_form(session_id: UUID, request: Request, db: Db, who: Doer) -> Response:
    """Record who came."""
    return await _record(session_id, request, db, who, is_again=False)


@router.post("/correct")
async def correct_form(session_id: UUID, request: Request, db: Db, who: Doer) -> Response:
    """Say again who came."""
    return await _record(session_id, request, db, who, is_again=True)


async def _record(session_id: UUID, request: Request, db: Database, who: Who, *, is_again: bool) -> Response:
    fields, moment = await submitted(request), now()
    try:
        async with db.transaction(who.organisation_id) as tx:
            session = await _get(tx, who, session_id)
            command = await _attendance(tx, session, fields)
            people = {one.participant_id for one in command.attendance}
            before, circle = await store.locked_record(tx, session, people)
            if is_again:
                refuse_stale(fields, before)
                held = sessions.correct(session, command, before, circle, moment)
            else:
                held = sessions.hold(session, command, circle, moment)
            await store.save_held(tx, held, before, moment)
            outbox.put(tx, held.event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        trouble = Trouble(refusal, fields, "attendance")
        # Somebody else may have recorded it meanwhile: then it is a correction, whichever form was sent.
        return await _shown(request, db, who, session_id, trouble=trouble, is_correcting=True)
    return _done(session_id, "corrected" if is_again else "held")


@router.post("/cancel")
async def cancel_form(session_id: UUID, request: Request, db: Db, who: Doer) -> Response:
    """Say that it does not take place."""
    fields = await submitted(request)
    try:
        command = form(CancelSession, {name: fields[name] for name in ("reason",) if name in fields})
        async with db.transaction(who.organisation_id) as tx:
            session, event = sessions.cancel(await _get(tx, who, session_id), command.reason)
            await store.save_sessions(tx, [session])
            outbox.put(tx, event, organisation=who.organisation_id, at=now())
    except Refusal as refusal:
        return await _shown(request, db, who, session_id, trouble=Trouble(refusal, fields, "cancel"))
    return _done(session_id, "cancelled")


@router.post("/restore")
async def restore_form(session_id: UUID, request: Request, db: Db, who: Doer) -> Response:
    """Say that it takes place after all."""
    moment = now()
    try:
        async with db.transaction(who.organisation_id) as tx:
            (seen,) = await store.seen_sessions(tx, [await _get(tx, who, session_id)])
            session, event = sessions.restore(seen.session, seen.group, seen.site.zone, moment)
            await store.save_sessions(tx, [session])
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    except Refusal as refusal:
        return await _shown(request, db, who, session_id, trouble=Trouble(refusal, {}, "restore"))
    return _done(session_id, "restored")


@router.post("/plan")
async def plan_form(session_id: UUID, request: Request, db: Db, who: Doer) -> Response:
    """Give it a plan of its own."""
    fields = await submitted(request)
    chosen = [fields[name] for name in (f"activity-{place}" for place in range(1, 9)) if name in fields]
    given = {name: fields[name] for name in ("icebreaker", "note") if name in fields}
    try:
        command = form(PlanSession, given | {"activities": chosen})
        async with db.transaction(who.organisation_id) as tx:
            before = await _get(tx, who, session_id)
            refuse_stale(fields, before.plan)
            session = sessions.plan(before, command, store.LIBRARY)
            await store.save_sessions(tx, [session])
    except Refusal as refusal:
        return await _shown(request, db, who, session_id, trouble=Trouble(refusal, fields, "plan"))
    return _done(session_id, "planned")


@router.post("/facilitator")
async def lead_form(session_id: UUID, request: Request, db: Db, who: Coordinating) -> Response:
    """Choose who leads this session alone."""
    fields = await submitted(request)
    try:
        command = form(LeadGroup, {"facilitator_id": fields.get("facilitator_id")})
        async with db.transaction(who.organisation_id) as tx:
            before = await _get(tx, who, session_id)
            session, event = sessions.lead(before, command, await store.find_facilitator(tx, command.facilitator_id))
            await store.save_sessions(tx, [session])
            if event:
                outbox.put(tx, event, organisation=who.organisation_id, at=now())
    except Refusal as refusal:
        return await _shown(request, db, who, session_id, trouble=Trouble(refusal, fields, "lead"))
    return _done(session_id, "lead")


def _done(session_id: UUID, what: str) -> RedirectResponse:
    return RedirectResponse(f"/scheduling/sessions/{session_id}?done={what}", 303)


async def _get(tx: Tx, who: Who, session_id: UUID) -> Session:
    session = await store.get_session(tx, session_id)
    who.must_see(session.site_id, "session")
    return session


async def _attendance(tx: Tx, session: Session, fields: Mapping[str, Any]) -> RecordAttendance:
    """The roster of the form, and guests by their short codes, as the command that programs send."""
    marked = [
        {"participant_id": name.removeprefix("a-"), "status": status}
        for name, status in fields.items()
        if name.startswith("a-") and status != NOT_HERE
    ]
    codes = set(str(fields.get("guests", "")).upper().replace(",", " ").split())
    guests = await store.people_at(tx, session.site_id, codes, set())
    if missing := sorted(codes - {code for code in guests if isinstance(code, str)}):
        message = f"Nobody at this site has the code {', '.join(missing)}."
        raise invalid("guests", "participant-not-found", message)
    came = [{"participant_id": guests[code], "status": "present"} for code in sorted(codes)]
    return form(RecordAttendance, {"attendance": [*marked, *came]})


async def _shown(
    request: Request,
    db: Database,
    who: Who,
    session_id: UUID,
    *,
    flash: str | None = None,
    trouble: Trouble | None = None,
    is_correcting: bool = False,
) -> Response:
    refusal, moment = trouble.refusal if trouble else None, now()
    if refusal and refusal.code == "session-not-found":
        raise refusal
    async with db.transaction(who.organisation_id) as tx:
        session = await store.find_session(tx, session_id)
        if session is None:
            raise NotFound("session")
        who.must_see(session.site_id, "session")
        (seen,) = await store.seen_sessions(tx, [session])
        people = await _people(tx, session, trouble)
        leaders = await leaders_for(tx, session.site_id, seen.facilitator, session.local_date)
        for_group = await _for_group(tx, who, session, seen.site.zone, moment)
    return PAGES.render(
        request,
        "session.html",
        refusal.status if refusal else 200,
        seen=seen,
        session=session,
        leaders=leaders,
        places=range(1, max(ACTIVITIES_ASKED, len(seen.plan.activities)) + 1),
        flash=flash,
        now=moment,
        planned=_planned(seen, trouble),
        **people,
        **for_group,
        **_said_no(trouble),
        **_form(who, session, is_correcting, moment),
        **OPTIONS,
    )


async def _people(tx: Tx, session: Session, trouble: Trouble | None) -> dict[str, Any]:
    """Everybody on the roster with their marks, and the numbers as lists show them: they count the erased, too."""
    numbers = await store.session_counts(tx, [session.session_id])
    roster = await store.roster_of(tx, session)
    marks = {f"a-{row['participant_id']}": row["status"] for row in roster}
    marks["was"] = mark(await store.attendance_of(tx, session.session_id))
    said = trouble.fields if trouble and trouble.form == "attendance" else {}
    return {"roster": roster, "numbers": numbers[session.session_id], "marks": entered({**marks, **said})}


def _planned(seen: store.SeenSession, trouble: Trouble | None) -> Mapping[str, Any]:
    """What stands in the form of the plan."""
    was = {"was": mark(seen.session.plan)}
    if trouble and trouble.form == "plan":
        return entered({**was, **trouble.fields})
    activities = {f"activity-{place}": code for place, code in enumerate(seen.plan.activities, 1)}
    return entered({**was, **activities, "icebreaker": seen.plan.icebreaker, "note": seen.plan.note})


def _said_no(trouble: Trouble | None) -> dict[str, Any]:
    """What is wrong with which form."""
    refusal = trouble.refusal if trouble else None
    errors = named(refusal, LABELS)
    return {
        "refused_form": trouble.form if trouble else None,
        "errors": [replace(one, field=FIELDS.get(one.field, one.field)) for one in errors],
        "refused": refusal.message if refusal and not refusal.errors else None,
    }


async def _for_group(tx: Tx, who: Who, session: Session, zone: ZoneInfo, moment: datetime) -> dict[str, Any]:
    """What the group is told, and for those who lead or coordinate what it celebrates, and debriefs that are offered.

    A debrief belongs to the day of the session: a concern does not tell in which session it began.
    """
    told = {"to_tell": await store.to_tell(tx, session), "to_celebrate": [], "debriefs": []}
    if not who.roles & MAY_RECORD:
        return told
    offered = await store.debriefs(tx, [session.site_id], moment - DEBRIEF_SHOWN)
    of_the_day = [one for one in offered if one["raised_at"].astimezone(zone).date() == session.local_date]
    return {**told, "to_celebrate": await store.to_celebrate(tx, session), "debriefs": of_the_day}


def _form(who: Who, session: Session, is_correcting: bool, moment: datetime) -> dict[str, bool]:
    """Whether the roster is shown as a form: from the start on, and again to correct it."""
    is_again = is_correcting and session.state == "held"
    may_record = bool(who.roles & MAY_RECORD)
    is_open = session.starts_at <= moment and (session.state == "scheduled" or is_again)
    may = {"may_record": may_record, "may_lead": may_open(who)}
    return {**may, "is_correcting": is_again, "is_form": may_record and is_open}
