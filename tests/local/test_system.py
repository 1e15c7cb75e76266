"""The real parts together: started in order, told what they need, stopped without a trace."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from typer.testing import CliRunner

from deploy import Trouble
from deploy.cli.app import app
from deploy.local import folder
from deploy.local.ports import free_port
from deploy.local.settings import Settings
from deploy.local.supervisor import System
from shared.security import Verifier
from tests.local.conftest import is_running, temporary_folder
from tests.local.stand_in import INTAKE

SAID: list[str] = []


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[System]:
    """Kith with one stand-in service."""
    with temporary_folder() as data:
        settings = Settings(data, free_port(), free_port(), free_port(), postgres="", kafka="")
        made = System(settings, [INTAKE], say=SAID.append)
        await made.start()
        yield made
        pids = [made.pid(name) for name in ("postgresql", "kafka", "gateway", "devtools", "intake")]
        await made.stop()
        assert not any(map(is_running, pids))
        assert not (data / "run.json").exists()


@pytest.fixture
def in_its_folder(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITH_DATA", str(system.settings.data))
    for name in ("KITH_POSTGRES", "KITH_KAFKA"):
        monkeypatch.delenv(name, raising=False)


async def _told(system: System) -> dict[str, str]:
    async with httpx.AsyncClient() as client:
        told: dict[str, str] = (await client.get(f"{system.urls['intake-ops']}/readyz")).json()
    return told


def test_each_step_is_said_with_its_time(system: System) -> None:
    names = [line.split(" ready")[0] for line in SAID[:6]]
    assert set(names[:2]) == {"postgresql 18.6", "kafka 4.4.0"}
    assert set(names[2:4]) == {"databases", "topics"}
    assert set(names[4:6]) == {"gateway", "devtools"}
    assert SAID[6].startswith("intake ready")
    assert all(line.endswith(" s") for line in SAID)


async def test_a_service_is_told_what_it_needs_and_not_the_administrators_password(
    system: System,
) -> None:
    told = await _told(system)
    assert told["KITH_ENVIRONMENT"] == "development"
    assert told["KITH_ISSUER"] == f"{system.urls['public']}/issuer"
    assert told["KITH_SLOT"] == "intake-0"
    assert "KITH_POSTGRES" not in told
    for name in ("KITH_DATABASE", "KITH_DATABASE_MACHINERY"):
        await (await asyncpg.connect(told[name])).close()


@pytest.mark.usefixtures("in_its_folder")
async def test_the_command_gives_a_token_that_services_accept(system: System) -> None:
    arguments = ["token", "--organisation", "harbour-trust", "--role", "coordinator"]
    given = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--site", "old-town", "--name", "Ana Ruiz"])
    assert given.exit_code == 0, given.output
    who = await Verifier(system.urls["issuer"], "kith").who(given.output.strip())
    assert (who.name, set(who.sites)) == ("Ana Ruiz", {"old-town"})


@pytest.mark.usefixtures("in_its_folder")
async def test_topics_and_migrate_find_what_runs_here(system: System) -> None:
    topics = await asyncio.to_thread(CliRunner().invoke, app, ["topics"])
    assert topics.exit_code == 0, topics.output
    assert "created" not in topics.output
    migrate = await asyncio.to_thread(CliRunner().invoke, app, ["migrate"])
    assert migrate.exit_code == 0, migrate.output
    assert "intake  nothing new" in migrate.output


async def test_a_part_can_be_killed_and_started_again(system: System) -> None:
    for name in ("intake", "kafka", "postgresql"):
        before = system.pid(name)
        system.kill(name)
        assert not system.is_alive(name)
        await system.start_one(name)
        assert system.pid(name) != before
    assert (await _told(system))["KITH_SLOT"] == "intake-0"


async def test_a_death_is_named_with_the_end_of_its_log(system: System) -> None:
    system.kill("intake")
    with pytest.raises(Trouble, match="intake has ended by itself") as raised:
        async with asyncio.timeout(5):
            await system.watch()
    assert "Uvicorn running" in str(raised.value)
    await system.start_one("intake")


async def test_two_systems_cannot_share_a_folder(system: System) -> None:
    with pytest.raises(Trouble, match="Kith runs already with"):
        await System(system.settings).start()


async def test_a_port_in_use_is_named(system: System, data: Path) -> None:
    with pytest.raises(Trouble, match=r"Port \d+ for the gateway is in use.*KITH_PORT"):
        await System(Settings(data, system.settings.port, free_port(), free_port())).start()


def test_a_full_disk_is_told_first(data: Path) -> None:
    with pytest.raises(Trouble, match="MB are free"):
        folder.require_room(data, mb_min=10**9)


def test_a_command_without_a_running_kith_says_how_to_start_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITH_DATA", str(data))
    arguments = ["token", "--organisation", "o", "--role", "operator", "--site", "*"]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 1
    assert "start it with `kith up`" in answer.output


@pytest.mark.parametrize("command", ["up", "token", "topics", "migrate"])
def test_each_command_has_help_with_an_example(command: str) -> None:
    answer = CliRunner().invoke(app, [command, "--help"])
    assert answer.exit_code == 0
    assert "Example:" in answer.output
