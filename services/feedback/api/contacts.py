"""Crisis contacts of a site."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.feedback import store
from services.feedback.domain.contacts import Contact, SetCrisisContacts, check
from services.feedback.domain.kinds import SomeWords
from shared.clock import now
from shared.doors import Db, Reader, allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.events.ids import site_id_of
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1", tags=["crisis contacts"])
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]


class ContactsShape(BaseModel):
    """Whom somebody in need can reach, and who reads answers and when."""

    site: str
    contacts: list[Contact]
    note: SomeWords
    confirmed_on: date | None


@router.get("/sites/{code}/crisis-contacts")
async def get_contacts(code: Code, db: Db, who: Reader) -> ContactsShape:
    """The crisis contacts of a site that the reader sees."""
    async with db.transaction(who.organisation_id) as tx:
        site = await store.get_site(tx, site_id_of(who.organisation_id, code), who.site_ids)
    if site.contacts is None:
        raise NotFound("crisis-contacts")
    return ContactsShape(site=site.code, **asdict(site.contacts))


@router.put("/sites/{code}/crisis-contacts")
async def put_contacts(code: Code, command: SetCrisisContacts, db: Db, who: Coordinator) -> ContactsShape:
    """Set the crisis contacts of a site: the whole list. Without some that were confirmed in 90 days no link opens."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        site = await store.get_site(tx, site_id_of(who.organisation_id, code), who.site_ids)
        contacts = check(command, site.time_zone, moment)
        await store.save_contacts(tx, who.organisation_id, site.site_id, contacts, moment)
    return ContactsShape(site=site.code, **dict(contacts))
