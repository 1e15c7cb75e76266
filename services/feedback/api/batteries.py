"""Batteries: what each program asks at which occasion."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.feedback import acts, store
from services.feedback.domain.battery import SetBattery
from shared.doors import Db, Reader, allow
from shared.events.base import Code
from shared.events.feedback import BatteryEntry
from shared.events.ids import program_id_of
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
    async with db.transaction(who.organisation_id) as tx:
        await store.lock_batteries(tx, who.organisation_id)
        known = await store.get_program(tx, program_id_of(who.organisation_id, program), who.site_ids)
        entries = await acts.set_battery(tx, who, known, command, await store.library_of(tx))
    return BatteryShape.of(known.program, entries)
