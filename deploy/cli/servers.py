"""The servers of one machine, for commands that mend a store while no service may run."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import typer

from deploy.local import folder
from deploy.local.settings import Settings, data_folder
from deploy.local.supervisor import System


@asynccontextmanager
async def servers() -> AsyncIterator[None]:
    """On one machine a service that stops has taken PostgreSQL and Kafka with it: they run again meanwhile, alone."""
    data, named = data_folder(), os.environ.get
    is_named = named("KITH_DATABASE_MACHINERY") or (named("KITH_POSTGRES") and named("KITH_KAFKA"))
    if is_named or folder.is_held(data) or not (data / "secrets.json").exists():
        yield
        return
    system = System(Settings.from_environment(), services=(), say=partial(typer.echo, err=True))
    await system.start()
    try:
        yield
    finally:
        await system.stop()
