"""The instruments that can be asked, and what an organisation brings to them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.feedback import acts, store
from services.feedback.domain.instruments import Instrument
from services.feedback.domain.own import WriteInstrument, told_of, write
from services.feedback.domain.wording import NoteLicence, loadable
from shared import idempotency, outbox
from shared.clock import now
from shared.doors import Db, IdempotencyKey, Reader, allow
from shared.events.base import Code
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1/instruments", tags=["instruments"])
Administrator = Annotated[Who, Depends(allow("administrator"))]
QUESTIONNAIRE = {
    "requestBody": {
        "required": True,
        "content": {"application/fhir+json": {"schema": {"type": "object", "description": "a FHIR R4 Questionnaire"}}},
    }
}


class WordingShape(BaseModel):
    """Words that were loaded: the number counts those of this language."""

    code: str
    version: int
    language: str
    number: int


class LicenceShape(BaseModel):
    """The number of the licence under which an instrument is asked."""

    code: str
    number: str


@router.get("")
async def get_instruments(db: Db, who: Reader) -> list[Instrument]:
    """Every instrument in its newest version; of those without wording the totals are entered."""
    async with db.transaction(who.organisation_id) as tx:
        return list((await store.library_of(tx)).values())


@router.post(
    "",
    status_code=201,
    response_model=Instrument,
    responses={200: {"model": Instrument, "description": "The newest version says the same"}},
)
async def write_instrument(command: WriteInstrument, db: Db, who: Administrator, key: IdempotencyKey) -> JSONResponse:
    """Publish a short instrument of the organisation's own, as its next version. Not validated: trends only."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        await store.lock_batteries(tx, who.organisation_id)
        earlier = await store.find_own(tx, command.code)
        following = write(command, earlier, store.library())
        if following:
            await store.add_own(tx, who.organisation_id, following, moment, who.subject)
            if events := told_of(who.organisation_id, following, await store.published(tx)):
                await store.add_published(tx, who.organisation_id, [following], moment)
                for event in events:
                    outbox.put(tx, event, organisation=who.organisation_id, at=moment)
        newest = following or earlier
        assert newest  # nothing new was published, so there is an earlier one
        return await idempotency.keep(tx, key, 201 if following else 200, newest.model_dump(mode="json"))


@router.post(
    "/{code}/wording",
    status_code=201,
    response_model=WordingShape,
    responses={200: {"model": WordingShape, "description": "The same words are loaded already"}},
    openapi_extra=QUESTIONNAIRE,
)
async def load_wording(code: Code, request: Request, db: Db, who: Administrator, key: IdempotencyKey) -> JSONResponse:
    """Load the words of an instrument in one language, as a FHIR R4 Questionnaire. They are shown exactly so."""
    data = await request.body()
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        wording, version, number, is_new = await acts.load_wording(tx, who, code, data)
        shape = WordingShape(code=code, version=version, language=wording.language, number=number)
        return await idempotency.keep(tx, key, 201 if is_new else 200, shape.model_dump())


@router.put("/{code}/licence-number")
async def note_licence(code: Code, command: NoteLicence, db: Db, who: Administrator) -> LicenceShape:
    """Note the number of the organisation's licence. Without it an instrument that needs one cannot be asked."""
    async with db.transaction(who.organisation_id) as tx:
        loadable(store.library(), code, {code: command.number})
        await store.save_licence_number(tx, who.organisation_id, code, command.number, now(), who.subject)
    return LicenceShape(code=code, number=command.number)
