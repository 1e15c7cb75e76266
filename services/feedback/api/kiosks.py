"""Tablets at the door."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from services.feedback import acts, store
from services.feedback.domain.kiosk import OpenKiosk
from shared.clock import now
from shared.doors import Db, allow
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1/kiosks", tags=["kiosks"])
AtTheDoor = Annotated[Who, Depends(allow("coordinator", "facilitator", "administrator"))]


class KioskShape(BaseModel):
    """A tablet that was put at a door. Its address is told this once."""

    kiosk_id: UUID
    url: str
    closes_at: datetime


@router.post("", status_code=201)
async def open_kiosk(command: OpenKiosk, request: Request, db: Db, who: AtTheDoor) -> KioskShape:
    """Put a tablet at the door of a session; asked again it is another one."""
    async with db.transaction(who.organisation_id) as tx:
        kiosk, _, path = await acts.open_kiosk(tx, who, command)
    url = f"{request.app.state.running.settings.public_url}{path}"
    return KioskShape(kiosk_id=kiosk.kiosk_id, url=url, closes_at=kiosk.closes_at)


@router.post("/{kiosk_id}/close", status_code=204)
async def close_kiosk(kiosk_id: UUID, db: Db, who: AtTheDoor) -> None:
    """Nobody answers at it any more."""
    async with db.transaction(who.organisation_id) as tx:
        await store.close_kiosk(tx, kiosk_id, who.site_ids, now())
