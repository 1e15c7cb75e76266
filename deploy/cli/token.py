"""`kith token`: a bearer token of the development issuer, for scripts."""

import json
from base64 import urlsafe_b64decode
from typing import Annotated, Any

import httpx
import typer

from deploy import Trouble
from deploy.cli.terminal import plainly
from deploy.local import folder
from deploy.local.secrets import secret
from deploy.local.settings import data_folder
from shared.security import ROLES


@plainly
def token(
    organisation: Annotated[str, typer.Option(help="Code of the organisation.")],
    role: Annotated[list[str], typer.Option(help="A role; may be given again.")],
    site: Annotated[list[str], typer.Option(help="Code of a site, * for all; may be given again.")],
    name: Annotated[str, typer.Option(help="Who it is.")] = "Token",
    facilitator: Annotated[str | None, typer.Option(help="The reference of the facilitator who it is.")] = None,
) -> None:
    """Print a bearer token for the Kith that runs on this machine.

    Example: kith token --organisation harbour-trust --role coordinator --site old-town
    """
    unknown = sorted(set(role) - ROLES)
    if unknown:
        raise Trouble(f"There is no role {unknown[0]}: take one of {', '.join(sorted(ROLES))}.")
    typer.echo(mint(organisation, role, site, name, facilitator))


def door(url: str | None, token: str | None, organisation: str, role: str, name: str) -> tuple[str, str]:
    """Address and bearer token of a Kith: those that were given, else of the one with our data folder."""
    if token:
        _must_be_of(organisation, token)
    where = url or folder.read_run(data_folder())["urls"]["public"]
    try:
        httpx.URL(where)
    except httpx.InvalidURL as error:
        raise Trouble(f"{where} is no address ({error}): give one such as https://kith.example.org.") from error
    return where, token or mint(organisation, [role], ["*"], name)


def _must_be_of(organisation: str, token: str) -> None:
    """A token acts on its own organisation, whichever was asked for. Whether it is valid is the service's matter."""
    try:
        payload = token.split(".")[1]
        found = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("organisation")
    except (ValueError, IndexError, AttributeError):
        raise Trouble("The token cannot be read: give a JWT of your issuer, by KITH_TOKEN or --token.") from None
    if found != organisation:
        whose = f"the organisation {found}" if found else "no organisation"
        raise Trouble(
            f"The token (KITH_TOKEN or --token) is of {whose}, and you named {organisation}: nothing was sent. "
            "Give a token of that organisation."
        )


def mint(organisation: str, roles: list[str], sites: list[str], name: str, facilitator: str | None = None) -> str:
    """A bearer token of the development issuer that runs with our data folder."""
    data = data_folder()
    person = {"organisation": organisation, "name": name, "roles": roles, "sites": sites, "facilitator": facilitator}
    return _mint(folder.read_run(data)["urls"]["issuer"], secret(data, "mint"), person)


def _mint(issuer: str, mint_secret: str, person: dict[str, Any]) -> str:
    headers = {"Authorization": f"Bearer {mint_secret}"}
    try:
        answer = httpx.post(f"{issuer}/mint", json=person, headers=headers, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Trouble(f"The issuer at {issuer} did not give a token: {error}.") from error
    return str(answer.json()["access_token"])
