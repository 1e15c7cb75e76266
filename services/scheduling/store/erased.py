"""What scheduling knows of a participant who is erased: it goes, and attendance is counted for a stranger."""

from uuid import UUID

from shared.database import Tx
from shared.events.intake import ParticipantErased
from shared.identity import stranger_id


async def erase_participant(tx: Tx, event: ParticipantErased) -> set[UUID]:
    """Remove what is theirs alone, re-key their attendance; gives the ids of occasions, concerns and milestones.

    Locked first: a clock that rings for them, or a door that records their attendance, is done and seen, or finds
    nobody any more.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 1))", event.participant_id)
    await tx.execute(
        "select from enrolments where participant_id = $1 order by enrolment_id for update", event.participant_id
    )
    rows = await tx.fetch(
        "delete from occasions where participant_id = $1 or occasion_id = any($2) returning occasion_id",
        event.participant_id,
        event.occasion_ids,
    )
    concerns = await tx.fetch("select concern_id from concerns where participant_id = $1", event.participant_id)
    for table in ("scores", "disengagements", "concerns", "placements", "enrolments"):
        await tx.execute(f"delete from {table} where participant_id = $1", event.participant_id)
    attended = await tx.fetch("select session_id from attendance where participant_id = $1", event.participant_id)
    await tx.executemany(
        "update attendance set participant_id = $3 where session_id = $1 and participant_id = $2",
        [(row["session_id"], event.participant_id, stranger_id()) for row in attended],
    )
    reached = await tx.fetch(
        "delete from celebrations where participant_id = $1 returning milestone_id", event.participant_id
    )
    theirs = [*(row["occasion_id"] for row in rows), *(row["concern_id"] for row in concerns)]
    return {*theirs, *(row["milestone_id"] for row in reached)}
