"""`kith up`: everything on this machine, until Ctrl-C."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine

import typer

from deploy.cli.terminal import plainly
from deploy.local.settings import Settings
from deploy.local.supervisor import System

Fill = Callable[[System], Coroutine[None, None, None]]
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@plainly
def up() -> None:
    """Start Kith on this machine with all its real parts, and run until Ctrl-C.

    Example: KITH_PORT=8090 kith up
    """
    asyncio.run(run(System(Settings.from_environment(), say=typer.echo)))


async def run(system: System, fill: Fill | None = None) -> None:
    """Start, fill with what is wanted, watch, and stop when told to or when a part dies."""
    told = asyncio.Event()
    for number in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    work = asyncio.create_task(_start_and_watch(system, fill))
    stop = asyncio.create_task(told.wait())
    await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not work.done():
        typer.echo("Stopping.")
        work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def _start_and_watch(system: System, fill: Fill | None) -> None:
    await system.start()
    watching = asyncio.create_task(system.watch())
    try:
        if fill:
            await _unless(watching, fill(system))
        typer.secho(f"Kith is at {system.urls['public']} (Ctrl-C stops it)", bold=True)
        await watching
    finally:
        watching.cancel()
        await system.stop()


async def _unless(watching: asyncio.Task[None], filling: Coroutine[None, None, None]) -> None:
    """Fill, but give up as soon as a part dies."""
    task = asyncio.create_task(filling)
    await asyncio.wait({task, watching}, return_when=asyncio.FIRST_COMPLETED)
    if watching.done():
        task.cancel()
        await watching
    await task
