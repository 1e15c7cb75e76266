"""What feedback knows of a participant who is erased: their links, answers and scores go."""

from uuid import UUID

from services.feedback.store.acting import EXPIRES_TIMER
from services.feedback.store.concerns import CLOCK_TIMER
from shared.database import Tx
from shared.events.intake import ParticipantErased
from shared.timers import cancel_timer

_TABLES = (
    *("kiosk_visits", "paper_entries", "answers", "texts", "scores", "check_ins"),
    *("occasions", "machinery.links"),
)
"""What hangs on an occasion, the occasion after what names it."""


async def erase_participant(tx: Tx, event: ParticipantErased) -> set[UUID]:
    """Remove everything; gives the ids of their occasions, stories, milestones, and of the concerns about them.

    Locked first: whoever is just answering one, or records something of them, has done so, and is seen by what follows.
    """
    await tx.fetch(
        "select from enrolments where participant_id = $1 order by enrolment_id for update", event.participant_id
    )
    occasions = await tx.fetch(
        "select occasion_id from occasions where participant_id = $1 or occasion_id = any($2) order by 1 for update",
        event.participant_id,
        event.occasion_ids,
    )
    theirs = {row["occasion_id"] for row in occasions} | set(event.occasion_ids)
    for table in _TABLES:
        await tx.execute(f"delete from {table} where occasion_id = any($1::uuid[])", list(theirs))
    for occasion_id in theirs:
        await cancel_timer(tx, EXPIRES_TIMER, str(occasion_id))
    concerns = await tx.fetch("select concern_id from concerns where participant_id = $1", event.participant_id)
    for row in concerns:
        await cancel_timer(tx, CLOCK_TIMER, str(row["concern_id"]))
    await tx.execute("delete from concerns where participant_id = $1", event.participant_id)  # with steps and alerts
    own = await _erase_what_was_told(tx, event.participant_id)
    await tx.execute("delete from enrolments where participant_id = $1", event.participant_id)
    return theirs | own | {row["concern_id"] for row in concerns}


async def _erase_what_was_told(tx: Tx, participant_id: UUID) -> set[UUID]:
    """Their stories and milestones go, and what was known for these; gives the ids of both."""
    for table in ("tellings", "placements", "attended"):
        await tx.execute(f"delete from {table} where participant_id = $1", participant_id)
    stories = await tx.fetch("delete from stories where participant_id = $1 returning story_id", participant_id)
    reached = await tx.fetch("delete from milestones where participant_id = $1 returning milestone_id", participant_id)
    return {row["story_id"] for row in stories} | {row["milestone_id"] for row in reached}
