"""`kith say-again`: Kafka was lost and the stores are whole: what its topics had is said again."""

import asyncio
from collections.abc import Sequence

import typer

from deploy import Trouble
from deploy.cli.parked import Only, chosen
from deploy.cli.servers import servers
from deploy.cli.stores import store_of
from deploy.cli.terminal import plainly
from deploy.kafka.topics import RETENTION_DAYS
from shared.database import OUTAGES
from shared.operations import waiting
from shared.outbox import again


@plainly
def say_again(service: Only = None) -> None:
    """After Kafka was lost: say again what its topics had, and hear them from their beginning. No service may run.

    Whoever has seen an event drops it. Typed twice, it does no more than once.

    Example: kith say-again
    """
    try:
        asyncio.run(_say_again(chosen(service)))
    except OUTAGES as error:
        raise Trouble(f"A store was away or busy: {error}. Type the same again.") from error


async def _say_again(services: Sequence[str]) -> None:
    async with servers():
        for name in services:
            async with store_of(name) as database, database.transaction() as tx:
                if await again.is_at_work(tx, name):
                    raise Trouble(f"{name} runs still: stop all services first.")
                if await waiting.everything(tx, mine=None):
                    raise Trouble(f"Something of {name} is parked: replay or drop it first (`kith parked list`).")
        for name in services:
            async with store_of(name) as database, database.transaction() as tx:
                count = await again.say_again(tx, RETENTION_DAYS)
            typer.echo(f"{name:<12}{count:,} events to leave when it is started")
