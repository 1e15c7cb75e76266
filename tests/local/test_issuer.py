"""The development issuer signs people in as a real one would, and only in development."""

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy.local.issuer import Issuer, create_app
from deploy.local.secrets import secret

PUBLIC = "http://127.0.0.1:8080"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASKED = {
    "client_id": "kith",
    "redirect_uri": f"{PUBLIC}/signed-in",
    "response_type": "code",
    "scope": "openid",
    "state": "a state",
    "nonce": "a nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture
async def browser(data: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Issuer(data, PUBLIC))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC) as client:
        yield client


async def _code(browser: httpx.AsyncClient, name: str = "Ana Ruiz") -> str:
    page = await browser.get("/issuer/authorize", params=ASKED)
    assert page.status_code == 200
    person = re.search(rf'value="([^"]+)" required>\s*<span><b>{name}', page.text)
    assert person
    answer = await browser.post("/issuer/authorize", data=ASKED | {"person": person[1]})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{PUBLIC}/signed-in?")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["state"] == ["a state"]
    return query["code"][0]


async def _redeem(browser: httpx.AsyncClient, code: str, **changed: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": "kith",
        "code": code,
        "redirect_uri": ASKED["redirect_uri"],
        "code_verifier": VERIFIER,
    }
    return await browser.post("/issuer/token", data=form | changed)


async def _claims(browser: httpx.AsyncClient, token: str) -> dict[str, object]:
    about = (await browser.get("/issuer/.well-known/openid-configuration")).json()
    keys = (await browser.get(about["jwks_uri"])).json()
    assert "d" not in keys["keys"][0], "the private half must stay here"
    return dict(jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"]).claims)


async def test_a_chosen_person_gets_tokens_with_their_claims(browser: httpx.AsyncClient) -> None:
    answer = (await _redeem(browser, await _code(browser))).json()
    claims = await _claims(browser, answer["id_token"])
    assert claims["nonce"] == "a nonce"
    assert claims["iss"] == f"{PUBLIC}/issuer"
    assert (claims["aud"], claims["name"]) == ("kith", "Ana Ruiz")
    assert claims["organisation"] == "harbour-trust"
    assert (claims["roles"], claims["sites"]) == (["coordinator"], ["old-town"])
    assert "facilitator" not in claims
    assert claims["exp"] - claims["iat"] == 8 * 3600  # type: ignore[operator]
    assert "nonce" not in await _claims(browser, answer["access_token"])


async def test_a_code_works_once(browser: httpx.AsyncClient) -> None:
    code = await _code(browser)
    assert (await _redeem(browser, code)).status_code == 200
    again = await _redeem(browser, code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


async def test_a_code_is_too_old_after_a_minute(
    browser: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await _code(browser)
    (tmp_path / "clock").write_text("61")
    monkeypatch.setenv("KITH_CLOCK_FILE", str(tmp_path / "clock"))
    assert (await _redeem(browser, code)).status_code == 400


@pytest.mark.parametrize(
    "changed", [{"code_verifier": "w" * 43}, {"redirect_uri": f"{PUBLIC}/other"}, {"client_id": "x"}]
)
async def test_a_code_without_its_proof_is_refused(browser: httpx.AsyncClient, changed: dict[str, str]) -> None:
    assert (await _redeem(browser, await _code(browser), **changed)).status_code == 400


@pytest.mark.parametrize("changed", [{"code_challenge": ""}, {"code_challenge_method": "plain"}])
async def test_sign_in_without_pkce_is_sent_back(browser: httpx.AsyncClient, changed: dict[str, str]) -> None:
    answer = await browser.get("/issuer/authorize", params=ASKED | changed)
    assert answer.status_code == 303
    assert "error=invalid_request" in answer.headers["location"]


@pytest.mark.parametrize("address", ["https://evil.example/", f"{PUBLIC}/signed-in/", ""])
async def test_nobody_is_sent_to_another_address(browser: httpx.AsyncClient, address: str) -> None:
    answer = await browser.get("/issuer/authorize", params=ASKED | {"redirect_uri": address})
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_the_form_is_safe_and_says_what_it_is(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/issuer/authorize", params=ASKED | {"state": '"><script>'})
    assert "no password" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    foreign = await browser.post("/issuer/authorize", data=ASKED, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert (await browser.post("/issuer/authorize", data=ASKED)).status_code == 422


async def test_minting_needs_the_secret(browser: httpx.AsyncClient, data: Path) -> None:
    person = {"organisation": "o", "name": "N", "roles": ["operator"], "sites": ["*"], "facilitator": "f-1"}
    assert (await browser.post("/issuer/mint", json=person)).status_code == 401
    headers = {"Authorization": f"Bearer {secret(data, 'mint')}"}
    answer = await browser.post("/issuer/mint", json=person, headers=headers)
    claims = await _claims(browser, answer.json()["access_token"])
    assert (claims["roles"], claims["facilitator"]) == (["operator"], "f-1")


def test_the_key_survives_a_restart_and_is_private(data: Path) -> None:
    first = Issuer(data, PUBLIC).signer.public_keys()
    assert Issuer(data, PUBLIC).signer.public_keys() == first
    assert (data / "issuer-key.json").stat().st_mode & 0o777 == 0o600


def test_it_does_not_run_in_production() -> None:
    environment = os.environ | {"KITH_ENVIRONMENT": "production"}
    command = [sys.executable, "-m", "deploy.local.devtools"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("do not run in production.")
    assert "Traceback" not in ended.stderr
