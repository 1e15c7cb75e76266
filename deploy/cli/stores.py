"""The stores of the services, as their machinery's role: for commands that must work when a service does not."""

import importlib
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from deploy import Trouble
from deploy.local import folder
from deploy.local.secrets import secret
from deploy.local.settings import data_folder
from deploy.postgres.provision import SERVICES
from shared.database import OUTAGES, Database
from shared.settings import store_url

if TYPE_CHECKING:  # a service brings a web framework with it: a command that needs none starts at once
    from shared.service import Service

SECONDS_MAX = 3600
_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)


def known(service: str) -> str:
    """The name of a service, or a Trouble that lists them."""
    if service not in SERVICES:
        raise Trouble(f"{service} is no service: choose from {', '.join(SERVICES)}.")
    return service


def parts_of(service: str) -> "Service":
    """The service as it is shipped: its handlers and views."""
    created: Service = importlib.import_module(f"services.{known(service)}.app").create()
    return created


@asynccontextmanager
async def store_of(service: str) -> AsyncIterator[Database]:
    """The store of a service: KITH_DATABASE_MACHINERY, else that of the Kith whose folder is KITH_DATA."""
    try:
        database = await Database.open(
            store_url(machinery_dsn(known(service))), size=4, name=f"kith command on {service}", seconds_max=SECONDS_MAX
        )
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise Trouble(
            f"The store of {service} does not let us in: {error}. Name it in KITH_DATABASE_MACHINERY."
        ) from error
    except asyncpg.InvalidCatalogNameError as error:
        raise Trouble(f"There is no store of {service} yet: {error}. `kith migrate` makes it.") from error
    except ssl.SSLError as error:  # also a ValueError
        raise Trouble(f"The store of {service} cannot be trusted: {error}.") from error
    except ValueError:  # it may repeat a part of the password
        raise Trouble("KITH_DATABASE_MACHINERY has to be like postgresql://user:password@host:port/database.") from None
    except OUTAGES as error:
        raise Trouble(f"The store of {service} does not answer: {error}. Is Kith running here?") from error
    try:
        yield database
    except _NOT_MIGRATED as error:
        raise Trouble(
            f"The store of {service} is not that of this version of Kith: {error}. Type `kith migrate`."
        ) from error
    finally:
        await database.close()


def machinery_dsn(service: str) -> str:
    """Where the store is and who we are there. Holds a password."""
    if named := os.environ.get("KITH_DATABASE_MACHINERY"):
        owner = urlsplit(named).path.removeprefix("/")
        if owner in SERVICES and owner != service:
            raise Trouble(
                f"KITH_DATABASE_MACHINERY is the store of {owner}, not of {service}. "
                f"Type this where {service} runs, or name its store."
            )
        return named
    data, role = data_folder(), f"{service}_machinery"
    server = os.environ.get("KITH_POSTGRES")
    where = urlsplit(server).netloc.rpartition("@")[2] if server else folder.read_run(data)["urls"]["postgres"]
    return f"postgresql://{role}:{secret(data, role)}@{where}/{service}"
