"""What an organisation brings to an instrument: its words, and the number of a licence."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.feedback.domain.wording import Wording
from shared.database import Tx


@dataclass(frozen=True, slots=True)
class Loaded:
    """Words that were loaded: of which version, in which language, and when."""

    version: int
    language: str
    number: int
    loaded_at: datetime


async def add_wording(
    tx: Tx, organisation: UUID, code: str, version: int, wording: Wording, now: datetime, subject: str
) -> tuple[int, bool]:
    """Keep it as the newest of its language; gives its number, and whether it is new."""
    content = wording.model_dump(mode="json")
    newest = await tx.fetchrow(
        """select number, content from wordings where code = $1 and version = $2 and language = $3
           order by number desc limit 1""",
        code,
        version,
        wording.language,
    )
    if newest and newest["content"] == content:
        return newest["number"], False
    number = newest["number"] + 1 if newest else 1
    await tx.execute(
        "insert into wordings values ($1, $2, $3, $4, $5, $6, $7, $8)",
        organisation,
        code,
        version,
        wording.language,
        number,
        content,
        now,
        subject,
    )
    return number, True


async def loaded(tx: Tx, code: str, version: int) -> list[Loaded]:
    """The newest words of each language."""
    rows = await tx.fetch(
        """select distinct on (language) version, language, number, loaded_at from wordings
           where code = $1 and version = $2 order by language, number desc""",
        code,
        version,
    )
    return [Loaded(row["version"], row["language"], row["number"], row["loaded_at"]) for row in rows]


async def licence_numbers(tx: Tx) -> dict[str, str]:
    """The numbers of licences, by instrument."""
    return {row["code"]: row["number"] for row in await tx.fetch("select code, number from licence_numbers")}


async def save_licence_number(tx: Tx, organisation: UUID, code: str, number: str, now: datetime, subject: str) -> None:
    """The number of the licence from now on."""
    await tx.execute(
        """insert into licence_numbers values ($1, $2, $3, $4, $5)
           on conflict (organisation_id, code) do update
           set number = excluded.number, noted_at = excluded.noted_at, noted_by = excluded.noted_by""",
        organisation,
        code,
        number,
        now,
        subject,
    )
