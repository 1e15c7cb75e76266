"""The beacons of a check-in's page: a person has touched it, and has chosen a first answer.

Mail scanners fetch links, some run their scripts; they do not touch. Without a script the first answer that is sent
says both. What comes for a link that leads to no questions (any more) changes nothing, and is no mistake of theirs.
"""

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import Response

from services.feedback import acts, store
from services.feedback.domain.check_in import why_closed
from services.feedback.domain.contacts import are_confirmed
from services.feedback.pages.help import find_link
from services.feedback.store import Link
from shared.clock import now
from shared.database import Database, Tx
from shared.doors import Db
from shared.errors import NotFound

router = APIRouter(include_in_schema=False)


@router.post("/c/{token}/opened")
async def opened(db: Db, token: str) -> Response:
    """A person acted on the page for the first time."""
    return await _acted(db, token, is_begun=False)


@router.post("/c/{token}/begun")
async def begun(db: Db, token: str) -> Response:
    """A person chose an answer for the first time."""
    return await _acted(db, token, is_begun=True)


async def _acted(db: Database, token: str, *, is_begun: bool) -> Response:
    link, moment = await find_link(db, token), now()
    if link is None:
        raise NotFound("link")
    async with db.transaction(link.organisation_id) as tx:
        if await _is_open(tx, link, moment):
            await acts.open_check_in(tx, link.occasion_id, moment, is_begun=is_begun)
    return Response(status_code=204)


async def _is_open(tx: Tx, link: Link, moment: datetime) -> bool:
    """Whether the link leads to questions."""
    library = await store.library_of(tx)
    try:
        occasion = await store.get_occasion(tx, link.occasion_id, None, library)
    except NotFound:
        return False  # the link was heard of before its occasion
    contacts = await store.find_contacts(tx, occasion.site_id)
    has_contacts = contacts is not None and are_confirmed(contacts.confirmed_on, occasion.time_zone, moment)
    return why_closed(occasion, library, link.expires_at, moment, has_contacts=has_contacts) is None
