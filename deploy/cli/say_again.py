"""`kith say-again`: Kafka was lost and the stores are whole: what its topics had is said again."""

import asyncio
from collections.abc import Sequence

import typer

from deploy import Trouble
from deploy.cli.events import reading
from deploy.cli.parked import Only, chosen
from deploy.cli.servers import servers
from deploy.cli.stores import store_of
from deploy.cli.terminal import plainly
from deploy.kafka.topics import RETENTION_DAYS
from shared.database import OUTAGES, Tx
from shared.operations import ahead, broker, waiting
from shared.outbox import again


@plainly
def say_again(service: Only = None) -> None:
    """After Kafka was lost: say again what its topics had, and hear them from their beginning. No service may run.

    Whoever has seen an event drops it. Typed twice before a service is started, it does no more than once.

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
                await _refuse_early(tx, name)
        for name in services:
            async with store_of(name) as database, database.transaction() as tx:
                await _refuse_early(tx, name)  # somebody may have started it meanwhile
                count = await again.say_again(tx, RETENTION_DAYS)
            typer.echo(f"{name:<12}{count:,} events to leave when it is started")


async def _refuse_early(tx: Tx, service: str) -> None:
    """Nothing is said again behind a later event of the same key: whoever takes that first drops the earlier one."""
    if await again.is_at_work(tx, service):
        raise Trouble(f"{service} runs still: stop all services first.")
    if await waiting.everything(tx, mine=None):
        raise Trouble(f"Something of {service} is parked: replay or drop it first (`kith parked list`).")
    if written := await reading.answered(_written(ahead.topics_of(service))):
        raise Trouble(
            f"{', '.join(written)} has something that {service} said. If nothing was lost, nothing is said again. "
            "Else this was said since, before what is missing: delete all topics `kith.*`, make them again with "
            "`kith topics`, and type this once more."
        )


async def _written(topics: Sequence[str]) -> list[str]:
    """Those of these topics into which something was ever written."""
    async with broker.reading(reading.kafka_address()) as consumer:
        places = await broker.partitions(consumer, topics)
        ends = await consumer.end_offsets(places) if places else {}
    return sorted({place.topic for place, end in ends.items() if end})
