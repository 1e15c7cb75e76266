"""The JSON doors of operators: is the service well, what waits for a person, replay, drop."""

from fastapi import APIRouter

from shared.operations import here, waiting
from shared.operations.health import examine
from shared.operations.here import EVENTS_MAX, At, Key, Operator, Topic
from shared.operations.shapes import (
    Drop,
    Health,
    Outcome,
    Replay,
    WaitingEvents,
    WaitingKeys,
    event_shown,
    key_shown,
    outcome_shown,
)

router = APIRouter(prefix="/api/v1/operations", tags=["operations"])


@router.get("")
async def health(at: At, who: Operator) -> Health:
    """The facts of this service, and what needs a person."""
    return await examine(at.name, at.machinery, at.kafka, at.applying.topics)


@router.get("/parked")
async def parked_keys(at: At, who: Operator) -> WaitingKeys:
    """The keys whose events wait for a person."""
    found, elsewhere = await here.all_that_waits(at, who)
    return WaitingKeys(keys=[key_shown(one) for one in found], elsewhere=elsewhere)


@router.get("/parked/events")
async def parked_events(at: At, who: Operator, topic: Topic, key: Key) -> WaitingEvents:
    """One key with the first of its events, byte for byte."""
    async with at.machinery.transaction() as tx:
        found, events = await waiting.one(tx, topic, key, mine=who.organisation_id, limit=EVENTS_MAX)
    return WaitingEvents(key=key_shown(found), events=[event_shown(one) for one in events])


@router.post("/parked/replay")
async def replay(at: At, who: Operator, command: Replay) -> Outcome:
    """Let the events of a key take effect in their order, as far as they can."""
    return outcome_shown(await here.replay(at, who, command))


@router.post("/parked/drop")
async def drop(at: At, who: Operator, command: Drop) -> Outcome:
    """Give up the first event of a key, or all of them, with a reason that is kept."""
    return outcome_shown(await here.drop(at, who, command))
