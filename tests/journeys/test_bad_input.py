"""Bad input at every door: each case has its fixed answer, nothing is half written, and no log tells what was sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.postgres.provision import SERVICES
from tests.journeys.bad_bodies import CASES, ENROL, PERSON, Case, having
from tests.journeys.bad_forms import CASES as FORMS
from tests.journeys.bad_house import CANARY, House, at_rest, build, lines_of_services, logs_with
from tests.journeys.bad_wire import HEAD, KIND, WIRES, Wire, exchange
from tests.journeys.conftest import Kith


@pytest.fixture(scope="module")
async def house(kith: Kith) -> AsyncIterator[House]:
    """Whatever the cases do to it: afterwards each store has as many rows as before, and the logs tell nothing."""
    made = await build(kith)
    before = await at_rest(kith)
    yield made
    assert await at_rest(kith) == before
    assert logs_with(kith, CANARY) == []


@pytest.fixture(scope="module")
async def http(kith: Kith) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=kith.url, trust_env=False, timeout=60) as opened:
        yield opened


async def knock(http: httpx.AsyncClient, house: House, case: Case) -> httpx.Response:
    """Send a case as it stands in the table; programs bring a token, links are their own."""
    method, _, path = house.fill(case.door.encode()).decode().partition(" ")
    told = {name: house.fill(text.encode()).decode() for name, text in case.headers.items()}
    token = {"authorization": f"Bearer {house.token}"} if "/api/" in path else {}
    return await http.request(method, path, content=house.fill(case.body), headers=told | token)


def said(answer: httpx.Response) -> str:
    """`status code field`, as the table has it."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind != "application/problem+json":
        return f"{answer.status_code} {'page' if kind == 'text/html' else 'text'} -"
    problem = answer.json()
    first = (problem.get("errors") or [{"code": problem["code"], "field": "-"}])[0]
    return f"{answer.status_code} {first['code']} {first['field']}"


@pytest.mark.parametrize("case", [*CASES, *FORMS], ids=lambda one: one.name)
async def test_a_door_gives_the_one_answer(http: httpx.AsyncClient, house: House, case: Case) -> None:
    answer = await knock(http, house, case)
    assert said(answer) == case.answer
    assert CANARY not in answer.headers.values()
    if answer.headers["content-type"].startswith("text/html"):
        assert "emergency number" in answer.text or "555-0100" in answer.text  # all pages here are those of a link


@pytest.mark.parametrize("wire", WIRES, ids=lambda one: one.name)
async def test_a_connection_gives_the_one_answer(kith: Kith, house: House, wire: Wire) -> None:
    sent = house.fill(wire.sent).replace(b"TOKEN", house.token.encode())
    status, answer = await exchange(urlsplit(kith.url).port or 80, wire, sent)
    assert status in wire.statuses, answer
    assert wire.word in answer


async def test_every_line_that_a_service_logs_is_one_json_object(kith: Kith, house: House) -> None:
    lines = lines_of_services(kith)
    assert lines
    assert {json.loads(line)["service"] for line in lines} == set(SERVICES)


async def test_slow_bodies_hold_nobody(kith: Kith, http: httpx.AsyncClient, house: House) -> None:
    slow = [await begin_slowly(kith, house) for _ in range(40)]
    answer = await http.get("/intake/api/v1/participants", headers={"authorization": f"Bearer {house.token}"})
    assert answer.status_code == 200
    for writer in slow:
        writer.close()


async def begin_slowly(kith: Kith, house: House) -> asyncio.StreamWriter:
    """A request of which the first byte has come, and the others have not."""
    _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(kith.url).port)
    writer.write(HEAD.replace(b"TOKEN", house.token.encode()) + KIND + b"Content-Length: 300\r\n\r\n{")
    await writer.drain()
    return writer


STRANGE = {
    "emoji": "\U0001f469\U0001f3fd‍\U0001f692",
    "written from right to left": "‮annA‬",
    "a formula": "=cmd|' /C calc'!A0",
    "a template": "{{7*7}}${7*7}<%= 7*7 %>",
    "a script": "<script>alert('x')</script>",
    "a statement": "Robert'); drop table participants;--",
    "accents on accents": "Z" + "́" * 150,
}


@pytest.mark.parametrize("name", STRANGE.values(), ids=STRANGE)
async def test_a_strange_name_is_kept_as_it_is(kith: Kith, http: httpx.AsyncClient, name: str) -> None:
    """In a house of their own: these are written. Sent as UTF-8 with and without its mark."""
    token = {"authorization": f"Bearer {await strange_house(kith)}", "content-type": "application/json"}
    path = ENROL.partition(" ")[2]
    for mark in (b"", b"\xef\xbb\xbf"):
        answer = await http.post(path, content=mark + having(PERSON, preferred_name=name), headers=token)
        assert answer.status_code == 201, answer.text
        one = await http.get(f"{path}/{answer.json()['participant_id']}", headers=token)
        assert one.json()["preferred_name"] == name


async def strange_house(kith: Kith) -> str:
    async with await kith.doors("strange-house", "administrator") as doors:
        await doors.ask("PUT", "/intake/api/v1/organisation", json={"name": "Strange House"})
        pier = {"name": "Pier", "time_zone": "Europe/Oslo", "languages": ["en"]}
        await doors.ask("PUT", "/intake/api/v1/sites/pier", json=pier)
        await doors.ask("PUT", "/intake/api/v1/programs/steps", json={"name": "Steps", "sites": ["pier"]})
    return await kith.token("strange-house", "administrator")
