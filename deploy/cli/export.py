"""`kith export`: what the pages show, as files."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Literal

import httpx
import typer
from rich.console import Console

from deploy import Trouble
from deploy.cli.terminal import plainly
from deploy.cli.token import door
from shared.identity import organisation_id

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
        str, typer.Argument(help="Such as program/instrument/from/to or program/stay; for a group /site=old-town.")
    ],
    organisation: Annotated[str, typer.Option(help="Code of the organisation.")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Compute it again from the log.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts for machines.")] = False,
) -> None:
    """Print a released figure with its definition and its data cut; with --rebuild, say whether the log gives the same.

    It is counted as this version of Kith counts: what an earlier version released otherwise is shown to differ.

    Example: kith export figure evening-circle/belonging/baseline/end --organisation harbour-trust --rebuild
    """
    from deploy.cli import figures  # only now: statistics take a second to load

    told = asyncio.run(figures.look_up(name, organisation_id(organisation), rebuild, quiet=as_json))
    typer.echo(json.dumps(told) if as_json else figures.sentences(told))
    if not told.get("equal", True):
        raise typer.Exit(1)


def _get(address: str, asked: dict[str, str | None], bearer: str) -> bytes:
    headers = {"Authorization": f"Bearer {bearer}"}
    try:
        chosen = {name: one for name, one in asked.items() if one}
        answer = httpx.get(address, params=chosen, headers=headers, timeout=SECONDS_MAX, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Trouble(f"Kith does not answer at {address}: {error}.") from error
    if answer.status_code == 404:
        raise Trouble("There is no such program, instrument or card here.")
    if answer.status_code != 200:
        raise Trouble(f"It was refused with status {answer.status_code}: may this token read outcomes?")
    return answer.content
