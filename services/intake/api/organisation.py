"""The organisation itself: its name, what it asks, the consent texts it has published."""

from fastapi import APIRouter

from services.intake import store
from services.intake.api.shapes import OrganisationShape
from services.intake.domain.organisation import RegisterOrganisation, register
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, Reader
from shared.errors import NotFound
from shared.security import Who

router = APIRouter(prefix="/intake/api/v1", tags=["organisation"])


@router.get("/organisation")
async def get_organisation(db: Db, who: Reader) -> OrganisationShape:
    """The organisation of the reader."""
    async with db.transaction(who.organisation_id) as tx:
        return await _shown(tx, who)


@router.put("/organisation")
async def put_organisation(command: RegisterOrganisation, db: Db, who: Reader) -> OrganisationShape:
    """Register the organisation of the administrator, or change it. A published consent text never changes."""
    who.must_be("administrator")
    async with db.transaction(who.organisation_id) as tx:
        await store.lock_set_up(tx, who.organisation_id)
        known = await store.find_organisation(tx, who.organisation_id)
        texts, given = await store.consent_texts(tx), await store.given_answers(tx)
        registered = register(known, texts, who.organisation, command, given)
        await store.save_organisation(tx, registered.organisation)
        await store.add_consent_texts(tx, who.organisation_id, registered.new_texts)
        for event in registered.events:
            outbox.put(tx, event, organisation=who.organisation_id, at=now())
        return await _shown(tx, who)


async def _shown(tx: Tx, who: Who) -> OrganisationShape:
    organisation = await store.find_organisation(tx, who.organisation_id)
    if organisation is None:
        raise NotFound("organisation")
    return OrganisationShape(
        organisation_id=organisation.organisation_id,
        code=organisation.code,
        name=organisation.name,
        attributes=list(organisation.attributes),
        consent_texts=await store.consent_texts(tx),
    )
