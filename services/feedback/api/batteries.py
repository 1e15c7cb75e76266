"""Batteries: what each program asks at which occasion."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.feedback import store
from services.feedback.domain.battery import SetBattery, activate, program_id_of
from shared import outbox
from shared.clock import now
from shared.doors import Db, Reader, allow
from shared.events.base import Code
from shared.events.feedback import BatteryEntry
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1", tags=["batteries"])
Administrator = Annotated[Who, Depends(allow("administrator"))]


class BatteryShape(BaseModel):
    """A program with what it asks; `entries` is null as long as nobody has set a battery."""

    program: str
    program_id: UUID
    entries: list[BatteryEntry] | None

    @classmethod
    def of(cls, program: store.Program, entries: list[BatteryEntry] | None) -> "BatteryShape":
        """As other programs read it."""
        return cls(program=program.code, program_id=program.program_id, entries=entries)


@router.get("/batteries")
async def get_batteries(db: Db, who: Reader) -> list[BatteryShape]:
    """The programs at the sites that the reader sees, each with its battery."""
    async with db.transaction(who.organisation_id) as tx:
        return [BatteryShape.of(one.program, one.entries) for one in await store.batteries(tx, who.site_ids)]


@router.put("/batteries/{program}")
async def put_battery(program: Code, command: SetBattery, db: Db, who: Administrator) -> BatteryShape:
    """Set what a program asks from now on: the whole battery. The same again changes nothing and says nothing."""
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        await store.lock_batteries(tx, who.organisation_id)
        library = await store.library_of(tx)
        licensed = await store.licence_numbers(tx)
        known = await store.get_program(tx, program_id_of(who.organisation_id, program), who.site_ids)
        entries, new, events = activate(
            who.organisation_id,
            known.program.program_id,
            command,
            known.entries,
            await store.published(tx),
            library,
            licensed,
        )
        await store.save_battery(tx, who.organisation_id, known.program.program_id, entries, moment)
        await store.add_published(tx, who.organisation_id, new, moment)
        for event in events:
            outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    return BatteryShape.of(known.program, entries)
