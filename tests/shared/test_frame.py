"""What every door refuses before anything else happens, and how it says so."""

from dataclasses import replace
from typing import Any

import pytest
from fastapi import APIRouter
from prometheus_client import REGISTRY

from services.feedback.app import create
from services.intake.app import create as intake
from tests.doors import bearer, doors, token

BATTERY = "/feedback/api/v1/batteries/evening-circle"


@pytest.fixture
async def client(fresh_store: Any) -> Any:
    async with doors(create(), await fresh_store("feedback")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("public_url", "origin"),
    [
        ("https://Kith.Example.org", "https://kith.example.org"),
        ("https://kith.example.org:443", "https://kith.example.org"),
        ("http://kith.example.org:8080", "http://kith.example.org:8080"),
        ("https://ayuda-mútua.example", "https://xn--ayuda-mtua-tdb.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
async def test_our_own_address_is_ours_however_it_is_written(fresh_store: Any, public_url: str, origin: str) -> None:
    async with doors(create(), await fresh_store("feedback"), public_url=public_url) as client:
        client.cookies.set("kith_session", token("administrator"))
        answer = await client.put(BATTERY, json={"entries": []}, headers={"origin": origin})
    assert answer.json()["code"] != "wrong-origin"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"x" * (64 * 1024 + 1), 413, "body-too-large"),
        (b"{broken", 422, "invalid-fields"),
        (b"", 422, "invalid-fields"),
        (b"[]", 422, "invalid-fields"),
        (b'{"entries": "many"}', 422, "invalid-fields"),
        (b'{"entries": [], "colour": "red"}', 422, "invalid-fields"),
        (b"\xff\xfe", 422, "invalid-fields"),
    ],
)
async def test_a_bad_body_has_a_problem_document(client: Any, body: bytes, status: int, code: str) -> None:
    headers = bearer("administrator") | {"content-type": "application/json"}
    answer = await client.put(BATTERY, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": 1}, "token-not-valid"),
        ({"aud": "somebody-else"}, "token-not-valid"),
        ({"iss": "http://elsewhere.test"}, "token-not-valid"),
        ({"roles": []}, "no-role-here"),
        ({"roles": ["emperor"]}, "no-role-here"),
        ({"organisation": ""}, "no-role-here"),
    ],
)
async def test_a_token_that_is_not_for_us_opens_nothing(client: Any, claims: dict[str, Any], code: str) -> None:
    answer = await client.get("/feedback/api/v1/instruments", headers=bearer("administrator", **claims))
    assert (answer.status_code, answer.json()["code"]) == (401 if code == "token-not-valid" else 403, code)


async def test_a_token_whose_signature_is_wrong_opens_nothing(client: Any) -> None:
    head, body, signature = token("administrator").split(".")
    forged = f"{head}.{body}.{signature[::-1]}"
    answer = await client.get("/feedback/api/v1/instruments", headers={"authorization": f"Bearer {forged}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("origin", [None, "null", "http://evil.test"])
async def test_a_change_by_cookie_must_come_from_our_own_pages(client: Any, origin: str | None) -> None:
    client.cookies.set("kith_session", token("administrator"))
    headers = {"origin": origin} if origin else {}
    answer = await client.put(BATTERY, json={"entries": []}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong-origin")
    other = await client.put(BATTERY, json={"entries": []}, headers=headers | {"authorization": "Basic YTpi"})
    assert (other.status_code, other.json()["code"]) == (403, "wrong-origin")
    fine = await client.put(BATTERY, json={"entries": []}, headers={"origin": "http://kith.test"})
    assert fine.json()["code"] != "wrong-origin"


async def test_a_page_asks_to_sign_in_and_comes_back(client: Any) -> None:
    answer = await client.get("/feedback/?need=due")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Ffeedback%2F%3Fneed%3Ddue"


async def test_a_body_whose_end_is_missing_is_not_acted_on(fresh_store: Any) -> None:
    """A server tells by a disconnect that the sender has gone; what came so far may look whole."""
    waiting = [
        {"type": "http.request", "body": b'{"name": "Half a house"}', "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    async with doors(intake(), store := await fresh_store("intake")) as opened:
        headers = bearer("administrator") | {"content-type": "application/json"}
        scope = {
            "type": "http",
            "method": "PUT",
            "path": "/intake/api/v1/organisation",
            "query_string": b"",
            "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        }
        await opened._transport.app(scope, receive, send)
    assert answered[0]["status"] == 400
    assert await store.machinery.pool.fetchval("select count(*) from machinery.event_log") == 0


async def test_a_fault_is_answered_and_counted_as_one(fresh_store: Any) -> None:
    router, path = APIRouter(), "/feedback/api/v1/at-fault/{what}"

    @router.get(path)
    async def at_fault(what: str) -> None:
        raise ZeroDivisionError(what)

    def counted(status: int) -> float | None:
        labels = {"method": "GET", "route": path, "status": str(status)}
        return REGISTRY.get_sample_value("kith_http_request_seconds_count", labels)

    service = replace(create(), routers=[*create().routers, router])
    async with doors(service, await fresh_store("feedback")) as client:
        answer = await client.get(path.format(what="something"))
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert (counted(500), counted(200)) == (1, None)
