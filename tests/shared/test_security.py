"""Tokens are verified by what their issuer publishes, wherever it does so."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.intake.pages.oidc import Attempt, SignInFailed, authorization_url
from shared import security
from shared.security import SignedOut, Verifier
from tests.conftest import eventually
from tests.doors import KEY, running_on, served, token


@asynccontextmanager
async def issuing(path: str, **answers: str) -> AsyncIterator[str]:
    """An issuer whose name is its address with this path; it may answer nonsense."""

    async def configuration(request: Request) -> Response:
        return PlainTextResponse(answers.get("configuration", json.dumps({"jwks_uri": f"{request.base_url}keys"})))

    async def keys(_: Request) -> Response:
        return PlainTextResponse(answers.get("keys", json.dumps({"keys": [KEY.as_dict(private=False)]})))

    place = f"{path.removesuffix('/')}/.well-known/openid-configuration"
    async with served(Starlette(routes=[Route(place, configuration), Route("/keys", keys)])) as address:
        yield f"{address}{path}"


@pytest.mark.parametrize("path", ["", "/realms/kith", "/application/o/kith/"])
async def test_an_issuer_may_end_with_a_slash(path: str) -> None:
    async with issuing(path) as issuer:
        who = await Verifier(issuer, "kith").who(token("coordinator", iss=issuer))
        assert who.roles == {"coordinator"}
        with pytest.raises(SignedOut, match="not for Kith"):
            await Verifier(issuer, "kith").who(token("coordinator", iss=issuer.removesuffix("/") + "x"))


@pytest.mark.parametrize(
    "answers",
    [
        {"configuration": "<h1>Down for maintenance</h1>"},
        {"configuration": "[]"},
        {"configuration": "{}"},
        {"keys": "<h1>Down for maintenance</h1>"},
        {"keys": "{}"},
        {"keys": '{"keys": [{"kty": "?"}]}'},
    ],
)
async def test_an_issuer_that_answers_nonsense_is_away(answers: dict[str, str]) -> None:
    async with issuing("", **answers) as issuer:
        with pytest.raises(SignedOut) as refused:
            await Verifier(issuer, "kith").who(token(iss=issuer))
    assert refused.value.code == "issuer-away"


async def test_an_issuer_that_is_away_is_asked_once_and_nobody_waits_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    is_back, may_answer = asyncio.Event(), asyncio.Event()

    async def configuration(request: Request) -> Response:
        asked.append("configuration")
        await may_answer.wait()
        return PlainTextResponse(json.dumps({"jwks_uri": f"{request.base_url}keys"}) if is_back.is_set() else "Down")

    async def keys(_: Request) -> Response:
        return PlainTextResponse(json.dumps({"keys": [KEY.as_dict(private=False)]}))

    routes = [Route("/.well-known/openid-configuration", configuration), Route("/keys", keys)]
    async with served(Starlette(routes=routes)) as issuer:
        verifier = Verifier(issuer, "kith")
        at_once = [asyncio.create_task(verifier.who(token(iss=issuer, sub=f"{number}"))) for number in range(5)]
        await eventually(lambda: asyncio.sleep(0, bool(asked)))
        may_answer.set()
        refused = await asyncio.gather(*at_once, return_exceptions=True)
        assert [getattr(one, "code", one) for one in refused] == ["issuer-away"] * 5
        is_back.set()
        with pytest.raises(SignedOut, match="try again soon"):
            await verifier.who(token(iss=issuer))
        assert len(asked) == 1
        monkeypatch.setattr(security, "KEYS_SECONDS_MIN", 0)
        assert (await verifier.who(token("coordinator", iss=issuer))).roles == {"coordinator"}
        assert len(asked) == 2


async def test_whoever_leaves_while_the_issuer_thinks_spoils_nothing_for_the_next() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def configuration(request: Request) -> Response:
        asked.set()
        await may_answer.wait()
        return PlainTextResponse(json.dumps({"jwks_uri": f"{request.base_url}keys"}))

    async def keys(_: Request) -> Response:
        return PlainTextResponse(json.dumps({"keys": [KEY.as_dict(private=False)]}))

    routes = [Route("/.well-known/openid-configuration", configuration), Route("/keys", keys)]
    async with served(Starlette(routes=routes)) as issuer:
        verifier = Verifier(issuer, "kith")
        leaves = asyncio.create_task(verifier.who(token(iss=issuer)))
        await asked.wait()
        leaves.cancel()
        await asyncio.wait([leaves])
        may_answer.set()
        assert (await verifier.who(token("coordinator", iss=issuer))).roles == {"coordinator"}


@pytest.mark.parametrize(
    "about",
    [
        "<h1>Down for maintenance</h1>",
        "[]",
        "{}",
        '{"authorization_endpoint": "https://sign-in.example.org/authorize"}',
        '{"authorization_endpoint": "javascript:alert(1)", "token_endpoint": "https://sign-in.example.org/token"}',
    ],
)
async def test_nobody_is_sent_to_sign_in_where_nonsense_is_answered(fresh_store: Any, about: str) -> None:
    async with issuing("", configuration=about) as issuer:
        running = running_on(await fresh_store(), issuer=issuer)
        with pytest.raises(SignInFailed) as refused:
            await authorization_url(running, Attempt.fresh("/"))
    assert refused.value.code == "away"


@pytest.mark.parametrize(
    "header",
    ['"RS256"', '["RS256"]', "5", "null", '{"alg":5}', '{"alg":"RS256","crit":5}', "{", '{"alg":"none"}', "\x00"],
)
async def test_a_token_whose_header_is_nonsense_is_not_valid(header: str) -> None:
    first = urlsafe_b64encode(header.encode()).rstrip(b"=").decode()
    async with issuing("") as issuer:
        with pytest.raises(SignedOut) as refused:
            await Verifier(issuer, "kith").who(f"{first}.e30.AAAA")
    assert refused.value.code == "token-not-valid"
