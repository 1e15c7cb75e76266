"""Links that are handed over in person."""

import hashlib
import secrets
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from services.intake import store
from services.intake.api.shapes import LinkShape
from services.intake.domain.invitation import hand, invited
from shared import idempotency, outbox
from shared.clock import now
from shared.doors import Db, IdempotencyKey, allow
from shared.fields import Command
from shared.security import Who

router = APIRouter(prefix="/intake/api/v1/invitations", tags=["invitations"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


class HandLink(Command):
    """Make a link for somebody who stands here, or has no address."""

    occasion_id: UUID


@router.post("", status_code=201, response_model=LinkShape)
async def hand_link(command: HandLink, request: Request, db: Db, who: Coordinator, key: IdempotencyKey) -> JSONResponse:
    """A fresh link for a check-in that is due. It is shown this once; older links go on working."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        occasion = await store.get_occasion(tx, command.occasion_id, who.site_ids)
        hand(occasion, moment)
        token = secrets.token_urlsafe(16)
        event = invited(occasion, hashlib.sha256(token.encode()).hexdigest(), "hand")
        await store.add_invitations(tx, [(who.organisation_id, event)], moment)
        outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        if key.value is not None:
            await store.keep_link_for_an_hour(tx, who.organisation_id, key.value, moment)
        url = f"{request.app.state.running.settings.public_url}/c/{token}"
        return await idempotency.keep(tx, key, 201, {"url": url, "expires_at": event.expires_at.isoformat()})
