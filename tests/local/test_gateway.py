"""The gateway sends each path to its process, whole, and is honest about what is away."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request

from deploy.local.child import Child, Launch, until
from deploy.local.gateway import _COMPOSITION, Gateway, _caddy
from deploy.local.jars import htmx
from deploy.local.ports import free_port
from tests.local.conftest import running


@asynccontextmanager
async def an_upstream(name: str) -> AsyncIterator[int]:
    """A process that answers with its name and the path that it was asked for."""
    app, port = FastAPI(), free_port()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def echo(path: str, request: Request) -> dict[str, object]:
        return {"name": name, "path": f"/{path}", "size": len(await request.body())}

    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="error"))
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    assert await until(started, 10)
    yield port
    server.should_exit = True
    await task


@pytest.fixture
async def browser(data: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser before a gateway whose feedback and analytics are away."""
    htmx(data)
    async with an_upstream("intake") as intake, an_upstream("devtools") as devtools:
        ports = {"intake": [free_port(), intake], "feedback": [free_port()], "analytics": [free_port()]}  # a dead twin
        port = free_port()
        async with (
            running(Gateway(data, port, ports, devtools), data),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        ):
            yield client


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "intake"),
        ("/sign-in", "intake"),
        ("/signed-in", "intake"),
        ("/intake", "intake"),
        ("/intake/api/v1/sites", "intake"),
        ("/issuer/jwks", "devtools"),
        ("/mail", "devtools"),
        ("/mail/api/messages", "devtools"),
        ("/mailbox", "intake"),
    ],
)
async def test_each_path_reaches_its_process_whole(browser: httpx.AsyncClient, path: str, name: str) -> None:
    answer = (await browser.get(path)).json()
    assert (answer["name"], answer["path"]) == (name, path)


@pytest.mark.parametrize("path", ["/feedback/stories", "/c/a-token", "/analytics"])
async def test_a_part_that_is_away_says_so(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert "is starting or away, try again in a minute." in answer.text
    assert ("call the emergency number" in answer.text) == path.startswith("/c/")
    problem = await browser.get("/analytics/api/v1/views")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.headers["retry-after"] == "60"
    assert problem.json()["code"] == "away"


async def test_too_large_a_form_gets_a_page(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/intake/participants/enrol", content=b"x" * 1_100_000)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "text/html;charset=utf-8")
    assert "What was sent is too large." in answer.text
    assert "emergency number" not in answer.text


async def test_a_dead_twin_is_passed_over(browser: httpx.AsyncClient) -> None:
    for method in ("GET", "POST") * 10:
        answer = await browser.request(method, "/intake/api/v1/x", content=b"{}")
        assert answer.json() == {"name": "intake", "path": "/intake/api/v1/x", "size": 2}


async def test_the_link_of_a_check_in_is_not_logged(browser: httpx.AsyncClient, data: Path) -> None:
    await browser.get("/c/a-secret-token")
    assert "a-secret-token" not in (data / "logs" / "gateway.log").read_text()


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/intake/api/v1/x", 900_000, 200),
        ("/intake/api/v1/x", 1_100_000, 413),
        ("/intake/api/v1/import-file", 7_900_000, 200),
        ("/intake/api/v1/import-file", 8_100_000, 413),
    ],
)
async def test_large_bodies_are_refused(browser: httpx.AsyncClient, path: str, size: int, status: int) -> None:
    answer = await browser.post(path, content=b"x" * size)
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["code"] == "body-too-large"


async def test_static_files_are_cached_and_compressed(browser: httpx.AsyncClient) -> None:
    script = await browser.get("/static/htmx.min.js", headers={"Accept-Encoding": "gzip"})
    assert script.headers["content-encoding"] == "gzip"
    assert "max-age" in script.headers["cache-control"]
    again = await browser.get(
        "/static/htmx.min.js",
        headers={"If-None-Match": script.headers["etag"], "Accept-Encoding": "gzip"},
    )
    assert again.status_code == 304
    assert (await browser.get("/static/kith.css")).status_code == 200


def adapted(address: str) -> dict[str, Any]:
    """What Caddy makes of the composition's file."""
    command = [_caddy(), "adapt", "--config", str(_COMPOSITION)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"KITH_SITE_ADDRESS": address})
    configuration: dict[str, Any] = json.loads(done.stdout)
    return configuration


@asynccontextmanager
async def the_one_of_a_composition(data: Path, address: str) -> AsyncIterator[dict[str, int]]:
    """The gateway as in its container, but for ports of ours; it tells which stands for which."""
    configuration = await asyncio.to_thread(adapted, address)
    http = configuration["apps"]["http"]
    ports = {one["listen"][0]: free_port() for one in http["servers"].values()}
    for one in http["servers"].values():
        one["listen"] = [f"127.0.0.1:{ports[one['listen'][0]]}"]
        one["protocols"] = ["h1", "h2"]  # free_port knows only of TCP
        one.setdefault("automatic_https", {})["disable_redirects"] = True
    configuration["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    file = data / "caddy.json"
    file.write_text(json.dumps(configuration))
    own = {"XDG_DATA_HOME": str(data / "data"), "XDG_CONFIG_HOME": str(data / "config")}
    child = Child("gateway", Launch([_caddy(), "run", "--config", str(file)], os.environ | own), data / "gateway.log")

    async def ready() -> bool:
        """Also with its certificate, which it makes once it listens."""
        try:
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                if ":443" in ports:
                    await client.get(f"https://localhost:{ports[':443']}/")
                return (await client.get(f"http://127.0.0.1:{ports['127.0.0.1:8081']}/")).text == "ok"
        except httpx.HTTPError:
            return False

    try:
        assert await until(ready, 30), child.last_lines()
        yield ports
    finally:
        await child.stop()


@pytest.mark.parametrize(
    ("address", "listens", "told"), [(":8080", ":8080", None), ("localhost", ":443", "max-age=31536000")]
)
async def test_a_gateway_with_a_certificate_of_its_own_has_browsers_keep_to_it(
    data: Path, address: str, listens: str, told: str | None
) -> None:
    async with (
        the_one_of_a_composition(data, address) as ports,
        httpx.AsyncClient(trust_env=False, verify=False) as client,
    ):
        where = f"{'https' if told else 'http'}://localhost:{ports[listens]}"
        for path in ("/static/none.css", "/intake"):  # no service is there: what the gateway says by itself
            answer = await client.get(f"{where}{path}")
            assert answer.status_code in (404, 503)
            assert answer.headers.get("strict-transport-security") == told
