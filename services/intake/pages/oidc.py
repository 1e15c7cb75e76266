"""OpenID Connect, authorization code flow with PKCE: the part that the browser does not see."""

import base64
import hashlib
import secrets
from dataclasses import asdict, dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from pydantic import BaseModel

from shared import clock
from shared.doors import Running
from shared.errors import Refusal
from shared.security import ALGORITHMS, LEEWAY_SECONDS, configuration_url
from shared.settings import Url

SECONDS_MAX = 5


class SignInFailed(Refusal):
    """Somebody did not get in; the code says why."""

    status = 400


class Issuer(BaseModel):
    """What an issuer tells of itself, as far as a sign-in needs it (OpenID Connect Discovery 1.0, section 3)."""

    authorization_endpoint: Url
    token_endpoint: Url


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in: what has to come back, and where to go then."""

    state: str
    nonce: str
    verifier: str
    next: str

    @classmethod
    def fresh(cls, following: str) -> Self:
        """With new secrets."""
        return cls(secrets.token_urlsafe(16), secrets.token_urlsafe(16), secrets.token_urlsafe(48), following)

    @classmethod
    def from_cookie(cls, value: str) -> Self | None:
        """The attempt that the browser remembers, if it is one."""
        try:
            return cls(**dict(parse_qsl(value, strict_parsing=True)))
        except (TypeError, ValueError):
            return None

    def as_cookie(self) -> str:
        """For the browser to remember."""
        return urlencode(asdict(self))

    @property
    def challenge(self) -> str:
        """What the issuer compares with the verifier later."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def redirect_uri(running: Running) -> str:
    """Where the issuer sends people back to."""
    return f"{running.settings.public_url}/signed-in"


async def authorization_url(running: Running, attempt: Attempt) -> str:
    """Where people sign in."""
    async with httpx.AsyncClient(timeout=SECONDS_MAX) as http:
        about = await _discover(http, running.settings.issuer)
    query = urlencode(
        {
            "response_type": "code",
            "client_id": running.settings.client_id,
            "redirect_uri": redirect_uri(running),
            "scope": "openid profile",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
    )
    endpoint = about.authorization_endpoint
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"


async def redeem(running: Running, attempt: Attempt, code: str) -> tuple[str, int]:
    """The access token that the code stands for, verified, and for how many seconds it is valid."""
    settings = running.settings
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(running),
        "client_id": settings.client_id,
        "code_verifier": attempt.verifier,
    }
    auth = httpx.BasicAuth(settings.client_id, settings.client_secret) if settings.client_secret else httpx.Auth()
    async with httpx.AsyncClient(timeout=SECONDS_MAX) as http:
        about = await _discover(http, settings.issuer)
        try:
            answer = await http.post(about.token_endpoint, data=fields, auth=auth)
        except httpx.HTTPError as error:
            raise _away() from error
    if answer.status_code != 200:
        raise SignInFailed("expired", "The sign-in took too long or was used already.")
    tokens: dict[str, Any] = answer.json()
    await running.verifier.who(str(tokens["access_token"]))  # also fetches the issuer's keys
    _check_nonce(running, str(tokens.get("id_token") or ""), attempt.nonce)
    return str(tokens["access_token"]), int(tokens.get("expires_in") or 3600)


def _check_nonce(running: Running, id_token: str, nonce: str) -> None:
    """The answer belongs to this attempt and to no other."""
    settings = running.settings
    registry = jwt.JWTClaimsRegistry(
        now=lambda: int(clock.now().timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": settings.issuer},
        aud={"essential": True, "value": settings.client_id},
        nonce={"essential": True, "value": nonce},
    )
    try:
        assert running.verifier.keys
        registry.validate(jwt.decode(id_token, running.verifier.keys, algorithms=ALGORITHMS).claims)
    except (JoseError, ValueError) as error:
        raise SignInFailed("expired", "The answer of the sign-in does not belong to this browser.") from error


async def _discover(http: httpx.AsyncClient, issuer: str) -> Issuer:
    try:
        answer = (await http.get(configuration_url(issuer))).raise_for_status()
        return Issuer.model_validate_json(answer.content)
    except (httpx.HTTPError, ValueError) as error:
        raise _away() from error


def _away() -> SignInFailed:
    return SignInFailed("away", "Sign-in does not answer just now.")
