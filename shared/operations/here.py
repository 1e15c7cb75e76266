"""Where the doors of operators stand: the service, its pages, and how it applies what it hears."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from shared import clock
from shared.database import Database
from shared.doors import allow
from shared.errors import FieldError, Invalid
from shared.inbox.batch import Applying
from shared.inbox.parked import Decision
from shared.operations import waiting
from shared.operations.shapes import Drop, Name, Replay
from shared.operations.waiting import Done, Waiting
from shared.security import Who
from shared.web import Pages

EVENTS_MAX = 20  # shown at once; the command shows all


@dataclass(frozen=True, slots=True)
class Here:
    """One service, as its operators' doors need it."""

    name: str
    pages: Pages
    applying: Applying
    machinery: Database
    kafka: str


async def _here(request: Request) -> Here:
    found: Here = request.app.state.operations
    return found


At = Annotated[Here, Depends(_here)]
Operator = Annotated[Who, Depends(allow("operator"))]
"""Somebody who looks after the installation for their organisation."""
Topic = Annotated[Name, Query()]
Key = Annotated[Name, Query()]


async def all_that_waits(here: Here, who: Who) -> tuple[list[Waiting], int]:
    """What this operator may see, and how many keys are for other eyes."""
    async with here.machinery.transaction() as tx:
        seen = await waiting.everything(tx, mine=who.organisation_id)
        return seen, len(await waiting.everything(tx, mine=None)) - len(seen)


async def replay(here: Here, who: Who, command: Replay) -> Done:
    """Replay a key; a gap is accepted only with a reason."""
    gap = None
    if command.accept_gap:
        if not command.reason:
            raise Invalid(FieldError("reason", "missing", "This is needed."))
        gap = decision(who, command.reason)
    where = (here.machinery, here.applying, command.topic, command.key)
    return await waiting.replay(*where, gap=gap, mine=who.organisation_id)


async def drop(here: Here, who: Who, command: Drop) -> Done:
    """Drop the first event of a key, or all."""
    why = decision(who, command.reason)
    where = (here.machinery, command.topic, command.key, why)
    return await waiting.drop(*where, only=command.only, mine=who.organisation_id)


def decision(who: Who, reason: str) -> Decision:
    """Who decides, and why, for the record."""
    return Decision(f"{who.name} ({who.subject})", reason, clock.now())
