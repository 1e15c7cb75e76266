"""A POST that is sent twice gives the first answer, and acts once. Answers are kept for a week."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi.responses import JSONResponse

from shared import clock
from shared.database import Tx
from shared.errors import Refusal
from shared.timers import Timer, TimerHandlers, set_timer

FORGET_TIMER = "forget-answer"
KEPT_DAYS = 7


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
    now = clock.now()
    tag = await tx.execute(
        """insert into idempotency_keys (organisation_id, key, fingerprint, made_at) values ($1, $2, $3, $4)
           on conflict do nothing""",
        key.organisation_id,
        key.value,
        key.fingerprint,
        now,
    )
    if tag == "INSERT 0 1":
        name, until = f"{key.organisation_id}:{key.value}", now + timedelta(days=KEPT_DAYS)
        await set_timer(tx, Timer(FORGET_TIMER, name, key.organisation_id, until, {"key": key.value}))
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


async def on_answer_kept_long_enough(tx: Tx, timer: Timer) -> None:
    """Nobody sends that request again: the key is free."""
    await tx.execute("delete from idempotency_keys where key = $1", timer.payload["key"])


TIMERS: TimerHandlers = {FORGET_TIMER: on_answer_kept_long_enough}
"""For every service whose doors take an Idempotency-Key."""
