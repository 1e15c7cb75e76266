"""What scheduling knows of participants who are erased: it goes, and attendance is counted for strangers."""

from collections.abc import Sequence
from uuid import UUID

from services.scheduling.store.sessions import lock_attendance
from shared.database import Tx
from shared.events.intake import ParticipantErased
from shared.identity import stranger_id


async def erase_participants(tx: Tx, erased: Sequence[ParticipantErased]) -> set[UUID]:
    """Remove what is theirs alone, re-key their attendance; gives their ids, and those of all that was theirs.

    Locked first: a clock that rings for them, or a door that records their attendance, is done and seen, or finds
    nobody any more.
    """
    people = [one.participant_id for one in erased]
    await lock_attendance(tx, people)
    await tx.execute("select from enrolments where participant_id = any($1) order by enrolment_id for update", people)
    theirs = {id_ for one in erased for id_ in one.ids}
    named = [id_ for one in erased for id_ in one.occasion_ids]
    rows = await tx.fetch(
        "delete from occasions where participant_id = any($1) or occasion_id = any($2) returning occasion_id",
        people,
        named,
    )
    rows += await tx.fetch("select concern_id from concerns where participant_id = any($1)", people)
    for table in ("scores", "disengagements", "concerns", "placements", "enrolments"):
        await tx.execute(f"delete from {table} where participant_id = any($1)", people)
    attended = "select session_id, participant_id from attendance where participant_id = any($1)"
    await tx.executemany(
        "update attendance set participant_id = $3 where session_id = $1 and participant_id = $2",
        [(*row, stranger_id()) for row in await tx.fetch(attended, people)],
    )
    rows += await tx.fetch("delete from celebrations where participant_id = any($1) returning milestone_id", people)
    return theirs | {row[0] for row in rows}
