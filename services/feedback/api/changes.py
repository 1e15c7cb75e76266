"""What was decided, and what was changed."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.feedback import acts, store
from services.feedback.domain.changes import MakeChange
from services.feedback.domain.told import Told
from services.feedback.store.changes import Seen
from shared.doors import Db, allow
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1/changes", tags=["changes"])
Deciding = Annotated[Who, Depends(allow("coordinator", "program-manager", "administrator"))]
Staff = Annotated[Who, Depends(allow("facilitator", "coordinator", "program-manager", "administrator"))]


class ChangeShape(BaseModel):
    """A decision about a theme, where it holds, and what has become of it."""

    change_id: UUID
    theme: str
    title: Told
    site: str | None
    program: str | None
    group: str | None
    decision: str
    why: Told
    decided_at: datetime
    what: Told | None
    since: date | None
    made_at: datetime | None

    @classmethod
    def of(cls, seen: Seen) -> "ChangeShape":
        """As other programs read it."""
        own = ("change_id", "theme", "decision", "why", "decided_at", "what", "since", "made_at")
        same = {name: getattr(seen.change, name) for name in own}
        return cls(title=seen.title, site=seen.site, program=seen.program, group=seen.group, **same)


class ChangesShape(BaseModel):
    """Everything that was decided, the newest first."""

    changes: list[ChangeShape]


@router.get("")
async def changes(db: Db, who: Staff) -> ChangesShape:
    """What was decided and changed at the sites of the reader."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.changes.listed(tx, who.site_ids)
    return ChangesShape(changes=[ChangeShape.of(one) for one in found])


@router.get("/{change_id}")
async def change(change_id: UUID, db: Db, who: Staff) -> ChangeShape:
    """One of them."""
    async with db.transaction(who.organisation_id) as tx:
        return ChangeShape.of(await store.changes.get(tx, change_id, who.site_ids))


@router.post("/{change_id}/made")
async def make_change(change_id: UUID, command: MakeChange, db: Db, who: Deciding) -> ChangeShape:
    """Say what was changed, and since when. Those who asked are told."""
    async with db.transaction(who.organisation_id) as tx:
        await acts.changes.make(tx, who, change_id, command)
        return ChangeShape.of(await store.changes.get(tx, change_id, who.site_ids))
