"""The scores of one person, for those who may see them."""

from collections.abc import Sequence
from uuid import UUID

from services.analytics.domain.observations import Scored
from shared.database import Tx, made_of
from shared.errors import NotFound


async def scores_of(tx: Tx, participant: UUID, sites: Sequence[UUID] | None) -> list[Scored]:
    """In the order of time. Whoever did not agree to be counted in reports is not known here."""
    rows = await tx.fetch(
        """select enrolment_id from enrolments
           where participant_id = $1 and is_reporting and ($2::uuid[] is null or site_id = any ($2))""",
        participant,
        sites,
    )
    if not rows:
        raise NotFound("participant")
    found = await tx.fetch(
        """select s.occasion_id, s.instrument, s.version, s.count, i.unit, s.answered_at, s.occasion
           from scores s join instruments i on i.code = s.instrument and i.version = s.version
           where s.enrolment_id = any ($1) order by s.answered_at, s.instrument""",
        [row["enrolment_id"] for row in rows],
    )
    return [made_of(Scored, row) for row in found]
