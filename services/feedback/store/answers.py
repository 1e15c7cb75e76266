"""The answers to single items of a check-in, and who has read them."""

from datetime import datetime
from uuid import UUID

from services.feedback.domain.response import Answered
from shared.database import Tx


async def answered(tx: Tx, occasion_id: UUID) -> dict[str, Answered]:
    """What was answered of each instrument; of one whose total was entered there are no answers."""
    rows = await tx.fetch(
        """select instrument, version, null as item, null::int as value, null as text
           from scores where occasion_id = $1
           union select instrument, version, item, value, null from answers where occasion_id = $1
           union select instrument, version, item, null, text from texts where occasion_id = $1
           order by instrument, item""",
        occasion_id,
    )
    found: dict[str, Answered] = {}
    for row in rows:
        one = found.setdefault(row["instrument"], Answered(row["instrument"], row["version"], {}))
        if row["item"] is not None:
            one.answers[row["item"]] = row["text"] if row["value"] is None else row["value"]
    return found


async def add_reading(tx: Tx, organisation: UUID, occasion_id: UUID, by: tuple[str, str], now: datetime) -> None:
    """Somebody (subject, name) reads every answer of a check-in."""
    await tx.execute("insert into check_in_readings values ($1, $2, $3, $4, $5)", organisation, occasion_id, now, *by)
