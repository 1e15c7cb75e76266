"""The frame that every service stands in: one process with its doors, relay, consumer and timers."""

import asyncio
import contextlib
import gc
import signal
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import asyncpg
import structlog
import uvicorn
import uvloop
from aiokafka.errors import KafkaError
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from shared import clock, erasing, idempotency, logs, metrics
from shared.database import OUTAGES, Database, Tx
from shared.doors import Running, frame
from shared.inbox import Handlers
from shared.inbox.batch import AfterBatch, Applying, BeforeBatch
from shared.inbox.flood import Flood
from shared.inbox.hearing import Hearing
from shared.inbox.positions import Lost
from shared.operations import ahead, standstill
from shared.operations.doors import with_operations
from shared.outbox import Relay
from shared.rebuild import AfterSwitch, Views
from shared.security import Verifier
from shared.settings import DOORS_CONNECTIONS, MACHINERY_CONNECTIONS, Settings, host_and_port, troubles
from shared.timers import TimerHandlers, Timers, overdue_seconds
from shared.web import Pages

log = structlog.get_logger()
NOT_LET_IN = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
DRAIN_SECONDS = 5
LOOK_SECONDS_MAX = 4.0  # before the first clock rings: the clock of a concern must not wait for Kafka
CANCEL_SECONDS = 10  # time to finish what was begun, before it is said again


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a service, named."""

    name: str
    pages: Pages
    routers: tuple[APIRouter, ...]
    handlers: Handlers
    timers: TimerHandlers = field(default_factory=dict)
    apart: TimerHandlers = field(default_factory=dict)  # long ones, or many at once: no other clock waits for them
    tasks: tuple[Callable[[Running], Awaitable[None]], ...] = ()
    keeps_heard: bool = False
    before_batch: BeforeBatch | None = None
    after_batch: AfterBatch | None = None
    views: Views = field(default_factory=dict)
    after_switch: AfterSwitch | None = None
    measure: Callable[[Tx], Awaitable[None]] | None = None  # fills gauges that only the store of the service knows

    @property
    def applying(self) -> Applying:
        """How it applies what it hears."""
        return Applying(self.handlers, self.keeps_heard, self.after_batch, self.before_batch)


def run(service: Service) -> None:
    """Run until SIGTERM or SIGINT. Exit status 2: a setting is wrong; 3: a person must look before it may go on."""
    gc.freeze()  # what was imported stays: a look at its 150,000 objects would take longer than a page
    logs.set_up(service.name)
    try:
        settings = Settings()  # filled from the environment
    except ValidationError as wrong:
        for trouble in troubles(wrong):
            log.critical("a setting is wrong", trouble=trouble)
        sys.exit(2)
    try:
        uvloop.run(_run(service, settings))
    except* (Lost, Flood) as stopped:
        for error in stopped.exceptions:
            log.critical("stopped: a person must look", reason=str(error))
        sys.exit(3)


async def _run(service: Service, settings: Settings) -> None:
    running = await _open(service.name, settings)
    app = frame(service.name, service.routers, service.pages, running)
    doors = _Server.of(with_operations(app, service.name, service.pages, service.applying), settings.listen)
    ops = _Server.of(_ops(service, running), settings.ops_listen)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with asyncio.TaskGroup() as group:
            work = list[asyncio.Task[None]]()
            serving = [group.create_task(server.serve()) for server in (doors, ops)]
            try:
                is_looked_at = await _look_first(service.name, settings, running)
                work += [group.create_task(one) for one in _work(service, settings, running, is_looked_at)]
                await stop.wait()
                doors.should_exit = ops.should_exit = True
                await asyncio.wait(serving)
            finally:  # a part that raised has the others cancelled by the group, but only once
                await end((*work, *serving))
    finally:
        await running.doors.close()
        await running.machinery.close()


async def _look_first(name: str, settings: Settings, running: Running) -> bool:
    """Raise Lost if the store is older than what it has said, before a letter of it goes out or a clock rings.

    Tells whether all was looked at. Whatever is away is not waited for: the relay looks again before it says anything.
    """
    try:
        async with asyncio.timeout(LOOK_SECONDS_MAX):
            return await ahead.guard(running.machinery, settings.kafka, name)
    except (*OUTAGES, KafkaError) as error:
        log.warning("what was said last cannot be looked at yet", error=repr(error))
        return False


async def end(work: Sequence[asyncio.Task[None]]) -> None:
    """Cancel until it has ended: what waits by asyncio.wait_for, in libraries too, can miss a cancellation.

    If what it waits for is there at that very moment, it gives the result and forgets that it was cancelled (CPython
    before 3.12). A process that missed it went on with half of its parts.
    """
    running = set(work)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_SECONDS)


async def _open(name: str, settings: Settings) -> Running:
    """Connect to the store; one that is away at the start is waited for. Ends with 2 if it does not let us in."""
    while True:
        try:
            return Running(settings, *await _stores(name, settings), Verifier(settings.issuer, settings.client_id))
        except ssl.SSLError as error:  # also a ValueError; a certificate may be renewed at any time
            log.warning("waits for the store", error=repr(error))
            await asyncio.sleep(1)
        except ValueError:  # of asyncpg, before OUTAGES: one of its kinds is among them. It may repeat the address
            _refuse(f"cannot be used. It is: {Settings.model_fields['database'].description}.")
        except NOT_LET_IN as error:
            _refuse(f"does not let us in: {error}. `kith migrate` makes databases and roles, and sets their passwords.")
        except OUTAGES as error:
            log.warning("waits for the store", error=repr(error))
            await asyncio.sleep(1)


async def _stores(name: str, settings: Settings) -> tuple[Database, Database]:
    """The store as its two roles; both or none."""
    doors = await Database.open(settings.database, size=DOORS_CONNECTIONS, name=f"{name} doors")
    try:
        size = MACHINERY_CONNECTIONS
        return doors, await Database.open(settings.database_machinery, size=size, name=f"{name} machinery")
    except BaseException:
        await doors.close()
        raise


def _refuse(why: str) -> NoReturn:
    log.critical("a setting is wrong", trouble=f"KITH_DATABASE or KITH_DATABASE_MACHINERY {why}")
    sys.exit(2)


def _work(service: Service, settings: Settings, running: Running, is_looked_at: bool = False) -> Iterator[Any]:
    """Everything that a process does besides answering."""
    before = partial(ahead.guard, running.machinery, settings.kafka, service.name)
    relay = Relay(running.machinery, settings.kafka, before, is_looked_at=is_looked_at)
    running.doors.on_said = running.machinery.on_said = relay.wake.set
    yield relay.run()
    if service.handlers:
        yield standstill.hear(
            lambda: Hearing(
                running.machinery,
                settings.kafka,
                service.name,
                service.applying,
                slot=settings.slot,
                flood_run=settings.flood_run,
                flood_share=settings.flood_share,
            )
        )
    yield Timers(running.machinery, service.timers).run()
    for kind, handler in {erasing.TIMER: erasing.on_erase, **idempotency.TIMERS, **service.apart}.items():
        yield Timers(running.machinery, {kind: handler}).run()
    for task in service.tasks:
        yield task(running)


class _Server(uvicorn.Server):
    """uvicorn, with the signals left to us: two servers share this process."""

    @classmethod
    def of(cls, app: Any, listen: str) -> "_Server":
        host, port = host_and_port(listen)
        return cls(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                server_header=False,
                proxy_headers=False,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _ops(service: Service, running: Running) -> Starlette:
    """For operators alone: is it alive, is it ready, what are its numbers."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        """The store answers. Kafka may be away: people keep working, and events leave when it is back."""
        try:
            for database in (running.doors, running.machinery):
                async with asyncio.timeout(2), database.pool.acquire() as connection:
                    await connection.fetchval("select 1")
        except OUTAGES as error:
            return JSONResponse({"ready": False, "store": repr(error)}, 503)
        return JSONResponse({"ready": True})

    async def show_metrics(_: Request) -> Response:
        try:
            await _measure(service, running.machinery)
        except OUTAGES:  # the counters are worth showing; what the store said last is not what is
            metrics.know_nothing_of_the_store(has_concerns=service.measure is not None)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", show_metrics)])


async def _measure(service: Service, database: Database) -> None:
    """Fill the gauges that only the store knows."""
    async with asyncio.timeout(5), database.transaction() as tx:
        now = clock.now()
        row = await tx.fetchrow(
            """select count(*) as rows, min(put_at) as oldest, (select count(*) from machinery.parked)
                      + (select count(*) from machinery.outbox_parked) as waiting from machinery.outbox"""
        )
        assert row
        metrics.OUTBOX_ROWS.set(row["rows"])
        metrics.OUTBOX_OLDEST.set((now - row["oldest"]).total_seconds() if row["oldest"] else 0)
        metrics.PARKED.set(row["waiting"])
        metrics.TIMERS_OVERDUE.set(await overdue_seconds(tx, now))
        if service.measure:
            await service.measure(tx)
