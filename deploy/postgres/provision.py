"""One database and three roles for each service, with no grants across; safe to run again."""

import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import asyncpg

from deploy import Trouble
from shared import database
from shared.settings import store_url

SERVICES = ("intake", "scheduling", "feedback", "analytics")
_OLDEST = 180000  # server_version_num of 18: uuidv7(), and settings that roles get
_ONE_AT_A_TIME = 5_483_771  # an advisory lock of ours
_TEXT = "template template0 encoding 'UTF8' locale_provider builtin locale 'C.UTF-8'"
"""How text is sorted: everywhere as Python does it, and never otherwise after an upgrade of the system's libraries."""

_ADMINISTRATOR_IS = "KITH_POSTGRES names one with CREATEROLE and CREATEDB, who made these roles, or a superuser."


def login_roles(service: str) -> tuple[str, str]:
    """The roles that log in: the doors, and the machinery (relay, runner, timers)."""
    return service, f"{service}_machinery"


def dsn_of(admin_dsn: str, database_name: str) -> str:
    """The same server and administrator, another database."""
    return urlsplit(admin_dsn)._replace(path=f"/{database_name}").geturl()


async def provision(admin_dsn: str, passwords: dict[str, str], services: Sequence[str] = SERVICES) -> None:
    """Make what is missing, and set every password and setting to what it has to be."""
    admin = await _connect(admin_dsn)
    try:
        if await admin.fetchval("select current_setting('server_version_num')::int") < _OLDEST:
            raise Trouble("Kith needs PostgreSQL 18 or newer.")
        await admin.execute("select pg_advisory_lock($1)", _ONE_AT_A_TIME)
        for service in services:
            await _provision_one(admin, service, passwords)
    except asyncpg.InsufficientPrivilegeError as error:
        raise Trouble(f"PostgreSQL's administrator may not do what Kith needs: {error}. {_ADMINISTRATOR_IS}") from error
    finally:
        await admin.close()


async def migrate(
    admin_dsn: str, passwords: dict[str, str], services: Sequence[str] = SERVICES
) -> dict[str, list[str]]:
    """Provision, then bring every database to its newest migration; which files were applied."""
    await provision(admin_dsn, passwords, services)
    return {service: await _migrate_one(dsn_of(admin_dsn, service), service) for service in services}


async def _migrate_one(dsn: str, service: str) -> list[str]:
    try:
        return await database.migrate(dsn, service, f"{service}_owner")
    except RuntimeError as error:  # a file is not what it was when it was applied
        raise Trouble(f"The store of {service} stays as it is: {error}.") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise Trouble(f"The store of {service} stays as it is: {error}. {_ADMINISTRATOR_IS}") from error


async def _connect(admin_dsn: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(store_url(admin_dsn), timeout=15)
    except ssl.SSLError as error:  # also a ValueError
        raise Trouble(f"PostgreSQL cannot be trusted: {error}.") from error
    except ValueError:  # it may repeat a part of the password
        raise Trouble(
            "PostgreSQL's address has to be like postgresql://user:password@host:port/database. "
            "In a password special characters are escaped: @ is %40, / is %2F."
        ) from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        where = urlsplit(admin_dsn).netloc.rpartition("@")[2]
        raise Trouble(f"PostgreSQL at {where} cannot be used: {error}.") from error


async def _provision_one(admin: asyncpg.Connection, service: str, passwords: dict[str, str]) -> None:
    owner = f"{service}_owner"
    doors, machinery = login_roles(service)
    await _role(admin, owner, "nologin")
    # An administrator who is no superuser may act for a role only if told so.
    await admin.execute(f"grant {owner} to current_user with inherit true, set true")
    for role in (doors, machinery):
        password = await _literal(admin, passwords[role])
        await _role(admin, role, f"login password {password}")
        await admin.execute(f"alter role {role} set idle_in_transaction_session_timeout = '5s'")
        await admin.execute(f"alter role {role} set lock_timeout = '5s'")
    await admin.execute(f"alter role {doors} set statement_timeout = '30s'")
    if not await admin.fetchval("select true from pg_database where datname = $1", service):
        await admin.execute(f"create database {service} owner {owner} {_TEXT}")
    await admin.execute(f"revoke connect on database {service} from public")
    await admin.execute(f"grant connect on database {service} to {doors}, {machinery}")


async def _role(admin: asyncpg.Connection, name: str, options: str) -> None:
    exists = await admin.fetchval("select true from pg_roles where rolname = $1", name)
    await admin.execute(f"{'alter' if exists else 'create'} role {name} {options}")


async def _literal(admin: asyncpg.Connection, text: str) -> str:
    """The text as PostgreSQL writes it: `create role` takes no parameters."""
    quoted: str = await admin.fetchval("select quote_literal($1::text)", text)
    return quoted
