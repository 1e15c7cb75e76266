"""Setting what a program asks."""

from services.feedback import store
from services.feedback.acts.watching import uncovered
from services.feedback.domain.battery import SetBattery, activate
from services.feedback.domain.instruments import Library
from services.feedback.store import Battery
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.events.feedback import BatteryEntry
from shared.security import Who


async def set_battery(tx: Tx, who: Who, known: Battery, command: SetBattery, library: Library) -> list[BatteryEntry]:
    """The battery of a program from now on, and the instruments that are new here are said."""
    moment, program_id = now(), known.program.program_id
    sites = await store.rotas_of_program(tx, program_id)
    entries, new, events = activate(
        who.organisation_id,
        program_id,
        command,
        known.entries,
        await store.published(tx),
        library,
        await store.licence_numbers(tx),
        uncovered(sites, moment),
    )
    await store.save_battery(tx, who.organisation_id, program_id, entries, moment)
    await store.add_published(tx, who.organisation_id, new, moment)
    for event in events:
        outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    return entries
