"""Each service has a database of its own, and no way into another's."""

import asyncpg
import pytest

from deploy.postgres import provision

PASSWORDS = {role: f"it's {role}" for service in provision.SERVICES for role in provision.login_roles(service)}


async def _connect(admin_dsn: str, role: str, database: str) -> asyncpg.Connection:
    dsn = provision.dsn_of(admin_dsn, database)
    return await asyncpg.connect(dsn, user=role, password=PASSWORDS[role])


async def test_it_may_run_again(admin_dsn: str) -> None:
    await provision.provision(admin_dsn, PASSWORDS)
    await provision.provision(admin_dsn, PASSWORDS)


async def test_a_service_cannot_enter_the_database_of_another(admin_dsn: str) -> None:
    await provision.provision(admin_dsn, PASSWORDS)
    for role in provision.login_roles("intake"):
        await (await _connect(admin_dsn, role, "intake")).close()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _connect(admin_dsn, role, "feedback")


async def test_the_roles_have_their_limits(admin_dsn: str) -> None:
    await provision.provision(admin_dsn, PASSWORDS)
    doors = await _connect(admin_dsn, "intake", "intake")
    assert await doors.fetchval("show statement_timeout") == "30s"
    assert await doors.fetchval("show lock_timeout") == "5s"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await doors.execute("create table public.mine (x int)")
    await doors.close()
    machinery = await _connect(admin_dsn, "intake_machinery", "intake")
    assert await machinery.fetchval("show idle_in_transaction_session_timeout") == "5s"
    assert await machinery.fetchval("show statement_timeout") == "0"
    await machinery.close()


async def test_an_administrator_without_superuser_can_do_it(admin_dsn: str) -> None:
    admin = await asyncpg.connect(admin_dsn)
    await admin.execute("create role plain_admin login createrole createdb password 'p'")
    dsn = admin_dsn.replace(admin_dsn.split("://")[1].split("@")[0], "plain_admin:p")
    await provision.provision(dsn, {"other": "a", "other_machinery": "b"}, ["other"])
    await admin.close()
    other = await asyncpg.connect(provision.dsn_of(dsn, "other"))
    await other.execute("set role other_owner; create table owned (x int)")
    await other.close()


async def test_text_is_the_same_in_every_store_whatever_the_server_was_made_with(admin_dsn: str) -> None:
    admin = await asyncpg.connect(admin_dsn)
    await admin.execute("alter database template1 rename to template_of_ours")
    try:
        await admin.execute("create database template1 template template0 locale_provider libc locale 'C'")
        await provision.provision(admin_dsn, {"elsewhere": "a", "elsewhere_machinery": "b"}, ["elsewhere"])
    finally:
        await admin.execute("drop database if exists template1")
        await admin.execute("alter database template_of_ours rename to template1")
        await admin.close()
    elsewhere = await asyncpg.connect(provision.dsn_of(admin_dsn, "elsewhere"))
    assert await elsewhere.fetchval("select lower('ÅSE') = 'åse' and 'B' < 'a'")
    await elsewhere.close()


async def test_migrations_are_applied_once(admin_dsn: str) -> None:
    first = await provision.migrate(admin_dsn, PASSWORDS)
    second = await provision.migrate(admin_dsn, PASSWORDS)
    assert set(first) == set(provision.SERVICES)
    assert all(files == [] for files in second.values())
