"""A file of check-ins, for programs and for people alike: each check-in in a transaction of its own."""

from services.feedback import store
from services.feedback.domain.check_in import enter
from services.feedback.domain.rows import TABLES, Answered, read_check_ins
from shared import outbox
from shared.clock import now
from shared.database import Database
from shared.doors.files import File
from shared.errors import Refusal
from shared.security import Who
from shared.tables import Outcome, Report


async def _take_in(db: Database, who: Who, data: bytes, first_line: int) -> Report:
    """Rows of one occasion beside each other are one check-in; it goes in as a whole, or not at all."""
    batch = read_check_ins(data, first_line)
    for one in batch.check_ins:
        try:
            batch.took(one, await _bring_in(db, who, one))
        except Refusal as refusal:
            batch.refuse(one, refusal)
    return batch.report


async def _bring_in(db: Database, who: Who, one: Answered) -> Outcome:
    moment = now()
    async with db.transaction(who.organisation_id) as tx:
        library = await store.library_of(tx)
        occasion = await store.get_occasion_of(tx, who.organisation_id, one.first, who.site_ids, library)
        command = one.command(occasion.occasion_id, occasion.time_zone, moment)
        entered = enter(occasion, command, library, moment, "import")
        if entered is None:
            return "unchanged"
        check_in, event = entered
        await store.add_check_in(tx, who.organisation_id, check_in, library, moment, who.subject)
        outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    return "created"


FILES = (
    File(
        TABLES["check-ins"],
        _take_in,
        roles=("administrator", "coordinator"),
        above=("Check-ins", "/feedback/"),
        sets_what_it_says=False,
        example={"participant": "KLM-482"},
    ),
)
"""The one file that feedback takes in. Here, a participant is named by the short code."""
