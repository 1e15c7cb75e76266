"""The gateway sends each path to its process, whole, and is honest about what is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request

from deploy.local.child import until
from deploy.local.gateway import Gateway
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
