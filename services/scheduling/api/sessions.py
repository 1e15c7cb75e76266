"""Sessions as JSON: the calendar, plans, who leads, attendance."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.scheduling import store
from services.scheduling.api.shapes import ActivityShape, SessionDetail, SessionList, SessionShape
from services.scheduling.domain import sessions
from services.scheduling.domain.groups import LeadGroup
from services.scheduling.domain.sessions import CancelSession, PlanSession, RecordAttendance
from services.scheduling.domain.shapes import Session
from shared import idempotency, outbox
from shared.clock import now
from shared.database import Database, Tx
from shared.doors import Db, Doer, IdempotencyKey, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.events.ids import group_id_of
from shared.fields import Day
from shared.security import Who

router = APIRouter(prefix="/scheduling/api/v1", tags=["sessions"])
Reading = Annotated[Who, Depends(allow("administrator", "coordinator", "facilitator", "program-manager"))]
Coordinating = Annotated[Who, Depends(allow("administrator", "coordinator"))]


class LibraryShape(BaseModel):
    """What sessions can be made of."""

    icebreakers: list[ActivityShape]
    activities: list[ActivityShape]


@router.get("/library")
async def get_library(who: Reading) -> LibraryShape:
    """The icebreakers and activities that ship with Kith."""
    return LibraryShape.model_validate(store.LIBRARY, from_attributes=True)


@router.get("/sessions")
async def get_sessions(
    db: Db,
    who: Reading,
    begin: Annotated[Day | None, Query(alias="from", description="first day, local to the site")] = None,
    end: Annotated[Day | None, Query(alias="to", description="last day, local to the site")] = None,
    group: Code | None = None,
) -> SessionList:
    """Sessions of the sites that the reader sees, by their start; 500 at most."""
    group_id = group_id_of(who.organisation_id, group) if group else None
    async with db.transaction(who.organisation_id) as tx:
        found = await store.sessions(tx, who.site_ids, begin, end, group_id)
        return SessionList(sessions=[SessionShape.of(one) for one in await store.seen_sessions(tx, found)])


@router.get("/sessions/{session_id}")
async def get_session(session_id: UUID, db: Db, who: Reading) -> SessionDetail:
    """A session with its plan, and its roster with attendance."""
    async with db.transaction(who.organisation_id) as tx:
        session = await store.find_session(tx, session_id)
        if session is None:
            raise NotFound("session")
        who.must_see(session.site_id, "session")
        return await _shown(tx, session)


@router.put("/sessions/{session_id}/plan")
async def put_plan(session_id: UUID, command: PlanSession, db: Db, who: Doer) -> SessionDetail:
    """Give a session a plan of its own."""
    async with db.transaction(who.organisation_id) as tx:
        session = sessions.plan(await _get(tx, who, session_id), command, store.LIBRARY)
        await store.save_sessions(tx, [session])
        return await _shown(tx, session)


@router.put("/sessions/{session_id}/facilitator")
async def put_session_facilitator(session_id: UUID, command: LeadGroup, db: Db, who: Coordinating) -> SessionDetail:
    """Choose who leads this session alone, by the same rules as for a group."""
    async with db.transaction(who.organisation_id) as tx:
        before = await _get(tx, who, session_id)
        facilitator = await store.find_facilitator(tx, command.facilitator_id)
        session, event = sessions.lead(before, command, facilitator)
        await store.save_sessions(tx, [session])
        if event:
            outbox.put(tx, event, organisation=who.organisation_id, at=now())
        return await _shown(tx, session)


@router.post("/sessions/{session_id}/hold", response_model=SessionDetail)
async def post_hold(
    session_id: UUID, command: RecordAttendance, db: Db, who: Doer, key: IdempotencyKey
) -> JSONResponse:
    """Record that the group met, and how everybody on its roster attended; guests of the site may be added."""
    return await _record(session_id, command, db, who, key, is_again=False)


@router.post("/sessions/{session_id}/correct", response_model=SessionDetail)
async def post_correct(
    session_id: UUID, command: RecordAttendance, db: Db, who: Doer, key: IdempotencyKey
) -> JSONResponse:
    """Say again how everybody attended: the whole new attendance."""
    return await _record(session_id, command, db, who, key, is_again=True)


async def _record(
    session_id: UUID, command: RecordAttendance, db: Database, who: Who, key: idempotency.Key, *, is_again: bool
) -> JSONResponse:
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        session = await _get(tx, who, session_id)
        named = {one.participant_id for one in command.attendance}
        before, circle = await store.locked_record(tx, session, named)
        if is_again:
            held = sessions.correct(session, command, before, circle, moment)
        else:
            held = sessions.hold(session, command, circle, moment)
        await store.save_held(tx, held, before, moment)
        outbox.put(tx, held.event, organisation=who.organisation_id, at=moment)
        return await idempotency.keep(tx, key, 200, await _as_json(tx, held.session))


@router.post("/sessions/{session_id}/cancel", response_model=SessionDetail)
async def post_cancel(session_id: UUID, command: CancelSession, db: Db, who: Doer, key: IdempotencyKey) -> JSONResponse:
    """Say that a session does not take place, or did not."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        session, event = sessions.cancel(await _get(tx, who, session_id), command.reason)
        await store.save_sessions(tx, [session])
        outbox.put(tx, event, organisation=who.organisation_id, at=now())
        return await idempotency.keep(tx, key, 200, await _as_json(tx, session))


@router.post("/sessions/{session_id}/restore", response_model=SessionDetail)
async def post_restore(session_id: UUID, db: Db, who: Doer, key: IdempotencyKey) -> JSONResponse:
    """Say that a cancelled session takes place after all, or did."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        (seen,) = await store.seen_sessions(tx, [await _get(tx, who, session_id)])
        session, event = sessions.restore(seen.session, seen.group, seen.site.zone, moment)
        await store.save_sessions(tx, [session])
        outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        return await idempotency.keep(tx, key, 200, await _as_json(tx, session))


async def _get(tx: Tx, who: Who, session_id: UUID) -> Session:
    """The session, locked, if this person sees its site."""
    session = await store.get_session(tx, session_id)
    who.must_see(session.site_id, "session")
    return session


async def _shown(tx: Tx, session: Session) -> SessionDetail:
    (seen,) = await store.seen_sessions(tx, [session])
    return SessionDetail.with_people(seen, await store.roster_of(tx, session))


async def _as_json(tx: Tx, session: Session) -> dict[str, object]:
    return (await _shown(tx, session)).model_dump(mode="json")
