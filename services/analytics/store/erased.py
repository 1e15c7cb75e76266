"""What analytics knows of participants who are erased: every fact about them goes."""

from collections.abc import Sequence
from uuid import UUID

from shared.database import Tx
from shared.events.intake import ParticipantErased


async def erase_participants(tx: Tx, erased: Sequence[ParticipantErased]) -> set[UUID]:
    """Remove what is known of participants; gives their ids, and those of all that was theirs."""
    people = [one.participant_id for one in erased]
    enrolments = [id_ for one in erased for id_ in one.enrolment_ids]
    theirs = {id_ for one in erased for id_ in one.ids}
    occasions = {id_ for one in erased for id_ in one.occasion_ids}
    for table in ("scores", "occasions"):
        rows = await tx.fetch(
            f"delete from {table} where enrolment_id = any($1) or occasion_id = any($2) returning occasion_id",
            enrolments,
            list(occasions),
        )
        occasions |= {row["occasion_id"] for row in rows}
    for table in ("invitations", "openings", "unscored"):
        await tx.execute(f"delete from {table} where occasion_id = any($1)", list(occasions))
    for table in ("attendance", "enrolments"):
        await tx.execute(f"delete from {table} where participant_id = any($1)", people)
    return theirs | occasions
