"""What several processes of one service do at once, and a rival who holds rows until they have met."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from aiokafka import ConsumerRecord

from shared import clock
from shared.database import Database, Tx
from shared.events import Event, Heard
from shared.inbox.batch import Applying
from shared.inbox.decode import Incoming
from tests.conftest import eventually

WAITING = """select count(*) from pg_stat_activity a where datname = current_database()
    and exists (select from pg_locks l where l.pid = a.pid and not l.granted)"""


async def at_once(holding: contextlib.AbstractAsyncContextManager[Tx], *work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Begin all of this, one after the other; none goes on before each waits for an earlier one or for the rival."""
    tasks: list[asyncio.Task[Any]] = []
    async with holding as rival:
        for one in work:
            tasks.append(asyncio.create_task(one))
            await waiting(rival, len(tasks))
    return await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def held(database: Database, organisation: UUID, sql: str, *args: Any) -> AsyncIterator[Tx]:
    """A rival that locks something meanwhile."""
    async with database.transaction(organisation) as tx:
        await tx.execute(sql, *args)
        yield tx


async def waiting(rival: Tx, count: int) -> None:
    """So many sessions in this store wait for a lock."""

    async def they_wait() -> bool:
        await rival.execute("select pg_stat_clear_snapshot()")
        return bool(await rival.fetchval(WAITING) == count)

    await eventually(they_wait)


async def hear(database: Database, how: Applying, organisation: UUID, *events: Event) -> int:
    """Hear a batch, as a consumer does; gives how many of its events took effect."""
    async with database.transaction(organisation) as tx:
        return len((await how(tx, incoming(organisation, *events), carefully=False)).effective)


def incoming(organisation: UUID, *events: Event, at: datetime | None = None) -> list[Incoming]:
    """These events as a consumer has read them: all that was ever said of their aggregates."""
    versions: Counter[tuple[str, UUID]] = Counter()
    batch = []
    for place, event in enumerate(events):
        versions[event.topic, event.key] += 1
        record: Any = ConsumerRecord(event.topic, 0, place, 0, 0, None, None, None, 0, 0, ())
        heard = Heard(event, uuid4(), organisation, at or clock.now(), versions[event.topic, event.key])
        batch.append(Incoming(record, str(event.key), organisation, heard, None))
    return batch
