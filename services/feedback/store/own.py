"""The instruments that an organisation wrote itself, every version of them."""

from datetime import datetime
from uuid import UUID

from services.feedback.domain.instruments import Instrument
from shared.database import Tx


async def find_own(tx: Tx, code: str) -> Instrument | None:
    """The newest version of one, if there is one."""
    content: str | None = await tx.fetchval(
        "select definition::text from own_instruments where code = $1 order by version desc limit 1", code
    )
    return Instrument.model_validate_json(content) if content else None


async def add_own(tx: Tx, organisation: UUID, instrument: Instrument, now: datetime, subject: str) -> None:
    """A version, from now on and for ever."""
    await tx.execute(
        "insert into own_instruments values ($1, $2, $3, $4, $5, $6)",
        organisation,
        instrument.code,
        instrument.version,
        instrument.model_dump(mode="json", exclude_computed_fields=True),
        now,
        subject,
    )
