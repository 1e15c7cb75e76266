"""A POST that is sent twice gives the first answer, and acts once."""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi.responses import JSONResponse

from shared import clock
from shared.database import Tx
from shared.errors import Refusal


class Reused(Refusal):
    """The same key came with another request."""

    status = 422


@dataclass(frozen=True, slots=True)
class Key:
    """The Idempotency-Key of a request, if it has one, and a fingerprint of what is asked."""

    organisation_id: UUID
    value: str | None
    fingerprint: str


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What is asked, in short."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


async def earlier(tx: Tx, key: Key) -> JSONResponse | None:
    """The first answer, if this was asked before. A twin that is being answered right now is waited for."""
    if key.value is None:
        return None
    tag = await tx.execute(
        """insert into idempotency_keys (organisation_id, key, fingerprint, made_at) values ($1, $2, $3, $4)
           on conflict do nothing""",
        key.organisation_id,
        key.value,
        key.fingerprint,
        clock.now(),
    )
    if tag == "INSERT 0 1":
        return None
    row = await tx.fetchrow("select fingerprint, status, body from idempotency_keys where key = $1", key.value)
    assert row
    if row["fingerprint"] != key.fingerprint:
        raise Reused("idempotency-key-reused", "This Idempotency-Key came with another request: use a new one.")
    return JSONResponse(row["body"], row["status"])


async def keep(tx: Tx, key: Key, status: int, body: dict[str, Any]) -> JSONResponse:
    """Answer, and keep the answer for the next time; `body` holds nothing but JSON."""
    if key.value is not None:
        await tx.execute("update idempotency_keys set status = $2, body = $3 where key = $1", key.value, status, body)
    return JSONResponse(body, status)
