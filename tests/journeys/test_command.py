"""The command as an administrator or an operator types it, against a running Kith."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.local.settings import Settings
from deploy.local.supervisor import System
from tests.conftest import Parts
from tests.journeys.conftest import Kith
from tests.local.conftest import running as running_part
from tests.local.conftest import temporary_folder

ORGANISATION = 'code = "{code}"\nname = "A house"\n'


async def kith_command(*words: str, **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *words),
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_an_import_says_what_went_in_and_what_did_not(kith: Kith, tmp_path: Path) -> None:
    code = "typed-house"
    (tmp_path / "organisation.toml").write_text(ORGANISATION.format(code=code))
    (tmp_path / "sites.csv").write_text(
        "code,name,time_zone,languages\npier,Pier,Europe/Oslo,en\nmoon,Moon,Moon/Tranquility,en\n"
    )
    token = await kith.token(code, "administrator")
    status, out, err = await kith_command("import", str(tmp_path), "--url", kith.url, KITH_TOKEN=token)
    assert status == 1
    assert "2 rows: 1 new, 0 changed, 0 unchanged, 1 refused" in out
    assert "sites.csv, line 3, column time_zone:" in err
    status, out, _ = await kith_command("import", str(tmp_path), "--url", kith.url, "--json", KITH_TOKEN=token)
    assert status == 1
    [_, sites] = json.loads(out)
    assert (sites["unchanged"], sites["refused"][0]["line"]) == (1, 3)


async def test_templates_can_be_imported_as_they_are(kith: Kith, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    status, _, err = await kith_command("import", "--templates", str(folder))
    assert (status, err) == (0, "")
    assert len(list(folder.glob("*.csv"))) == 8
    about = folder / "organisation.toml"
    about.write_text(about.read_text().replace("harbour-trust", "template-house"))
    token = await kith.token("template-house", "administrator")
    status, out, err = await kith_command("import", str(folder), "--url", kith.url, KITH_TOKEN=token)
    assert status == 0, out + err
    status, _, err = await kith_command("import", "--templates", str(folder))
    assert status == 1
    assert "already" in err


@pytest.mark.parametrize(
    "words", [["--help"], *([one, "--help"] for one in ("demo", "up", "token", "import", "topics"))]
)
async def test_every_command_explains_itself(words: list[str]) -> None:
    status, out, _ = await kith_command(*words)
    assert status == 0
    assert words == ["--help"] or "Example:" in out


@pytest.mark.parametrize("service", ["intake", "scheduling", "feedback", "analytics"])
async def test_prometheus_can_read_the_metrics_and_no_label_is_an_id(kith: Kith, service: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{kith.url}/{service}/api/openapi.json")).status_code == 200
        text = (await http.get(f"{kith.system.urls[f'{service}-ops']}/metrics")).text
    promtool = shutil.which("promtool")
    assert promtool, "promtool is needed: run make tools"
    process = await asyncio.create_subprocess_exec(
        promtool, "check", "metrics", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    ours = "".join(line + "\n" for line in text.splitlines() if "kith_" in line)
    _, complaints = await process.communicate(ours.encode())
    assert process.returncode == 0, complaints.decode()
    assert "kith_outbox_oldest_seconds" in ours
    assert "kith_concerns_overdue" in ours
    assert "kith_http_request_seconds_count" in ours
    assert "-7" not in "".join(line.partition("}")[0] for line in ours.splitlines() if "{" in line)


async def test_servers_of_the_environment_replace_the_embedded_ones(parts: Parts) -> None:
    with temporary_folder() as servers, temporary_folder() as data:
        postgres = Postgres(servers, free_port())
        async with running_part(postgres, servers):
            system = System(Settings(data, free_port(), postgres=postgres.dsn, kafka=parts.kafka))
            await system.start()
            try:
                assert not system.is_alive("postgresql")
                assert not system.is_alive("kafka")
                async with httpx.AsyncClient(trust_env=False) as http:
                    assert (await http.get(f"{system.urls['public']}/sign-in")).status_code == 200
            finally:
                await system.stop()


async def test_a_view_is_rebuilt_beside_the_live_one_and_put_in_its_place(kith: Kith) -> None:
    here = {"KITH_DATA": str(kith.system.settings.data)}
    status, out, err = await kith_command("rebuild", "analytics", "nothing", **here)
    assert (status, out) == (1, "")
    assert "analytics has no view nothing: choose from facts." in err
    status, out, err = await kith_command("rebuild", "analytics", "facts", "--json", "--switch", **here)
    assert (status, err) == (0, "")
    assert json.loads(out) == {"view": "facts", "differences": [], "switched": True}
    status, _, err = await kith_command("rebuild", "analytics", "facts", **here)
    assert (status, "drop them first" in err) == (1, True)
    status, out, _ = await kith_command("rebuild", "analytics", "facts", "--drop", **here)
    assert (status, "is gone" in out) == (0, True)
