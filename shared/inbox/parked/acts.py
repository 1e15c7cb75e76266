"""What operators decided about single events: who, when, why, and which bytes. Never the bytes themselves."""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Tx, made_of
from shared.identity import NIL
from shared.inbox.parked.look import ParkedRecord


@dataclass(frozen=True, slots=True)
class Decision:
    """Somebody decides something that cannot be undone, and says why."""

    who: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Act:
    """One event that a decision was about."""

    act: str
    topic: str
    key: str
    part: int | None
    position: int | None
    version: int | None
    event_id: UUID | None
    organisation_id: UUID
    sha256: str | None


def about(act: str, record: ParkedRecord) -> Act:
    """The line about a record that was heard."""
    return Act(
        act=act,
        topic=record.topic,
        key=record.key,
        part=record.part,
        position=record.position,
        version=record.version,
        event_id=record.event_id,
        organisation_id=record.organisation_id,
        sha256=None if record.value is None else hashlib.sha256(record.value).hexdigest(),
    )


async def keep(tx: Tx, decision: Decision, about: Sequence[Act]) -> None:
    """Keep a line for each event."""
    await tx.executemany(
        """insert into machinery.operator_acts
               (at, who, reason, act, topic, key, part, position, version, event_id, organisation_id, sha256)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)""",
        [(decision.at, decision.who, decision.reason, *astuple(one)) for one in about],
    )


async def decided(tx: Tx, *, mine: UUID | None, limit: int) -> list[tuple[Decision, Act]]:
    """The newest lines first: those of one organisation and of nobody, or all."""
    rows = await tx.fetch(
        """select * from machinery.operator_acts where $1::uuid is null or organisation_id in ($1, $2)
           order by id desc limit $3""",
        mine,
        NIL,
        limit,
    )
    return [(made_of(Decision, row), made_of(Act, row)) for row in rows]
