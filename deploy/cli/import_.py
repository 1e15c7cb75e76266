"""`kith import`: an organisation and its history from a folder."""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deploy import Trouble
from deploy.cli.terminal import plainly
from deploy.cli.token import door
from deploy.importer import Show, Stopped, Summary, import_folder, organisation
from deploy.importer.tables import TABLES

REFUSED_SHOWN = 50


@plainly
def import_(
    folder: Annotated[Path, typer.Argument(help="Where organisation.toml and the CSV files are.")],
    templates: Annotated[bool, typer.Option("--templates", help="Write empty files with an example row.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Set what was set up before, as the folder says, also where it differs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    url: Annotated[str | None, typer.Option(help="Address of Kith; by default the one on this machine.")] = None,
    token: Annotated[str | None, typer.Option(envvar="KITH_TOKEN", help="A bearer token of an administrator.")] = None,
) -> None:
    """Import an organisation; nobody gets a message, and the same folder may be imported again.

    What was set up before (the organisation, sites, programs, facilitators, groups, rotas, batteries, crisis contacts)
    and differs from the folder is named and left as it is, unless you say --replace. Participants keep what was
    changed here. Sessions and attendance become what their rows say: leave out those that were changed here.

    Example: kith import --templates my-organisation && kith import my-organisation
    """
    if templates:
        write_templates(folder)
        typer.echo(f"Templates are in {folder}.")
        return
    where, bearer = door(url, token, organisation.read(folder).code, "administrator", "Import")
    try:
        with bars(quiet=as_json) as show:
            summary = asyncio.run(import_folder(folder, where, bearer, show, replace=replace))
    except Stopped as stopped:
        tell(stopped.summary, as_json)
        raise
    tell(summary, as_json)
    if summary.refused:
        raise typer.Exit(1)


@contextmanager
def bars(*, quiet: bool = False) -> Iterator[Show]:
    """A bar for each file."""
    bar = Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=quiet or bool(os.environ.get("CI")),
    )
    tasks: dict[str, TaskID] = {}

    def show(file: str, done: int, of: int) -> None:
        if file not in tasks:
            tasks[file] = bar.add_task(file, total=of)
        bar.update(tasks[file], completed=done)

    with bar:
        yield show


def tell(summary: Summary, as_json: bool) -> None:
    """What went in, and what did not and why."""
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in summary.files], indent=2))
        return
    for one in summary.files:
        lines = len({refusal.line for refusal in one.refused})
        kind = "parts" if one.file == organisation.FILE else "rows"
        typer.echo(
            f"{one.file:<18} {one.rows:>6} {kind}: {one.created} new, {one.changed} changed, "
            f"{one.unchanged} unchanged, {lines} refused"
        )
    for left in summary.left:
        typer.echo(f"{left}: differs from the file, left as it is (--replace sets it)")
    for refusal in summary.refused[:REFUSED_SHOWN]:
        column = f", column {refusal.column}" if refusal.column else ""
        typer.secho(
            f"{refusal.file}, line {refusal.line}{column}: {refusal.message} [{refusal.code}]", fg="red", err=True
        )
    if len(summary.refused) > REFUSED_SHOWN:
        typer.secho(f"... and {len(summary.refused) - REFUSED_SHOWN} more; --json shows all", fg="red", err=True)


def write_templates(folder: Path) -> None:
    """An example of every file. Nothing that is there already is overwritten."""
    wanted = {f"{name}.csv": table.template() for name, (_, table) in TABLES.items()}
    # On a page of scheduling a participant has a short code; here the reference, which stays in intake.
    person = TABLES["participants"][1].example["reference"]
    wanted["attendance.csv"] = wanted["attendance.csv"].replace(TABLES["attendance"][1].example["participant"], person)
    wanted[organisation.FILE] = organisation.TEMPLATE
    there = [name for name in wanted if (folder / name).exists()]
    if there:
        raise Trouble(f"{folder} has {', '.join(sorted(there))} already: name an empty folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in wanted.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{error.filename} cannot be written: {error.strerror}. Name a folder.") from error
