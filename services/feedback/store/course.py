"""The scores of one person, in the order of time."""

from uuid import UUID

from services.feedback.domain.course import OwnScore
from shared.database import Tx, made_of


async def own_scores(tx: Tx, participant_id: UUID) -> list[OwnScore]:
    """Every score that they have, whoever entered it."""
    rows = await tx.fetch(
        """select s.instrument, s.version, s.scale, s.count, s.unit, c.answered_at
           from occasions o join check_ins c using (occasion_id) join scores s using (occasion_id)
           where o.participant_id = $1 order by c.answered_at, s.instrument, s.scale""",
        participant_id,
    )
    return [made_of(OwnScore, row) for row in rows]
