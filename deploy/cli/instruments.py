"""`kith instruments`: load the wording of an instrument, check a definition, print the schema of one."""

import json
from pathlib import Path
from typing import Annotated

import httpx
import typer

from deploy import Trouble
from deploy.cli.terminal import plainly
from deploy.cli.token import door
from deploy.importer.doors import json_of, problem_of

app = typer.Typer(help="Instruments: their wording and their definitions.", no_args_is_help=True)


@app.command()
@plainly
def load(
    file: Annotated[Path, typer.Argument(help="A FHIR R4 Questionnaire as JSON, one language.")],
    organisation: Annotated[str, typer.Option(help="Code of the organisation that holds the wording.")],
    instrument: Annotated[
        str, typer.Option(help="Code of the instrument; by default the file's name to its dot.")
    ] = "",
    url: Annotated[str | None, typer.Option(help="Address of Kith; by default the one on this machine.")] = None,
    token: Annotated[str | None, typer.Option(envvar="KITH_TOKEN", help="A bearer token of an administrator.")] = None,
) -> None:
    """Load the wording of an instrument. It is checked against the definition, and shown exactly as it is.

    Example: kith instruments load gad-7.json --organisation harbour-trust
    """
    code = instrument or file.name.partition(".")[0]
    where, bearer = door(url, token, organisation, "administrator", "Wording")
    answer = _send(f"{where}/feedback/api/v1/instruments/{code}/wording", _read(file), bearer)
    if answer.status_code >= 400:
        _tell(file, answer)
    shape = json_of(answer)
    done = "loaded" if answer.status_code == 201 else "loaded before"
    typer.echo(f"{shape['code']} version {shape['version']}, {shape['language']}: {done}.")


@app.command()
@plainly
def check(files: Annotated[list[Path], typer.Argument(help="Definitions of instruments, as JSON.")]) -> None:
    """Check definitions as a start does, without starting anything.

    Example: kith instruments check our-questions.json
    """
    from services.feedback.store import Malformed, read_definition  # only now: a second to load

    for path in files:
        try:
            one = read_definition(path)
        except (Malformed, OSError) as wrong:
            raise Trouble(str(wrong)) from None
        ranges = [
            f"{code} {found.minimum} to {found.maximum} in 1/{found.unit} points" for code, found in one.ranges.items()
        ]
        typer.echo(f"{path}: {one.code} version {one.version}; {', '.join(ranges) or 'nothing is scored'}.")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a definition.

    Example: kith instruments schema > docs/instrument.schema.json
    """
    from services.feedback.domain import instruments as domain

    typer.echo(json.dumps(domain.schema(), indent=2, sort_keys=True))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Trouble(f"{file} cannot be read: {error.strerror}.") from error


def _send(address: str, data: bytes, bearer: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/fhir+json"}
    try:
        return httpx.post(address, content=data, headers=headers, trust_env=False)
    except httpx.HTTPError as error:
        raise Trouble(f"Kith does not answer at {address}: {error}.") from error


def _tell(file: Path, answer: httpx.Response) -> None:
    """Each mismatch on a line, with its place in the file."""
    problem = problem_of(answer)
    for error in problem.get("errors", []):
        typer.secho(f"{file}: {error['field']}: {error['message']} [{error['code']}]", fg="red", err=True)
    raise Trouble(str(problem.get("title")))
