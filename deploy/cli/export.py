"""`kith export`: what the pages show, as files."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy import Trouble
from deploy.cli.stores import parts_of, store_of
from deploy.cli.terminal import plainly
from deploy.cli.token import door
from services.analytics.acts import ASIDE, Figure, compute_again, figure_of, find_published
from services.analytics.domain import DEFINITION, Change
from shared.database import Database
from shared.errors import NotFound
from shared.identity import organisation_id
from shared.inbox.batch import Applying
from shared.rebuild import fold_aside

app = typer.Typer(help="Take figures away as files.", no_args_is_help=True)
SECONDS_MAX = 120


@app.command()
@plainly
def program(
    code: Annotated[str, typer.Argument(help="Code of the program.")],
    organisation: Annotated[str, typer.Option(help="Code of the organisation.")],
    kind: Annotated[Literal["xlsx", "pdf", "csv"], typer.Option("--format", help="What to write.")] = "xlsx",
    out: Annotated[Path | None, typer.Option(help="The file to write; by default the program's code, here.")] = None,
    card: Annotated[str, typer.Option(help="The card of which a CSV is written.")] = "changed",
    paper: Annotated[Literal["a4", "letter"], typer.Option(help="The paper of a PDF.")] = "a4",
    instrument: Annotated[str | None, typer.Option(help="By default the first that is asked twice.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
    url: Annotated[str | None, typer.Option(help="Address of Kith; by default the one on this machine.")] = None,
    token: Annotated[str | None, typer.Option(envvar="KITH_TOKEN", help="A program manager's bearer token.")] = None,
) -> None:
    """Write a program as a workbook, as one page of paper, or one of its cards as CSV.

    Example: kith export program evening-circle --organisation harbour-trust --format pdf --out evening-circle.pdf
    """
    where, bearer = door(url, token, organisation, "program-manager", "Export")
    file = f"tables/{card}.csv" if kind == "csv" else f"export.{kind}"
    asked = {"paper": paper if kind == "pdf" else None, "instrument": instrument}
    with Console(stderr=True).status(f"Asking for {file}", spinner="dots"):
        content = _get(f"{where}/analytics/programs/{code}/{file}", asked, bearer)
    path = out or Path(f"{code}.{kind}")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}.") from error
    told = {"file": str(path), "format": kind, "bytes": len(content)}
    typer.echo(json.dumps(told) if as_json else f"{path}: {len(content):,} bytes.")


@app.command()
@plainly
def figure(
    name: Annotated[
        str, typer.Argument(help="program/instrument/from/to, and for a group /site=old-town or /age-band=25-34.")
    ],
    organisation: Annotated[str, typer.Option(help="Code of the organisation.")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Compute it again from the log.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts for machines.")] = False,
) -> None:
    """Print a released figure with its definition and its data cut; with --rebuild, say whether the log gives the same.

    Example: kith export figure evening-circle/belonging/baseline/end --organisation harbour-trust --rebuild
    """
    asyncio.run(_figure(name, organisation_id(organisation), rebuild, as_json))


class _Undone(Exception):
    """Ends a transaction without a trace."""


async def _figure(name: str, organisation: UUID, rebuild: bool, as_json: bool) -> None:
    asked = Figure.named(name)
    if asked is None:
        raise Trouble(f"{name} names no figure: write program/instrument/from/to, and for a group /label=value.")
    async with store_of("analytics") as database:
        try:
            async with database.transaction(organisation) as tx:
                published = await find_published(tx, organisation, asked)
            found = await _again(database, organisation, asked, published.place, as_json) if rebuild else None
        except NotFound as refusal:
            raise Trouble(f"{name} is not among what was released [{refusal.code}].") from refusal
    told = {"figure": name, "release": published.release, **_facts(published.change)}
    if found is not None:
        told |= {"equal": found[0] == published.facts, "again": _facts(found[1])}
    typer.echo(json.dumps(told) if as_json else _sentences(told))
    if found is not None and not told["equal"]:
        raise typer.Exit(1)


async def _again(
    database: Database, organisation: UUID, asked: Figure, place: int, quiet: bool
) -> tuple[dict[tuple[str, ...], int], Change]:
    """In a transaction that is undone: what is live stays as it is."""
    parts = parts_of("analytics")
    applying = Applying(parts.handlers, parts.keeps_heard, parts.after_batch)
    columns = (TextColumn("folding"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    found: list[tuple[dict[tuple[str, ...], int], Change]] = []
    with Progress(*columns, disable=quiet, console=Console(stderr=True)) as bar, suppress(_Undone):
        task = bar.add_task("folding")
        async with database.transaction(organisation) as tx:
            async for progress in fold_aside(tx, organisation, applying, ASIDE, place):
                bar.update(task, total=progress.total, completed=progress.done)
            facts = await compute_again(tx, organisation, asked)
            found.append((facts, await figure_of(tx, asked, facts)))
            raise _Undone
    return found[0]


def _facts(one: Change) -> dict[str, Any]:
    """Of the figure, in full precision."""
    return {
        "n_paired": one.n.paired,
        "mean_change": one.mean and one.mean.value,
        "change_low": one.mean and one.mean.low,
        "change_high": one.mean and one.mean.high,
        "definition": DEFINITION,
    }


def _sentences(told: dict[str, Any]) -> str:
    lines = [f"{name:<12} {value}" for name, value in told.items() if name not in ("equal", "again")]
    if "equal" in told:
        lines.append("equal        computed again from the log" if told["equal"] else f"differs      {told['again']}")
    return "\n".join(lines)


def _get(address: str, asked: dict[str, str | None], bearer: str) -> bytes:
    headers = {"Authorization": f"Bearer {bearer}"}
    try:
        chosen = {name: one for name, one in asked.items() if one}
        answer = httpx.get(address, params=chosen, headers=headers, timeout=SECONDS_MAX, trust_env=False)
    except httpx.HTTPError as error:
        raise Trouble(f"Kith does not answer at {address}: {error}.") from error
    if answer.status_code == 404:
        raise Trouble("There is no such program, instrument or card here.")
    if answer.status_code != 200:
        raise Trouble(f"It was refused with status {answer.status_code}: may this token read outcomes?")
    return answer.content
