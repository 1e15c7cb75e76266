"""A tiny service, and `kith up` with it in place of the four: `python -m tests.local.stand_in up`."""

import asyncio
import os
import sys

import typer
import uvicorn
from fastapi import FastAPI

from deploy.cli.terminal import plainly
from deploy.cli.up import run
from deploy.local.parts import Service
from deploy.local.settings import Settings
from deploy.local.supervisor import System
from shared.settings import host_and_port

INTAKE = Service("intake", (sys.executable, "-m", "tests.local.stand_in", "serve"))


def serve() -> None:
    """Be ready, and show what we were told."""
    app = FastAPI()

    @app.get("/readyz")
    async def told() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name.startswith("KITH_")}

    host, port = host_and_port(os.environ["KITH_OPS_LISTEN"])
    uvicorn.run(app, host=host, port=port)


@plainly
def up() -> None:
    """What `kith up` does."""
    asyncio.run(run(System(Settings.from_environment(), [INTAKE], say=typer.echo)))


if __name__ == "__main__":
    commands = typer.Typer()
    commands.command()(serve)
    commands.command()(up)
    commands()
