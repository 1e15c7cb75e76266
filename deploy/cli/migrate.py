"""`kith migrate`: databases, roles and migrations of all services."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from deploy import Trouble
from deploy.cli.terminal import plainly
from deploy.local import folder
from deploy.local.secrets import secret
from deploy.local.settings import data_folder
from deploy.postgres import provision


@plainly
def migrate(
    passwords: Annotated[
        Path | None,
        typer.Option(help="JSON file: login role to password. Default: INTAKE_PASSWORD and so on, else own secrets."),
    ] = None,
) -> None:
    """Make what the services need in PostgreSQL, on KITH_POSTGRES or the server of the Kith that runs here.

    Without a file, the passwords of the login roles are those of INTAKE_PASSWORD, INTAKE_MACHINERY_PASSWORD and so on,
    one for each service and one for its machinery; if none of them is set, those of our own secrets.

    Example: KITH_POSTGRES=postgresql://admin:secret@database/postgres kith migrate --passwords roles.json
    """
    known = _passwords(passwords)
    applied = asyncio.run(provision.migrate(_admin_dsn(), known))
    for service, files in applied.items():
        typer.echo(f"{service}  {', '.join(files) or 'nothing new'}")


def _passwords(file: Path | None) -> dict[str, str]:
    roles = [role for service in provision.SERVICES for role in provision.login_roles(service)]
    if file is None:
        return _from_environment(roles) or {role: secret(data_folder(), role) for role in roles}
    try:
        known = TypeAdapter(dict[str, str]).validate_json(file.read_bytes())
    except OSError as error:
        raise Trouble(f"{file} cannot be read: {error.strerror}.") from error
    except ValidationError:  # it would repeat the passwords
        raise Trouble(f'{file} has to be JSON such as {{"intake": "its password"}}, with every login role.') from None
    missing = [role for role in roles if role not in known]
    if missing:
        raise Trouble(f"{file} gives no password for {', '.join(missing)}.")
    return known


def _from_environment(roles: list[str]) -> dict[str, str]:
    """The passwords by the names that they have in `.env`: all of them, or none."""
    names = {role: f"{role.upper()}_PASSWORD" for role in roles}
    known = {role: os.environ[name] for role, name in names.items() if os.environ.get(name)}
    missing = [name for role, name in names.items() if role not in known]
    if known and missing:
        raise Trouble(f"The environment gives some of the passwords, but not {', '.join(missing)}: set all or none.")
    return known


def _admin_dsn() -> str:
    named = os.environ.get("KITH_POSTGRES")
    if named:
        return named
    data = data_folder()
    where = folder.read_run(data)["urls"]["postgres"]
    return f"postgresql://postgres:{secret(data, 'postgres')}@{where}/postgres"
