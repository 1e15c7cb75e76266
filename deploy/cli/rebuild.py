"""`kith rebuild`: a view made again from what its service heard, beside the live one."""

import asyncio
import json
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy import Trouble
from deploy.cli.stores import parts_of, store_of
from deploy.cli.terminal import plainly
from shared.clock import now
from shared.database import OUTAGES
from shared.errors import NotFound, Refusal
from shared.rebuild import Difference, Rebuild


@plainly
def rebuild(
    service: Annotated[str, typer.Argument(help="Whose view.")],
    view: Annotated[str, typer.Argument(help="Which view.")],
    switch: Annotated[bool, typer.Option("--switch", help="Put it in place if it equals the live one.")] = False,
    switch_anyway: Annotated[bool, typer.Option("--switch-anyway", help="Put it in place whatever differs.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Drop what is kept: the old view, or one not in place.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts for machines.")] = False,
) -> None:
    """Make a view again from what was heard, compare it with the live one, and put it in its place.

    The live view goes on meanwhile. Killed at any point, the same command goes on where it was. 1 if the two differ and
    the live one stays.

    Example: kith rebuild analytics facts --switch
    """
    asyncio.run(_rebuild(service, view, switch, switch_anyway, drop, as_json))


async def _rebuild(service: str, view: str, switch: bool, switch_anyway: bool, drop: bool, as_json: bool) -> None:
    parts = parts_of(service)
    if view not in parts.views:
        raise Trouble(f"{service} has no view {view}: choose from {', '.join(parts.views) or 'none'}.")
    async with store_of(service) as database:
        one = Rebuild(database, parts.applying, view, parts.views[view], parts.after_switch)
        try:
            if drop:
                await one.drop()
                return _tell(f"What was kept of {view} is gone.", {"dropped": view}, as_json)
            await one.begin()
            await _fold(one, as_json)
            await _finish(one, switch, switch_anyway, as_json)
        except (Refusal, NotFound) as refusal:
            raise Trouble(f"{refusal} [{refusal.code}]") from refusal
        except OUTAGES as error:
            raise Trouble(
                f"The store of {service} is away or busy: {error}. The live view goes on; type the same again, and it "
                "goes on where it was."
            ) from error


async def _fold(one: Rebuild, as_json: bool) -> None:
    columns = (TextColumn("folding"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    began, before = now(), None
    with Progress(*columns, TimeElapsedColumn(), disable=as_json) as bar:
        task = bar.add_task("folding", rate="")
        async for progress in one.steps():
            before = progress.done if before is None else before
            rate = (progress.done - before) / max((now() - began).total_seconds(), 0.001)
            bar.update(task, total=progress.total, completed=progress.done, rate=f"{rate:,.0f} events/s")


async def _finish(one: Rebuild, switch: bool, switch_anyway: bool, as_json: bool) -> None:
    found = await one.differences()
    switches = switch_anyway or (switch and not found)
    facts = {"view": one.view, "differences": [_facts(each) for each in found], "switched": switches}
    for difference in found:
        if not as_json:
            typer.echo(_sentence(difference))
    if switches:
        await one.switch()
        _tell("The new view is in place; the one before is kept until --drop.", facts, as_json)
    elif not found:
        _tell("The two are the same. The new view waits beside the live one: --switch, or --drop.", facts, as_json)
    else:
        if as_json:
            typer.echo(json.dumps(facts))
        raise Trouble(
            "The two differ, so the live view stays. Look why; --switch-anyway puts the new one in place, "
            "--drop lets it go."
        )


def _sentence(found: Difference) -> str:
    return f"{found.table}: {found.keys} keys differ ({found.rows_live} rows live, {found.rows_beside} made again)"


def _facts(found: Difference) -> dict[str, str | int]:
    return {name: getattr(found, name) for name in Difference.__dataclass_fields__}


def _tell(sentence: str, facts: object, as_json: bool) -> None:
    typer.echo(json.dumps(facts) if as_json else sentence)
