"""The database server is real, private to this machine, and keeps its data."""

import dataclasses
import os
import shutil
import stat
from pathlib import Path

import asyncpg
import pytest

from deploy import Trouble
from deploy.local.child import Account
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres, packaged_install, reachable_install
from deploy.local.secrets import secret
from shared.settings import DOORS_CONNECTIONS, MACHINERY_CONNECTIONS
from tests.local.conftest import running


async def test_data_survives_a_restart_on_another_port(data: Path) -> None:
    first = Postgres(data, free_port())
    async with running(first, data):
        connection = await asyncpg.connect(first.dsn)
        await connection.execute("create table kept (x int); insert into kept values (7)")
        await connection.close()
    second = Postgres(data, free_port())
    async with running(second, data):
        connection = await asyncpg.connect(second.dsn)
        assert await connection.fetchval("select x from kept") == 7
        await connection.close()


async def test_it_asks_for_the_password_keeps_fsync_and_opens_no_socket(admin_dsn: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(admin_dsn, password="wrong")
    connection = await asyncpg.connect(admin_dsn)
    assert await connection.fetchval("show fsync") == "on"
    assert await connection.fetchval("show unix_socket_directories") == ""
    assert await connection.fetchval("show listen_addresses") == "127.0.0.1"
    assert await connection.fetchval("show server_version_num") >= "180000"
    await connection.close()


async def test_every_process_of_every_service_can_have_all_its_connections(data: Path) -> None:
    postgres = Postgres(data, free_port(), processes=3)
    async with running(postgres, data):
        each = 3 * 4 * (DOORS_CONNECTIONS + MACHINERY_CONNECTIONS)
        opened = [await asyncpg.connect(postgres.dsn) for _ in range(each)]
        await (await asyncpg.connect(postgres.dsn)).close()  # and a command
        for connection in opened:
            await connection.close()


async def test_it_comes_back_after_a_kill(data: Path) -> None:
    postgres = Postgres(data, free_port())
    async with running(postgres, data) as child:
        child.kill()
    async with running(postgres, data):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become a plain account")
async def test_an_install_that_the_plain_account_cannot_reach_is_copied(data: Path) -> None:
    closed = data / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(packaged_install(), closed / "pginstall")
    account = Account(1, 1)
    copied = reachable_install(closed / "pginstall", data, account)
    assert copied.parent == data
    assert reachable_install(copied, data, account) == copied


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become a plain account")
def test_a_folder_that_the_plain_account_cannot_enter_is_named(data: Path) -> None:
    data.chmod(0o700)
    with pytest.raises(Trouble, match="set KITH_DATA to a folder that others may pass through"):
        Postgres(data, free_port()).prepare()


def test_secrets_are_kept_and_private(data: Path) -> None:
    assert secret(data, "a") == secret(data, "a") != secret(data, "b")
    assert stat.S_IMODE((data / "secrets.json").stat().st_mode) == 0o600


async def test_the_password_is_not_shown_with_the_launch(data: Path) -> None:
    launch = Postgres(data, free_port()).prepare()
    assert secret(data, "postgres") not in repr(dataclasses.replace(launch))
    assert not list((data / "postgres").glob("password"))
