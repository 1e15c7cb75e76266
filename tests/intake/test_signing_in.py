"""Signing in and out, against the development issuer over real HTTP."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from deploy.local.people import DEFAULT, read_people
from services.intake.pages.sign_in import local_path
from tests.intake.conftest import Intake


async def at_the_issuer(browser: httpx.AsyncClient, start: str) -> dict[str, str]:
    """What the issuer is asked when somebody presses the button."""
    answer = await browser.get(start)
    assert answer.status_code == 303
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def choose(browser: httpx.AsyncClient, home: str, asked: dict[str, str], name: str) -> str:
    """Choose a person; gives the address that the browser is sent back to."""
    person = next(one for one in read_people(DEFAULT) if one.name == name)
    answer = await browser.post(f"{home}/issuer/authorize", data=asked | {"person": person.subject})
    return str(answer.headers["location"])


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("Ana Ruiz", "/scheduling/"),
        ("Tomasz Wrona", "/scheduling/"),
        ("Lea Sommer", "/analytics/"),
        ("Mara Okafor", "/intake/set-up"),
        ("Ira Novak", "/intake/operations"),
    ],
)
async def test_everybody_comes_in_and_begins_where_their_work_is(served: Intake, name: str, start: str) -> None:
    home = str(served.client.base_url)
    async with httpx.AsyncClient(base_url=home, trust_env=False) as browser:
        assert (await browser.get("/")).headers["location"] == "/sign-in"
        page = await browser.get("/sign-in")
        assert 'href="/sign-in/start"' in page.text
        back = await choose(browser, home, await at_the_issuer(browser, "/sign-in/start"), name)
        answer = await browser.get(back)
        assert answer.headers["location"] == "/"
        cookie = answer.headers["set-cookie"]
        assert "kith_session=" in cookie
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert (await browser.get("/")).headers["location"] == start
        out = await browser.post("/sign-out", headers={"origin": home})
        assert out.headers["location"].startswith("/sign-in")
        assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_the_way_back_leads_to_the_page_that_was_asked_for(served: Intake) -> None:
    home = str(served.client.base_url)
    async with httpx.AsyncClient(base_url=home, trust_env=False) as browser:
        first = await browser.get("/intake/participants?state=waiting")
        assert first.headers["location"].startswith("/sign-in?next=")
        page = await browser.get(first.headers["location"])
        start = page.text.partition('href="/sign-in/start')[2].partition('"')[0]
        asked = await at_the_issuer(browser, "/sign-in/start" + start.replace("&amp;", "&"))
        back = await browser.get(await choose(browser, home, asked, "Ana Ruiz"))
        assert back.headers["location"] == "/intake/participants?state=waiting"


async def test_an_answer_that_was_not_asked_for_lets_nobody_in(served: Intake) -> None:
    home = str(served.client.base_url)
    async with httpx.AsyncClient(base_url=home, trust_env=False) as browser:
        back = await choose(browser, home, await at_the_issuer(browser, "/sign-in/start"), "Ana Ruiz")
        wrong: list[Any] = [
            back.replace("state=", "state=x"),
            back.replace("code=", "code=x"),
            back.replace("iss=", "iss=x"),
            f"{home}/signed-in?error=access_denied&state={parse_qs(urlsplit(back).query)['state'][0]}",
            f"{home}/signed-in",
        ]
        async with httpx.AsyncClient(base_url=home, trust_env=False) as stranger:
            for address in (back, *wrong):
                answer = await stranger.get(address)
                assert "/sign-in?failed=" in answer.headers["location"]
                assert "kith_session" not in answer.headers.get("set-cookie", "")
        for address in wrong:
            await at_the_issuer(browser, "/sign-in/start")
            answer = await browser.get(address)
            assert "/sign-in?failed=" in answer.headers["location"]
            page = await browser.get(answer.headers["location"])
            assert 'class="note' in page.text


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "evil",
        "",
        "/\t/evil.example",
        "/a\nb",
        "/é",
        "/a\\b",
    ],
)
def test_only_pages_of_ours_are_returned_to(elsewhere: str) -> None:
    assert local_path(elsewhere) == "/"


def test_a_page_of_ours_is_returned_to() -> None:
    assert (
        local_path("/intake/participants?name=a%20b&state=waiting") == "/intake/participants?name=a%20b&state=waiting"
    )
