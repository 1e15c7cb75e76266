"""`kith release`: figures that everybody but the care team sees, as of now."""

import asyncio
import json
from typing import Annotated, Any

import typer

from deploy import Trouble
from deploy.cli.terminal import plainly
from deploy.cli.token import door
from deploy.importer.doors import Doors, Refused


@plainly
def release(
    organisation: Annotated[str, typer.Option(help="Code of the organisation.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was released as JSON.")] = False,
    url: Annotated[str | None, typer.Option(help="Address of Kith; by default the one on this machine.")] = None,
    token: Annotated[str | None, typer.Option(envvar="KITH_TOKEN", help="An administrator's bearer token.")] = None,
) -> None:
    """Release what changed for enough people, at once. By itself Kith does so every night after 03:00 UTC.

    Example: kith release --organisation harbour-trust
    """
    where, bearer = door(url, token, organisation, "administrator", "Release")
    made = asyncio.run(_release(where, bearer))
    if as_json:
        typer.echo(json.dumps(made))
    elif made["release"] is None:
        typer.echo("Nothing moves: not enough people changed since the last release.")
    else:
        typer.echo(f"Release {made['release']}: {made['moved']:,} moved, {made['hidden']:,} hidden from now on.")


async def _release(url: str, token: str) -> dict[str, Any]:
    async with Doors(url, token) as doors:
        try:
            made: dict[str, Any] = await doors.ask("POST", "/analytics/api/v1/releases")
        except Refused as refused:
            raise Trouble(f"{refused.sentence} [{refused.code}]") from None
    return made
